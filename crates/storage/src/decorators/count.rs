//! A log of calls, for a test that counts them and the waves they come in.

use super::metrics::{Call, Ended, ObservedData, ObservedRecords, StorageObserver, Streamed};
use crate::clock::{Clock, Timestamp};
use crate::{DataStore, Operation, RecordStore};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// What was called.
    pub operation: Operation,
    /// On which key.
    pub key: String,
    /// How it ended.
    pub ended: Ended,
    began_at: Duration,
    ended_at: Duration,
}

/// Keeps every call that is made through the stores it observes.
#[derive(Debug)]
pub struct CallLog {
    calls: Mutex<Vec<Counted>>,
    ticks: Arc<Ticks>,
}

impl CallLog {
    /// Makes an empty log.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            calls: Mutex::default(),
            ticks: Arc::default(),
        })
    }

    /// Counts the calls of a record store.
    pub fn records<S: RecordStore>(self: &Arc<Self>, inner: S) -> ObservedRecords<S> {
        let (log, ticks) = (Arc::clone(self), Arc::clone(&self.ticks));
        ObservedRecords::new(inner, "counted", log, ticks)
    }

    /// Counts the calls of a data store.
    pub fn data<S: DataStore>(self: &Arc<Self>, inner: S) -> ObservedData<S> {
        let (log, ticks) = (Arc::clone(self), Arc::clone(&self.ticks));
        ObservedData::new(inner, "counted", log, ticks)
    }

    /// Returns the calls that have ended, in that order, and forgets them.
    #[must_use]
    pub fn take(&self) -> Vec<Counted> {
        std::mem::take(&mut *self.lock())
    }

    /// Returns how many calls of one kind have ended.
    #[must_use]
    pub fn count(&self, operation: Operation) -> usize {
        self.lock()
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Counted>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns in how many waves calls were made: the length of the longest chain of calls of which
/// each began after the one before had ended. Calls that are sent together are seen as one wave
/// only if none of them is answered at once, which [`FaultPlan::yielding`] sees to.
///
/// [`FaultPlan::yielding`]: super::fault::FaultPlan::yielding
#[must_use]
pub fn waves(calls: &[Counted]) -> usize {
    let mut in_order: Vec<&Counted> = calls.iter().collect();
    in_order.sort_by_key(|call| call.began_at);
    let mut chains: Vec<(Duration, usize)> = Vec::new();
    for call in in_order {
        let before = chains
            .iter()
            .filter(|(ended_at, _)| *ended_at < call.began_at);
        let longest = before.map(|(_, length)| *length).max().unwrap_or(0);
        chains.push((call.ended_at, longest + 1));
    }
    chains
        .into_iter()
        .map(|(_, length)| length)
        .max()
        .unwrap_or(0)
}

impl StorageObserver for CallLog {
    fn called(&self, call: &Call<'_>) {
        let Call {
            operation,
            key,
            ended,
            began_at,
            ended_at,
            ..
        } = *call;
        self.lock().push(Counted {
            operation,
            key: key.to_owned(),
            ended,
            began_at,
            ended_at,
        });
    }

    fn streamed(&self, _stream: Streamed) {}
}

/// A clock that moves with every look at it, so that the order of events is never in doubt.
#[derive(Debug, Default)]
struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.0.fetch_add(1, Ordering::SeqCst))
    }
}
