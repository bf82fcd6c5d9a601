//! The reference window D: a reference is sent only within D of the first `protect` of what it names.

use roadstead_storage::Clock;
use std::time::Duration;

/// An instant from which a window runs, in microseconds of the monotonic clock. It may lie before
/// the process started, when another replica opened the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Window {
    opened: i64,
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Window {
    pub(crate) fn open(clock: &dyn Clock) -> Self {
        Self {
            opened: micros(clock.monotonic()),
        }
    }

    /// A window that another request opened `elapsed` ago.
    pub(crate) fn opened_before(clock: &dyn Clock, elapsed: Duration) -> Self {
        Self {
            opened: micros(clock.monotonic()).saturating_sub(micros(elapsed)),
        }
    }

    /// Tells whether a reference may still be sent. Asked before every send and every retry.
    pub(crate) fn is_open(self, clock: &dyn Clock, length: Duration) -> bool {
        micros(clock.monotonic()).saturating_sub(self.opened) < micros(length)
    }

    /// A window that opens as soon as the clock shows a later time than that of `earlier`.
    #[cfg(test)]
    pub(crate) fn after(clock: &dyn Clock, earlier: Self) -> Self {
        loop {
            let now = Self::open(clock);
            if now > earlier {
                return now;
            }
            std::thread::yield_now();
        }
    }
}
