//! Backups of a data folder: online, consistent as of one instant, incremental for data.
//!
//! ```text
//! <directory>/format                 what the directory is, and the version of its layout
//! <directory>/lock                   held while something works on it
//! <directory>/data/<hh>/<hh>/<id>    data files, shared by all backups in the directory
//! <directory>/<number>/records.redb  the records of one backup
//! <directory>/<number>/backup.json   what it is, with checksums; written last
//! ```
//! Records are copied from one snapshot. Data files never change, so one that an earlier backup has
//! is not looked at again; others are linked where that can be, else copied. A data file may be
//! deleted while a backup runs: the bulk is copied first, then deletes wait for a moment, in which
//! the snapshot is taken and the few files are copied that are new in it.
//!
//! What a record means is not known here. A [`BackupGuide`] says it.

mod create;
mod directory;
mod pool;
mod publish;
mod records;
mod restore;
mod verify;

pub(super) use create::create;
pub use directory::{BackupEntry, list_backups};
pub use restore::{Restoring, restore_backup};
pub use verify::{VerifyReport, verify_backup};

use crate::{DataRef, Kind, Operation, Result, StorageError, Timestamp};
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::path::Path;

/// A data object that a record names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedObject {
    /// The object.
    pub data: DataRef,
    /// Whether it must be there. One that is about to be deleted need not.
    pub must_exist: bool,
    /// What it must hash to, from the one record that owns it; others name it, too.
    pub digest: Option<String>,
}

/// What a record means for a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It is left out: it means nothing in another life of the store.
    Drop,
    /// It is kept and names no data.
    Keep,
    /// It is kept, with the object.
    Object(NamedObject),
    /// It is kept, and cannot be read, for this reason: what it names is not in the backup.
    Unreadable(String),
}

/// Says what records mean, hears how far the work is, and may end it.
pub trait BackupGuide: Send + Sync {
    /// Tells what a record means.
    fn look(&self, key: &str, record: &[u8]) -> Look;

    /// Tells whether content hashes to a digest.
    fn hashes_to(&self, digest: &str, content: &mut dyn Read) -> io::Result<bool>;

    /// Hears that a step begins.
    fn begin(&self, step: &str);

    /// Hears that so much more of it is done.
    fn add(&self, done: u64);

    /// Tells whether the work should end where it is.
    fn is_stopped(&self) -> bool;
}

/// A store that makes backups of itself.
pub trait BackUp: Send + Sync + std::fmt::Debug + 'static {
    /// Makes a backup in a directory while the store works: it shows one instant, and has all that was
    /// acknowledged before the call. Only the deletes of data wait, for a moment. Blocks for as long
    /// as it takes to copy what the directory does not have yet.
    ///
    /// # Errors
    /// Sentences for whoever asked: `Invalid` for a directory of something else, `Unavailable` when
    /// another works on it or the guide says stop. The next backup uses what was copied.
    fn back_up(&self, directory: &Path, guide: &dyn BackupGuide) -> Result<BackupReport>;
}

/// What a backup is: the file `backup.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupInfo {
    /// The version of this file and of what lies beside it.
    pub format: u32,
    /// The instant that it shows.
    pub taken: Timestamp,
    /// How many records it has.
    pub records: u64,
    /// The length of the record file in bytes.
    pub records_bytes: u64,
    /// The SHA-256 of the record file.
    pub records_sha256: String,
    /// How many data objects its records own.
    pub objects: u64,
    /// Their bytes together.
    pub object_bytes: u64,
    /// Objects that should have been there and were not: the store was damaged before.
    pub missing: Vec<String>,
    /// Records that could not be read, as keys.
    pub unreadable: Vec<String>,
}

/// What making a backup did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupReport {
    /// Its number in the directory.
    pub number: String,
    /// What it is.
    #[serde(flatten)]
    pub info: BackupInfo,
    /// Data files that are new in the directory.
    pub new_objects: u64,
    /// Bytes of those that were copied; linked ones cost nothing.
    pub copied_bytes: u64,
}

/// The version of `backup.json`.
const FORMAT: u32 = 1;
/// The most names of what is wrong that are kept.
const MOST_NAMED: usize = 100;

fn fail(kind: Kind, path: &Path, reason: impl Into<String>) -> StorageError {
    let reason: String = reason.into();
    StorageError::new(kind, Operation::Open, path.display().to_string(), reason)
}

fn cannot(path: &Path, what: &str, error: impl Into<io::Error>) -> StorageError {
    let error = error.into();
    let reason = format!("cannot {what} {}: {error}", path.display());
    fail(super::failure::kind(&error), path, reason)
}

fn check_stop(guide: &dyn BackupGuide, path: &Path) -> Result<()> {
    if guide.is_stopped() {
        return Err(fail(Kind::Unavailable, path, "the work was stopped"));
    }
    Ok(())
}
