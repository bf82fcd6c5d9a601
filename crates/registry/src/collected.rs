//! What this process collected since it began, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that only grow, and the time of the last whole pass.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    passes: AtomicU64,
    failures: AtomicU64,
    condemned: AtomicU64,
    revived: AtomicU64,
    removed: AtomicU64,
    freed_bytes: AtomicU64,
    condemned_bytes: AtomicU64,
    finished_millis: AtomicU64,
}

/// What this process collected since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectorTotals {
    /// Passes that came to their end.
    pub passes: u64,
    /// Passes that did not.
    pub failures: u64,
    /// Records that were condemned.
    pub condemned: u64,
    /// Condemned records that were brought back by the collector.
    pub revived: u64,
    /// Records that were removed.
    pub removed: u64,
    /// Bytes of content that was deleted.
    pub freed_bytes: u64,
    /// Bytes that were condemned at the end of the last pass, and will come back.
    pub condemned_bytes: u64,
    /// When the last pass came to its end, in milliseconds since the Unix epoch; 0 before the first.
    pub finished_millis: u64,
}

impl Totals {
    /// Adds what a whole pass did; `finished_millis` is when it came to its end, and what it left
    /// condemned takes the place of what the one before left.
    pub(crate) fn add(&self, pass: &CollectorTotals) {
        self.passes.fetch_add(1, Ordering::Relaxed);
        self.condemned.fetch_add(pass.condemned, Ordering::Relaxed);
        self.revived.fetch_add(pass.revived, Ordering::Relaxed);
        self.removed.fetch_add(pass.removed, Ordering::Relaxed);
        self.freed_bytes
            .fetch_add(pass.freed_bytes, Ordering::Relaxed);
        self.condemned_bytes
            .store(pass.condemned_bytes, Ordering::Relaxed);
        self.finished_millis
            .store(pass.finished_millis, Ordering::Relaxed);
    }

    pub(crate) fn add_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> CollectorTotals {
        CollectorTotals {
            passes: self.passes.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            condemned: self.condemned.load(Ordering::Relaxed),
            revived: self.revived.load(Ordering::Relaxed),
            removed: self.removed.load(Ordering::Relaxed),
            freed_bytes: self.freed_bytes.load(Ordering::Relaxed),
            condemned_bytes: self.condemned_bytes.load(Ordering::Relaxed),
            finished_millis: self.finished_millis.load(Ordering::Relaxed),
        }
    }
}
