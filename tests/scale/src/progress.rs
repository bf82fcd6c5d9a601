//! How far the work is, told every two seconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const TOLD_EVERY: Duration = Duration::from_secs(2);

/// Counts what is done, and tells it from time to time.
pub(crate) struct Progress<'a> {
    what: &'static str,
    total: u64,
    done: AtomicU64,
    told: Mutex<Instant>,
    tell: &'a (dyn Fn(&str) + Sync),
}

impl<'a> Progress<'a> {
    /// Begins to count up to `total`; `tell` is given lines to show.
    pub(crate) fn new(what: &'static str, total: u64, tell: &'a (dyn Fn(&str) + Sync)) -> Self {
        Self {
            what,
            total,
            done: AtomicU64::new(0),
            told: Mutex::new(Instant::now()),
            tell,
        }
    }

    /// Counts one.
    pub(crate) fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if !done.is_multiple_of(256) && done != self.total {
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if done == self.total || told.elapsed() >= TOLD_EVERY {
            *told = Instant::now();
            (self.tell)(&format!("{}: {done} of {}", self.what, self.total));
        }
    }
}
