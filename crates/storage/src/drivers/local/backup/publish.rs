//! What backups write beside the data folder: the only file of theirs that links and renames.
//!
//! A backup is another folder than the one that the driver looks after, so none of this goes through
//! the driver's own `Disk`. The order is the same: bytes to the disk, then the name, then the name to
//! the disk, and what says that a backup is whole comes last.

use crate::drivers::local::place::Place;
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::{Errno, Result};
use std::collections::BTreeSet;
use std::fs::File;

/// Writes a small file, whole or not at all.
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
    make_folder(to, &place.outer_folder())?;
    make_folder(to, &place.inner_folder())?;
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

fn make_folder(root: BorrowedFd<'_>, path: &str) -> Result<()> {
    match rustix::fs::mkdirat(root, path, Mode::RWXU) {
        Err(Errno::EXIST) => Ok(()),
        other => other,
    }
}

fn sync_folder(root: BorrowedFd<'_>, path: &str) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder: OwnedFd = rustix::fs::openat(root, path, flags, Mode::empty())?;
    rustix::fs::fsync(folder)
}
