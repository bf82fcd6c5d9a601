//! Bytes on their way to the disk: gathered until there are enough for one write.

use super::disk::Root;
use bytes::{Bytes, BytesMut};
use rustix::fd::BorrowedFd;
use rustix::io::Result;
use std::io::IoSlice;

/// Pieces below this are copied together, in bytes. A piece keeps the whole network buffer that it
/// is a part of, so tiny ones would hold many times their own length in memory.
const KEPT_WHOLE: usize = 16 * 1024;

/// What one write takes: pieces as they came, small ones copied together.
#[derive(Debug, Default)]
pub(super) struct Gather {
    pieces: Vec<Bytes>,
    tail: BytesMut,
    length: usize,
}

impl Gather {
    /// Returns how many bytes wait.
    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// Adds bytes at the end.
    pub(super) fn push(&mut self, bytes: Bytes) {
        self.length += bytes.len();
        if bytes.len() < KEPT_WHOLE {
            self.tail.extend_from_slice(&bytes);
            return;
        }
        self.close_tail();
        self.pieces.push(bytes);
    }

    /// Returns all pieces and begins anew.
    pub(super) fn take(&mut self) -> Pieces {
        self.close_tail();
        self.length = 0;
        Pieces(std::mem::take(&mut self.pieces))
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push(self.tail.split().freeze());
        }
    }
}

/// The pieces of one write.
#[derive(Debug, Default)]
pub(super) struct Pieces(Vec<Bytes>);

impl Pieces {
    /// Returns their length together, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.0.iter().map(|piece| piece.len() as u64).sum()
    }

    /// Returns the pieces.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.0.iter()
    }

    /// Writes all of them at `offset`.
    pub(super) fn write_at(&self, root: &Root, file: BorrowedFd<'_>, offset: u64) -> Result<()> {
        let mut slices: Vec<IoSlice<'_>> = self.0.iter().map(|piece| IoSlice::new(piece)).collect();
        root.write_all(file, &mut slices, offset)
    }
}
