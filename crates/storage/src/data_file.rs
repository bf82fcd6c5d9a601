//! A data object that is a file of this machine: the kernel can send it without a copy.

use crate::DataKey;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::Advice;
use rustix::io::{Errno, ReadWriteFlags};
use std::io::{self, IoSliceMut};
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;

/// How far apart the bytes are that stand for their neighbours when the page cache is asked.
const PROBE_BYTES: usize = 64 * 1024;
/// How far the disk is asked to read ahead of what had to be waited for, in bytes.
const READ_AHEAD_BYTES: u64 = 2 * 1024 * 1024;

/// An open data object. Clones share the file.
#[derive(Clone, Debug)]
pub struct DataFile {
    file: Arc<OwnedFd>,
    key: DataKey,
}

impl DataFile {
    /// Makes one of an open file, which no one writes to any more.
    #[must_use]
    pub fn new(file: OwnedFd, key: DataKey) -> Self {
        Self {
            file: Arc::new(file),
            key,
        }
    }

    /// Returns the key of the object.
    #[must_use]
    pub const fn key(&self) -> &DataKey {
        &self.key
    }

    /// Lets the kernel send bytes `range` to a socket; returns how many it took, 0 when the file
    /// ends before them. May wait for the disk where `is_cached` says no.
    ///
    /// # Errors
    /// `WouldBlock` when a non-blocking socket takes nothing now; what the socket or the disk says.
    pub fn send(&self, socket: impl AsFd, range: Range<u64>) -> io::Result<usize> {
        let mut offset = range.start;
        let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        Ok(rustix::fs::sendfile(
            socket,
            &*self.file,
            Some(&mut offset),
            length,
        )?)
    }

    /// Tells whether the page cache holds bytes `range`, by a byte in each 64 KiB. The kernel reads
    /// ahead in larger steps, so what lies between two bytes that are there is there as well.
    #[must_use]
    pub fn is_cached(&self, range: &Range<u64>) -> bool {
        let last = range.end.saturating_sub(1);
        (range.start..range.end)
            .step_by(PROBE_BYTES)
            .chain([last])
            .all(|offset| self.is_byte_cached(offset))
    }

    fn is_byte_cached(&self, offset: u64) -> bool {
        let mut byte = [0];
        let mut into = [IoSliceMut::new(&mut byte)];
        loop {
            match rustix::io::preadv2(&*self.file, &mut into, offset, ReadWriteFlags::NOWAIT) {
                Err(Errno::INTR) => {}
                Err(_) => return false,
                // At its end a file has nothing to wait for.
                Ok(_) => return true,
            }
        }
    }

    /// Brings bytes `range` into the page cache, on a thread that may block.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn load(self, range: Range<u64>) -> io::Result<()> {
        let load = move || {
            let mut block = vec![0; PROBE_BYTES];
            let mut offset = range.start;
            // Advice is only advice: a file system that takes none reads as before.
            let ahead = NonZeroU64::new(range.end - range.start + READ_AHEAD_BYTES);
            let _ = rustix::fs::fadvise(&*self.file, offset, ahead, Advice::WillNeed);
            while offset < range.end {
                match rustix::io::pread(&*self.file, &mut block, offset) {
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                    Ok(0) => return Ok(()),
                    Ok(read) => offset += read as u64,
                }
            }
            Ok(())
        };
        tokio::task::spawn_blocking(load)
            .await
            .map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    fn file_of(content: &[u8]) -> DataFile {
        let mut file = tempfile::tempfile().expect("makes a file");
        file.write_all(content).expect("writes");
        DataFile::new(file.into(), DataKey::new("k"))
    }

    #[tokio::test]
    async fn the_kernel_sends_the_asked_range_and_nothing_behind_the_end() {
        let file = file_of(b"0123456789");
        let (near, mut far) = UnixStream::pair().expect("makes sockets");
        assert_eq!(file.send(&near, 3..7).expect("sends"), 4);
        assert_eq!(file.send(&near, 10..20).expect("is at the end"), 0);
        drop(near);
        let mut came = Vec::new();
        far.read_to_end(&mut came).expect("reads");
        assert_eq!(came, b"3456");
    }

    #[tokio::test]
    async fn what_was_loaded_is_cached() {
        let file = file_of(&vec![7; 300_000]);
        file.clone().load(0..300_000).await.expect("loads");
        assert!(file.is_cached(&(0..300_000)));
        assert!(file.is_cached(&(299_999..300_000)));
    }
}
