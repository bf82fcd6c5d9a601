//! The disk below the driver: every call that changes something on it, and nothing else.
//!
//! Whatever the driver creates, writes, cuts, syncs, renames or removes goes through [`Disk`], so
//! that a test can let any of these calls fail or keep a log of them. A call through it costs one
//! indirect jump beside a system call. Reading changes nothing and asks the kernel directly.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags};
use rustix::io::{Errno, Result};
use std::io::IoSlice;
use std::sync::Arc;

/// The calls. Paths are relative to `root`; each is one system call.
pub(super) trait Disk: std::fmt::Debug + Send + Sync + 'static {
    /// Opens a file that it may make; `flags` say how.
    fn create(&self, root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd>;

    /// Makes a folder.
    fn make_folder(&self, root: BorrowedFd<'_>, path: &str) -> Result<()>;

    /// Writes at `offset`; returns how many bytes were taken.
    fn write(&self, file: BorrowedFd<'_>, bytes: &[IoSlice<'_>], offset: u64) -> Result<usize>;

    /// Cuts or extends a file.
    fn set_length(&self, file: BorrowedFd<'_>, length: u64) -> Result<()>;

    /// Takes blocks for a file up to `end`, its length aside.
    fn keep(&self, file: BorrowedFd<'_>, end: u64) -> Result<()>;

    /// Brings the bytes and the length of a file to stable storage.
    fn sync_data(&self, file: BorrowedFd<'_>) -> Result<()>;

    /// Brings the names in a folder to stable storage.
    fn sync_folder(&self, folder: BorrowedFd<'_>) -> Result<()>;

    /// Gives a file another name.
    fn rename(&self, root: BorrowedFd<'_>, from: &str, to: &str) -> Result<()>;

    /// Removes a file.
    fn remove(&self, root: BorrowedFd<'_>, path: &str) -> Result<()>;
}

/// The disk as it is.
#[derive(Debug)]
pub(super) struct Kernel;

impl Disk for Kernel {
    fn create(&self, root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd> {
        let flags = flags | OFlags::CREATE | OFlags::CLOEXEC;
        rustix::fs::openat(root, path, flags, Mode::RUSR | Mode::WUSR)
    }

    fn make_folder(&self, root: BorrowedFd<'_>, path: &str) -> Result<()> {
        rustix::fs::mkdirat(root, path, Mode::RWXU)
    }

    fn write(&self, file: BorrowedFd<'_>, bytes: &[IoSlice<'_>], offset: u64) -> Result<usize> {
        rustix::io::pwritev(file, bytes, offset)
    }

    fn set_length(&self, file: BorrowedFd<'_>, length: u64) -> Result<()> {
        rustix::fs::ftruncate(file, length)
    }

    fn keep(&self, file: BorrowedFd<'_>, end: u64) -> Result<()> {
        rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, end)
    }

    fn sync_data(&self, file: BorrowedFd<'_>) -> Result<()> {
        rustix::fs::fdatasync(file)
    }

    fn sync_folder(&self, folder: BorrowedFd<'_>) -> Result<()> {
        rustix::fs::fsync(folder)
    }

    fn rename(&self, root: BorrowedFd<'_>, from: &str, to: &str) -> Result<()> {
        rustix::fs::renameat(root, from, root, to)
    }

    fn remove(&self, root: BorrowedFd<'_>, path: &str) -> Result<()> {
        rustix::fs::unlinkat(root, path, AtFlags::empty())
    }
}

/// The data folder on its disk: what every path of the driver is relative to.
#[derive(Debug)]
pub(super) struct Root {
    directory: OwnedFd,
    disk: Arc<dyn Disk>,
}

impl Root {
    pub(super) fn new(directory: OwnedFd, disk: Arc<dyn Disk>) -> Self {
        Self { directory, disk }
    }

    /// Returns the folder itself, for calls that only look.
    pub(super) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Opens a file that it may make; `flags` say how.
    pub(super) fn create(&self, path: &str, flags: OFlags) -> Result<OwnedFd> {
        self.disk.create(self.directory(), path, flags)
    }

    /// Makes a folder, if it is not there.
    pub(super) fn make_folder(&self, path: &str) -> Result<()> {
        match self.disk.make_folder(self.directory(), path) {
            Err(Errno::EXIST) => Ok(()),
            other => other,
        }
    }

    /// Opens a folder.
    pub(super) fn open_folder(&self, path: &str) -> Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(self.directory(), path, flags, Mode::empty())
    }

    /// Writes all of the slices at `offset`.
    pub(super) fn write_all(
        &self,
        file: BorrowedFd<'_>,
        slices: &mut [IoSlice<'_>],
        mut offset: u64,
    ) -> Result<()> {
        let mut rest = slices;
        while !rest.is_empty() {
            // The kernel takes 1,024 slices at a time.
            let now = rest.len().min(1024);
            let written = match self.disk.write(file, &rest[..now], offset) {
                Ok(0) => return Err(Errno::IO),
                Ok(written) => written,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error),
            };
            offset += written as u64;
            IoSlice::advance_slices(&mut rest, written);
        }
        Ok(())
    }

    /// Cuts or extends a file.
    pub(super) fn set_length(&self, file: BorrowedFd<'_>, length: u64) -> Result<()> {
        self.disk.set_length(file, length)
    }

    /// Takes blocks for a file up to `end`, its length aside.
    pub(super) fn keep(&self, file: BorrowedFd<'_>, end: u64) -> Result<()> {
        self.disk.keep(file, end)
    }

    /// Brings the bytes and the length of a file to stable storage. Its failure is final: what it
    /// did not bring there is not brought there by another one.
    pub(super) fn sync_data(&self, file: BorrowedFd<'_>) -> Result<()> {
        self.disk.sync_data(file)
    }

    /// Brings the names in an open folder to stable storage.
    pub(super) fn sync_open_folder(&self, folder: BorrowedFd<'_>) -> Result<()> {
        self.disk.sync_folder(folder)
    }

    /// Brings the names in a folder to stable storage.
    pub(super) fn sync_folder(&self, path: &str) -> Result<()> {
        self.disk.sync_folder(self.open_folder(path)?.as_fd())
    }

    /// Brings the names in the data folder itself to stable storage.
    pub(super) fn sync(&self) -> Result<()> {
        self.disk.sync_folder(self.directory())
    }

    /// Gives a file another name.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.disk.rename(self.directory(), from, to)
    }

    /// Removes a file.
    pub(super) fn remove(&self, path: &str) -> Result<()> {
        self.disk.remove(self.directory(), path)
    }
}
