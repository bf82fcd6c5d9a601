//! One record by which a server sees that it alone writes: whoever serves renews it, whoever starts
//! waits until nobody does.
//!
//! Without conditions nobody can be kept out, only noticed. Two that start together both write the
//! record, wait, and see which of the two is left; one that was out of touch does not write until it
//! has found its own record again.

use super::lease::Lease;
use super::mark::{Mark, WriterId};
use super::watch::{Sight, Waiting, Watch, named};
use crate::clock::Clock;
use crate::{Condition, Kind, Operation, Outcome, Read, RecordStore, Result, StorageError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The key of the record.
pub const WRITER_KEY: &str = "meta/writer";

/// How often the record is renewed, and how soon after a beat that failed.
const BEAT_EVERY: Duration = Duration::from_secs(10);
const BEAT_AGAIN: Duration = Duration::from_secs(1);
/// How often a server that waits looks, and how often it says so.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const SPEAK_EVERY: Duration = Duration::from_secs(10);
/// How long looking at the record and writing it may take together.
const STEP: Duration = Duration::from_secs(3);
/// Longer than a step: who looked before this server wrote has written, too, when it is over.
const SETTLE: Duration = Duration::from_secs(4);
/// How long after a beat writes may be under way: they end before others take the server for gone.
const LEASE: Duration = Duration::from_secs(25);

/// Why a server must not serve.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// Another one does.
    #[error(
        "{} serves this store and goes on renewing its record {WRITER_KEY}; stop it first, because \
         the store takes no notice of conditions on writes and only one server at a time may write",
        named(*other)
    )]
    Occupied {
        /// Who; `None` for a record of a newer version.
        other: Option<WriterId>,
    },
    /// The record cannot be read or written.
    #[error("cannot tell whether another server writes to the store")]
    Storage(#[from] StorageError),
}

/// How a serving server found that it is not alone any more.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// Another one has taken over.
    #[error("{} writes to this store, too; this server ({own}) stops at once", named(*other))]
    Taken {
        /// This server.
        own: WriterId,
        /// The other one; `None` for a record of a newer version.
        other: Option<WriterId>,
    },
    /// Somebody has removed the record.
    #[error("the record {WRITER_KEY} of this server ({own}) is gone; this server stops at once")]
    Gone {
        /// This server.
        own: WriterId,
    },
}

/// Holds the record for this server.
#[derive(Debug)]
pub struct WriterGuard<S> {
    records: S,
    clock: Arc<dyn Clock>,
    id: WriterId,
    beat: AtomicU64,
    lease: Lease,
}

/// Waits until no single writer holds a store that others may share from now on, and removes what
/// one left behind that is gone. Costs one read where none ever was.
pub async fn wait_for_others(
    records: &dyn RecordStore,
    clock: &dyn Clock,
    mut on_wait: impl FnMut(Waiting) + Send,
) -> std::result::Result<(), GuardError> {
    loop {
        let Sight::Gone(version) = watch(records, clock, &mut on_wait).await?.0 else {
            return Ok(());
        };
        let outcome = records.delete(WRITER_KEY, Condition::Matches(version));
        if let Outcome::Applied(_) = outcome.await? {
            return Ok(());
        }
    }
}

/// Looks until the record is free or its writer gone; returns which, and when that look began.
async fn watch(
    records: &dyn RecordStore,
    clock: &dyn Clock,
    on_wait: &mut (impl FnMut(Waiting) + Send),
) -> std::result::Result<(Sight, Duration), GuardError> {
    let mut watch = Watch::default();
    let mut spoke_at = None;
    loop {
        let began = clock.monotonic();
        let read = records.get(WRITER_KEY).await?;
        let now = clock.monotonic();
        match watch.look(&read, now) {
            Sight::Alive(other) => return Err(GuardError::Occupied { other }),
            Sight::Unclear(waiting) => {
                if spoke_at.is_none_or(|spoke_at| now.saturating_sub(spoke_at) >= SPEAK_EVERY) {
                    spoke_at = Some(now);
                    on_wait(waiting);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            sight => return Ok((sight, began)),
        }
    }
}

impl<S: RecordStore> WriterGuard<S> {
    /// Waits until no other server writes, and takes the record; at least 4 s, or 34 s after a server
    /// that did not end in order. `records` are the plain ones, without a
    /// [`SingleWriter`](super::SingleWriter) around them.
    pub async fn take(
        records: S,
        clock: Arc<dyn Clock>,
        mut on_wait: impl FnMut(Waiting) + Send,
    ) -> std::result::Result<Self, GuardError> {
        let guard = Self {
            lease: Lease::over(Arc::clone(&clock)),
            records,
            clock,
            id: WriterId::random(),
            beat: AtomicU64::new(0),
        };
        loop {
            let (_, began) = watch(&guard.records, &*guard.clock, &mut on_wait).await?;
            if guard.claim(began).await?.is_none() {
                return Ok(guard);
            }
        }
    }

    /// Returns this server's name.
    #[must_use]
    pub const fn id(&self) -> WriterId {
        self.id
    }

    /// Returns the lease that the beats extend.
    #[must_use]
    pub fn lease(&self) -> Lease {
        self.lease.clone()
    }

    /// Renews the record every 10 s until it is another's, which ends the lease; never returns
    /// otherwise. A store that does not answer is asked again; meanwhile the lease may end, and goes
    /// on when the record is still there.
    pub async fn keep(&self) -> Lost {
        let mut pause = BEAT_EVERY;
        loop {
            tokio::time::sleep(pause).await;
            pause = match self.renew().await {
                Ok(None) => BEAT_EVERY,
                Ok(Some(lost)) => {
                    self.lease.end();
                    return lost;
                }
                Err(error) => {
                    let left_secs = self.lease.left().as_secs();
                    tracing::warn!(%error, left_secs, "failed to renew the record of this server");
                    BEAT_AGAIN
                }
            };
        }
    }

    /// Gives the record up, so that the next server need not wait. Call it when nothing is written
    /// any more.
    pub async fn release(&self) -> Result<()> {
        self.lease.end();
        if self.look().await?.is_none() {
            // After a lost answer the next server waits, which is all that comes of it.
            let _ = self.records.delete(WRITER_KEY, Condition::Any).await?;
        }
        Ok(())
    }

    async fn renew(&self) -> Result<Option<Lost>> {
        let began = self.clock.monotonic();
        if let Some(lost) = self.look().await? {
            return Ok(Some(lost));
        }
        if self.lease.left().is_zero() {
            return self.claim(began).await;
        }
        self.write_mark(began).await?;
        self.extend(began);
        Ok(None)
    }

    /// Writes the record where the look that began at `began` allows it, and takes it once nobody
    /// else can be about to.
    async fn claim(&self, began: Duration) -> Result<Option<Lost>> {
        self.write_mark(began).await?;
        tokio::time::sleep(SETTLE).await;
        let lost = self.look().await?;
        if lost.is_none() {
            self.extend(began);
        }
        Ok(lost)
    }

    fn extend(&self, began: Duration) {
        self.lease.extend(began.saturating_add(LEASE));
    }

    /// Reads the record; tells when it is not this server's.
    async fn look(&self) -> Result<Option<Lost>> {
        let read = self.records.get(WRITER_KEY);
        let Ok(read) = tokio::time::timeout(STEP, read).await else {
            return Err(late(Operation::Get));
        };
        Ok(self.judge(&read?))
    }

    fn judge(&self, read: &Read) -> Option<Lost> {
        let own = self.id;
        let Some(record) = &read.record else {
            return Some(Lost::Gone { own });
        };
        let other = Mark::decode(&record.bytes).map(|mark| mark.writer);
        (other != Some(own)).then_some(Lost::Taken { own, other })
    }

    async fn write_mark(&self, began: Duration) -> Result<()> {
        let mark = Mark {
            writer: self.id,
            beat: self.beat.fetch_add(1, Ordering::Relaxed),
        };
        let spent = self.clock.monotonic().saturating_sub(began);
        let left = STEP.saturating_sub(spent);
        let put = self
            .records
            .put(WRITER_KEY, mark.encode().into(), Condition::Any);
        let Ok(put) = tokio::time::timeout(left, put).await else {
            return Err(late(Operation::Put));
        };
        if let Outcome::Applied(_) = put? {
            return Ok(());
        }
        let reason = "the answer was lost";
        let kind = Kind::Unavailable;
        Err(StorageError::new(kind, Operation::Put, WRITER_KEY, reason))
    }
}

fn late(operation: Operation) -> StorageError {
    let reason = format!("no answer in {} s", STEP.as_secs());
    StorageError::new(Kind::Unavailable, operation, WRITER_KEY, reason)
}
