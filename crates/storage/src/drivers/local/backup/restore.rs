//! Makes a data folder of a backup.

use super::directory::{self, Directory};
use super::pool::{Pool, Taken};
use super::publish;
use super::verify;
use super::{BackupGuide, BackupInfo, Look, cannot, check_stop, fail, records};
use crate::drivers::local::folder;
use crate::{Kind, Result};
use rustix::fd::AsFd;
use std::fs::File;
use std::path::Path;

/// Which backup becomes which data folder.
#[derive(Clone, Copy, Debug)]
pub struct Restoring<'a> {
    /// The directory of backups.
    pub directory: &'a Path,
    /// The number of the backup; the last complete one without it.
    pub number: Option<&'a str>,
    /// The data folder; made when it is not there.
    pub folder: &'a Path,
    /// Whether what the folder holds is deleted first; else it must be empty.
    pub overwrite: bool,
    /// Whether the data is hashed before anything is written.
    pub checksum: bool,
}

/// Makes a data folder of a backup. Nothing is written before the whole backup was checked. A folder
/// that was left in the middle is refused by the server.
pub fn restore_backup(restoring: &Restoring<'_>, guide: &dyn BackupGuide) -> Result<BackupInfo> {
    let directory = Directory::open(restoring.directory)?;
    let (own, info) = directory.find(restoring.number)?;
    let checked = verify::check(&directory, &own, &info, restoring.checksum, guide)?;
    if let Some(problem) = checked.problems.first() {
        let more = checked.problems.len() - 1;
        let reason =
            format!("the backup is damaged, nothing was restored: {problem} (and {more} more)");
        return Err(fail(Kind::Corrupt, restoring.directory, reason));
    }
    let path = restoring.folder;
    folder::make(path)?;
    let taken = "another server has the data folder open:";
    let _lock = directory::lock(path, taken)?;
    clear(path, restoring.overwrite)?;

    // The records come first and the file `format` last: without it a folder that has records is
    // refused.
    let source = own.join(directory::RECORDS);
    let records = path.join(directory::RECORDS);
    std::fs::copy(&source, &records).map_err(|error| cannot(&records, "write", error))?;
    let file = File::open(&records).map_err(|error| cannot(&records, "open", error))?;
    file.sync_all()
        .map_err(|error| cannot(&records, "write", error))?;
    directory::sync(path)?;
    guide.begin("data objects to restore");
    let backup = Pool::open(directory.path())?;
    let mut pool = Pool::open(path)?;
    records::each(&source, |key, record| {
        check_stop(guide, path)?;
        if let Look::Object(object) = guide.look(key, record) {
            let taken = pool.take(backup.root(), &object.data)?;
            let is_known = || {
                let mut missing = info.missing.iter();
                missing.any(|missing| missing == object.data.key.as_str())
            };
            if taken == Taken::Missing && object.must_exist && !is_known() {
                let reason = format!("data file {} went away", object.data.key.as_str());
                return Err(fail(Kind::NotFound, path, reason));
            }
            guide.add(1);
        }
        Ok(())
    })?;
    pool.sync()?;
    publish::create(pool.root().as_fd(), "format", folder::FORMAT.as_bytes())
        .map_err(|error| cannot(path, "write to", error))?;
    Ok(info)
}

/// Makes sure that the folder holds nothing but its lock.
fn clear(path: &Path, overwrite: bool) -> Result<()> {
    let mut names = directory::names(path)?;
    names.retain(|name| name != "lock");
    if names.is_empty() {
        return Ok(());
    }
    if !overwrite {
        let reason = format!("the data folder {} is not empty", path.display());
        return Err(fail(Kind::Invalid, path, reason));
    }
    // Without its `format` the folder is refused from here on.
    names.sort_by_key(|name| name != "format");
    for name in names {
        // Only what this program makes there.
        let inside = path.join(&name);
        let removed = match name.as_str() {
            "data" | "uploads" | "admin" => std::fs::remove_dir_all(&inside),
            "format" | "format.new" | "records.redb" | "records.journal" => {
                std::fs::remove_file(&inside)
            }
            _ => {
                let reason = format!(
                    "the data folder {} holds {name:?}, which is not of a registry",
                    path.display()
                );
                return Err(fail(Kind::Invalid, path, reason));
            }
        };
        removed.map_err(|error| cannot(&inside, "remove", error))?;
    }
    directory::sync(path)
}
