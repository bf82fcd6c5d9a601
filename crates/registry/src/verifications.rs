//! A memory of which data objects were hashed as they were read.

use moka::sync::Cache;
use roadstead_storage::DataKey;
use std::time::Duration;

/// Which data objects were hashed lately, or are being hashed.
pub(crate) struct Verifications {
    recent: Option<Cache<DataKey, ()>>,
}

impl Verifications {
    pub(crate) fn new(good_for: Option<Duration>) -> Self {
        let recent = good_for.map(|good_for| {
            Cache::builder()
                .max_capacity(200_000)
                .time_to_live(good_for)
                .build()
        });
        Self { recent }
    }

    /// Tells whether this read is to be hashed: the first one is, those beside and after it are not.
    pub(crate) fn claim(&self, key: &DataKey) -> bool {
        let Some(recent) = &self.recent else {
            return false;
        };
        if recent.contains_key(key) {
            return false;
        }
        recent.entry(key.clone()).or_insert(()).is_fresh()
    }

    /// Tells whether the next whole read is to be hashed.
    pub(crate) fn is_due(&self, key: &DataKey) -> bool {
        self.recent
            .as_ref()
            .is_some_and(|recent| !recent.contains_key(key))
    }

    pub(crate) fn give_back(&self, key: &DataKey) {
        if let Some(recent) = &self.recent {
            recent.invalidate(key);
        }
    }
}
