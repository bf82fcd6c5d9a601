//! The store's own time, from the `Date` of its answers, which tells whole seconds.
//!
//! An answer dated `D` was made at `D` or up to a second later, so `D` plus the time since it
//! arrived is a lower bound of the store's time; the largest of several is the best. Bounds are
//! dropped after a minute: servers behind one name need not agree, and this machine's own
//! monotonic clock is not trusted for longer.

use crate::Timestamp;
use crate::clock::Clock;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an answer's date is gone by.
const FRESH: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(in crate::drivers) struct StoreClock {
    clock: Arc<dyn Clock>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    date: Timestamp,
    at: Duration,
}

impl Seen {
    fn bound(self, now: Duration) -> Timestamp {
        let passed = now.saturating_sub(self.at);
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        Timestamp::from_millis(self.date.as_millis().saturating_add(millis))
    }
}

impl StoreClock {
    /// Makes a clock that has seen no answer; `clock` is asked for its monotonic time alone.
    pub(in crate::drivers) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            seen: Mutex::default(),
        }
    }

    /// Learns from an answer that has just arrived.
    pub(in crate::drivers) fn learn(&self, date: Timestamp) {
        let at = self.clock.monotonic();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_better = seen.is_none_or(|seen| is_stale(seen, at) || seen.bound(at) < date);
        if is_better {
            *seen = Some(Seen { date, at });
        }
    }

    /// Returns the store's time; `None` when no answer came within the last minute.
    pub(in crate::drivers) fn now(&self) -> Option<Timestamp> {
        let at = self.clock.monotonic();
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.filter(|seen| !is_stale(*seen, at))
            .map(|seen| seen.bound(at))
    }
}

fn is_stale(seen: Seen, now: Duration) -> bool {
    now.saturating_sub(seen.at) > FRESH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn it_goes_on_from_the_best_of_recent_dates_and_forgets_old_ones() {
        let machine = Arc::new(ManualClock::new(at(0)));
        let clock = StoreClock::new(machine.clone());
        assert_eq!(clock.now(), None);
        clock.learn(at(50_000));
        machine.advance(SECOND * 3 / 10);
        assert_eq!(clock.now(), Some(at(50_300)));
        // The same second again tells less than what is known.
        clock.learn(at(50_000));
        assert_eq!(clock.now(), Some(at(50_300)));
        // The next second already tells more.
        machine.advance(SECOND * 2 / 10);
        clock.learn(at(51_000));
        assert_eq!(clock.now(), Some(at(51_000)));
        machine.advance(FRESH);
        assert_eq!(clock.now(), Some(at(111_000)));
        machine.advance(SECOND);
        assert_eq!(clock.now(), None);
        // A server whose clock is behind is believed once the other has not answered for long.
        clock.learn(at(90_000));
        assert_eq!(clock.now(), Some(at(90_000)));
    }
}
