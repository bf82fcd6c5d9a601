//! Pauses between attempts, and a budget that all calls of a store share so that a store in
//! trouble is not asked ever more often.

use crate::StorageError;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a retry takes from the budget, and what a call that needed none gives back.
const COST: u32 = 5;
const REFUND: u32 = 1;

/// How often calls are tried again.
#[derive(Debug)]
pub(in crate::drivers) struct Retries {
    attempts: u32,
    budget: AtomicU32,
    full_budget: u32,
}

impl Retries {
    /// Allows `attempts` attempts a call, and `budget` retries in a row over all calls.
    pub(in crate::drivers) const fn new(attempts: u32, budget: u32) -> Self {
        let full_budget = budget.saturating_mul(COST);
        Self {
            attempts,
            budget: AtomicU32::new(full_budget),
            full_budget,
        }
    }

    /// Begins a call that may take `whole` in all.
    pub(in crate::drivers) fn start(&self, whole: Duration) -> Pauses<'_> {
        Pauses {
            retries: self,
            made: 1,
            deadline: Instant::now() + whole,
        }
    }

    fn take(&self) -> bool {
        let taken = self
            .budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(COST)
            });
        taken.is_ok()
    }

    fn give_back(&self) {
        let full = self.full_budget;
        // Never fails: the closure returns a value.
        let _ = self
            .budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                Some(left.saturating_add(REFUND).min(full))
            });
    }
}

/// The attempts of one call.
#[derive(Debug)]
pub(in crate::drivers) struct Pauses<'a> {
    retries: &'a Retries,
    made: u32,
    deadline: Instant,
}

impl Pauses<'_> {
    /// Returns how much of the call's time is left.
    pub(in crate::drivers) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Waits before the next attempt, longer each time; `false` when there shall be none.
    pub(in crate::drivers) async fn pause(&mut self, error: &StorageError) -> bool {
        if self.made >= self.retries.attempts {
            return false;
        }
        let longest = FIRST_PAUSE
            .saturating_mul(1 << self.made.saturating_sub(1).min(10))
            .min(LONGEST_PAUSE);
        // Anything from half the pause to the whole, so that those refused together come apart.
        let pause = longest.mul_f64(0.5 + 0.5 * fastrand::f64());
        if pause >= self.left() || !self.retries.take() {
            return false;
        }
        self.made += 1;
        tracing::debug!(attempt = self.made, %error, "trying again");
        tokio::time::sleep(pause).await;
        true
    }
}

impl Drop for Pauses<'_> {
    fn drop(&mut self) {
        if self.made == 1 {
            self.retries.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Operation};

    fn error() -> StorageError {
        StorageError::new(Kind::Unavailable, Operation::Get, "key", "slow down")
    }

    async fn count(retries: &Retries, whole: Duration) -> u32 {
        let mut pauses = retries.start(whole);
        let mut count = 0;
        while pauses.pause(&error()).await {
            count += 1;
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_after_its_attempts_or_its_time() {
        let retries = Retries::new(5, 100);
        assert_eq!(count(&retries, Duration::from_mins(1)).await, 4);
        assert_eq!(count(&retries, Duration::from_millis(20)).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_spent_budget_allows_no_retry_until_calls_succeed() {
        let retries = Retries::new(10, 3);
        assert_eq!(count(&retries, Duration::from_mins(1)).await, 3);
        assert_eq!(count(&retries, Duration::from_mins(1)).await, 0);
        for _ in 0..COST {
            drop(retries.start(Duration::from_mins(1)));
        }
        assert_eq!(count(&retries, Duration::from_mins(1)).await, 1);
    }
}
