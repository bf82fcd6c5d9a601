//! Bytes on their way to the disk: gathered until there are enough for one write.

use bytes::{Bytes, BytesMut};

/// Pieces below this are copied together, in bytes. A piece keeps the whole network buffer that it
/// is a part of, so tiny ones would hold many times their own length in memory.
const KEPT_WHOLE: usize = 16 * 1024;

/// What offsets, lengths and memory of a write past the page cache are multiples of, in bytes: the
/// largest block of the common disks and file systems.
pub(super) const BLOCK_BYTES: usize = 4096;

/// Returns how far an offset is behind the beginning of its block.
pub(super) fn offset_in_block(offset: u64) -> usize {
    usize::try_from(offset % BLOCK_BYTES as u64).expect("less than a block")
}

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

    /// Returns the pieces up to the last whole block of the file and keeps what is behind it, where
    /// the first gathered byte goes to `offset`. All of them when there is no block to end with.
    pub(super) fn take_blocks(&mut self, offset: u64) -> Pieces {
        let behind = offset_in_block(offset + self.length as u64);
        if behind >= self.length {
            return self.take();
        }
        let Pieces(mut pieces) = self.take();
        let mut kept: Vec<Bytes> = Vec::new();
        let mut missing = behind;
        while missing > 0
            && let Some(mut last) = pieces.pop()
        {
            let from = last.len().saturating_sub(missing);
            let end = last.split_off(from);
            missing -= end.len();
            kept.push(end);
            if !last.is_empty() {
                pieces.push(last);
            }
        }
        // Copied, for they are less than a block and would hold the whole buffers they came in.
        for piece in kept.iter().rev() {
            self.tail.extend_from_slice(piece);
        }
        self.length = behind;
        Pieces(pieces)
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(lengths: &[usize]) -> (Gather, Vec<u8>) {
        let mut gather = Gather::default();
        let mut all = Vec::new();
        for &length in lengths {
            let piece: Vec<u8> = (0..length).map(|_| fastrand::u8(..)).collect();
            all.extend_from_slice(&piece);
            gather.push(piece.into());
        }
        (gather, all)
    }

    fn joined(pieces: &Pieces) -> Vec<u8> {
        pieces.iter().flat_map(|piece| piece.to_vec()).collect()
    }

    #[test]
    fn blocks_are_taken_and_the_rest_is_kept_in_order() {
        for (offset, lengths) in [
            (0, &[100_000, 30_000, 10, 20][..]),
            (4096, &[40_960, 1]),
            (5, &[20_000, 4091, 3]),
            (8191, &[1, 20_000, 20_000, 5000]),
        ] {
            let (mut gather, all) = gathered(lengths);
            let taken = gather.take_blocks(offset);
            assert_eq!((offset + taken.length()) % 4096, 0, "{lengths:?}");
            assert!(gather.length() < 4096);
            let mut whole = joined(&taken);
            gather.push(Bytes::from_static(b"next"));
            whole.extend(joined(&gather.take()));
            assert_eq!(whole, [&all[..], b"next"].concat());
        }
    }

    #[test]
    fn bytes_that_end_no_block_are_taken_as_they_are() {
        for (offset, length) in [(0, 100), (4000, 50), (0, 8192)] {
            let (mut gather, all) = gathered(&[length]);
            assert_eq!(joined(&gather.take_blocks(offset)), all);
            assert_eq!(gather.length(), 0);
        }
    }
}
