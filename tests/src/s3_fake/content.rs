//! Bytes of objects and parts: few in memory, many in a nameless file, so that objects of
//! gigabytes fit.

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use md5::{Digest, Md5};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// What goes beyond this is written to a file.
const MEMORY_BYTES: usize = 1024 * 1024;
/// How much is read from a file at once.
const BLOCK_BYTES: usize = 256 * 1024;

#[derive(Clone, Debug)]
enum Piece {
    Memory(Bytes),
    File(Arc<File>, u64),
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, length) => *length,
        }
    }

    /// Reads at most a block from `range`, which lies in the piece and is not empty.
    fn read(&self, range: &Range<u64>) -> io::Result<Bytes> {
        let length = usize::try_from(range.end - range.start);
        let length = length.map_err(io::Error::other)?.min(BLOCK_BYTES);
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(range.start).map_err(io::Error::other)?;
                Ok(bytes.slice(start..start + length))
            }
            Self::File(file, _) => {
                let mut block = vec![0; length];
                file.read_exact_at(&mut block, range.start)?;
                Ok(block.into())
            }
        }
    }
}

/// The bytes of an object, of one part or of many.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pieces: Vec<Piece>,
}

impl Content {
    /// Takes a body to its end; also returns its MD5.
    pub(super) async fn receive(body: Option<StreamingBlob>) -> S3Result<(Self, [u8; 16])> {
        let mut hash = Md5::new();
        let mut held = Vec::new();
        let mut spilled: Option<(File, u64)> = None;
        if let Some(mut body) = body {
            while let Some(bytes) = body.next().await {
                let bytes = bytes.map_err(|error| incomplete(&error))?;
                hash.update(&bytes);
                if held.len() + bytes.len() <= MEMORY_BYTES && spilled.is_none() {
                    held.extend_from_slice(&bytes);
                    continue;
                }
                if spilled.is_none() {
                    spilled = Some((tempfile::tempfile().map_err(S3Error::internal_error)?, 0));
                }
                if let Some((file, length)) = &mut spilled {
                    for bytes in [std::mem::take(&mut held).as_slice(), &bytes] {
                        file.write_all_at(bytes, *length)
                            .map_err(S3Error::internal_error)?;
                        *length += bytes.len() as u64;
                    }
                }
            }
        }
        let piece = match spilled {
            Some((file, length)) => Piece::File(Arc::new(file), length),
            None => Piece::Memory(held.into()),
        };
        let content = Self {
            pieces: vec![piece],
        };
        Ok((content, hash.finalize().into()))
    }

    /// Makes content of bytes that are held anyway.
    pub(super) fn held(bytes: Vec<u8>) -> Self {
        Self {
            pieces: vec![Piece::Memory(bytes.into())],
        }
    }

    /// Puts contents one behind the other.
    pub(super) fn joined(contents: impl IntoIterator<Item = Self>) -> Self {
        let pieces = contents.into_iter().flat_map(|content| content.pieces);
        Self {
            pieces: pieces.collect(),
        }
    }

    pub(super) fn length(&self) -> u64 {
        self.pieces.iter().map(Piece::length).sum()
    }

    /// Streams a range that lies in the content.
    pub(super) fn stream(
        self,
        range: Range<u64>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync {
        let mut start = 0;
        let mut parts = Vec::new();
        for piece in self.pieces {
            let length = piece.length();
            let from = range.start.clamp(start, start + length) - start;
            let to = range.end.clamp(start, start + length) - start;
            start += length;
            if from < to {
                parts.push((piece, from..to));
            }
        }
        futures::stream::iter(parts).flat_map(|(piece, range)| {
            let blocks = (range.start..range.end).step_by(BLOCK_BYTES);
            futures::stream::iter(blocks.map(move |at| piece.read(&(at..range.end))))
        })
    }

    /// Reads a range of it whole.
    pub(super) async fn bytes(self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let blocks: Vec<Bytes> = self.stream(range).try_collect().await?;
        Ok(blocks.concat())
    }
}

fn incomplete(error: &s3s::StdError) -> S3Error {
    let message = format!("the body did not arrive whole: {error}");
    S3Error::with_message(S3ErrorCode::IncompleteBody, message)
}
