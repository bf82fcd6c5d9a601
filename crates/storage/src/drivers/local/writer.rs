//! The one thread that writes records: gathers what waits into one transaction and one fsync.

use super::batch::{Batch, Write};
use super::database::RecordFile;
use super::snapshot::Snapshot;
use super::steady::SteadyClock;
use crate::clock::Clock;
use crate::{Kind, Operation, Outcome, Result, StorageError, TOMBSTONE_AGE, Timestamp};
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

/// How long there must be no write before the file is settled, so that a start after a crash need
/// not read all of it.
const SETTLE_AFTER: Duration = Duration::from_millis(500);

/// A write that waits for the thread.
pub(super) struct Request {
    pub(super) write: Write,
    /// When it was sent, by the monotonic clock.
    pub(super) sent: Duration,
    pub(super) answer: Answer,
}

/// Where the outcome goes. The caller may have gone away; the write happens all the same.
type Answer = oneshot::Sender<Result<Outcome>>;

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
    answer: Answer,
    outcome: Outcome,
}

/// The thread's own state.
pub(super) struct Writer {
    file: RecordFile,
    clock: Arc<SteadyClock>,
    next_sweep: Duration,
    /// When to settle the file, if nothing is written until then.
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
                for Request { write, answer, .. } in requests {
                    let _ = answer.send(Err(repeat(&error, write.operation(), &write.key)));
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
        if batch.is_empty() && old.is_empty() {
            return;
        }
        let committed = self.file.commit(&batch, &old);
        self.settle_at = self.clock.monotonic() + SETTLE_AFTER;
        for Decided {
            operation,
            key,
            answer,
            outcome,
        } in decided
        {
            let result = match &committed {
                Ok(()) => Ok(outcome),
                Err(error) => Err(repeat(error, operation, &key)),
            };
            let _ = answer.send(result);
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
        let Request {
            write,
            sent,
            answer,
        } = request;
        let (operation, key) = (write.operation(), write.key.clone());
        if self.clock.monotonic().saturating_sub(sent) > self.request_life {
            let reason = "the write waited longer than a request may live and was not applied";
            let _ = answer.send(Err(StorageError::new(
                Kind::Unavailable,
                operation,
                key,
                reason,
            )));
            return None;
        }
        // Decided by what is durable already, a refusal need not wait for the commit; decided by
        // another write of this batch it must, because that write may yet fail.
        let depends_on_batch = batch.has_changed(&key);
        match batch.decide(write) {
            Ok(Outcome::Conflict) if !depends_on_batch => {
                let _ = answer.send(Ok(Outcome::Conflict));
                None
            }
            Ok(outcome) => Some(Decided {
                operation,
                key,
                answer,
                outcome,
            }),
            Err(error) => {
                let _ = answer.send(Err(error));
                None
            }
        }
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
    let mut payload_bytes = first.write.bytes.as_ref().map_or(0, bytes::Bytes::len);
    requests.push(first);
    while requests.len() < BATCH_WRITES && payload_bytes < BATCH_BYTES {
        match messages.try_recv() {
            Ok(Message::Write(request)) => {
                payload_bytes += request.write.bytes.as_ref().map_or(0, bytes::Bytes::len);
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
    let length = request.write.bytes.as_ref().map_or(0, bytes::Bytes::len);
    if length <= LOW_RECORD_BYTES {
        return Some(request);
    }
    let reason = "the disk is full; what is left is kept for deletes and small records";
    let (operation, key) = (request.write.operation(), request.write.key);
    let refusal = StorageError::new(Kind::Full, operation, key, reason);
    let _ = request.answer.send(Err(refusal));
    None
}

/// Gives an error of the whole batch to one of its callers.
fn repeat(error: &StorageError, operation: Operation, key: &str) -> StorageError {
    let cause = std::error::Error::source(error).map_or_else(String::new, ToString::to_string);
    StorageError::new(error.kind(), operation, key, cause)
}
