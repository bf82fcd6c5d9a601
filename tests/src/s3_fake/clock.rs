//! The clock of the fake: the machine's, moved forward as a test wants it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Tells the time that all dates of a fake server come from.
#[derive(Debug, Default)]
pub struct FakeClock {
    ahead_millis: AtomicU64,
}

impl FakeClock {
    /// Returns the time.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the fake is a machine of its own"
    )]
    pub fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_millis(self.ahead_millis.load(Ordering::SeqCst))
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.ahead_millis.fetch_add(millis, Ordering::SeqCst);
    }
}
