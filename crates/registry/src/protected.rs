//! A short memory of the links that this replica protected, which spares a push the reads of what
//! HEAD or an upload has just answered.

use crate::window::Window;
use moka::sync::Cache;
use roadstead_oci::{Digest, RepositoryName};
use std::time::Duration;

/// Links that this replica protected a moment ago: size and window, nothing that outlives D.
pub(crate) struct Protected {
    recent: Cache<(RepositoryName, Digest), (u64, Window)>,
}

impl Protected {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            recent: Cache::builder()
                .max_capacity(50_000)
                .time_to_live(window)
                .build(),
        }
    }

    pub(crate) fn get(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Option<(u64, Window)> {
        self.recent.get(&(repository.clone(), digest.clone()))
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

    pub(crate) fn forget(&self, repository: &RepositoryName, digest: &Digest) {
        self.recent
            .invalidate(&(repository.clone(), digest.clone()));
    }
}
