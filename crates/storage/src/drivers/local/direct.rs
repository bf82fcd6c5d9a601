//! Writes that go past the page cache: the large ones of uploads, and those of the journal.
//!
//! What an upload brings is written once and read by others later, if at all; what the journal takes
//! is read after a crash. Through the page cache each page is found, copied to, marked, found again
//! and given back, which costs the machine more than hashing the bytes does, and pushes out what is
//! being pulled. A write past it takes whole blocks from aligned memory. Where the file system
//! refuses that, nothing is lost but the gain: the same bytes go through the cache.

use super::disk::Root;
use super::gather::{BLOCK_BYTES, Pieces, offset_in_block};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, Result};
use std::io::IoSlice;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The least that is written past the cache, in bytes. Below, a copy is cheaper than the wait.
const LEAST_BYTES: usize = 128 * 1024;

/// The most that one call writes, and what a buffer holds, in bytes.
const BUFFER_BYTES: usize = 1024 * 1024;

/// How many buffers are kept for the next writes.
const KEPT_BUFFERS: usize = 4;

/// Aligned memory for writes, shared by all uploads.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    kept: Mutex<Vec<Buffer>>,
}

#[derive(Debug)]
struct Buffer {
    memory: Vec<u8>,
    start: usize,
}

impl Buffer {
    fn new() -> Self {
        let memory = vec![0; BUFFER_BYTES + BLOCK_BYTES];
        let start = memory.as_ptr().align_offset(BLOCK_BYTES);
        Self { memory, start }
    }
}

impl Buffers {
    fn take(&self) -> Buffer {
        let kept = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        kept.unwrap_or_else(Buffer::new)
    }

    fn give_back(&self, buffer: Buffer) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_BUFFERS {
            kept.push(buffer);
        }
    }
}

/// A file that is written past the cache where that can be.
#[derive(Debug)]
pub(super) struct DirectFile {
    handle: OwnedFd,
    path: String,
    /// The same file past the cache, opened for the first such write; none where that cannot be.
    past_cache: OnceLock<Option<OwnedFd>>,
}

impl DirectFile {
    /// Takes an open file and the path that it was opened by.
    pub(super) const fn new(handle: OwnedFd, path: String) -> Self {
        Self {
            handle,
            path,
            past_cache: OnceLock::new(),
        }
    }

    /// Writes pieces at `offset`: whole blocks past the cache when they are many, the rest through
    /// it. No block is written both ways, as no byte is written twice by one writer.
    pub(super) fn write(
        &self,
        root: &Root,
        buffers: &Buffers,
        pieces: &Pieces,
        offset: u64,
    ) -> Result<()> {
        let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut rest = Rest {
            slices: &mut slices,
            offset,
        };
        let length = usize::try_from(pieces.length()).map_err(|_| Errno::INVAL)?;
        let to_block = (BLOCK_BYTES - offset_in_block(offset)) % BLOCK_BYTES;
        let blocks = length.saturating_sub(to_block) / BLOCK_BYTES * BLOCK_BYTES;
        if blocks >= LEAST_BYTES
            && let Some(past_cache) = self.past_cache(root)
        {
            if to_block > 0 {
                rest.write(root, self.as_fd(), to_block, buffers)?;
            }
            rest.write_past_cache(root, past_cache, blocks, buffers)?;
        }
        root.write_all(self.as_fd(), rest.slices, rest.offset)
    }

    /// Writes whole blocks at the offset of one.
    pub(super) fn write_blocks(
        &self,
        root: &Root,
        buffers: &Buffers,
        blocks: &[u8],
        offset: u64,
    ) -> Result<()> {
        let mut slices = [IoSlice::new(blocks)];
        let mut rest = Rest {
            slices: &mut slices,
            offset,
        };
        if let Some(past_cache) = self.past_cache(root) {
            rest.write_past_cache(root, past_cache, blocks.len(), buffers)?;
        }
        root.write_all(self.as_fd(), rest.slices, rest.offset)
    }

    fn past_cache(&self, root: &Root) -> Option<BorrowedFd<'_>> {
        let opened = self.past_cache.get_or_init(|| {
            let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::DIRECT;
            rustix::fs::openat(root.directory(), &*self.path, flags, Mode::empty()).ok()
        });
        opened.as_ref().map(AsFd::as_fd)
    }
}

impl AsFd for DirectFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

/// What is left to write.
struct Rest<'a, 'b> {
    slices: &'a mut [IoSlice<'b>],
    offset: u64,
}

impl Rest<'_, '_> {
    /// Writes the next `length` bytes, blocks at the offset of one, from aligned memory. Some may be
    /// left where the file was opened so and does not take it.
    fn write_past_cache(
        &mut self,
        root: &Root,
        past_cache: BorrowedFd<'_>,
        length: usize,
        buffers: &Buffers,
    ) -> Result<()> {
        let mut left = length;
        while left > 0 {
            let now = left.min(BUFFER_BYTES);
            match self.write(root, past_cache, now, buffers) {
                Ok(()) => left -= now,
                Err(Errno::INVAL) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes the next `length` bytes from aligned memory.
    fn write(
        &mut self,
        root: &Root,
        file: BorrowedFd<'_>,
        length: usize,
        buffers: &Buffers,
    ) -> Result<()> {
        let mut buffer = buffers.take();
        let copied = self.copy(&mut buffer, length);
        let written = root.write_all(file, &mut [IoSlice::new(copied)], self.offset);
        buffers.give_back(buffer);
        written?;
        IoSlice::advance_slices(&mut self.slices, length);
        self.offset += length as u64;
        Ok(())
    }

    fn copy<'c>(&self, buffer: &'c mut Buffer, length: usize) -> &'c [u8] {
        let into = &mut buffer.memory[buffer.start..buffer.start + length];
        let mut at = 0;
        for slice in self.slices.iter() {
            let taken = slice.len().min(length - at);
            into[at..at + taken].copy_from_slice(&slice[..taken]);
            at += taken;
            if at == length {
                break;
            }
        }
        into
    }
}
