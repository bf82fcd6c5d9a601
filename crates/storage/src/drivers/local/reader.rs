//! Streams a file: from the page cache without leaving the worker, from the disk on a thread that
//! may block.

use super::failure;
use super::folder::Folder;
use crate::limits;
use crate::{DataKey, DataStream, Kind, Operation, Result, StorageError};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use rustix::fd::OwnedFd;
use rustix::fs::{Advice, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, ReadWriteFlags};
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The length of a block in bytes, and of one where many streams share the memory.
const BLOCK_BYTES: usize = 256 * 1024;
const SMALL_BLOCK_BYTES: usize = 64 * 1024;

/// From how many open streams on blocks are small.
const MANY_STREAMS: usize = 32;

/// How many blocks are kept for the next stream; 4 MiB at most.
const SPARE_BLOCKS: usize = 16;

/// How far the disk is asked to read ahead of a stream that had to wait for it, in bytes.
const READ_AHEAD_BYTES: u64 = 2 * 1024 * 1024;

/// What all streams share.
#[derive(Debug, Default)]
pub(super) struct Reading {
    streams: AtomicUsize,
    spare: Mutex<Vec<BytesMut>>,
    /// Set when the file system does not know reads that never wait.
    always_hop: AtomicBool,
    /// Set when the kernel does not know opens that never wait.
    always_hop_to_open: AtomicBool,
}

impl Reading {
    /// Opens a file of the folder and streams bytes `range` of it.
    pub(super) async fn open(
        self: &Arc<Self>,
        folder: &Arc<Folder>,
        key: &DataKey,
        path: String,
        range: Range<u64>,
    ) -> Result<DataStream> {
        let file = self.open_whole(folder, key, path, range.end).await?;
        self.streams.fetch_add(1, Ordering::Relaxed);
        let stream = FileStream {
            reading: Arc::clone(self),
            file: Arc::new(file),
            key: key.clone(),
            rest: range,
            yielded: None,
            is_cold: false,
        };
        let blocks = futures::stream::unfold(stream, |mut stream| async move {
            let block = stream.next().await?;
            Some((block, stream))
        });
        Ok(blocks.boxed())
    }

    /// Opens a file of the folder that has at least `least` bytes.
    pub(super) async fn open_whole(
        &self,
        folder: &Arc<Folder>,
        key: &DataKey,
        path: String,
        least: u64,
    ) -> Result<OwnedFd> {
        let fail = |error: Errno| failure::from_io(Operation::Read, key.as_str(), error);
        let opened = if let Some(opened) = self.open_cached(folder, &path) {
            opened
        } else {
            let folder = Arc::clone(folder);
            let open = move || open_file(&folder, &path, ResolveFlags::empty());
            join(key, tokio::task::spawn_blocking(open).await)?
        };
        let (file, length) = opened.map_err(fail)?;
        if length < least {
            return Err(limits::too_short(key.as_str(), length, &(0..least)));
        }
        Ok(file)
    }

    /// Opens a file if that needs no disk; nothing when it may.
    fn open_cached(
        &self,
        folder: &Folder,
        path: &str,
    ) -> Option<rustix::io::Result<(OwnedFd, u64)>> {
        if self.always_hop_to_open.load(Ordering::Relaxed) {
            return None;
        }
        match open_file(folder, path, ResolveFlags::CACHED) {
            Err(Errno::AGAIN) => None,
            Err(Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
                self.always_hop_to_open.store(true, Ordering::Relaxed);
                None
            }
            opened => Some(opened),
        }
    }

    fn block_bytes(&self) -> usize {
        let streams = self.streams.load(Ordering::Relaxed);
        if streams > MANY_STREAMS {
            SMALL_BLOCK_BYTES
        } else {
            BLOCK_BYTES
        }
    }

    /// Returns a block of at least `length` bytes, a used one where there is one.
    fn take_block(&self, length: usize) -> BytesMut {
        if length == BLOCK_BYTES
            && let Some(block) = self.lock().pop()
        {
            return block;
        }
        BytesMut::zeroed(length)
    }

    fn keep_block(&self, block: BytesMut) {
        let mut spare = self.lock();
        if block.len() == BLOCK_BYTES && spare.len() < SPARE_BLOCKS {
            spare.push(block);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<BytesMut>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One stream.
struct FileStream {
    reading: Arc<Reading>,
    file: Arc<OwnedFd>,
    key: DataKey,
    /// What is still to be read; empty once the stream has ended.
    rest: Range<u64>,
    /// The whole block of which the last bytes were yielded: used again once the consumer has
    /// dropped them, so that a steady stream allocates and zeroes nothing.
    yielded: Option<Bytes>,
    /// Set once a read had to wait for the disk.
    is_cold: bool,
}

impl FileStream {
    async fn next(&mut self) -> Option<Result<Bytes>> {
        if self.rest.is_empty() {
            return None;
        }
        let read = self.read_block().await;
        if read.is_err() {
            self.rest = self.rest.end..self.rest.end;
        }
        Some(read)
    }

    async fn read_block(&mut self) -> Result<Bytes> {
        let mut block = self.block();
        let wanted = usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX);
        let wanted = wanted.min(block.len());
        let cached = self.read_cached(&mut block[..wanted]);
        let (block, read) = match cached {
            Some(read) => (block, read),
            None => self.read_hopping(block, wanted).await?,
        };
        let key = self.key.as_str();
        let read = read.map_err(|error| failure::from_io(Operation::Read, key, error))?;
        if read == 0 {
            let reason = format!("the file ended at byte {}", self.rest.start);
            return Err(StorageError::new(
                Kind::Corrupt,
                Operation::Read,
                key,
                reason,
            ));
        }
        self.rest.start += read as u64;
        let whole = block.freeze();
        let bytes = whole.slice(..read);
        self.yielded = Some(whole);
        Ok(bytes)
    }

    /// Reads on a thread that may block.
    async fn read_hopping(
        &mut self,
        mut block: BytesMut,
        wanted: usize,
    ) -> Result<(BytesMut, rustix::io::Result<usize>)> {
        let (file, rest) = (Arc::clone(&self.file), self.rest.clone());
        let was_cold = std::mem::replace(&mut self.is_cold, true);
        let hop = move || {
            let read = read_from_disk(&file, &mut block[..wanted], &rest, was_cold);
            (block, read)
        };
        join(&self.key, tokio::task::spawn_blocking(hop).await)
    }

    /// Returns a block to read into: the last one if it is free again.
    fn block(&mut self) -> BytesMut {
        if let Some(Ok(block)) = self.yielded.take().map(Bytes::try_into_mut) {
            return block;
        }
        let rest = usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX);
        self.reading
            .take_block(self.reading.block_bytes().min(rest))
    }

    /// Reads what the page cache holds; nothing when the disk would have to be waited for.
    fn read_cached(&self, into: &mut [u8]) -> Option<rustix::io::Result<usize>> {
        if self.reading.always_hop.load(Ordering::Relaxed) {
            return None;
        }
        let mut into = [std::io::IoSliceMut::new(into)];
        loop {
            let flags = ReadWriteFlags::NOWAIT;
            match rustix::io::preadv2(&*self.file, &mut into, self.rest.start, flags) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return None,
                Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                    self.reading.always_hop.store(true, Ordering::Relaxed);
                    return None;
                }
                read => return Some(read),
            }
        }
    }
}

impl Drop for FileStream {
    fn drop(&mut self) {
        self.reading.streams.fetch_sub(1, Ordering::Relaxed);
        if let Some(Ok(block)) = self.yielded.take().map(Bytes::try_into_mut) {
            self.reading.keep_block(block);
        }
    }
}

/// Reads on a thread that may block, and asks the disk for what comes next.
fn read_from_disk(
    file: &OwnedFd,
    into: &mut [u8],
    rest: &Range<u64>,
    was_cold: bool,
) -> rustix::io::Result<usize> {
    // Advice is only advice: a file system that takes none reads as before.
    if !was_cold {
        let _ = rustix::fs::fadvise(file, 0, None, Advice::Sequential);
    }
    let read = loop {
        match rustix::io::pread(file, &mut *into, rest.start) {
            Err(Errno::INTR) => {}
            read => break read?,
        }
    };
    let next = rest.start + read as u64;
    if let Some(ahead) = NonZeroU64::new(rest.end.saturating_sub(next).min(READ_AHEAD_BYTES)) {
        let _ = rustix::fs::fadvise(file, next, Some(ahead), Advice::WillNeed);
    }
    Ok(read)
}

fn open_file(
    folder: &Folder,
    path: &str,
    resolve: ResolveFlags,
) -> rustix::io::Result<(OwnedFd, u64)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = if resolve.is_empty() {
        rustix::fs::openat(folder.directory(), path, flags, Mode::empty())?
    } else {
        rustix::fs::openat2(folder.directory(), path, flags, Mode::empty(), resolve)?
    };
    let status = rustix::fs::fstat(&file)?;
    Ok((file, u64::try_from(status.st_size).unwrap_or(0)))
}

fn join<T>(key: &DataKey, joined: std::result::Result<T, tokio::task::JoinError>) -> Result<T> {
    joined
        .map_err(|error| StorageError::new(Kind::Unavailable, Operation::Read, key.as_str(), error))
}
