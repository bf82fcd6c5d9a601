//! A short memory of the links that this replica protected, which spares a push the reads of what
//! HEAD or an upload has just answered.

use crate::window::Window;
use moka::sync::Cache;
use roadstead_oci::{Digest, RepositoryName};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Links that this replica protected a moment ago: size and window, nothing that outlives D.
pub(crate) struct Protected {
    recent: Cache<(RepositoryName, Digest), (u64, Window)>,
    /// When a link was last deleted here. What was read before may have been read before the
    /// delete and remembered after it, so it counts for nothing.
    forgotten: Mutex<Option<Window>>,
}

impl Protected {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            recent: Cache::builder()
                .max_capacity(50_000)
                .time_to_live(window)
                .build(),
            forgotten: Mutex::default(),
        }
    }

    pub(crate) fn get(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Option<(u64, Window)> {
        let found = self.recent.get(&(repository.clone(), digest.clone()))?;
        let forgotten = *self
            .forgotten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        forgotten.is_none_or(|at| found.1 > at).then_some(found)
    }

    pub(crate) fn insert(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        size: u64,
        window: Window,
    ) {
        self.recent
            .insert((repository.clone(), digest.clone()), (size, window));
    }

    /// Forgets a link that is gone by `now`.
    pub(crate) fn forget(&self, repository: &RepositoryName, digest: &Digest, now: Window) {
        let mut forgotten = self
            .forgotten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *forgotten = (*forgotten).max(Some(now));
        drop(forgotten);
        self.recent
            .invalidate(&(repository.clone(), digest.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{digest_of, name};
    use roadstead_storage::clock::MachineClock;

    #[test]
    fn what_was_read_before_a_delete_and_remembered_after_it_counts_for_nothing() {
        let protected = Protected::new(Duration::from_mins(5));
        let (clock, repository, digest) = (MachineClock::new(), name("a"), digest_of(b"x"));
        let read_before = Window::open(&clock);
        let deleted = Window::open(&clock);
        protected.forget(&repository, &digest, deleted);
        protected.insert(&repository, &digest, 1, read_before);
        assert_eq!(protected.get(&repository, &digest), None);
        let read_after = Window::after(&clock, deleted);
        protected.insert(&repository, &digest, 1, read_after);
        assert_eq!(protected.get(&repository, &digest), Some((1, read_after)));
    }
}
