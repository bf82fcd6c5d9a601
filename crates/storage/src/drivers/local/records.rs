//! The record half of the local driver: reads inline, writes through the writer thread.

use super::batch::{self, Write};
use super::database::{Published, RecordFile};
use super::folder::Folder;
use super::settings::LocalSettings;
use super::steady::SteadyClock;
use super::writer::{Answer, Message, Request, Work, Writer};
use crate::clock::Clock;
use crate::limits;
use crate::{
    Condition, Kind, Operation, Outcome, Page, Part, Read, Record, RecordStore, Result,
    StorageError, Timestamp, Version, WriteTogether,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, oneshot};

/// Payload that may wait for the writer thread, in KiB; further writes wait for their turn.
const QUEUE_KIB: usize = 32 * 1024;

/// How many keys a listing looks at before it leaves the worker for a thread that may block. A
/// page of a thousand records stays; ten thousand, or a heap of tombstones, do not.
const INLINE_KEYS: usize = 2000;

/// Records in a redb file. A clone shares them.
#[derive(Clone, Debug)]
pub struct LocalRecords {
    shared: Arc<Shared>,
}

struct Shared {
    // Fields are dropped in this order: the thread has ended before the folder's lock is released.
    thread: WriterThread,
    published: Arc<Published>,
    clock: Arc<SteadyClock>,
    queue: Semaphore,
    folder: Arc<Folder>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LocalRecords")
            .finish_non_exhaustive()
    }
}

/// The writer thread, which is told to end and waited for when this is dropped.
struct WriterThread {
    messages: Sender<Message>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

impl WriterThread {
    fn end(&self) {
        // The send fails when the thread has ended already.
        let _ = self.messages.send(Message::End);
        let handle = self
            .handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if handle.is_some_and(|handle| handle.join().is_err()) {
            tracing::error!("the record writer had panicked");
        }
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        self.end();
    }
}

impl LocalRecords {
    /// Opens the record file of a folder and starts its writer thread.
    pub(super) fn open(
        folder: Arc<Folder>,
        settings: &LocalSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let published = Arc::<Published>::default();
        let cache_bytes = settings.record_cache_bytes;
        let root = Arc::clone(folder.root());
        let file = RecordFile::open(root, folder.path(), cache_bytes, Arc::clone(&published))?;
        folder.sync(Operation::Open)?;
        let clock = Arc::new(SteadyClock::new(clock, file.least_time()));
        let (sender, receiver) = mpsc::channel();
        let writer = Writer::new(file, Arc::clone(&clock), settings.request_life);
        let thread = std::thread::Builder::new().name("record-writer".to_owned());
        let handle = thread
            .spawn(move || writer.run(&receiver))
            .map_err(|error| {
                StorageError::new(Kind::Unavailable, Operation::Open, "record-writer", error)
            })?;
        let thread = WriterThread {
            messages: sender,
            handle: Mutex::new(Some(handle)),
        };
        let queue = Semaphore::new(QUEUE_KIB);
        let shared = Shared {
            thread,
            published,
            clock,
            queue,
            folder,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Returns what readers see.
    pub(super) fn published(&self) -> &Published {
        &self.shared.published
    }

    /// Returns the store's time.
    pub(super) fn clock_now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Returns the data folder.
    pub(super) fn folder(&self) -> &Folder {
        &self.shared.folder
    }

    /// Applies what waits, closes the file and ends the writer thread. Every later call fails with
    /// `Unavailable`. Blocks until it is done.
    pub(super) fn close(&self) {
        self.shared.thread.end();
    }

    /// Returns the store's clock.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::<SteadyClock>::clone(&self.shared.clock)
    }

    async fn write(&self, write: Write) -> Result<Outcome> {
        // A condition that does not hold now is refused by what is durable now, without the thread.
        // Where there is nothing to read, the thread tells why, or opens the file again.
        let snapshot = self.shared.published.current(write.operation(), &write.key);
        if snapshot.is_ok_and(|state| batch::is_refused(&state, &write).unwrap_or(false)) {
            return Ok(Outcome::Conflict);
        }
        let (operation, key) = (write.operation(), write.key.clone());
        let length = write.bytes.as_ref().map_or(0, Bytes::len);
        self.ask(operation, &key, length, |answer| Work::One(write, answer))
            .await
    }

    /// Has the writer thread do something and waits for its answer.
    async fn ask<T>(
        &self,
        operation: Operation,
        key: &str,
        length: usize,
        work: impl FnOnce(Answer<T>) -> Work,
    ) -> Result<T> {
        let sent = self.shared.clock.monotonic();
        let has_ended = || {
            let reason = "the record writer has ended";
            StorageError::new(Kind::Unavailable, operation, key, reason)
        };
        let kib = u32::try_from(length / 1024 + 1).expect("a write is far smaller than 4 TiB");
        let _turn = self
            .shared
            .queue
            .acquire_many(kib)
            .await
            .expect("it is never closed");
        let (answer, outcome) = oneshot::channel();
        let work = work(answer);
        self.shared
            .thread
            .messages
            .send(Message::Write(Request { work, sent }))
            .map_err(|_| has_ended())?;
        outcome.await.map_err(|_| has_ended())?
    }
}

#[async_trait]
impl RecordStore for LocalRecords {
    async fn get(&self, key: &str) -> Result<Read> {
        limits::check_key(Operation::Get, key)?;
        let snapshot = self.shared.published.current(Operation::Get, key)?;
        let read = snapshot.with_value(Operation::Get, key, |value| Read {
            record: value.record.map(|bytes| Record {
                bytes: Bytes::copy_from_slice(bytes),
                modified: value.modified,
            }),
            version: value.version(),
        })?;
        Ok(read.unwrap_or(Read {
            record: None,
            version: Version::NEVER,
        }))
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Outcome> {
        limits::check_key(Operation::Put, key)?;
        limits::check_record(key, &bytes)?;
        self.write(Write {
            key: key.to_owned(),
            bytes: Some(bytes),
            condition,
        })
        .await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<Outcome> {
        limits::check_key(Operation::Delete, key)?;
        self.write(Write {
            key: key.to_owned(),
            bytes: None,
            condition,
        })
        .await
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        limits::check_page(prefix, limit)?;
        let snapshot = self.shared.published.current(Operation::List, prefix)?;
        let begun = snapshot.scan(prefix, start_after, limit, INLINE_KEYS, Page::default())?;
        let Some(stopped_at) = begun.stopped_at else {
            return Ok(begun.page);
        };
        let prefix_owned = prefix.to_owned();
        let rest = tokio::task::spawn_blocking(move || {
            snapshot.scan(
                &prefix_owned,
                Some(&stopped_at),
                limit,
                usize::MAX,
                begun.page,
            )
        });
        let scan = rest.await.map_err(|error| {
            StorageError::new(Kind::Unavailable, Operation::List, prefix, error)
        })??;
        Ok(scan.page)
    }

    async fn now(&self) -> Result<Timestamp> {
        Ok(self.shared.clock.now())
    }

    fn as_together(&self) -> Option<&dyn WriteTogether> {
        Some(self)
    }
}

#[async_trait]
impl WriteTogether for LocalRecords {
    /// In one transaction, which is one fsync.
    async fn write_together(&self, parts: Vec<Part>) -> Result<Option<Vec<Version>>> {
        limits::check_parts(&parts)?;
        let records = parts.iter().filter_map(|part| part.bytes.as_ref());
        let length = records.map(Bytes::len).sum();
        let key = parts
            .first()
            .map_or_else(String::new, |part| part.key.clone());
        self.ask(Operation::Put, &key, length, |answer| {
            Work::Together(parts, answer)
        })
        .await
    }
}
