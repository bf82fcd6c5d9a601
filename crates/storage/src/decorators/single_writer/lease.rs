//! Until when this process may write.

use crate::clock::Clock;
use crate::{Kind, Operation, Result, StorageError};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A time until which writes may be under way. Clones share it.
#[derive(Clone, Debug)]
pub struct Lease(Arc<State>);

#[derive(Debug)]
struct State {
    clock: Arc<dyn Clock>,
    /// In the clock's monotonic milliseconds.
    until_millis: AtomicU64,
}

impl Lease {
    /// Makes a lease that never ends by itself, for a process that is known to be alone.
    #[must_use]
    pub fn unlimited(clock: Arc<dyn Clock>) -> Self {
        Self::until(clock, u64::MAX)
    }

    /// Makes a lease that is over.
    pub(super) fn over(clock: Arc<dyn Clock>) -> Self {
        Self::until(clock, 0)
    }

    fn until(clock: Arc<dyn Clock>, until_millis: u64) -> Self {
        Self(Arc::new(State {
            clock,
            until_millis: AtomicU64::new(until_millis),
        }))
    }

    /// Lets it last until this monotonic time.
    pub(super) fn extend(&self, until: Duration) {
        let millis = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        self.0.until_millis.store(millis, Ordering::SeqCst);
    }

    /// Ends it: no write begins any more.
    pub(super) fn end(&self) {
        self.0.until_millis.store(0, Ordering::SeqCst);
    }

    /// Returns how long it lasts; zero when it is over.
    pub(super) fn left(&self) -> Duration {
        let until = Duration::from_millis(self.0.until_millis.load(Ordering::SeqCst));
        until.saturating_sub(self.0.clock.monotonic())
    }

    /// Runs a write as long as the lease lasts, or is extended meanwhile. When it ends first, nothing
    /// is known about the write.
    pub(super) async fn cover<T>(
        &self,
        operation: Operation,
        key: &str,
        write: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut write = pin!(write);
        loop {
            let left = self.left();
            if left.is_zero() {
                let reason = "this server cannot tell any more that it alone writes to the store";
                let kind = Kind::Unavailable;
                return Err(StorageError::new(kind, operation, key, reason));
            }
            if let Ok(written) = tokio::time::timeout(left, &mut write).await {
                return written;
            }
        }
    }
}
