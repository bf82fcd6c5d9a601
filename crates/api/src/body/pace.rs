//! Decides whether a client sends fast enough. Only the time spent waiting for the client counts:
//! a slow store is not its fault.

use super::BodyPace;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// Why a client is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing came for too long.
    Silent,
    /// Too little came.
    Slow,
}

/// Watches one body.
pub(super) struct Pace {
    limits: BodyPace,
    /// Since when the reader waits for the next bytes.
    waiting: Option<Waiting>,
    /// Earlier waits of this window.
    waited: Duration,
    /// Bytes of this window.
    bytes: u64,
    // Made at the first wait; a body that is there already needs none. Moved only when it is due,
    // so that bytes which keep coming cost no timer work.
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy)]
struct Waiting {
    since: Instant,
    /// The same, or when the window began in the midst of the wait.
    counted_since: Instant,
}

impl Pace {
    pub(super) const fn new(limits: BodyPace) -> Self {
        Self {
            limits,
            waiting: None,
            waited: Duration::ZERO,
            bytes: 0,
            timer: None,
        }
    }

    /// Notes that bytes came.
    pub(super) fn received(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if let Some(waiting) = self.waiting.take() {
            self.waited += waiting.counted_since.elapsed();
        }
    }

    /// Notes that nothing is there yet, and wakes the task in time to give up.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        loop {
            let now = Instant::now();
            let waiting = self.waiting.get_or_insert(Waiting {
                since: now,
                counted_since: now,
            });
            let silent_at = waiting.since + self.limits.silence;
            if now >= silent_at {
                return Poll::Ready(Verdict::Silent);
            }
            let left_of_window = self.limits.window.saturating_sub(self.waited);
            let measured_at = waiting.counted_since + left_of_window;
            if now >= measured_at {
                let floor = self
                    .limits
                    .floor_bytes_per_second
                    .saturating_mul(self.limits.window.as_secs());
                if self.bytes < floor {
                    return Poll::Ready(Verdict::Slow);
                }
                waiting.counted_since = now;
                self.waited = Duration::ZERO;
                self.bytes = 0;
                continue;
            }

            let due = silent_at.min(measured_at);
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if timer.is_elapsed() || timer.deadline() > due {
                timer.as_mut().reset(due);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::time::{advance, timeout};

    fn limits() -> BodyPace {
        BodyPace {
            silence: Duration::from_secs(30),
            floor_bytes_per_second: 64,
            window: Duration::from_mins(1),
        }
    }

    async fn verdict_within(pace: &mut Pace, time: Duration) -> Option<Verdict> {
        timeout(time, poll_fn(|cx| pace.poll(cx))).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_after_its_limit() {
        let mut pace = Pace::new(limits());
        let start = Instant::now();

        let verdict = poll_fn(|cx| pace.poll(cx)).await;

        assert_eq!(verdict, Verdict::Silent);
        assert_eq!(start.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_now_and_then_is_too_slow_after_a_window() {
        let mut pace = Pace::new(limits());
        let start = Instant::now();
        let verdict = loop {
            match verdict_within(&mut pace, Duration::from_secs(10)).await {
                Some(verdict) => break verdict,
                None => pace.received(1),
            }
        };

        assert_eq!(verdict, Verdict::Slow);
        assert_eq!(start.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_above_the_floor_go_on_for_ever() {
        let mut pace = Pace::new(limits());
        for _ in 0..1000 {
            assert_eq!(
                verdict_within(&mut pace, Duration::from_secs(10)).await,
                None
            );
            pace.received(1000);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_the_store_takes_does_not_count() {
        let mut pace = Pace::new(limits());
        for _ in 0..10 {
            assert_eq!(
                verdict_within(&mut pace, Duration::from_secs(1)).await,
                None
            );
            pace.received(1);
            advance(Duration::from_mins(5)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_window_is_measured_anew() {
        let mut pace = Pace::new(limits());
        assert_eq!(
            verdict_within(&mut pace, Duration::from_secs(10)).await,
            None
        );
        pace.received(1_000_000);
        let mut seconds = 10;
        let verdict = loop {
            match verdict_within(&mut pace, Duration::from_secs(10)).await {
                Some(verdict) => break verdict,
                None => pace.received(1),
            }
            seconds += 10;
            assert!(seconds < 200);
        };
        assert_eq!(verdict, Verdict::Slow);
    }
}
