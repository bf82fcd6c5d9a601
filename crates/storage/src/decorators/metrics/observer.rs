//! Who is told of calls, and what.

use crate::clock::Clock;
use crate::{Kind, Operation, Outcome, Result};
use std::sync::Arc;
use std::time::Duration;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// As it should.
    Done,
    /// A condition did not hold.
    Conflict,
    /// The outcome of a conditional write is not known.
    Unknown,
    /// With an error of this kind.
    Failed(Kind),
}

impl Ended {
    /// Returns the word that metrics show: `ok`, `conflict`, `unknown` or the kind of the error.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "ok",
            Self::Conflict => "conflict",
            Self::Unknown => "unknown",
            Self::Failed(kind) => kind.as_str(),
        }
    }

    pub(super) fn of_outcome(result: &Result<Outcome>) -> Self {
        match result {
            Ok(Outcome::Applied(_)) => Self::Done,
            Ok(Outcome::Conflict) => Self::Conflict,
            Ok(Outcome::Unknown) => Self::Unknown,
            Err(error) => Self::Failed(error.kind()),
        }
    }

    pub(super) fn of<T>(result: &Result<T>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(error) => Self::Failed(error.kind()),
        }
    }
}

/// One call that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The name of the driver, as the decorator was given it.
    pub driver: &'static str,
    /// What was called.
    pub operation: Operation,
    /// The key, the prefix of a listing, or nothing.
    pub key: &'a str,
    /// How it ended.
    pub ended: Ended,
    /// When it began, by the monotonic clock.
    pub began_at: Duration,
    /// When it ended, by the monotonic clock.
    pub ended_at: Duration,
    /// Bytes of the record or of the appended piece; 0 where there are none.
    pub bytes: u64,
}

impl Call<'_> {
    /// Returns how long it took. For a read it is the time until the stream was there.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        self.ended_at.saturating_sub(self.began_at)
    }
}

/// One stream that was read to its end, or given up, or cut off by an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streamed {
    /// The name of the driver.
    pub driver: &'static str,
    /// How many bytes it yielded.
    pub bytes: u64,
    /// The error that ended it.
    pub failed: Option<Kind>,
}

/// Who is told. Called on the path of every request, so it must be quick and never block.
pub trait StorageObserver: Send + Sync + 'static {
    /// Is told of a call that has ended. A call whose future was dropped has not.
    fn called(&self, call: &Call<'_>);

    /// Is told of a stream that has ended.
    fn streamed(&self, stream: Streamed);
}

/// What both decorators hold.
#[derive(Clone)]
pub(super) struct Watch {
    pub(super) driver: &'static str,
    pub(super) observer: Arc<dyn StorageObserver>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Watch {
    pub(super) fn report(
        &self,
        operation: Operation,
        key: &str,
        began_at: Duration,
        ended: Ended,
        bytes: usize,
    ) {
        let ended_at = self.clock.monotonic();
        let (driver, bytes) = (self.driver, bytes as u64);
        self.observer.called(&Call {
            driver,
            operation,
            key,
            ended,
            began_at,
            ended_at,
            bytes,
        });
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Watch")
            .field("driver", &self.driver)
            .finish_non_exhaustive()
    }
}
