//! The file under redb, watched: whether an fsync failed decides what may be done after an error.
//!
//! After a failed fsync the page cache may hold what the disk does not, and says nothing of it when
//! asked again. So the store may be opened again after a failed write, but not after a failed fsync.

use redb::{BackendError, StorageBackend};
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What happened to the file, shared with the writer.
#[derive(Debug, Default)]
pub(super) struct Health {
    sync_failed: AtomicBool,
    #[cfg(test)]
    pub(super) faults: Faults,
}

impl Health {
    /// Tells whether an fsync ever failed.
    pub(super) fn has_sync_failed(&self) -> bool {
        self.sync_failed.load(Ordering::Acquire)
    }
}

/// Errors that a test asks for.
#[cfg(test)]
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Every write beyond what was ever written fails, as the holes of a file do on a full disk.
    pub(super) disk_full: AtomicBool,
    /// Up to where the file has been written, in bytes.
    written_to: std::sync::atomic::AtomicU64,
    /// Every fsync fails.
    pub(super) sync: AtomicBool,
    /// Counts the fsyncs.
    pub(super) syncs: std::sync::atomic::AtomicUsize,
}

#[cfg(test)]
impl Faults {
    fn check_write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = offset + data.len() as u64;
        if self.disk_full.load(Ordering::Acquire) && end > self.written_to.load(Ordering::Acquire) {
            return Err(rustix::io::Errno::NOSPC.into());
        }
        self.written_to.fetch_max(end, Ordering::AcqRel);
        Ok(())
    }

    fn check_sync(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::AcqRel);
        let fails = self.sync.load(Ordering::Acquire);
        if fails {
            Err(rustix::io::Errno::IO.into())
        } else {
            Ok(())
        }
    }
}

/// redb's own file backend, watched.
#[derive(Debug)]
pub(super) struct WatchedFile {
    inner: redb::backends::FileBackend,
    health: Arc<Health>,
}

impl WatchedFile {
    pub(super) fn new(file: File, health: Arc<Health>) -> Result<Self, redb::DatabaseError> {
        Ok(Self {
            inner: redb::backends::FileBackend::new(file)?,
            health,
        })
    }

    fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        self.health.faults.check_sync()?;
        self.inner.sync_data()
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
        self.inner.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        let result = self.sync();
        if result.is_err() {
            self.health.sync_failed.store(true, Ordering::Release);
        }
        result
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        self.health.faults.check_write(offset, data)?;
        self.inner.write(offset, data)
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
