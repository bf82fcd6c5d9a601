//! The data files of a directory: taken from another folder, each once.

use super::cannot;
use super::publish::{self, Adopted};
use crate::drivers::local::place::Place;
use crate::{DataRef, Operation, Result};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A folder with `data/<hh>/<hh>/<id>` in it.
pub(super) struct Pool {
    path: PathBuf,
    root: OwnedFd,
    /// The folders that hold names which are not on stable storage yet.
    touched: BTreeSet<u16>,
}

/// How an object came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was there.
    Present,
    /// It has a second name now.
    Linked,
    /// Its bytes were copied.
    Copied,
    /// The other folder has no such object.
    Missing,
}

impl Pool {
    /// Opens the folder.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| cannot(path, "open", error))?;
        Ok(Self {
            path: path.to_owned(),
            root,
            touched: BTreeSet::new(),
        })
    }

    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Returns the length of an object in bytes, when it is there.
    pub(super) fn length_of(&self, data: &DataRef) -> Result<Option<u64>> {
        let name = Place::of_key(Operation::Read, &data.key)?.published();
        match rustix::fs::statat(&self.root, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status) => Ok(Some(u64::try_from(status.st_size).unwrap_or(0))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(cannot(&self.path.join(name), "read", error)),
        }
    }

    /// Opens an object for reading.
    pub(super) fn open_object(&self, data: &DataRef) -> Result<File> {
        let name = Place::of_key(Operation::Read, &data.key)?.published();
        let path = self.path.join(name);
        File::open(&path).map_err(|error| cannot(&path, "read", error))
    }

    /// Takes an object in that the folder `from` has, unless it is here in its full length. It is on
    /// stable storage after [`Pool::sync`].
    pub(super) fn take(&mut self, from: BorrowedFd<'_>, data: &DataRef) -> Result<Taken> {
        if self.length_of(data)? == Some(data.length) {
            return Ok(Taken::Present);
        }
        let place = Place::of_key(Operation::Read, &data.key)?;
        let path = self.path.join(place.published());
        let adopted = publish::adopt(from, self.root.as_fd(), place)
            .map_err(|error| cannot(&path, "write", error))?;
        let taken = match adopted {
            Adopted::Missing => return Ok(Taken::Missing),
            Adopted::Linked => Taken::Linked,
            Adopted::Copied => Taken::Copied,
        };
        self.touched.insert(place.folder_number());
        Ok(taken)
    }

    /// Brings the names of all that was taken to the disk.
    pub(super) fn sync(&mut self) -> Result<()> {
        publish::sync_folders(self.root.as_fd(), &self.touched)
            .map_err(|error| cannot(&self.path, "write to", error))?;
        self.touched.clear();
        Ok(())
    }
}
