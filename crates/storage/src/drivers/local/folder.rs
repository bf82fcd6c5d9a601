//! The data folder: made when missing, locked against a second server, marked with its layout.

use super::direct::Buffers;
use super::disk::{Disk, Root};
use super::failure;
use super::publish;
use super::settings::LocalSettings;
use super::space::Space;
use crate::clock::Clock;
use crate::{Kind, Operation, Result, StorageError};
use rustix::fd::BorrowedFd;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The content of the file `format`: what the folder is, and the version of its layout.
pub(super) const FORMAT: &str = "roadstead data folder, layout 1\n";

/// An open data folder. The lock is held until it is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    root: Arc<Root>,
    space: Space,
    boot: String,
    deletes: RwLock<()>,
    buffers: Buffers,
    _lock: File,
}

impl Folder {
    /// Opens or makes the folder. Errors are sentences for whoever starts the server.
    pub(super) fn open(
        settings: &LocalSettings,
        clock: Arc<dyn Clock>,
        disk: Arc<dyn Disk>,
    ) -> Result<Self> {
        let path = settings.path.clone();
        make(&path)?;
        // A server that was killed may have made the folder and got no further. Only a hint: the
        // folder around a mount may be read-only, or not to be opened.
        let _ = File::open(around(&path)).and_then(|around| around.sync_all());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(&path, flags, Mode::empty())
            .map_err(|error| cannot(&path, "open", error))?;
        let root = Arc::new(Root::new(directory, disk));
        let lock = lock(&path, &root)?;
        check_format(&path, &root)?;
        for name in ["data", "uploads"] {
            root.make_folder(name)
                .and_then(|()| root.open_folder(name))
                .map_err(|error| cannot(&path.join(name), "make", error))?;
        }
        check_one_file_system(&path)?;
        let space = Space::new(settings.reserve_bytes, clock);
        let folder = Self {
            path,
            root,
            space,
            boot: boot_id(),
            deletes: RwLock::default(),
            buffers: Buffers::default(),
            _lock: lock,
        };
        folder.sync(Operation::Open)?;
        Ok(folder)
    }

    /// Returns where the folder is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the folder on its disk, which every path of data is relative to.
    pub(super) const fn root(&self) -> &Arc<Root> {
        &self.root
    }

    /// Returns the folder itself, for calls that only look.
    pub(super) fn directory(&self) -> BorrowedFd<'_> {
        self.root.directory()
    }

    /// Returns the memory that large writes go through.
    pub(super) const fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    /// Returns what names the present boot of the machine.
    pub(super) fn boot(&self) -> &str {
        &self.boot
    }

    /// Takes space for an upload; `Full` when the reserve would be touched.
    pub(super) fn take_space(&self, operation: Operation, key: &str, bytes: u64) -> Result<()> {
        self.space.take(self.directory(), operation, key, bytes)
    }

    /// Tells whether an upload of `bytes` may begin, without taking their space.
    pub(super) fn check_space(&self, operation: Operation, key: &str, bytes: u64) -> Result<()> {
        self.space.check(self.directory(), operation, key, bytes)
    }

    /// Lets deletes of data objects wait until what is returned is dropped; those under way have
    /// ended then.
    pub(super) fn hold_deletes(&self) -> RwLockWriteGuard<'_, ()> {
        self.deletes.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until data objects may be deleted, and keeps it so until what is returned is dropped.
    pub(super) fn begin_delete(&self) -> RwLockReadGuard<'_, ()> {
        self.deletes.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the names in the folder durable.
    pub(super) fn sync(&self, operation: Operation) -> Result<()> {
        let name = self.path.display().to_string();
        self.root
            .sync()
            .map_err(|error| failure::from_io(operation, &name, error))
    }
}

/// Makes a folder and those around it, and brings their names to the disk: else a power cut might
/// take the whole folder away.
pub(super) fn make(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let around = around(path);
    make(around)?;
    let made = DirBuilder::new().mode(0o700).create(path);
    match made {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => {}
        other => other.map_err(|error| cannot(path, "make", error))?,
    }
    let folder = File::open(around).map_err(|error| cannot(around, "open", error))?;
    folder
        .sync_all()
        .map_err(|error| cannot(around, "write to", error))
}

fn around(path: &Path) -> &Path {
    match path.parent() {
        Some(around) if !around.as_os_str().is_empty() => around,
        _ => Path::new("."),
    }
}

fn lock(path: &Path, root: &Root) -> Result<File> {
    let file = root
        .create("lock", OFlags::RDWR)
        .map_err(|error| cannot(path, "write to", error))?;
    let file = File::from(file);
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => {
            let reason = format!("another server has the data folder {} open", path.display());
            Err(open_error(Kind::Unavailable, path, reason))
        }
        Err(error) => Err(cannot(path, "lock", error)),
    }
}

fn check_format(path: &Path, root: &Root) -> Result<()> {
    let text = match std::fs::read_to_string(path.join("format")) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if path.join("records.redb").exists() {
                let reason = format!(
                    "the data folder {} has records but lost its file `format`; was only a part \
                     of it copied?",
                    path.display()
                );
                return Err(open_error(Kind::Corrupt, path, reason));
            }
            let created = publish::create(root, "format", FORMAT.as_bytes());
            return created.map_err(|error| cannot(path, "write to", error));
        }
        Err(error) => return Err(cannot(path, "read", error)),
    };
    if text == FORMAT {
        return Ok(());
    }
    let reason = format!(
        "the data folder {} has the layout {:?}, this version knows {:?}; use the version that \
         wrote it",
        path.display(),
        text.trim_end(),
        FORMAT.trim_end()
    );
    Err(open_error(Kind::Corrupt, path, reason))
}

/// An upload is published by a rename, which does not cross file systems.
fn check_one_file_system(path: &Path) -> Result<()> {
    let device = |name: &str| {
        let status = rustix::fs::stat(path.join(name));
        status
            .map(|status| status.st_dev)
            .map_err(|error| cannot(path, "read", error))
    };
    if device("data")? != device("uploads")? {
        let reason = format!(
            "`data` and `uploads` in {} are on different file systems; mount the folder as a whole",
            path.display()
        );
        return Err(open_error(Kind::Invalid, path, reason));
    }
    Ok(())
}

/// Names the boot; where the kernel does not say, every start counts as one.
fn boot_id() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    told.map_or_else(
        |_| format!("{:032x}", rand::random::<u128>()),
        |id| id.trim().to_owned(),
    )
}

fn cannot(path: &Path, what: &str, error: impl Into<std::io::Error>) -> StorageError {
    let error = error.into();
    let kind = failure::kind(&error);
    open_error(
        kind,
        path,
        format!("cannot {what} the data folder {}: {error}", path.display()),
    )
}

fn open_error(kind: Kind, path: &Path, reason: String) -> StorageError {
    StorageError::new(kind, Operation::Open, path.display().to_string(), reason)
}
