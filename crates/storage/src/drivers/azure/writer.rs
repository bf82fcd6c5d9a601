//! What a writer of an upload holds open: the bytes of the next block, and the block under way.
//!
//! At most two blocks are in memory: one is filled while the other is sent.

use super::client::AzureClient;
use super::finish::{FINISH, Identity};
use super::requests::Requests;
use super::state::{Block, DriverState, MOST_BLOCKS, Tail};
use crate::drivers::place::Place;
use crate::drivers::shares::{Memory, Share};
use crate::{Kind, Operation, Result, StorageError, UploadState};
use bytes::{Bytes, BytesMut};
use futures::future::join_all;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What an upload may hold without a share of the memory: an upload that stays this small never
/// waits for others.
const FREE_BYTES: usize = 256 * 1024;

/// The live part of an upload.
#[derive(Debug)]
pub(super) struct Writer {
    client: Arc<AzureClient>,
    memory: Memory,
    place: Place,
    epoch: u64,
    /// This writer's half of its blocks' ids.
    own: u64,
    /// The number of its next block.
    next: u32,
    /// The state with everything that happened since the last checkpoint.
    pub(super) state: DriverState,
    buffer: BytesMut,
    share: Option<Share>,
    sending: JoinSet<Result<Block>>,
    /// Whether the bytes that the state tells of are at hand; not before the first call that adds.
    is_loaded: bool,
    /// Whether bytes were added since the state was read or written.
    pub(super) has_grown: bool,
    /// Set once a block was lost: bytes are missing, so this writer must not go on.
    has_failed: bool,
}

impl Writer {
    pub(super) fn new(
        client: Arc<AzureClient>,
        memory: Memory,
        place: Place,
        state: DriverState,
        epoch: u64,
    ) -> Self {
        Self {
            client,
            memory,
            place,
            epoch,
            own: rand::random(),
            next: 0,
            state,
            buffer: BytesMut::new(),
            share: None,
            sending: JoinSet::new(),
            is_loaded: false,
            has_grown: false,
            has_failed: false,
        }
    }

    fn requests(&self, operation: Operation) -> Requests<'_> {
        Requests {
            client: &self.client,
            operation,
            place: self.place,
        }
    }

    fn failed(&self, kind: Kind, operation: Operation, reason: &str) -> StorageError {
        self.requests(operation).failed(kind, reason)
    }

    /// Returns how many bytes the upload has.
    pub(super) fn length(&self) -> u64 {
        if self.is_loaded {
            self.state.blocks_length() + self.in_flight() + self.buffer.len() as u64
        } else {
            self.state.length()
        }
    }

    fn in_flight(&self) -> u64 {
        if self.sending.is_empty() {
            0
        } else {
            self.state.next_length(0)
        }
    }

    /// Returns how long the block is that is being filled.
    fn filling_length(&self) -> usize {
        usize::try_from(self.state.next_length(self.sending.len())).unwrap_or(usize::MAX)
    }

    /// Takes bytes; sends a block whenever one is full.
    pub(super) async fn append(&mut self, mut bytes: Bytes) -> Result<()> {
        self.check(Operation::Append)?;
        self.load(Operation::Append).await?;
        while !bytes.is_empty() {
            self.has_grown = true;
            let whole = self.filling_length();
            let room = whole.saturating_sub(self.buffer.len());
            let taken = bytes.split_to(room.min(bytes.len()));
            self.make_room(taken.len()).await;
            self.buffer.extend_from_slice(&taken);
            if self.buffer.len() == whole {
                self.send_block(Operation::Append).await?;
            }
        }
        Ok(())
    }

    /// Waits for memory where an upload is no longer small.
    async fn make_room(&mut self, more: usize) {
        let needed = self.buffer.len() + more;
        if needed <= FREE_BYTES || self.share.is_some() {
            return;
        }
        let whole = self.filling_length();
        self.share = Some(self.memory.take(whole as u64).await);
        self.buffer.reserve(whole.saturating_sub(self.buffer.len()));
    }

    fn fresh_block(&mut self) -> Block {
        let number = self.next;
        self.next += 1;
        Block {
            writer: self.own,
            number,
        }
    }

    /// Sends what was filled as the next block, once the one before has arrived.
    async fn send_block(&mut self, operation: Operation) -> Result<()> {
        self.settle(operation).await?;
        // One more may be needed for the tail.
        if self.state.count() + 1 >= MOST_BLOCKS {
            let reason = "the upload has as many blocks as a blob may have";
            return Err(self.failed(Kind::Invalid, operation, reason));
        }
        let block = self.fresh_block();
        let bytes = std::mem::take(&mut self.buffer).freeze();
        let share = self.share.take();
        let (client, place) = (Arc::clone(&self.client), self.place);
        self.sending.spawn(async move {
            let requests = Requests {
                client: &client,
                operation,
                place,
            };
            let sent = requests.put_block(block, bytes).await;
            drop(share);
            sent.map(|()| block)
        });
        Ok(())
    }

    /// Waits for the block under way.
    async fn settle(&mut self, operation: Operation) -> Result<()> {
        let Some(joined) = self.sending.join_next().await else {
            return Ok(());
        };
        let sent = joined.unwrap_or_else(|error| {
            Err(self.failed(Kind::Unavailable, operation, &error.to_string()))
        });
        match sent {
            Ok(block) => {
                self.state.blocks.push(block);
                Ok(())
            }
            Err(error) => {
                self.has_failed = true;
                Err(error)
            }
        }
    }

    pub(super) fn check(&self, operation: Operation) -> Result<()> {
        if !self.has_failed {
            return Ok(());
        }
        let reason = "an earlier block of this upload was lost; resume it from its last checkpoint";
        Err(self.failed(Kind::Io, operation, reason))
    }

    /// Brings the bytes that are no block yet into memory. `NotFound` when they are gone: another
    /// writer finished or ended the upload.
    async fn load(&mut self, operation: Operation) -> Result<()> {
        if self.is_loaded {
            return Ok(());
        }
        if let Some(tail) = self.state.tail.clone() {
            let bytes = self.requests(operation).fetch_tail(&tail).await?;
            self.make_room(bytes.len()).await;
            self.buffer.extend_from_slice(&bytes);
        }
        self.is_loaded = true;
        Ok(())
    }

    /// Makes all bytes resumable, and writes it into the state.
    pub(super) async fn checkpoint(&mut self, kept: &mut UploadState) -> Result<()> {
        let operation = Operation::Checkpoint;
        self.check(operation)?;
        self.settle(operation).await?;
        // Before the first byte there may be nothing at all: an empty tail tells that the upload
        // lives, so that an abort can end it.
        if self.has_grown || self.state.tail.is_none() {
            self.load(operation).await?;
            self.replace_tail().await?;
            self.has_grown = false;
        }
        self.state.write(kept);
        kept.length = self.length();
        Ok(())
    }

    async fn replace_tail(&mut self) -> Result<()> {
        // The state that is kept now names the present tail; those before it nobody needs.
        self.delete_replaced_tails(Operation::Checkpoint).await;
        let tail = Tail::fresh(self.epoch, self.buffer.len() as u64);
        let bytes = Bytes::copy_from_slice(&self.buffer);
        let requests = self.requests(Operation::Checkpoint);
        // The present tail stays the present one until another is there: a checkpoint that failed
        // may be tried again, and must not find it among those that nobody needs.
        requests.put_tail(&tail.name(), bytes).await?;
        self.state.replace_tail(Some(tail));
        Ok(())
    }

    /// Deletes tails that nobody needs; what fails is left to the sweeper.
    async fn delete_replaced_tails(&mut self, operation: Operation) {
        let names = std::mem::take(&mut self.state.replaced);
        let requests = self.requests(operation);
        let deletes = names.iter().map(async |name| {
            let name = self.client.name(&self.place.tail(name));
            if let Err(error) = requests.delete(&name).await {
                tracing::debug!(%error, "failed to delete the tail of an upload; it is swept later");
            }
        });
        join_all(deletes).await;
    }
}

impl Writer {
    /// Makes the object appear; returns its length.
    pub(super) async fn finish(&mut self) -> Result<u64> {
        self.settle(FINISH).await?;
        let kept = Identity::of_state(&self.state).filter(|_| !self.has_grown);
        if self.state.base.is_some()
            && let Some(kept) = &kept
            && self.requests(FINISH).finished_tag(kept).await?.is_some()
        {
            // All bytes lie under the key already: they were read back.
            let length = self.state.length();
            self.leave_nothing().await;
            return Ok(length);
        }
        if let Err(error) = self.load(FINISH).await {
            // Another process may have made an object of the same bytes.
            let is_gone = error.kind() == Kind::NotFound;
            return match kept.filter(|_| is_gone) {
                Some(kept) if self.requests(FINISH).finished_tag(&kept).await?.is_some() => {
                    Ok(self.state.length())
                }
                _ => Err(error),
            };
        }
        let bytes = std::mem::take(&mut self.buffer).freeze();
        let length = self.state.blocks_length() + bytes.len() as u64;
        // Without bytes of its own it writes exactly what any other writer from here does.
        let tail = self.state.tail.as_ref().filter(|_| !self.has_grown);
        let (tail_name, tail_block) = (tail.map(Tail::name), tail.map(Tail::block));
        if self.state.count() == 0 {
            let own = || format!("{}-{:032x}", self.epoch, rand::random::<u128>());
            let writer = tail_name.unwrap_or_else(own);
            self.requests(FINISH).put_object(bytes, &writer).await?;
        } else {
            let last = if bytes.is_empty() {
                None
            } else {
                let block = tail_block.unwrap_or_else(|| self.fresh_block());
                self.requests(FINISH).put_block(block, bytes).await?;
                Some(block)
            };
            self.requests(FINISH).commit(&self.state, last).await?;
        }
        self.leave_nothing().await;
        Ok(length)
    }

    /// Leaves nothing behind but the object.
    async fn leave_nothing(&mut self) {
        self.state.replace_tail(None);
        self.delete_replaced_tails(FINISH).await;
    }
}

impl Requests<'_> {
    /// Reads a tail.
    pub(super) async fn fetch_tail(&self, tail: &Tail) -> Result<Bytes> {
        let name = self.client.name(&self.place.tail(&tail.name()));
        match self.fetch(&name).await? {
            None => Err(self.failed(Kind::NotFound, "the last bytes of the upload are gone")),
            Some(bytes) if bytes.len() as u64 != tail.length => Err(self.failed(
                Kind::Corrupt,
                "the last bytes of the upload have another length",
            )),
            Some(bytes) => Ok(bytes),
        }
    }
}
