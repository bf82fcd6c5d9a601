//! The file under redb, watched: whether an fsync failed decides what may be done after an error.
//!
//! After a failed fsync the page cache may hold what the disk does not, and says nothing of it when
//! asked again. So the store may be opened again after a failed write, but not after a failed fsync.

use super::disk::Root;
use redb::{BackendError, StorageBackend};
use std::fs::File;
use std::io::{self, IoSlice};
use std::ops::Bound;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
}

/// redb's own file backend, watched; what changes the file goes through the driver's disk.
#[derive(Debug)]
pub(super) struct WatchedFile {
    inner: redb::backends::FileBackend,
    /// The same open file: the locks that `inner` takes on it are held by both.
    file: File,
    root: Arc<Root>,
    health: Arc<Health>,
}

impl WatchedFile {
    pub(super) fn new(
        root: Arc<Root>,
        file: File,
        health: Arc<Health>,
    ) -> Result<Self, redb::Error> {
        let inner = redb::backends::FileBackend::new(file.try_clone()?)?;
        Ok(Self {
            inner,
            file,
            root,
            health,
        })
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
        Ok(self.root.set_length(self.file.as_fd(), length)?)
    }

    fn sync_data(&self) -> io::Result<()> {
        let result = self.root.sync_data(self.file.as_fd());
        if result.is_err() {
            self.health.sync_failed.store(true, Ordering::Release);
        }
        Ok(result?)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut slices = [IoSlice::new(data)];
        Ok(self
            .root
            .write_all(self.file.as_fd(), &mut slices, offset)?)
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
