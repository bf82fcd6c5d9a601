//! What a writer of an upload holds open: the bytes of the next part, and the part under way.
//!
//! At most two parts are in memory: one is filled while the other is sent.

use super::client::S3Client;
use super::requests::Requests;
use super::state::{Base, DriverState, LAST_NUMBER, Part, Tail, part_length};
use crate::drivers::place::Place;
use crate::drivers::shares::{Memory, Share};
use crate::{Kind, Operation, Result, StorageError, UploadState};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use std::sync::Arc;
use tokio::task::JoinSet;

/// What an upload may hold without a share of the memory: an upload that stays this small never
/// waits for others.
const FREE_BYTES: usize = 256 * 1024;

/// How many parts are copied at once where an upload goes on from bytes that were read back.
const COPIES_AT_ONCE: usize = 8;

/// The live part of an upload.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) client: Arc<S3Client>,
    memory: Memory,
    pub(super) place: Place,
    pub(super) epoch: u64,
    /// The state with everything that happened since the last checkpoint.
    pub(super) state: DriverState,
    pub(super) buffer: BytesMut,
    share: Option<Share>,
    sending: JoinSet<Result<Part>>,
    /// Whether the bytes that the state tells of are at hand; not before the first call that adds.
    is_loaded: bool,
    /// Whether bytes were added since the state was read or written.
    pub(super) has_grown: bool,
    /// Set once a part was lost: bytes are missing, so this writer must not go on.
    has_failed: bool,
}

impl Writer {
    pub(super) fn new(
        client: Arc<S3Client>,
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
            state,
            buffer: BytesMut::new(),
            share: None,
            sending: JoinSet::new(),
            is_loaded: false,
            has_grown: false,
            has_failed: false,
        }
    }

    pub(super) fn requests(&self, operation: Operation) -> Requests<'_> {
        Requests {
            client: &self.client,
            operation,
            place: self.place,
        }
    }

    /// Returns how many bytes the upload has.
    pub(super) fn length(&self) -> u64 {
        if self.is_loaded {
            self.state.parts_length() + self.in_flight() + self.buffer.len() as u64
        } else {
            self.state.length()
        }
    }

    fn in_flight(&self) -> u64 {
        if self.sending.is_empty() {
            0
        } else {
            self.state.next_length()
        }
    }

    /// Returns how long the part is that is being filled.
    fn filling_length(&self) -> u64 {
        let index = self.state.parts.len() + self.sending.len();
        part_length(self.state.part_bytes, index)
    }

    /// Takes bytes; sends a part whenever one is full.
    pub(super) async fn append(&mut self, mut bytes: Bytes) -> Result<()> {
        self.check(Operation::Append)?;
        self.load(Operation::Append).await?;
        while !bytes.is_empty() {
            self.has_grown = true;
            let whole = usize::try_from(self.filling_length()).unwrap_or(usize::MAX);
            let room = whole - self.buffer.len();
            let taken = bytes.split_to(room.min(bytes.len()));
            self.make_room(taken.len()).await;
            self.buffer.extend_from_slice(&taken);
            if self.buffer.len() == whole {
                self.send_part(Operation::Append).await?;
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
        self.share = Some(self.memory.take(whole).await);
        let whole = usize::try_from(whole).unwrap_or(needed);
        self.buffer.reserve(whole.saturating_sub(self.buffer.len()));
    }

    /// Sends what was filled as the next part, once the one before has arrived.
    pub(super) async fn send_part(&mut self, operation: Operation) -> Result<()> {
        self.settle(operation).await?;
        let id = self.upload_id(operation).await?;
        let number = self.take_number(operation, &id).await?;
        let bytes = std::mem::take(&mut self.buffer).freeze();
        let share = self.share.take();
        let (client, place) = (Arc::clone(&self.client), self.place);
        self.sending.spawn(async move {
            let requests = Requests {
                client: &client,
                operation,
                place,
            };
            let sent = requests.upload_part(&id, number, bytes).await;
            drop(share);
            sent
        });
        Ok(())
    }

    async fn upload_id(&mut self, operation: Operation) -> Result<String> {
        if let Some(id) = &self.state.upload {
            return Ok(id.clone());
        }
        let writer = format!("{}-{:032x}", self.epoch, rand::random::<u128>());
        let id = self.requests(operation).create(&writer).await?;
        self.state.upload = Some(id.clone());
        Ok(id)
    }

    /// Returns a number that no other writer uses. Beyond what was reserved it looks first whether
    /// a newer writer has sent parts.
    async fn take_number(&mut self, operation: Operation, id: &str) -> Result<u32> {
        let key = self.place.key();
        if self.state.next > LAST_NUMBER {
            let reason = "the upload has used up its part numbers";
            return Err(StorageError::new(
                Kind::Invalid,
                operation,
                key.as_str(),
                reason,
            ));
        }
        if self.state.next >= self.state.end {
            if self
                .requests(operation)
                .has_part_from(id, self.state.next)
                .await?
            {
                let reason = "a newer writer has sent parts";
                return Err(StorageError::new(
                    Kind::Superseded,
                    operation,
                    key.as_str(),
                    reason,
                ));
            }
            self.state.extend();
        }
        let number = self.state.next;
        self.state.next += 1;
        Ok(number)
    }

    /// Waits for the part under way.
    pub(super) async fn settle(&mut self, operation: Operation) -> Result<()> {
        let Some(joined) = self.sending.join_next().await else {
            return Ok(());
        };
        let key = self.place.key();
        let sent = joined.unwrap_or_else(|error| {
            Err(StorageError::new(
                Kind::Unavailable,
                operation,
                key.as_str(),
                error,
            ))
        });
        match sent {
            Ok(part) => {
                self.state.parts.push(part);
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
        let key = self.place.key();
        let reason = "an earlier part of this upload was lost; resume it from its last checkpoint";
        Err(StorageError::new(Kind::Io, operation, key.as_str(), reason))
    }

    /// Brings the bytes that are no part yet into memory. `NotFound` when they are gone: another
    /// writer finished or ended the upload.
    pub(super) async fn load(&mut self, operation: Operation) -> Result<()> {
        if self.is_loaded {
            return Ok(());
        }
        if let (Some(base), None) = (self.state.base.clone(), &self.state.upload) {
            self.copy_base(operation, &base).await?;
        }
        if let Some(tail) = self.state.tail.clone() {
            let bytes = self.fetch_tail(operation, &tail).await?;
            self.make_room(bytes.len()).await;
            self.buffer.extend_from_slice(&bytes);
        }
        self.is_loaded = true;
        Ok(())
    }

    /// Reads a tail, from memory where this process has written it a moment ago. Its name is random
    /// and it is written once, so that the bytes are right; whether the upload still lives is told
    /// by its session, not by them.
    pub(super) async fn fetch_tail(&self, operation: Operation, tail: &Tail) -> Result<Bytes> {
        let name = self.client.name(&self.place.tail(&tail.name));
        if let Some(bytes) = self.client.tails.take(&name) {
            return Ok(bytes);
        }
        let bytes = self.requests(operation).fetch(&name, None).await?;
        let key = self.place.key();
        let failed =
            |kind, reason: &str| Err(StorageError::new(kind, operation, key.as_str(), reason));
        match bytes {
            None => failed(Kind::NotFound, "the last bytes of the upload are gone"),
            Some(bytes) if bytes.len() as u64 != tail.length => failed(
                Kind::Corrupt,
                "the last bytes of the upload have another length",
            ),
            Some(bytes) => Ok(bytes),
        }
    }

    /// Goes on from bytes that lie under the final key already: the store copies them to parts.
    async fn copy_base(&mut self, operation: Operation, base: &Base) -> Result<()> {
        let id = self.upload_id(operation).await?;
        let mut copies = Vec::new();
        let mut start = 0;
        loop {
            let length = part_length(self.state.part_bytes, copies.len());
            if start + length > base.length {
                break;
            }
            let number = self.take_number(operation, &id).await?;
            copies.push((number, start..start + length));
            start += length;
        }
        let requests = self.requests(operation);
        let requested = copies
            .into_iter()
            .map(|(number, range)| requests.copy_part(&id, number, &base.tag, range));
        let parts: Vec<Part> = stream::iter(requested)
            .buffered(COPIES_AT_ONCE)
            .try_collect()
            .await?;
        let rest = if start < base.length {
            requests
                .fetch(&requests.name(), Some(start..base.length))
                .await?
        } else {
            Some(Bytes::new())
        };
        let Some(rest) = rest else {
            let key = self.place.key();
            let reason = "the bytes of the upload are gone";
            return Err(StorageError::new(
                Kind::NotFound,
                operation,
                key.as_str(),
                reason,
            ));
        };
        self.state.parts = parts;
        self.make_room(rest.len()).await;
        self.buffer.extend_from_slice(&rest);
        Ok(())
    }

    /// Makes all bytes resumable, and writes it into the state.
    pub(super) async fn checkpoint(&mut self, kept: &mut UploadState) -> Result<()> {
        let operation = Operation::Checkpoint;
        self.check(operation)?;
        self.settle(operation).await?;
        // Before the first byte there may be nothing at all: an empty tail tells that the upload
        // lives, so that an abort can end it.
        let is_bare =
            self.state.upload.is_none() && self.state.tail.is_none() && self.state.base.is_none();
        if self.has_grown || is_bare {
            self.load(operation).await?;
            self.replace_tail().await?;
            self.has_grown = false;
        }
        self.state.extend();
        self.state.write(kept);
        kept.length = self.length();
        Ok(())
    }

    async fn replace_tail(&mut self) -> Result<()> {
        // The state that is kept now names the present tail; those before it nobody needs.
        self.delete_replaced_tails(Operation::Checkpoint);
        // The present tail stays the present one until another is there: a checkpoint that failed
        // may be tried again, and must not find it among those that nobody needs.
        let tail = if self.buffer.is_empty() && self.state.upload.is_some() {
            None
        } else {
            Some(self.put_tail().await?)
        };
        self.replace_present_tail();
        self.state.tail = tail;
        Ok(())
    }

    async fn put_tail(&self) -> Result<Tail> {
        let name = format!("{}-{:016x}", self.epoch, rand::random::<u64>());
        let bytes = Bytes::copy_from_slice(&self.buffer);
        let length = bytes.len() as u64;
        let tag = self
            .requests(Operation::Checkpoint)
            .put_tail(&name, bytes.clone())
            .await?;
        let object = self.client.name(&self.place.tail(&name));
        self.client.tails.keep(object, bytes);
        Ok(Tail { name, length, tag })
    }

    /// Deletes tails that nobody needs, beside what follows: no request waits for it. What fails is
    /// left to the sweeper.
    pub(super) fn delete_replaced_tails(&mut self, operation: Operation) {
        let (client, place) = (Arc::clone(&self.client), self.place);
        for name in std::mem::take(&mut self.state.replaced) {
            let client = Arc::clone(&client);
            let name = client.name(&place.tail(&name));
            client.tails.forget(&name);
            self.client.cleaning.spawn(async move {
                let requests = Requests {
                    client: &client,
                    operation,
                    place,
                };
                if let Err(error) = requests.delete(&name).await {
                    tracing::debug!(%error, "failed to delete the tail of an upload; it is swept later");
                }
            });
        }
    }

    /// Gives up the present tail: its bytes are in memory, or the upload is finished.
    pub(super) fn replace_present_tail(&mut self) {
        let present = self.state.tail.take();
        self.state.replaced.extend(present.map(|tail| tail.name));
    }
}
