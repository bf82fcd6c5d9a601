//! Reads of data: in blocks, one ahead of the client.
//!
//! A block is received as fast as the store sends it, and its connection is free again, however
//! slow the client is. What waits for the client is bounded: two blocks, each at most half a second
//! of what the client takes, and 256 KiB at least.

use super::shares::{Memory, Share};
use crate::limits;
use crate::{DataKey, DataStream, Kind, Operation, Result, StorageError};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use std::error::Error;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The greatest block, and the one that every reader may have without a share of the memory.
const MOST_BLOCK_BYTES: u64 = 8 * 1024 * 1024;
const LEAST_BLOCK_BYTES: u64 = 256 * 1024;

/// The longest piece that a stream yields.
const PIECE_BYTES: usize = 256 * 1024;

/// How many blocks wait for a client, the one that it is taking included.
const BLOCKS: usize = 2;

/// How long a client should take for a block.
const BLOCK_MILLIS: u64 = 500;

/// The body of an answer as it comes.
pub(super) type Body = BoxStream<'static, std::result::Result<Bytes, Box<dyn Error + Send + Sync>>>;

/// What came back for a range.
pub(super) struct Answer {
    pub(super) body: Body,
    /// The length of the whole object.
    pub(super) length: u64,
    pub(super) tag: Option<String>,
}

/// Why no range came back.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The object ends before the range begins.
    TooShort,
    /// The object has another tag.
    Replaced,
    Other(StorageError),
}

/// What a driver can ask of one object, with its own retries.
#[async_trait]
pub(super) trait Ranges: Send + Sync + 'static {
    /// Returns the length of the object.
    async fn length(&self) -> Result<u64>;

    /// Asks for a range that is not empty, of the object with this tag if one is named.
    async fn get(
        &self,
        range: &Range<u64>,
        tag: Option<&str>,
    ) -> std::result::Result<Answer, Refusal>;
}

/// What is read.
pub(super) struct Object<R> {
    pub(super) ranges: R,
    pub(super) operation: Operation,
    pub(super) key: DataKey,
    /// How often an answer may be cut in a row.
    pub(super) attempts: u32,
    /// How long the store may send nothing.
    pub(super) stall: Duration,
}

/// Opens a stream of bytes `range` of an object.
pub(super) async fn open<R: Ranges>(
    object: Object<R>,
    memory: Memory,
    range: Range<u64>,
) -> Result<DataStream> {
    if range.is_empty() {
        let length = object.ranges.length().await?;
        if range.end > length {
            return Err(limits::too_short(object.key.as_str(), length, &range));
        }
        return Ok(stream::empty().boxed());
    }
    let (block, share) = fitting(&memory, MOST_BLOCK_BYTES.min(range.end - range.start));
    let first = range.start..range.start + block;
    let answer = object.get(&first, None).await?;
    if answer.length < range.end {
        return Err(limits::too_short(
            object.key.as_str(),
            answer.length,
            &range,
        ));
    }
    let (sender, receiver) = unbounded_channel();
    let pace = Arc::new(Pace::new());
    let (key, operation) = (object.key.clone(), object.operation);
    let pump = Pump {
        object,
        memory,
        tag: answer.tag,
        next: range.start,
        end: range.end,
        sender,
        pace: Arc::clone(&pace),
        waiting: Arc::new(Semaphore::new(BLOCKS)),
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(pump.run(first.end, share, answer.body));
    let reader = Reader {
        receiver,
        pace,
        key,
        operation,
        left: range.end - range.start,
        _tasks: tasks,
    };
    Ok(stream::unfold(reader, Reader::next).boxed())
}

/// Returns the greatest block up to `wanted` for which there is memory, and its share of it.
fn fitting(memory: &Memory, wanted: u64) -> (u64, Option<Share>) {
    let mut block = wanted;
    while block > LEAST_BLOCK_BYTES {
        if let Some(share) = memory.try_take(block) {
            return (block, Some(share));
        }
        block = (block / 2).max(LEAST_BLOCK_BYTES);
    }
    (block, None)
}

impl<R: Ranges> Object<R> {
    fn error(&self, kind: Kind, reason: &str) -> StorageError {
        StorageError::new(kind, self.operation, self.key.as_str(), reason)
    }

    async fn get(&self, range: &Range<u64>, tag: Option<&str>) -> Result<Answer> {
        let refused = match self.ranges.get(range, tag).await {
            Ok(answer) => return Ok(answer),
            Err(refused) => refused,
        };
        Err(match refused {
            Refusal::TooShort => {
                let reason = format!("the object ends before byte {}", range.start);
                self.error(Kind::Corrupt, &reason)
            }
            Refusal::Replaced => {
                self.error(Kind::Corrupt, "the object was replaced while it was read")
            }
            Refusal::Other(error) => error,
        })
    }
}

/// Reads the length of the whole from `bytes 0-9/1234`.
pub(super) fn whole_length(range: Option<&str>) -> Option<u64> {
    range?.rsplit_once('/')?.1.parse().ok()
}

/// How fast the client takes its bytes.
struct Pace {
    start: Instant,
    taken: AtomicU64,
}

impl Pace {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            taken: AtomicU64::new(0),
        }
    }

    fn note(&self, bytes: u64) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Returns the block that the client takes in half a second, by how it took the bytes so far.
    fn block(&self) -> u64 {
        let millis = u64::try_from(self.start.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        let taken = self.taken.load(Ordering::Relaxed);
        let block = taken.saturating_mul(BLOCK_MILLIS) / millis;
        block.clamp(LEAST_BLOCK_BYTES, MOST_BLOCK_BYTES)
    }
}

/// A piece on its way to the client.
struct Piece {
    bytes: Bytes,
    /// With the last piece of a block the room that it took is given back.
    _ends: Option<BlockRoom>,
}

struct BlockRoom {
    _waiting: OwnedSemaphorePermit,
    _share: Option<Share>,
}

/// What receives blocks, in a task of its own.
struct Pump<R> {
    object: Object<R>,
    memory: Memory,
    tag: Option<String>,
    next: u64,
    end: u64,
    sender: UnboundedSender<Result<Piece>>,
    pace: Arc<Pace>,
    waiting: Arc<Semaphore>,
}

/// The client has gone.
struct Gone;

impl<R: Ranges> Pump<R> {
    async fn run(mut self, first_end: u64, share: Option<Share>, body: Body) {
        let mut block = Some((first_end, share, Some(body)));
        loop {
            let waiting = Arc::clone(&self.waiting).acquire_owned().await;
            let waiting = waiting.expect("it is never closed");
            let (end, share, body) = block.take().unwrap_or_else(|| {
                let wanted = self.pace.block().min(self.end - self.next);
                let (length, share) = fitting(&self.memory, wanted);
                (self.next + length, share, None)
            });
            let room = BlockRoom {
                _waiting: waiting,
                _share: share,
            };
            match self.receive(end, room, body).await {
                Ok(Ok(())) if self.next < self.end => {}
                Ok(Ok(())) | Err(Gone) => return,
                Ok(Err(error)) => {
                    // Whoever read it may have gone.
                    let _ = self.sender.send(Err(error));
                    return;
                }
            }
        }
    }

    /// Receives a block, and asks again from where an answer was cut.
    async fn receive(
        &mut self,
        end: u64,
        room: BlockRoom,
        body: Option<Body>,
    ) -> std::result::Result<Result<()>, Gone> {
        let mut room = Some(room);
        let mut body = body;
        let mut cuts = 0;
        loop {
            let before = self.next;
            let current = match body.take() {
                Some(body) => body,
                None => match self
                    .object
                    .get(&(self.next..end), self.tag.as_deref())
                    .await
                {
                    Ok(answer) => answer.body,
                    Err(error) => return Ok(Err(error)),
                },
            };
            let Some(error) = self.pass(current, end, &mut room).await? else {
                return Ok(Ok(()));
            };
            cuts = if self.next > before { 1 } else { cuts + 1 };
            if cuts > self.object.attempts {
                return Ok(Err(error));
            }
            tracing::debug!(%error, "an answer was cut; asking for the rest");
            tokio::time::sleep(Duration::from_millis(50) * cuts).await;
        }
    }

    /// Hands pieces on to the end of the block; returns what cut the answer before.
    async fn pass(
        &mut self,
        mut body: Body,
        end: u64,
        room: &mut Option<BlockRoom>,
    ) -> std::result::Result<Option<StorageError>, Gone> {
        let stall = self.object.stall;
        while self.next < end {
            let mut bytes = match tokio::time::timeout(stall, body.next()).await {
                Err(_) => {
                    return Ok(Some(
                        self.object
                            .error(Kind::Unavailable, "the store stopped sending"),
                    ));
                }
                Ok(None) => {
                    return Ok(Some(
                        self.object.error(Kind::Unavailable, "the answer was cut"),
                    ));
                }
                Ok(Some(Err(error))) => {
                    let key = self.object.key.as_str();
                    let operation = self.object.operation;
                    return Ok(Some(StorageError::new(
                        Kind::Unavailable,
                        operation,
                        key,
                        error,
                    )));
                }
                Ok(Some(Ok(bytes))) => bytes,
            };
            // A server that sends more than was asked for is not believed.
            bytes.truncate(usize::try_from(end - self.next).unwrap_or(usize::MAX));
            while !bytes.is_empty() {
                let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
                self.next += piece.len() as u64;
                let ends = if self.next == end { room.take() } else { None };
                self.sender
                    .send(Ok(Piece {
                        bytes: piece,
                        _ends: ends,
                    }))
                    .map_err(|_| Gone)?;
            }
        }
        Ok(None)
    }
}

/// The client's end.
struct Reader {
    receiver: UnboundedReceiver<Result<Piece>>,
    pace: Arc<Pace>,
    key: DataKey,
    operation: Operation,
    left: u64,
    /// Ends with the reader.
    _tasks: JoinSet<()>,
}

impl Reader {
    async fn next(mut self) -> Option<(Result<Bytes>, Self)> {
        if self.left == 0 {
            return None;
        }
        match self.receiver.recv().await {
            Some(Ok(piece)) => {
                let length = piece.bytes.len() as u64;
                self.left -= length;
                self.pace.note(length);
                Some((Ok(piece.bytes), self))
            }
            Some(Err(error)) => {
                self.left = 0;
                Some((Err(error), self))
            }
            None => {
                self.left = 0;
                let reason = "the read ended early";
                let error =
                    StorageError::new(Kind::Unavailable, self.operation, self.key.as_str(), reason);
                Some((Err(error), self))
            }
        }
    }
}
