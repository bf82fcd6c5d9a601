//! Keeps work that reads much data to a rate.

use std::time::Duration;
use tokio::time::Instant;

/// How far a pause may be made up for: work that was slow for a while may not rush after it.
const MOST_CREDIT: Duration = Duration::from_secs(1);

/// A rate, and what was spent of it.
#[derive(Debug)]
pub(crate) struct Pace {
    bytes_per_second: Option<u64>,
    /// When what was spent so far is paid for.
    paid_at: Instant,
}

impl Pace {
    /// Allows so many bytes a second; without a number, any.
    pub(crate) fn new(bytes_per_second: Option<u64>) -> Self {
        Self {
            bytes_per_second,
            paid_at: Instant::now(),
        }
    }

    /// Spends bytes that were read, and waits until the next may be.
    pub(crate) async fn spend(&mut self, bytes: usize) {
        if let Some(paid_at) = self.charge(Instant::now(), bytes) {
            tokio::time::sleep_until(paid_at).await;
        }
    }

    /// Returns when bytes that were read now are paid for.
    fn charge(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        let rate = self.bytes_per_second.filter(|rate| *rate > 0)?;
        let earliest = now.checked_sub(MOST_CREDIT).unwrap_or(now);
        let nanos = (bytes as u128).saturating_mul(1_000_000_000) / u128::from(rate);
        let cost = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.paid_at = self.paid_at.max(earliest) + cost;
        Some(self.paid_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_the_time_that_the_rate_gives_them() {
        let mut pace = Pace::new(Some(1000));
        let start = pace.paid_at;
        let mut now = start;
        for _ in 0..10 {
            now = pace.charge(now, 500).unwrap();
        }
        assert_eq!(now - start, Duration::from_secs(5));
        // An hour without work gives no more than a second of it.
        let later = now + Duration::from_hours(1);
        assert_eq!(
            pace.charge(later, 3000),
            Some(later + Duration::from_secs(2))
        );
        assert_eq!(Pace::new(None).charge(later, usize::MAX), None);
    }
}
