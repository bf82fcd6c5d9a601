//! The tails that this process has written a moment ago, so that the request that goes on with an
//! upload need not read them back.

use bytes::Bytes;
use moka::sync::Cache;
use std::time::Duration;

/// How much they may take together, in bytes.
const BYTES: u64 = 16 * 1024 * 1024;

/// How long one is kept: the next request of an upload follows at once, or comes to another replica.
const LIFETIME: Duration = Duration::from_secs(10);

/// Bytes of tails by the name of their object.
#[derive(Clone, Debug)]
pub(super) struct RecentTails {
    tails: Cache<String, Bytes>,
}

impl RecentTails {
    pub(super) fn new() -> Self {
        let weight = |name: &String, bytes: &Bytes| {
            u32::try_from(name.len() + bytes.len()).unwrap_or(u32::MAX)
        };
        let tails = Cache::builder()
            .max_capacity(BYTES)
            .weigher(weight)
            .time_to_live(LIFETIME)
            .build();
        Self { tails }
    }

    pub(super) fn keep(&self, name: String, bytes: Bytes) {
        self.tails.insert(name, bytes);
    }

    /// Returns a tail, which then is kept no longer: whoever goes on writes another.
    pub(super) fn take(&self, name: &str) -> Option<Bytes> {
        let taken = self.tails.remove(name);
        self.let_go();
        taken
    }

    pub(super) fn forget(&self, name: &str) {
        self.tails.invalidate(name);
        self.let_go();
    }

    /// The cache would hold on to the bytes of the last dozens of removals until it tidies up.
    fn let_go(&self) {
        self.tails.run_pending_tasks();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_holds_the_bytes_of_a_tail_that_was_given_or_forgotten() {
        let recent = RecentTails::new();
        let bytes = Bytes::from(vec![7; 1 << 20]);
        recent.keep("tails/a".to_owned(), bytes.clone());
        recent.keep("tails/b".to_owned(), bytes.clone());
        assert!(!bytes.is_unique());
        drop(recent.take("tails/a"));
        recent.forget("tails/b");
        assert!(bytes.is_unique());
    }

    #[test]
    fn a_tail_is_given_once_and_all_of_them_have_a_bound() {
        let recent = RecentTails::new();
        recent.keep("tails/a".to_owned(), Bytes::from_static(b"abc"));
        assert_eq!(recent.take("tails/a"), Some(Bytes::from_static(b"abc")));
        assert_eq!(recent.take("tails/a"), None);
        let mebibyte = Bytes::from(vec![7; 1 << 20]);
        for number in 0..64 {
            recent.keep(format!("tails/{number}"), mebibyte.clone());
        }
        recent.tails.run_pending_tasks();
        assert!(recent.tails.weighted_size() <= BYTES);
    }
}
