//! The clock of the fake: the machine's, moved forward or running faster as a test wants it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Tells the time that all dates of a fake server come from.
#[derive(Debug, Default)]
pub struct FakeClock(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How far it is ahead of the machine's clock, but for what it has gained since `fast`.
    ahead: Duration,
    /// Since when it runs how many times as fast as the machine's clock.
    fast: Option<(Instant, u32)>,
}

impl State {
    fn ahead(&self) -> Duration {
        let gained = self
            .fast
            .map(|(since, factor)| since.elapsed() * (factor - 1));
        self.ahead + gained.unwrap_or_default()
    }
}

impl FakeClock {
    /// Returns the time.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the fake is a machine of its own"
    )]
    pub fn now(&self) -> SystemTime {
        self.with(|state| SystemTime::now() + state.ahead())
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        self.with(|state| state.ahead += duration);
    }

    /// Lets the clock run so many times as fast as the machine's, 1 at least, from now on.
    pub fn run(&self, factor: u32) {
        self.with(|state| {
            state.ahead = state.ahead();
            state.fast = Some((Instant::now(), factor.max(1)));
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_keeps_what_it_has_gained() {
        let (clock, start) = (FakeClock::default(), Instant::now());
        let before = clock.now();
        clock.run(1_000_000);
        let fast = Instant::now();
        while fast.elapsed() < Duration::from_millis(4) {
            std::thread::yield_now();
        }
        clock.run(1);
        clock.advance(Duration::from_hours(1));
        let passed = clock.now().duration_since(before).unwrap_or_default();
        assert!(passed >= Duration::from_secs(4000 + 3600), "{passed:?}");
        let most = start.elapsed() * 1_000_000 + Duration::from_hours(2);
        assert!(passed < most, "{passed:?}");
    }
}
