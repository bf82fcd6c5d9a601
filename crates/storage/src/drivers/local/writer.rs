//! The one thread that writes records: gathers what waits into one transaction and one fsync.

use super::batch::{Batch, Write};
use super::database::RecordFile;
use super::snapshot::Snapshot;
use super::steady::SteadyClock;
use crate::clock::Clock;
use crate::{
    Kind, Operation, Outcome, Part, Result, StorageError, TOMBSTONE_AGE, Timestamp, Version,
};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tokio::sync::oneshot;

/// The most writes of one transaction.
const BATCH_WRITES: usize = 512;

/// The payload at which a transaction takes no further write, in bytes.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// The largest record that is still taken when the disk has no headroom left, in bytes: enough for
/// every step of a delete, too little for content.
const LOW_RECORD_BYTES: usize = 1024;

/// How often old tombstones are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// How long the sweep pauses while there are more of them than it took.
const SWEEP_PAUSE: Duration = Duration::from_millis(100);

/// How many tombstones the sweep takes at once.
const SWEEP_TOMBSTONES: usize = 500;

/// How long there must be no write before the record file is brought to the disk.
const SETTLE_AFTER: Duration = Duration::from_millis(500);

/// A write that waits for the thread.
pub(super) struct Request {
    pub(super) work: Work,
    /// When it was sent, by the monotonic clock.
    pub(super) sent: Duration,
}

/// What is to be written, and where the outcome goes. The caller may have gone away; the write
/// happens all the same.
pub(super) enum Work {
    /// One record.
    One(Write, Answer<Outcome>),
    /// Several, all or none.
    Together(Vec<Part>, Answer<Option<Vec<Version>>>),
}

pub(super) type Answer<T> = oneshot::Sender<Result<T>>;

impl Work {
    /// Returns the call that asked for it, and the key that an error names.
    fn name(&self) -> (Operation, String) {
        match self {
            Self::One(write, _) => (write.operation(), write.key.clone()),
            Self::Together(parts, _) => {
                let key = parts
                    .first()
                    .map_or_else(String::new, |part| part.key.clone());
                (Operation::Put, key)
            }
        }
    }

    fn records(&self) -> impl Iterator<Item = &Bytes> {
        let (one, parts) = match self {
            Self::One(write, _) => (write.bytes.as_ref(), &[][..]),
            Self::Together(parts, _) => (None, &parts[..]),
        };
        one.into_iter()
            .chain(parts.iter().filter_map(|part| part.bytes.as_ref()))
    }

    fn payload_bytes(&self) -> usize {
        self.records().map(Bytes::len).sum()
    }

    fn refuse(self, error: StorageError) {
        match self {
            Self::One(_, answer) => {
                let _ = answer.send(Err(error));
            }
            Self::Together(_, answer) => {
                let _ = answer.send(Err(error));
            }
        }
    }
}

/// What the thread is told.
pub(super) enum Message {
    /// Apply a write.
    Write(Request),
    /// Apply what came before this and end.
    End,
}

/// A write that was decided and waits for the commit.
struct Decided {
    operation: Operation,
    key: String,
    outcome: Decision,
}

enum Decision {
    One(Outcome, Answer<Outcome>),
    Together(Option<Vec<Version>>, Answer<Option<Vec<Version>>>),
}

impl Decision {
    fn answer(self, failed: Option<StorageError>) {
        match self {
            Self::One(outcome, answer) => {
                let _ = answer.send(failed.map_or(Ok(outcome), Err));
            }
            Self::Together(versions, answer) => {
                let _ = answer.send(failed.map_or(Ok(versions), Err));
            }
        }
    }
}

/// The thread's own state.
pub(super) struct Writer {
    file: RecordFile,
    clock: Arc<SteadyClock>,
    next_sweep: Duration,
    /// When to bring the file to the disk, if nothing is written until then.
    settle_at: Duration,
    /// How long a write may wait before it is refused unapplied: no request lands later than this
    /// after it was sent.
    request_life: Duration,
}

impl Writer {
    /// Makes a writer of an open file.
    pub(super) fn new(file: RecordFile, clock: Arc<SteadyClock>, request_life: Duration) -> Self {
        let now = clock.monotonic();
        Self {
            file,
            clock,
            next_sweep: now + SWEEP_EVERY,
            settle_at: now + SETTLE_AFTER,
            request_life,
        }
    }

    /// Works until it is told to end or nobody is left who could write; then closes the file.
    pub(super) fn run(mut self, messages: &Receiver<Message>) {
        while !self.turn(messages) {}
        self.file.close();
    }

    /// Waits for writes, for the next sweep or for the moment to settle the file, and does what is
    /// due; tells whether the end came.
    pub(super) fn turn(&mut self, messages: &Receiver<Message>) -> bool {
        let until = if self.file.is_settled() {
            self.next_sweep
        } else {
            self.next_sweep.min(self.settle_at)
        };
        let wait = until.saturating_sub(self.clock.monotonic());
        let mut requests = Vec::new();
        let has_ended = match messages.recv_timeout(wait) {
            Ok(Message::Write(request)) => gather(request, &mut requests, messages),
            Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => true,
            Err(RecvTimeoutError::Timeout) => false,
        };
        self.process(requests);
        has_ended
    }

    fn process(&mut self, requests: Vec<Request>) {
        let is_sweep_due = self.clock.monotonic() >= self.next_sweep;
        if requests.is_empty() && !is_sweep_due {
            self.settle_if_due();
            return;
        }
        if is_sweep_due {
            self.clock.compare();
        }
        let snapshot = match self.file.ready() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                self.next_sweep = self.clock.monotonic() + SWEEP_EVERY;
                for Request { work, .. } in requests {
                    let (operation, key) = work.name();
                    work.refuse(repeat(&error, operation, &key));
                }
                return;
            }
        };
        let now = self.clock.now();
        let mut batch = Batch::new(&snapshot, now);
        let is_low = self.file.is_low();
        let requests = requests.into_iter().filter_map(|request| {
            if is_low {
                admit(request)
            } else {
                Some(request)
            }
        });
        let decided = requests.filter_map(|request| self.decide(&mut batch, request));
        let decided: Vec<Decided> = decided.collect();
        let old = if is_sweep_due {
            self.old_tombstones(&snapshot, now)
        } else {
            Vec::new()
        };
        let committed = if batch.is_empty() && old.is_empty() {
            // There may still be who only asked; what is durable answers that.
            Ok(())
        } else {
            let committed = self.file.commit(&batch, &old);
            self.settle_at = self.clock.monotonic() + SETTLE_AFTER;
            committed
        };
        for Decided {
            operation,
            key,
            outcome,
        } in decided
        {
            let failed = committed.as_ref().err();
            outcome.answer(failed.map(|error| repeat(error, operation, &key)));
        }
    }

    fn settle_if_due(&mut self) {
        let now = self.clock.monotonic();
        if self.file.is_settled() || now < self.settle_at {
            return;
        }
        // Should it fail, or have to wait for room on the disk, it is tried again at leisure.
        self.settle_at = now + SWEEP_EVERY;
        if !self.file.is_low() {
            self.file.settle();
        }
    }

    /// Decides one request; returns it when its answer waits for the commit.
    fn decide(&self, batch: &mut Batch<'_>, request: Request) -> Option<Decided> {
        let Request { work, sent } = request;
        let (operation, key) = work.name();
        if self.clock.monotonic().saturating_sub(sent) > self.request_life {
            let reason = "the write waited longer than a request may live and was not applied";
            work.refuse(StorageError::new(Kind::Unavailable, operation, key, reason));
            return None;
        }
        // Decided by what is durable already, a refusal need not wait for the commit; decided by
        // another write of this batch it must, because that write may yet fail.
        let outcome = match work {
            Work::One(write, answer) => {
                let depends_on_batch = batch.has_changed(&key);
                match batch.decide(write) {
                    Ok(outcome) if outcome == Outcome::Conflict && !depends_on_batch => {
                        let _ = answer.send(Ok(outcome));
                        return None;
                    }
                    Ok(outcome) => Decision::One(outcome, answer),
                    Err(error) => {
                        let _ = answer.send(Err(error));
                        return None;
                    }
                }
            }
            Work::Together(parts, answer) => {
                let depends_on_batch = parts.iter().any(|part| batch.has_changed(&part.key));
                match batch.decide_together(parts) {
                    Ok(None) if !depends_on_batch => {
                        let _ = answer.send(Ok(None));
                        return None;
                    }
                    Ok(versions) => Decision::Together(versions, answer),
                    Err(error) => {
                        let _ = answer.send(Err(error));
                        return None;
                    }
                }
            }
        };
        Some(Decided {
            operation,
            key,
            outcome,
        })
    }

    fn old_tombstones(
        &mut self,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Vec<super::snapshot::Tombstone> {
        let found = snapshot.old_tombstones(now.minus(TOMBSTONE_AGE), SWEEP_TOMBSTONES);
        let old = found.unwrap_or_else(|error| {
            tracing::warn!(%error, "failed to look for old tombstones");
            Vec::new()
        });
        let pause = if old.len() == SWEEP_TOMBSTONES {
            SWEEP_PAUSE
        } else {
            SWEEP_EVERY
        };
        self.next_sweep = self.clock.monotonic() + pause;
        old
    }
}

/// Takes what waits, up to the limits of a transaction; tells whether the end was among it.
fn gather(first: Request, requests: &mut Vec<Request>, messages: &Receiver<Message>) -> bool {
    let mut payload_bytes = first.work.payload_bytes();
    requests.push(first);
    while requests.len() < BATCH_WRITES && payload_bytes < BATCH_BYTES {
        match messages.try_recv() {
            Ok(Message::Write(request)) => {
                payload_bytes += request.work.payload_bytes();
                requests.push(request);
            }
            Ok(Message::End) => return true,
            Err(_) => return false,
        }
    }
    false
}

/// Refuses what a store without headroom does not take; returns the rest.
fn admit(request: Request) -> Option<Request> {
    if request
        .work
        .records()
        .all(|record| record.len() <= LOW_RECORD_BYTES)
    {
        return Some(request);
    }
    let reason = "the disk is full; what is left is kept for deletes and small records";
    let (operation, key) = request.work.name();
    let refusal = StorageError::new(Kind::Full, operation, key, reason);
    request.work.refuse(refusal);
    None
}

/// Gives an error of the whole batch to one of its callers.
fn repeat(error: &StorageError, operation: Operation, key: &str) -> StorageError {
    let cause = std::error::Error::source(error).map_or_else(String::new, ToString::to_string);
    StorageError::new(error.kind(), operation, key, cause)
}
