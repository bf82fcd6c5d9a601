//! The only file that renames. What it publishes is whole and on stable storage, or not there.
//!
//! The order is always: the bytes to the disk (fdatasync), then the name (rename), then the name to
//! the disk (fsync of the folder, and of the folders around it when they may be new).

use super::disk::Root;
use super::place::Place;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::OFlags;
use rustix::io::{Errno, Result};
use std::io::IoSlice;
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
    root: &Root,
    folders: &DurableFolders,
    place: Place,
    file: BorrowedFd<'_>,
) -> std::result::Result<(), Unpublished> {
    root.sync_data(file).map_err(Unpublished::Lost)?;
    let folder = open_or_make(root, place).map_err(Unpublished::Kept)?;
    let (staged, published) = (place.staged(), place.published());
    root.rename(&staged, &published)
        .map_err(Unpublished::Kept)?;
    root.sync_open_folder(folder.as_fd())
        .map_err(Unpublished::Lost)?;
    // On the common file systems the fsync before has committed these as well, and they find
    // nothing left to do.
    if !folders.is_durable(place.folder_number()) {
        root.sync_folder(&place.outer_folder())
            .map_err(Unpublished::Lost)?;
        root.sync_folder("data").map_err(Unpublished::Lost)?;
        folders.set_durable(place.folder_number());
    }
    Ok(())
}

/// Brings the name of an object to the disk that is there already: who published it may have ended
/// before that. Its bytes were on the disk before it had its name.
pub(super) fn confirm(root: &Root, place: Place) -> Result<()> {
    root.sync_folder(&place.inner_folder())?;
    root.sync_folder(&place.outer_folder())?;
    root.sync_folder("data")
}

/// Removes a published object for good: it does not come back after a power cut, when the record
/// that named it may be gone.
pub(super) fn remove(root: &Root, place: Place) -> Result<()> {
    match root.remove(&place.published()) {
        // An earlier call may have removed it and got no further.
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    match root.sync_folder(&place.inner_folder()) {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// Writes a small file of the data folder itself, whole or not at all.
pub(super) fn create(root: &Root, name: &str, bytes: &[u8]) -> Result<()> {
    let staged = staged_name(name);
    let file = root.create(&staged, OFlags::WRONLY | OFlags::TRUNC)?;
    root.write_all(file.as_fd(), &mut [IoSlice::new(bytes)], 0)?;
    root.sync_data(file.as_fd())?;
    settle(root, name)
}

/// Returns the name under which a file of the data folder itself is made.
pub(super) fn staged_name(name: &str) -> String {
    format!("{name}.new")
}

/// Gives a file of the data folder its final name. The caller has synced it under its staged name.
pub(super) fn settle(root: &Root, name: &str) -> Result<()> {
    root.rename(&staged_name(name), name)?;
    root.sync()
}

fn open_or_make(root: &Root, place: Place) -> Result<OwnedFd> {
    match root.open_folder(&place.inner_folder()) {
        Err(Errno::NOENT) => {
            root.make_folder(&place.outer_folder())?;
            root.make_folder(&place.inner_folder())?;
            root.open_folder(&place.inner_folder())
        }
        other => other,
    }
}
