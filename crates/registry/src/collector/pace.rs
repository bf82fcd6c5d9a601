//! How fast the collector goes: calls to storage a second, over the whole pass.

use std::time::Duration;
use tokio::time::Instant;

/// A budget of storage calls. What was not used for a while is not saved up.
pub(super) struct Pace {
    per_second: Option<u32>,
    /// When the calls that were made so far are paid for.
    paid_until: Option<Instant>,
}

impl Pace {
    pub(super) const fn new(per_second: Option<u32>) -> Self {
        Self {
            per_second,
            paid_until: None,
        }
    }

    /// Counts calls that are about to be made, and waits until the ones before are paid for.
    pub(super) async fn spend(&mut self, calls: usize) {
        let Some(per_second) = self.per_second.filter(|&rate| rate > 0) else {
            return;
        };
        let now = Instant::now();
        let paid = self.paid_until.map_or(now, |paid| paid.max(now));
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        self.paid_until = Some(paid + Duration::from_secs(1) * calls / per_second);
        if paid > now {
            tokio::time::sleep_until(paid).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_calls_take_so_many_seconds() {
        let mut pace = Pace::new(Some(100));
        let start = Instant::now();
        for _ in 0..=50 {
            pace.spend(10).await;
        }
        let elapsed = start.elapsed();
        assert!(elapsed >= Duration::from_secs(5) && elapsed < Duration::from_millis(5100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_saves_nothing_up() {
        let mut pace = Pace::new(Some(10));
        pace.spend(1).await;
        tokio::time::advance(Duration::from_hours(1)).await;
        let start = Instant::now();
        pace.spend(10).await;
        pace.spend(10).await;
        assert!(start.elapsed() >= Duration::from_secs(1));
    }
}
