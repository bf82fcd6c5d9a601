//! Unfinished uploads of this process: who may write to each, and the file it is written to.
//!
//! A writer of a newer epoch fences all older ones: under one lock an upload's writer is checked
//! and its bytes are written, so that a late writer never puts its bytes over the newer one's.

use super::direct::DirectFile;
use super::failure;
use super::finished::{gone, is_published, length_of, published_with, was_finished_with};
use super::folder::Folder;
use super::gather::Pieces;
use super::place::Place;
use super::publish::{self, DurableFolders, Unpublished};
use crate::{DataKey, DataRef, Kind, Operation, Result, StorageError, Timestamp};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// How many ended uploads are remembered, so that a late writer does not begin one anew.
const ENDED_REMEMBERED: usize = 16 * 1024;

/// All uploads that this process has written to and that have not ended.
#[derive(Debug, Default)]
pub(super) struct Staging {
    table: Mutex<Table>,
    folders: DurableFolders,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<Place, Arc<Staged>>,
    ended: HashSet<Place>,
    ended_in_order: VecDeque<Place>,
}

/// One upload.
#[derive(Debug)]
pub(super) struct Staged {
    place: Place,
    /// The newest writer's epoch.
    epoch: AtomicU64,
    file: Mutex<StagedFile>,
}

/// The file of an upload, behind the lock that every write holds.
#[derive(Debug, Default)]
struct StagedFile {
    /// Open as long as a writer holds it.
    handle: Weak<DirectFile>,
    has_ended: bool,
}

/// Whether the file of an upload may have to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// This writer began the upload: there is no file and no object.
    Begun,
    /// The upload is gone on with: there may be a file, or the object, or nothing.
    Resumed,
}

/// A writer's claim on an upload, checked with each write.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) staged: Arc<Staged>,
    pub(super) epoch: u64,
    pub(super) origin: Origin,
    /// Keeps the file open between this writer's writes.
    pub(super) handle: Arc<Mutex<Option<Arc<DirectFile>>>>,
}

impl Staging {
    /// Returns the upload of a place; `NotFound` when it has ended in this process.
    pub(super) fn enter(&self, operation: Operation, place: Place) -> Result<Arc<Staged>> {
        let mut table = self.lock();
        if table.ended.contains(&place) {
            return Err(gone(operation, place));
        }
        let staged = table.open.entry(place).or_insert_with(|| {
            Arc::new(Staged {
                place,
                epoch: AtomicU64::new(0),
                file: Mutex::default(),
            })
        });
        Ok(Arc::clone(staged))
    }

    /// Tells whether the upload has ended in this process.
    pub(super) fn has_ended(&self, place: Place) -> bool {
        self.lock().ended.contains(&place)
    }

    fn end(&self, place: Place) {
        let mut table = self.lock();
        table.open.remove(&place);
        if table.ended.insert(place) {
            table.ended_in_order.push_back(place);
        }
        if table.ended_in_order.len() > ENDED_REMEMBERED
            && let Some(oldest) = table.ended_in_order.pop_front()
        {
            table.ended.remove(&oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finishes an upload: writes the last pieces at `offset`, cuts what older writers left behind
    /// them, and publishes the object. Blocks.
    pub(super) fn finish(
        &self,
        folder: &Folder,
        claim: &Claim,
        pieces: &Pieces,
        offset: u64,
    ) -> Result<DataRef> {
        let place = claim.staged.place;
        let length = offset + pieces.length();
        let finished = DataRef {
            key: place.key(),
            length,
        };
        let mut file = claim.staged.lock();
        let opened = claim.check(Operation::Finish, &file);
        let opened = opened.and_then(|()| claim.open(Operation::Finish, folder, &mut file, offset));
        let handle = match opened {
            Ok(handle) => handle,
            Err(error) if error.kind() == Kind::NotFound => {
                return was_finished_with(folder, place, pieces, offset).map(|()| finished);
            }
            Err(error) => return Err(error),
        };
        let key = finished.key.as_str();
        let fail = |error: Errno| failure::from_io(Operation::Finish, key, error);
        let root = folder.root();
        handle
            .write(root, folder.buffers(), pieces, offset)
            .map_err(fail)?;
        if claim.origin == Origin::Resumed {
            // What an older writer left behind the newest one's bytes.
            root.set_length(handle.as_fd(), length).map_err(fail)?;
        }
        match publish::publish(root, &self.folders, place, handle.as_fd()) {
            Ok(()) => {}
            Err(Unpublished::Kept(error)) => return Err(fail(error)),
            Err(Unpublished::Lost(error)) => {
                file.has_ended = true;
                self.end(place);
                remove_staged(folder, place);
                let _ = publish::remove(root, place);
                return Err(fail(error));
            }
        }
        file.has_ended = true;
        self.end(place);
        Ok(finished)
    }

    /// Ends an upload and removes its file. Blocks.
    pub(super) fn abort(&self, folder: &Folder, place: Place) {
        // Entered even if it is new, so that a writer who enters now meets the same mark.
        if let Ok(staged) = self.enter(Operation::Abort, place) {
            let mut file = staged.lock();
            file.has_ended = true;
            self.end(place);
            remove_staged(folder, place);
        }
    }
}

impl Staged {
    fn lock(&self) -> MutexGuard<'_, StagedFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Fences all older writers and tells whether a newer one has fenced this. Does not block.
    pub(super) fn stake(&self, operation: Operation) -> Result<()> {
        let newest = self.staged.epoch.fetch_max(self.epoch, Ordering::AcqRel);
        if newest > self.epoch {
            Err(self.superseded(operation, newest))
        } else {
            Ok(())
        }
    }

    /// Writes pieces at `offset`, unless a newer writer was there. Blocks.
    pub(super) fn write(&self, folder: &Folder, pieces: &Pieces, offset: u64) -> Result<()> {
        let mut file = self.staged.lock();
        self.check(Operation::Append, &file)?;
        let handle = match self.open(Operation::Append, folder, &mut file, offset) {
            Ok(handle) => handle,
            // A process that was killed right after a finish: the same bytes are sent again, and
            // the object has them.
            Err(error) if error.kind() == Kind::NotFound => {
                return published_with(
                    Operation::Append,
                    folder,
                    self.staged.place,
                    pieces,
                    offset,
                )
                .map(|_| ());
            }
            Err(error) => return Err(error),
        };
        handle
            .write(folder.root(), folder.buffers(), pieces, offset)
            .map_err(|error| failure::from_io(Operation::Append, self.key().as_str(), error))
    }

    /// Brings what is written so far to the disk, so that the finish has less to do. Blocks.
    pub(super) fn write_back(&self, folder: &Folder) -> Result<()> {
        let handle = self
            .handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(handle) = handle else { return Ok(()) };
        folder.root().sync_data(handle.as_fd()).map_err(|error| {
            // What this did not bring to the disk no later fsync brings there, and it would not
            // say so: neither this writer nor one from the checkpoint may go on.
            let mut file = self.staged.lock();
            file.has_ended = true;
            remove_staged(folder, self.staged.place);
            failure::from_io(Operation::Append, self.key().as_str(), error)
        })
    }

    /// Returns the key of the upload.
    pub(super) fn key(&self) -> DataKey {
        self.staged.place.key()
    }

    fn check(&self, operation: Operation, file: &StagedFile) -> Result<()> {
        if file.has_ended {
            return Err(gone(operation, self.staged.place));
        }
        self.stake(operation)
    }

    fn open(
        &self,
        operation: Operation,
        folder: &Folder,
        file: &mut StagedFile,
        offset: u64,
    ) -> Result<Arc<DirectFile>> {
        let mut kept = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = &*kept {
            return Ok(Arc::clone(handle));
        }
        let handle = if let Some(handle) = file.handle.upgrade() {
            handle
        } else {
            let opened = self.open_file(operation, folder, offset)?;
            Arc::new(DirectFile::new(opened, self.staged.place.staged()))
        };
        file.handle = Arc::downgrade(&handle);
        *kept = Some(Arc::clone(&handle));
        Ok(handle)
    }

    fn open_file(&self, operation: Operation, folder: &Folder, offset: u64) -> Result<OwnedFd> {
        let (root, place) = (folder.directory(), self.staged.place);
        let fail = |error: Errno| failure::from_io(operation, place.key().as_str(), error);
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        if self.origin == Origin::Resumed {
            match rustix::fs::openat(root, place.staged(), flags, Mode::empty()) {
                Err(Errno::NOENT) => {}
                Err(error) => return Err(fail(error)),
                Ok(file) => {
                    let length = length_of(&file).map_err(fail)?;
                    return if length < offset {
                        Err(lost_bytes(operation, place, length, offset))
                    } else {
                        Ok(file)
                    };
                }
            }
            // Without its file an upload goes on only if it had no bytes, and was not finished.
            if offset > 0 || is_published(folder, place).map_err(fail)? {
                return Err(gone(operation, place));
            }
        }
        let flags = OFlags::RDWR | OFlags::EXCL;
        folder.root().create(&place.staged(), flags).map_err(fail)
    }

    fn superseded(&self, operation: Operation, newest: u64) -> StorageError {
        let reason = format!("writer {newest} went on after writer {}", self.epoch);
        StorageError::new(Kind::Superseded, operation, self.key().as_str(), reason)
    }
}

fn remove_staged(folder: &Folder, place: Place) {
    match folder.root().remove(&place.staged()) {
        Ok(()) | Err(Errno::NOENT) => {}
        // It stays in the listing of uploads, and the sweeper comes again.
        Err(error) => tracing::warn!(%error, "failed to remove an unfinished upload"),
    }
}

fn lost_bytes(operation: Operation, place: Place, found: u64, known: u64) -> StorageError {
    let reason = format!("the upload's file has {found} bytes, its writer knows of {known}");
    StorageError::new(Kind::Corrupt, operation, place.key().as_str(), reason)
}

/// Lists up to `limit` unfinished uploads that were last written before `older_than`. Blocks.
///
/// The times of files are by the machine's clock, which may have jumped back: a file is at most as
/// old as its name tells.
pub(super) fn list(
    folder: &Folder,
    now: Timestamp,
    older_than: Timestamp,
    limit: usize,
) -> Result<Vec<Place>> {
    let fail = |error: Errno| failure::from_io(Operation::Uploads, "uploads", error);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let uploads = rustix::fs::openat(folder.directory(), "uploads", flags, Mode::empty());
    let uploads = uploads.map_err(fail)?;
    let mut found = Vec::new();
    for entry in rustix::fs::Dir::read_from(&uploads).map_err(fail)? {
        if found.len() == limit {
            break;
        }
        let entry = entry.map_err(fail)?;
        let Some(place) = Place::of_name(entry.file_name().to_bytes()) else {
            continue;
        };
        let status = match rustix::fs::statat(&uploads, entry.file_name(), AtFlags::empty()) {
            Ok(status) => status,
            // It was finished or aborted meanwhile.
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(fail(error)),
        };
        if modified(&status).max(place.not_before(now)) < older_than {
            found.push(place);
        }
    }
    Ok(found)
}

/// Returns when a file was last written.
pub(super) fn modified(status: &rustix::fs::Stat) -> Timestamp {
    let seconds = u64::try_from(status.st_mtime).unwrap_or(0);
    let millis = status.st_mtime_nsec / 1_000_000;
    Timestamp::from_millis(seconds.saturating_mul(1000).saturating_add(millis))
}
