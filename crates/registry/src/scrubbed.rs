//! What this process has scrubbed since it began, for its metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that the scrub adds to.
#[derive(Debug, Default)]
pub(crate) struct Scrubbed {
    checked: AtomicU64,
    bytes: AtomicU64,
    damaged: AtomicU64,
}

/// What was scrubbed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrubCounts {
    /// Blobs and manifests that were hashed.
    pub checked: u64,
    /// Bytes that were hashed.
    pub bytes: u64,
    /// Blobs and manifests that were damaged.
    pub damaged: u64,
}

impl Scrubbed {
    pub(crate) fn add(&self, bytes: u64) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_damaged(&self) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> ScrubCounts {
        ScrubCounts {
            checked: self.checked.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            damaged: self.damaged.load(Ordering::Relaxed),
        }
    }
}
