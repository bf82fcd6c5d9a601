//! What a writer of an upload holds open: bytes that wait, and the writes under way.

use super::folder::Folder;
use super::gather::{Gather, Pieces};
use super::staging::{Claim, Origin, Staged};
use crate::{Kind, Operation, Result, StorageError};
use bytes::Bytes;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

/// The most bytes that one writer gathers for a write, and the least where many share the memory.
const MOST_GATHERED: usize = 1024 * 1024;
const LEAST_GATHERED: usize = 64 * 1024;

/// How many bytes are written before they are brought to the disk in the background.
const WRITE_BACK_BYTES: u64 = 32 * 1024 * 1024;

/// How many writers there are, who share the memory for gathered bytes.
#[derive(Debug)]
pub(super) struct Writers {
    count: AtomicUsize,
    buffer_bytes: usize,
}

impl Writers {
    pub(super) const fn new(buffer_bytes: usize) -> Self {
        Self {
            count: AtomicUsize::new(0),
            buffer_bytes,
        }
    }

    fn gathered_bytes(&self) -> usize {
        let count = self.count.load(Ordering::Relaxed).max(1);
        (self.buffer_bytes / count).clamp(LEAST_GATHERED, MOST_GATHERED)
    }
}

/// One of them; counts for as long as it lives.
#[derive(Debug)]
struct Counted(Arc<Writers>);

impl Counted {
    fn new(writers: Arc<Writers>) -> Self {
        writers.count.fetch_add(1, Ordering::Relaxed);
        Self(writers)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The live part of an upload.
///
/// At most one write and one write-back are under way; while a write is, the next one is gathered.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) claim: Claim,
    pub(super) gather: Gather,
    /// Where the first gathered byte goes.
    pub(super) offset: u64,
    folder: Arc<Folder>,
    writing: Option<JoinHandle<Result<()>>>,
    writing_back: Option<JoinHandle<Result<()>>>,
    not_written_back: u64,
    /// Set once a write failed: bytes are missing, so this writer must not go on.
    has_failed: bool,
    counted: Counted,
}

impl Writer {
    pub(super) fn new(
        folder: Arc<Folder>,
        writers: Arc<Writers>,
        staged: Arc<Staged>,
        origin: Origin,
        epoch: u64,
        offset: u64,
    ) -> Self {
        let handle = Arc::<Mutex<_>>::default();
        Self {
            claim: Claim {
                staged,
                epoch,
                origin,
                handle,
            },
            gather: Gather::default(),
            offset,
            folder,
            writing: None,
            writing_back: None,
            not_written_back: 0,
            has_failed: false,
            counted: Counted::new(writers),
        }
    }

    /// Takes bytes, and begins to write when enough have come together.
    pub(super) async fn append(&mut self, bytes: Bytes) -> Result<()> {
        self.check(Operation::Append)?;
        self.claim.stake(Operation::Append)?;
        self.gather.push(bytes);
        if self.gather.length() > self.counted.0.gathered_bytes() {
            self.settle_write().await?;
            let pieces = self.gather.take_blocks(self.offset);
            self.begin_write(Operation::Append, pieces)?;
            self.begin_write_back().await?;
        }
        Ok(())
    }

    /// Writes everything out, to the page cache at least.
    pub(super) async fn flush(&mut self, operation: Operation) -> Result<()> {
        self.check(operation)?;
        self.claim.stake(operation)?;
        self.settle_write().await?;
        if self.gather.length() > 0 {
            let pieces = self.gather.take();
            self.begin_write(operation, pieces)?;
            self.settle_write().await?;
        }
        Ok(())
    }

    /// Waits for what is under way, so that the last bytes may be written by the finish itself.
    pub(super) async fn settle(&mut self) -> Result<()> {
        self.check(Operation::Finish)?;
        self.settle_write().await?;
        self.settle_write_back().await
    }

    fn check(&self, operation: Operation) -> Result<()> {
        if !self.has_failed {
            return Ok(());
        }
        let reason = "an earlier write of this upload failed; resume it from its last checkpoint";
        Err(StorageError::new(
            Kind::Io,
            operation,
            self.claim.key().as_str(),
            reason,
        ))
    }

    fn begin_write(&mut self, operation: Operation, pieces: Pieces) -> Result<()> {
        let length = pieces.length();
        self.folder
            .take_space(operation, self.claim.key().as_str(), length)?;
        let (folder, claim, offset) = (Arc::clone(&self.folder), self.claim.clone(), self.offset);
        let write = move || claim.write(&folder, &pieces, offset);
        self.writing = Some(tokio::task::spawn_blocking(write));
        self.offset += length;
        self.not_written_back += length;
        Ok(())
    }

    async fn settle_write(&mut self) -> Result<()> {
        let result = settle(&self.claim, &mut self.writing).await;
        self.has_failed |= result.is_err();
        result
    }

    async fn begin_write_back(&mut self) -> Result<()> {
        if self.not_written_back < WRITE_BACK_BYTES {
            return Ok(());
        }
        if self
            .writing_back
            .as_ref()
            .is_some_and(|handle| !handle.is_finished())
        {
            // The disk is slower than the client. The page cache holds what is in between.
            return Ok(());
        }
        self.settle_write_back().await?;
        let (folder, claim) = (Arc::clone(&self.folder), self.claim.clone());
        let write_back = move || claim.write_back(&folder);
        self.writing_back = Some(tokio::task::spawn_blocking(write_back));
        self.not_written_back = 0;
        Ok(())
    }

    async fn settle_write_back(&mut self) -> Result<()> {
        let result = settle(&self.claim, &mut self.writing_back).await;
        self.has_failed |= result.is_err();
        result
    }
}

/// Waits for a task, which stays in its place if this wait is given up.
async fn settle(claim: &Claim, task: &mut Option<JoinHandle<Result<()>>>) -> Result<()> {
    let Some(handle) = task else { return Ok(()) };
    let joined = handle.await;
    *task = None;
    joined.map_err(|error| {
        StorageError::new(
            Kind::Unavailable,
            Operation::Append,
            claim.key().as_str(),
            error,
        )
    })?
}
