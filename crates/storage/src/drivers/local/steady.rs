//! The store's own clock: it never jumps and never goes back, whatever happens to the machine's.
//!
//! It starts at the wall clock's time, or at the store's last write where that is later, and goes
//! on by the monotonic clock. So every window that is counted by it is as long as it should be, and
//! a record that was written later never has an earlier time.

use crate::Timestamp;
use crate::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How far the wall clock may be from the store's before that is told.
const FAR: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct SteadyClock {
    machine: Arc<dyn Clock>,
    /// The store's time when the monotonic clock showed `since`.
    base: Timestamp,
    since: Duration,
    is_far: AtomicBool,
}

impl SteadyClock {
    /// Starts a clock that never shows a time before `least`.
    pub(super) fn new(machine: Arc<dyn Clock>, least: Timestamp) -> Self {
        let since = machine.monotonic();
        let base = machine.now().max(least);
        let clock = Self {
            machine,
            base,
            since,
            is_far: AtomicBool::new(false),
        };
        clock.compare();
        clock
    }

    /// Tells in the log when the wall clock begins to be far off, and when that is over.
    pub(super) fn compare(&self) {
        let (store, wall) = (self.now(), self.machine.now());
        let (ahead, behind) = (store.since(wall), wall.since(store));
        let is_far = ahead.max(behind) > FAR;
        if self.is_far.swap(is_far, Ordering::Relaxed) == is_far {
            return;
        }
        if !is_far {
            tracing::info!("the machine's clock and the store's agree again");
        } else if ahead > FAR {
            tracing::warn!(
                seconds = ahead.as_secs(),
                "the machine's clock is {} s behind the store's, which never goes back; \
                 times of new records are by the store's clock",
                ahead.as_secs()
            );
        } else {
            tracing::warn!(
                seconds = behind.as_secs(),
                "the machine's clock has jumped {} s ahead of the store's, which never jumps; \
                 times of new records are by the store's clock until the server starts again",
                behind.as_secs()
            );
        }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let passed = self.machine.monotonic().saturating_sub(self.since);
        self.base.plus(passed)
    }

    fn monotonic(&self) -> Duration {
        self.machine.monotonic()
    }
}
