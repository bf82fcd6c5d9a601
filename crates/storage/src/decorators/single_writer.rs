//! Conditions for a store that has none, as long as one process alone writes to it.
//!
//! A write takes a lock in this process, reads the record, holds the condition against it and writes
//! without any. That is a compare-and-set only where nobody else writes: a [`WriterGuard`] sees to
//! that, and its [`Lease`] ends the writes of a process that can no longer be sure of it.
//!
//! What is left open: a request whose answer never came may be carried out by the store much later,
//! over what was written meanwhile. A condition would stop it there; without conditions nothing does.
//! So a write is not cut off when its caller goes away, and a key stays locked until its answer came
//! or the driver has given it up.

mod guard;
mod lease;
mod mark;
mod watch;

pub use guard::{GuardError, Lost, WRITER_KEY, WriterGuard, wait_for_others};
pub use lease::Lease;
pub use mark::WriterId;
pub use watch::Waiting;

use crate::locks::Locks;
use crate::{
    Condition, Kind, Operation, Outcome, Page, Read, RecordStore, Result, StorageError, Timestamp,
    WriteTogether, limits,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// How often a write is sent whose answer was lost and that is not there.
const ATTEMPTS: u32 = 5;
/// Before the second attempt; each later pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Records whose conditions are kept in this process. Reads and listings go straight through; a
/// conditional write costs a read more.
#[derive(Clone, Debug)]
pub struct SingleWriter<S> {
    inner: Arc<S>,
    locks: Arc<Locks>,
    lease: Lease,
    runtime: Handle,
}

impl<S: RecordStore> SingleWriter<S> {
    /// Keeps the conditions of `inner`, which writes only while `lease` lasts. Writes run on the
    /// runtime that this is called in.
    pub fn new(inner: S, lease: Lease) -> Self {
        Self {
            inner: Arc::new(inner),
            locks: Arc::default(),
            lease,
            runtime: Handle::current(),
        }
    }

    /// Ends the lease and waits until no write is under way. Later writes fail.
    pub async fn quiesce(&self) {
        self.lease.end();
        self.locks.wait_for_all().await;
    }

    async fn write(&self, write: Write) -> Result<Outcome> {
        // Held over I/O on purpose: the lock is what makes read and write one step.
        let lock = self.locks.lock(&write.key).await;
        let (inner, lease) = (Arc::clone(&self.inner), self.lease.clone());
        let (operation, key) = (write.operation, write.key.clone());
        // A caller that hangs up drops its future. The request may be at the store already, and must
        // not land on what the next writer of the key makes of it.
        let written = self.runtime.spawn(async move {
            let written = lease.cover(operation, &write.key, write.run(&*inner)).await;
            drop(lock);
            written
        });
        written.await.unwrap_or_else(|ended| {
            let kind = Kind::Unavailable;
            Err(StorageError::new(kind, operation, key, ended))
        })
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: RecordStore> RecordStore for SingleWriter<S> {
    async fn get(&self, key: &str) -> Result<Read> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Outcome> {
        limits::check_key(Operation::Put, key)?;
        limits::check_record(key, &bytes)?;
        self.write(Write {
            operation: Operation::Put,
            key: key.to_owned(),
            bytes: Some(bytes),
            condition,
        })
        .await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<Outcome> {
        limits::check_key(Operation::Delete, key)?;
        self.write(Write {
            operation: Operation::Delete,
            key: key.to_owned(),
            bytes: None,
            condition,
        })
        .await
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        self.inner.list(prefix, start_after, limit).await
    }

    async fn now(&self) -> Result<Timestamp> {
        self.inner.now().await
    }

    /// No store that needs this decorator can do it.
    fn as_together(&self) -> Option<&dyn WriteTogether> {
        None
    }
}

/// A put, or a delete where there are no bytes.
struct Write {
    operation: Operation,
    key: String,
    bytes: Option<Bytes>,
    condition: Condition,
}

impl Write {
    /// Runs under the key's lock.
    async fn run(&self, records: &dyn RecordStore) -> Result<Outcome> {
        if self.condition == Condition::Any {
            return self.send(records).await;
        }
        let before = records.get(&self.key).await?;
        if !self.holds(&before) {
            return Ok(Outcome::Conflict);
        }
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            let outcome = self.send(records).await?;
            if outcome != Outcome::Unknown {
                return Ok(outcome);
            }
            let there = records.get(&self.key).await?;
            if there.version != before.version {
                // Nobody else writes this key now, so what looks like this write is this write.
                return Ok(if self.has_made(&there) {
                    Outcome::Applied(there.version)
                } else {
                    Outcome::Unknown
                });
            }
            if attempt < ATTEMPTS {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
        // The last request may yet be carried out.
        let reason = "the answers were lost, and the record is as it was";
        let kind = Kind::Unavailable;
        Err(StorageError::new(kind, self.operation, &self.key, reason))
    }

    async fn send(&self, records: &dyn RecordStore) -> Result<Outcome> {
        match &self.bytes {
            Some(bytes) => {
                let bytes = bytes.clone();
                records.put(&self.key, bytes, Condition::Any).await
            }
            None => records.delete(&self.key, Condition::Any).await,
        }
    }

    fn holds(&self, read: &Read) -> bool {
        match &self.condition {
            Condition::Any => true,
            Condition::Absent => read.record.is_none(),
            Condition::Matches(version) => read.version == *version,
        }
    }

    fn has_made(&self, read: &Read) -> bool {
        read.record.as_ref().map(|record| &record.bytes) == self.bytes.as_ref()
    }
}

#[cfg(test)]
mod tests;
