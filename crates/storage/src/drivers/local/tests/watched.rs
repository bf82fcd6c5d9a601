//! A disk that a test watches: it may let any call fail, and it keeps a log of what was done.

use super::ledger::Ledger;
use crate::drivers::local::disk::{Disk, Kernel};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, OFlags};
use rustix::io::{Errno, Result};
use std::collections::HashMap;
use std::io::IoSlice;
use std::sync::{Arc, Mutex, MutexGuard};

/// The kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Create,
    MakeFolder,
    Write,
    SetLength,
    Keep,
    SyncData,
    SyncFolder,
    Rename,
    Remove,
}

impl Call {
    pub(super) const ALL: [Self; 9] = [
        Self::Create,
        Self::MakeFolder,
        Self::Write,
        Self::SetLength,
        Self::Keep,
        Self::SyncData,
        Self::SyncFolder,
        Self::Rename,
        Self::Remove,
    ];
}

/// A call that is about to be made.
#[derive(Debug)]
pub(super) struct About<'a> {
    pub(super) call: Call,
    /// How many calls of this kind there were before.
    pub(super) number: usize,
    /// The path; of an open file the one under which it was made.
    pub(super) path: &'a str,
    /// Where a write ends.
    pub(super) end: u64,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    /// Nothing happens, and the caller is told so.
    Fails(Errno),
    /// It happens, and the caller is told that it did not.
    FailsDone(Errno),
    /// Half of a write happens, and the caller is told how much.
    Short,
    /// Nothing happens, and the caller is told that it did: a sync that somebody forgot.
    Forgotten,
}

/// Decides the fate of each call.
pub(super) type Oracle = Box<dyn FnMut(&About<'_>) -> Fate + Send>;

/// A file, whatever its name is by now.
pub(super) type FileId = usize;

/// What was done.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Create {
        path: String,
        file: FileId,
    },
    MakeFolder {
        path: String,
    },
    Write {
        file: FileId,
        offset: u64,
        bytes: Vec<u8>,
    },
    SetLength {
        file: FileId,
        length: u64,
    },
    SyncData {
        file: FileId,
    },
    /// The empty path is the data folder itself.
    SyncFolder {
        path: String,
    },
    Rename {
        from: String,
        to: String,
    },
    Remove {
        path: String,
    },
    /// From here on the store must hold to this.
    Note(Arc<Ledger>),
}

/// The watched disk. One call happens at a time, so that the log has their order.
pub(super) struct Watched(Mutex<State>);

struct State {
    oracle: Oracle,
    counts: HashMap<Call, usize>,
    files: HashMap<u64, FileId>,
    /// The path under which each file was made.
    made_as: Vec<String>,
    log: Option<Vec<Change>>,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Watched").finish_non_exhaustive()
    }
}

impl Watched {
    /// Makes a disk that keeps no log.
    pub(super) fn new(oracle: impl FnMut(&About<'_>) -> Fate + Send + 'static) -> Arc<Self> {
        Self::make(Box::new(oracle), None)
    }

    /// Makes a disk that keeps a log.
    pub(super) fn logging(oracle: impl FnMut(&About<'_>) -> Fate + Send + 'static) -> Arc<Self> {
        Self::make(Box::new(oracle), Some(Vec::new()))
    }

    fn make(oracle: Oracle, log: Option<Vec<Change>>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            oracle,
            counts: HashMap::new(),
            files: HashMap::new(),
            made_as: Vec::new(),
            log,
        })))
    }

    /// Decides otherwise from now on.
    pub(super) fn set(&self, oracle: impl FnMut(&About<'_>) -> Fate + Send + 'static) {
        self.lock().oracle = Box::new(oracle);
    }

    /// Returns how many calls of a kind there were.
    pub(super) fn count(&self, call: Call) -> usize {
        self.lock().counts.get(&call).copied().unwrap_or(0)
    }

    pub(super) fn note(&self, ledger: &Ledger) {
        let note = Change::Note(Arc::new(ledger.clone()));
        self.lock().add(|| note);
    }

    pub(super) fn take_log(&self) -> Vec<Change> {
        self.lock().log.replace(Vec::new()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn add(&mut self, change: impl FnOnce() -> Change) {
        if let Some(log) = &mut self.log {
            log.push(change());
        }
    }

    fn file(&self, file: BorrowedFd<'_>) -> Result<FileId> {
        Ok(self.files[&rustix::fs::fstat(file)?.st_ino])
    }

    fn make_file(&mut self, file: &OwnedFd, path: &str) -> Result<FileId> {
        let id = self.made_as.len();
        self.made_as.push(path.to_owned());
        self.files.insert(rustix::fs::fstat(file)?.st_ino, id);
        Ok(id)
    }

    /// Asks the oracle, then does what it says; `act` tells what is to be logged beside its result.
    fn call<T>(
        &mut self,
        call: Call,
        path: &str,
        end: u64,
        forgotten: Option<T>,
        act: impl FnOnce(&mut Self, bool) -> Result<T>,
    ) -> Result<T> {
        let count = self.counts.entry(call).or_default();
        let number = *count;
        *count += 1;
        let about = About {
            call,
            number,
            path,
            end,
        };
        match (self.oracle)(&about) {
            Fate::Done => act(self, false),
            Fate::Short => act(self, true),
            Fate::Fails(error) => Err(error),
            Fate::FailsDone(error) => act(self, false).and(Err(error)),
            Fate::Forgotten => forgotten.ok_or(Errno::INVAL),
        }
    }
}

impl Disk for Watched {
    fn create(&self, root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd> {
        self.lock().call(Call::Create, path, 0, None, |state, _| {
            let was_there = rustix::fs::statat(root, path, AtFlags::empty()).is_ok();
            let handle = Kernel.create(root, path, flags)?;
            let number = rustix::fs::fstat(&handle)?.st_ino;
            if was_there && !state.files.contains_key(&number) {
                // It was made over another disk.
                state.make_file(&handle, path)?;
            }
            if !was_there {
                let file = state.make_file(&handle, path)?;
                state.add(|| Change::Create {
                    path: path.to_owned(),
                    file,
                });
            } else if flags.contains(OFlags::TRUNC) {
                let file = state.file(handle.as_fd())?;
                state.add(|| Change::SetLength { file, length: 0 });
            }
            Ok(handle)
        })
    }

    fn make_folder(&self, root: BorrowedFd<'_>, path: &str) -> Result<()> {
        self.lock()
            .call(Call::MakeFolder, path, 0, None, |state, _| {
                Kernel.make_folder(root, path)?;
                state.add(|| Change::MakeFolder {
                    path: path.to_owned(),
                });
                Ok(())
            })
    }

    fn write(&self, handle: BorrowedFd<'_>, bytes: &[IoSlice<'_>], offset: u64) -> Result<usize> {
        let mut state = self.lock();
        let file = state.file(handle)?;
        let path = state.made_as[file].clone();
        let mut whole: Vec<u8> = bytes.iter().flat_map(|slice| slice.to_vec()).collect();
        let end = offset + whole.len() as u64;
        state.call(Call::Write, &path, end, None, |state, is_short| {
            if is_short {
                whole.truncate((whole.len() / 2).max(1));
            }
            let written = Kernel.write(handle, &[IoSlice::new(&whole)], offset)?;
            whole.truncate(written);
            state.add(|| Change::Write {
                file,
                offset,
                bytes: whole,
            });
            Ok(written)
        })
    }

    fn set_length(&self, handle: BorrowedFd<'_>, length: u64) -> Result<()> {
        let mut state = self.lock();
        let file = state.file(handle)?;
        let path = state.made_as[file].clone();
        state.call(Call::SetLength, &path, length, None, |state, _| {
            Kernel.set_length(handle, length)?;
            state.add(|| Change::SetLength { file, length });
            Ok(())
        })
    }

    fn keep(&self, handle: BorrowedFd<'_>, end: u64) -> Result<()> {
        let mut state = self.lock();
        let file = state.file(handle)?;
        let path = state.made_as[file].clone();
        // Nothing is taken: it changes no byte, and a test has no full disk.
        state.call(Call::Keep, &path, end, None, |_, _| Ok(()))
    }

    fn sync_data(&self, handle: BorrowedFd<'_>) -> Result<()> {
        let mut state = self.lock();
        let file = state.file(handle)?;
        let path = state.made_as[file].clone();
        state.call(Call::SyncData, &path, 0, Some(()), |state, _| {
            // What would have reached the disk is worked out from the log.
            state.add(|| Change::SyncData { file });
            Ok(())
        })
    }

    fn sync_folder(&self, folder: BorrowedFd<'_>) -> Result<()> {
        let path = path_of(folder);
        self.lock()
            .call(Call::SyncFolder, &path, 0, Some(()), |state, _| {
                state.add(|| Change::SyncFolder { path: path.clone() });
                Ok(())
            })
    }

    fn rename(&self, root: BorrowedFd<'_>, from: &str, to: &str) -> Result<()> {
        self.lock().call(Call::Rename, to, 0, None, |state, _| {
            Kernel.rename(root, from, to)?;
            state.add(|| Change::Rename {
                from: from.to_owned(),
                to: to.to_owned(),
            });
            Ok(())
        })
    }

    fn remove(&self, root: BorrowedFd<'_>, path: &str) -> Result<()> {
        self.lock().call(Call::Remove, path, 0, None, |state, _| {
            Kernel.remove(root, path)?;
            state.add(|| Change::Remove {
                path: path.to_owned(),
            });
            Ok(())
        })
    }
}

/// Returns the path of a folder relative to the data folder, which tests call `store`.
fn path_of(folder: BorrowedFd<'_>) -> String {
    let number = std::os::fd::AsRawFd::as_raw_fd(&folder);
    let path = std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
    let path = path.to_str().unwrap();
    let (_, inside) = path.split_once("/store").unwrap();
    inside.trim_start_matches('/').to_owned()
}
