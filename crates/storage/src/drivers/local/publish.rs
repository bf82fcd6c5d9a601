//! The only file that renames. What it publishes is whole and on stable storage, or not there.
//!
//! The order is always: the bytes to the disk (fdatasync), then the name (rename), then the name to
//! the disk (fsync of the folder, and of the folders around it when they may be new).

use super::place::Place;
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::{Errno, Result};
use std::collections::BTreeSet;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which of the 65,536 folders of data objects are known to be on stable storage: a bit each.
#[derive(Debug)]
pub(super) struct DurableFolders(Box<[AtomicU64]>);

impl Default for DurableFolders {
    fn default() -> Self {
        Self((0..1024).map(|_| AtomicU64::new(0)).collect())
    }
}

impl DurableFolders {
    fn is_durable(&self, number: u16) -> bool {
        let (index, mask) = Self::position(number);
        self.0[index].load(Ordering::Acquire) & mask != 0
    }

    fn set_durable(&self, number: u16) {
        let (index, mask) = Self::position(number);
        self.0[index].fetch_or(mask, Ordering::Release);
    }

    fn position(number: u16) -> (usize, u64) {
        (usize::from(number) / 64, 1 << (number % 64))
    }
}

/// Why an object was not published, and what that means for its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unpublished {
    /// The staged file is as it was: the upload may go on.
    Kept(Errno),
    /// An fsync failed. What it did not bring to the disk is not brought there by another one, so
    /// the caller removes both names and the upload is lost.
    Lost(Errno),
}

/// Moves the staged file of `place` to its final name. The caller has written all of `file`.
pub(super) fn publish(
    root: BorrowedFd<'_>,
    folders: &DurableFolders,
    place: Place,
    file: BorrowedFd<'_>,
) -> std::result::Result<(), Unpublished> {
    rustix::fs::fdatasync(file).map_err(Unpublished::Lost)?;
    let folder = open_or_make(root, place).map_err(Unpublished::Kept)?;
    let (staged, published) = (place.staged(), place.published());
    rustix::fs::renameat(root, staged, root, published).map_err(Unpublished::Kept)?;
    rustix::fs::fsync(&folder).map_err(Unpublished::Lost)?;
    // On the common file systems the fsync before has committed these as well, and they find
    // nothing left to do.
    if !folders.is_durable(place.folder_number()) {
        sync_folder(root, &place.outer_folder()).map_err(Unpublished::Lost)?;
        sync_folder(root, "data").map_err(Unpublished::Lost)?;
        folders.set_durable(place.folder_number());
    }
    Ok(())
}

/// Removes a published object for good: it does not come back after a power cut, when the record
/// that named it may be gone.
pub(super) fn remove(root: BorrowedFd<'_>, place: Place) -> Result<()> {
    match rustix::fs::unlinkat(root, place.published(), AtFlags::empty()) {
        Ok(()) => sync_folder(root, &place.inner_folder()),
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes a small file of the data folder itself, whole or not at all.
pub(super) fn create(root: BorrowedFd<'_>, name: &str, bytes: &[u8]) -> Result<()> {
    let staged = format!("{name}.new");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let file = rustix::fs::openat(root, &staged, flags, Mode::RUSR | Mode::WUSR)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = rustix::io::write(&file, rest)?;
        rest = &rest[written..];
    }
    rustix::fs::fdatasync(&file)?;
    rustix::fs::renameat(root, &staged, root, name)?;
    rustix::fs::fsync(root)
}

fn open_or_make(root: BorrowedFd<'_>, place: Place) -> Result<OwnedFd> {
    match open_folder(root, &place.inner_folder()) {
        Err(Errno::NOENT) => {
            make_folder(root, &place.outer_folder())?;
            make_folder(root, &place.inner_folder())?;
            open_folder(root, &place.inner_folder())
        }
        other => other,
    }
}

fn make_folder(root: BorrowedFd<'_>, path: &str) -> Result<()> {
    match rustix::fs::mkdirat(root, path, Mode::RWXU) {
        Err(Errno::EXIST) => Ok(()),
        other => other,
    }
}

fn open_folder(root: BorrowedFd<'_>, path: &str) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(root, path, flags, Mode::empty())
}

fn sync_folder(root: BorrowedFd<'_>, path: &str) -> Result<()> {
    rustix::fs::fsync(open_folder(root, path)?)
}

/// How an object of another folder came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adopted {
    /// It has a second name: both are one file, which nobody changes.
    Linked,
    /// Its bytes were copied and are on stable storage.
    Copied,
    /// There is no such object.
    Missing,
}

/// Brings an object of the folder `from` into the folder `to`, over what may lie under its name. The
/// name is on stable storage once [`sync_folders`] has run.
pub(super) fn adopt(from: BorrowedFd<'_>, to: BorrowedFd<'_>, place: Place) -> Result<Adopted> {
    let name = place.published();
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let source = match rustix::fs::openat(from, &name, flags, Mode::empty()) {
        Ok(source) => source,
        Err(Errno::NOENT) => return Ok(Adopted::Missing),
        Err(error) => return Err(error),
    };
    make_folder(to, "data")?;
    drop(open_or_make(to, place)?);
    match rustix::fs::unlinkat(to, &name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    match rustix::fs::linkat(from, &name, to, &name, AtFlags::empty()) {
        Ok(()) => return Ok(Adopted::Linked),
        Err(Errno::NOENT) => return Ok(Adopted::Missing),
        // Another file system, or one without links.
        Err(_) => {}
    }
    let part = format!("{name}.part");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let copy = rustix::fs::openat(to, &part, flags, Mode::RUSR | Mode::WUSR)?;
    let (mut source, mut copy) = (File::from(source), File::from(copy));
    std::io::copy(&mut source, &mut copy)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    rustix::fs::fdatasync(&copy)?;
    rustix::fs::renameat(to, &part, to, &name)?;
    Ok(Adopted::Copied)
}

/// Brings the names in these folders of data objects to the disk, and those of the folders.
pub(super) fn sync_folders(root: BorrowedFd<'_>, numbers: &BTreeSet<u16>) -> Result<()> {
    let mut outer_folders = BTreeSet::new();
    for number in numbers {
        let [outer, inner] = number.to_be_bytes();
        sync_folder(root, &format!("data/{outer:02x}/{inner:02x}"))?;
        outer_folders.insert(outer);
    }
    for outer in outer_folders {
        sync_folder(root, &format!("data/{outer:02x}"))?;
    }
    if !numbers.is_empty() {
        sync_folder(root, "data")?;
    }
    rustix::fs::fsync(root)
}
