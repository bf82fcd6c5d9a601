//! A clock that is late, so that what is pushed by it is old already.

use roadstead_storage::clock::MachineClock;
use roadstead_storage::{Clock, Timestamp};
use std::time::Duration;

/// The machine's clock, set back.
#[derive(Debug)]
pub(crate) struct PastClock {
    machine: MachineClock,
    back: Duration,
}

impl PastClock {
    /// Makes a clock that is late by `back`.
    #[must_use]
    pub(crate) fn new(back: Duration) -> Self {
        Self {
            machine: MachineClock::new(),
            back,
        }
    }
}

impl Clock for PastClock {
    fn now(&self) -> Timestamp {
        self.machine.now().minus(self.back)
    }

    fn monotonic(&self) -> Duration {
        self.machine.monotonic()
    }
}
