//! What an earlier finish of an upload left: an object, and whether it is this upload's.

use super::failure;
use super::folder::Folder;
use super::gather::Pieces;
use super::place::Place;
use super::publish;
use crate::{Kind, Operation, Result, StorageError};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

/// Tells whether the object is there with this length: then an earlier finish of the same upload
/// has succeeded, and it stays after a power cut. `NotFound` otherwise.
pub(super) fn was_finished(folder: &Folder, place: Place, length: u64) -> Result<()> {
    was_finished_with(folder, place, &Pieces::default(), length)
}

/// The same for a writer that has appended since: the object must end in its very bytes.
pub(super) fn was_finished_with(
    folder: &Folder,
    place: Place,
    pieces: &Pieces,
    offset: u64,
) -> Result<()> {
    let length = published_with(Operation::Finish, folder, place, pieces, offset)?;
    if length != offset + pieces.length() {
        return Err(gone(Operation::Finish, place));
    }
    publish::confirm(folder.root(), place)
        .map_err(|error| failure::from_io(Operation::Finish, place.key().as_str(), error))
}

/// Returns the length of the object if it is there and has these very bytes at `offset`.
/// `NotFound` otherwise.
pub(super) fn published_with(
    operation: Operation,
    folder: &Folder,
    place: Place,
    pieces: &Pieces,
    offset: u64,
) -> Result<u64> {
    let key = place.key();
    let fail = |error: Errno| failure::from_io(operation, key.as_str(), error);
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let opened = rustix::fs::openat(folder.directory(), place.published(), flags, Mode::empty());
    let object = match opened {
        Ok(object) => object,
        Err(Errno::NOENT) => return Err(gone(operation, place)),
        Err(error) => return Err(fail(error)),
    };
    let length = length_of(&object).map_err(fail)?;
    if length < offset + pieces.length() {
        return Err(gone(operation, place));
    }
    let mut at = offset;
    for piece in pieces.iter() {
        let mut found = vec![0; piece.len()];
        read_exactly(&object, &mut found, at).map_err(fail)?;
        if found != *piece {
            return Err(gone(operation, place));
        }
        at += piece.len() as u64;
    }
    Ok(length)
}

/// Tells whether there is an object at all.
pub(super) fn is_published(folder: &Folder, place: Place) -> rustix::io::Result<bool> {
    match rustix::fs::statat(
        folder.directory(),
        place.published(),
        AtFlags::SYMLINK_NOFOLLOW,
    ) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The error of an upload that has ended.
pub(super) fn gone(operation: Operation, place: Place) -> StorageError {
    let reason = "the upload is not there";
    StorageError::new(Kind::NotFound, operation, place.key().as_str(), reason)
}

/// Returns the length of an open file.
pub(super) fn length_of(file: impl AsFd) -> rustix::io::Result<u64> {
    let status = rustix::fs::fstat(file)?;
    Ok(u64::try_from(status.st_size).unwrap_or(0))
}

fn read_exactly(file: &OwnedFd, mut into: &mut [u8], mut offset: u64) -> rustix::io::Result<()> {
    while !into.is_empty() {
        let read = match rustix::io::pread(file, &mut *into, offset) {
            Ok(0) => return Err(Errno::IO),
            Ok(read) => read,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error),
        };
        into = &mut into[read..];
        offset += read as u64;
    }
    Ok(())
}
