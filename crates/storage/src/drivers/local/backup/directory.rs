//! The directory that backups lie in: made, locked, and what is in it.

use super::publish;
use super::{BackupInfo, FORMAT, cannot, fail};
use crate::{Kind, Result};
use rustix::fd::AsFd;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The content of the file `format`.
const LAYOUT: &str = "roadstead backups, layout 1\n";
/// What a backup's own folder holds.
pub(super) const RECORDS: &str = "records.redb";
const INFO: &str = "backup.json";
const NUMBER_DIGITS: usize = 6;

/// One backup in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupEntry {
    /// Its number.
    pub number: String,
    /// What it is; `None` for one that did not come to its end.
    pub info: Option<BackupInfo>,
}

/// A directory of backups, open and locked.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Opens the directory, or makes it. One that is not empty must be a directory of backups.
    pub(super) fn make(path: &Path) -> Result<Self> {
        let made = DirBuilder::new().mode(0o700).recursive(true).create(path);
        made.map_err(|error| cannot(path, "make", error))?;
        if !path.join("format").exists() {
            let first = names(path)?.into_iter().find(|name| name != "lock");
            if let Some(first) = first.filter(|first| first != "format.new") {
                let reason = format!(
                    "{} holds no backups but {first:?}; name a directory that is empty or new",
                    path.display()
                );
                return Err(fail(Kind::Invalid, path, reason));
            }
            let root = File::open(path).map_err(|error| cannot(path, "open", error))?;
            publish::create(root.as_fd(), "format", LAYOUT.as_bytes())
                .map_err(|error| cannot(path, "write to", error))?;
        }
        Self::open(path)
    }

    /// Opens a directory that has backups.
    pub(super) fn open(path: &Path) -> Result<Self> {
        check(path)?;
        let lock = lock(path, "another command works on the backups in")?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn folder_of(&self, number: &str) -> PathBuf {
        self.path.join(number)
    }

    /// Begins the next backup: removes what did not come to its end, and makes the new one's folder.
    pub(super) fn begin(&self) -> Result<(String, PathBuf)> {
        let mut last = 0;
        for entry in list_backups(&self.path)? {
            last = entry.number.parse().unwrap_or(last);
            if entry.info.is_none() {
                let folder = self.folder_of(&entry.number);
                std::fs::remove_dir_all(&folder)
                    .map_err(|error| cannot(&folder, "remove", error))?;
            }
        }
        let number = format!("{:0width$}", last + 1, width = NUMBER_DIGITS);
        let folder = self.folder_of(&number);
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| cannot(&folder, "make", error))?;
        sync(&self.path)?;
        Ok((number, folder))
    }

    /// Says of a backup what it is: with this it is one.
    pub(super) fn complete(folder: &Path, info: &BackupInfo) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(info).expect("it has string keys");
        text.push(b'\n');
        sync(folder)?;
        let root = File::open(folder).map_err(|error| cannot(folder, "open", error))?;
        publish::create(root.as_fd(), INFO, &text)
            .map_err(|error| cannot(folder, "write to", error))
    }

    /// Returns a complete backup: the one of this number, or the last.
    pub(super) fn find(&self, number: Option<&str>) -> Result<(PathBuf, BackupInfo)> {
        let mut entries = list_backups(&self.path)?;
        entries.retain(|entry| number.is_none_or(|number| entry.number == number));
        let is_there = !entries.is_empty();
        let last = entries.into_iter().rev().find_map(|entry| {
            let info = entry.info?;
            Some((self.folder_of(&entry.number), info))
        });
        last.ok_or_else(|| {
            let directory = self.path.display();
            let reason = match number {
                Some(number) if is_there => {
                    format!("backup {number} in {directory} did not come to its end")
                }
                Some(number) => format!("there is no backup {number} in {directory}"),
                None => format!("there is no complete backup in {directory}"),
            };
            fail(Kind::NotFound, &self.path, reason)
        })
    }
}

/// Lists the backups in a directory, the oldest first.
pub fn list_backups(path: &Path) -> Result<Vec<BackupEntry>> {
    check(path)?;
    let mut entries = Vec::new();
    for number in names(path)? {
        let is_number =
            number.len() >= NUMBER_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
        if is_number {
            let info = read_info(&path.join(&number))?;
            entries.push(BackupEntry { number, info });
        }
    }
    entries.sort_by(|one, other| one.number.cmp(&other.number));
    Ok(entries)
}

fn read_info(folder: &Path) -> Result<Option<BackupInfo>> {
    let path = folder.join(INFO);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(&path, "read", error)),
    };
    let info: BackupInfo = serde_json::from_slice(&text).map_err(|error| {
        let reason = format!("{} is damaged: {error}", path.display());
        fail(Kind::Corrupt, &path, reason)
    })?;
    if info.format != FORMAT {
        let reason = format!(
            "{} has format {}, this version knows {FORMAT}; use the version that wrote it",
            path.display(),
            info.format
        );
        return Err(fail(Kind::Corrupt, &path, reason));
    }
    Ok(Some(info))
}

fn check(path: &Path) -> Result<()> {
    let text = std::fs::read_to_string(path.join("format"));
    if text.as_ref().is_ok_and(|text| text == LAYOUT) {
        return Ok(());
    }
    let reason = match text {
        Ok(text) => format!(
            "{} has the layout {:?}, this version knows {:?}",
            path.display(),
            text.trim_end(),
            LAYOUT.trim_end()
        ),
        Err(_) => format!("{} is no directory of backups", path.display()),
    };
    Err(fail(Kind::Invalid, path, reason))
}

/// Takes the lock of a folder; `taken` begins the sentence that says that another has it.
pub(super) fn lock(path: &Path, taken: &str) -> Result<File> {
    let mut options = OpenOptions::new();
    let options = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let file = options
        .open(path.join("lock"))
        .map_err(|error| cannot(path, "write to", error))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => {
            let reason = format!("{taken} {}", path.display());
            Err(fail(Kind::Unavailable, path, reason))
        }
        Err(error) => Err(cannot(path, "lock", error)),
    }
}

/// Returns the names in a folder.
pub(super) fn names(path: &Path) -> Result<Vec<String>> {
    let failed = |error| cannot(path, "read", error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    Ok(names)
}

/// Brings the names in a folder to the disk.
pub(super) fn sync(path: &Path) -> Result<()> {
    let folder = File::open(path).map_err(|error| cannot(path, "open", error))?;
    folder
        .sync_all()
        .map_err(|error| cannot(path, "write to", error))
}
