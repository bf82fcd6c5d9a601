//! The file under redb, watched: whether an fsync failed decides what may be done after an error.
//!
//! After a failed fsync the page cache may hold what the disk does not, and says nothing of it when
//! asked again. So the store may be opened again after a failed write, but not after a failed fsync.

use super::disk::Root;
use redb::{BackendError, StorageBackend};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, IoSlice};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What happened to the file, shared with the writer.
#[derive(Debug, Default)]
pub(super) struct Health {
    sync_failed: AtomicBool,
}

impl Health {
    /// Tells whether an fsync ever failed.
    pub(super) fn has_sync_failed(&self) -> bool {
        self.sync_failed.load(Ordering::Acquire)
    }

    /// Notes that one did.
    pub(super) fn note_failed_sync(&self) {
        self.sync_failed.store(true, Ordering::Release);
    }
}

/// The part of the disk that is kept for the file: blocks of its own, so that what is written there
/// does not meet a full disk. A commit of deletes, or the repair after a crash, writes before it
/// frees; and what the journal has must fit when the file is brought to the disk.
#[derive(Debug)]
pub(super) struct Headroom {
    file: File,
    root: Arc<Root>,
    /// How much of the disk is taken beyond what the file uses, in bytes; half of that at least.
    bytes: u64,
    /// Up to where the file has been written, and up to where the disk is its own.
    used_to: AtomicU64,
    kept_to: AtomicU64,
    is_low: AtomicBool,
}

impl Headroom {
    /// Keeps enough for a write that ends at `end`, or notes that there is not enough.
    fn use_to(&self, end: u64) {
        let used_to = self.used_to.fetch_max(end, Ordering::AcqRel).max(end);
        // Without space it is asked for again once a batch, not with every page.
        let is_near = used_to + self.bytes / 2 > self.kept_to.load(Ordering::Acquire);
        if is_near && !self.is_low.load(Ordering::Acquire) {
            self.extend(used_to + self.bytes);
        }
    }

    fn extend(&self, to: u64) {
        let keep = || self.root.keep(self.file.as_fd(), to);
        let kept = rustix::io::retry_on_intr(keep);
        let is_low = matches!(kept, Err(Errno::NOSPC | Errno::DQUOT));
        if !is_low {
            // Where the file system keeps nothing in advance, it is not asked again.
            let to = if kept.is_ok() { to } else { u64::MAX };
            self.kept_to.store(to, Ordering::Release);
        }
        if self.is_low.swap(is_low, Ordering::AcqRel) == is_low {
            return;
        }
        if is_low {
            tracing::warn!("the disk is full: only deletes and small records are taken");
        } else {
            tracing::info!("the disk has space for records again");
        }
    }

    /// Notes that the file is cut, which gives back every block behind its end.
    fn cut_to(&self, length: u64) {
        self.used_to.fetch_min(length, Ordering::AcqRel);
        self.kept_to.fetch_min(length, Ordering::AcqRel);
    }

    /// Tells whether the disk had too little left, after another look if it had.
    pub(super) fn is_low(&self) -> bool {
        if self.is_low.load(Ordering::Acquire) {
            self.extend(self.used_to.load(Ordering::Acquire) + self.bytes);
        }
        self.is_low.load(Ordering::Acquire)
    }
}

/// redb's own file backend, watched; what changes the file goes through the driver's disk.
#[derive(Debug)]
pub(super) struct WatchedFile {
    inner: redb::backends::FileBackend,
    /// The same open file: the locks that `inner` takes on it are held by both.
    headroom: Arc<Headroom>,
    root: Arc<Root>,
    health: Arc<Health>,
}

impl WatchedFile {
    pub(super) fn new(
        root: Arc<Root>,
        file: File,
        headroom_bytes: u64,
        health: Arc<Health>,
    ) -> Result<Self, redb::Error> {
        let inner = redb::backends::FileBackend::new(file.try_clone()?)?;
        let headroom = Headroom {
            file,
            root: Arc::clone(&root),
            bytes: headroom_bytes,
            used_to: AtomicU64::new(0),
            kept_to: AtomicU64::new(0),
            is_low: AtomicBool::new(false),
        };
        Ok(Self {
            inner,
            headroom: Arc::new(headroom),
            root,
            health,
        })
    }

    /// Returns what tells whether the disk has room for the file.
    pub(super) fn headroom(&self) -> Arc<Headroom> {
        Arc::clone(&self.headroom)
    }

    fn file(&self) -> BorrowedFd<'_> {
        self.headroom.file.as_fd()
    }
}

impl StorageBackend for WatchedFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let is_cut = length < self.inner.len()?;
        if is_cut {
            self.headroom.cut_to(length);
        }
        self.root.set_length(self.file(), length)?;
        if !is_cut {
            // Any page of it may be the next one that is written, the last as well as the first.
            self.headroom.use_to(length);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let result = self.root.sync_data(self.file());
        if result.is_err() {
            self.health.note_failed_sync();
        }
        Ok(result?)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.headroom.use_to(offset + data.len() as u64);
        let mut slices = [IoSlice::new(data)];
        Ok(self.root.write_all(self.file(), &mut slices, offset)?)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
