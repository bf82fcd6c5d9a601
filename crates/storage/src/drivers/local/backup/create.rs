//! Makes a backup of an open data folder.

use super::directory::{self, Directory};
use super::pool::{Pool, Taken};
use super::{
    BackupGuide, BackupInfo, BackupReport, FORMAT, Look, MOST_NAMED, NamedObject, check_stop, fail,
    records,
};
use crate::drivers::local::database::Published;
use crate::drivers::local::folder::Folder;
use crate::drivers::local::snapshot::Snapshot;
use crate::{Kind, Operation, Result, Timestamp};
use std::path::Path;

/// Rounds without a hold end when one copied less than this, or at last when there were so many.
const SMALL_ROUND_BYTES: u64 = 256 * 1024 * 1024;
const MOST_ROUNDS: usize = 4;

/// What the objects of one snapshot came to.
#[derive(Debug, Default)]
struct Round {
    objects: u64,
    object_bytes: u64,
    new_objects: u64,
    copied_bytes: u64,
    missing: Vec<String>,
    unreadable: Vec<String>,
}

/// Makes a backup of `folder` in `directory`. Blocks.
pub(in crate::drivers::local) fn create(
    folder: &Folder,
    published: &Published,
    now: impl Fn() -> Timestamp,
    directory: &Path,
    guide: &dyn BackupGuide,
) -> Result<BackupReport> {
    check_apart(folder, directory)?;
    let directory = Directory::make(directory)?;
    let (number, own) = directory.begin()?;
    let mut pool = Pool::open(directory.path())?;
    let (mut new_objects, mut copied_bytes) = (0, 0);
    for at in 1..=MOST_ROUNDS {
        guide.begin("data objects");
        let snapshot = published.current(Operation::List, "")?;
        let round = take_objects(folder, &snapshot, &mut pool, guide)?;
        new_objects += round.new_objects;
        copied_bytes += round.copied_bytes;
        tracing::debug!(at, copied = round.copied_bytes, "copied data for a backup");
        if round.copied_bytes < SMALL_ROUND_BYTES {
            break;
        }
    }
    // What the rounds copied is brought to the disk before anybody has to wait.
    pool.sync()?;

    guide.begin("data objects that are new");
    let hold = folder.hold_deletes();
    let snapshot = published.current(Operation::List, "")?;
    let taken = now();
    let last = take_objects(folder, &snapshot, &mut pool, guide)?;
    drop(hold);
    pool.sync()?;

    guide.begin("records");
    let path = own.join(directory::RECORDS);
    let count = records::copy(&snapshot, &path, taken, guide)?;
    let (records_bytes, records_sha256) = records::checksum(&path)?;
    let info = BackupInfo {
        format: FORMAT,
        taken,
        records: count,
        records_bytes,
        records_sha256,
        objects: last.objects,
        object_bytes: last.object_bytes,
        missing: last.missing,
        unreadable: last.unreadable,
    };
    Directory::complete(&own, &info)?;
    Ok(BackupReport {
        number,
        info,
        new_objects: new_objects + last.new_objects,
        copied_bytes: copied_bytes + last.copied_bytes,
    })
}

/// Takes all objects that a snapshot names into the pool.
fn take_objects(
    folder: &Folder,
    snapshot: &Snapshot,
    pool: &mut Pool,
    guide: &dyn BackupGuide,
) -> Result<Round> {
    let mut round = Round::default();
    snapshot.each(|key, value, _| {
        check_stop(guide, folder.path())?;
        let Some(record) = value.record else {
            return Ok(());
        };
        match guide.look(key, record) {
            Look::Object(object) => take(folder, &object, pool, &mut round)?,
            Look::Unreadable(reason) => {
                tracing::warn!(
                    key,
                    reason,
                    "record {key} cannot be read; what it names is not in the backup"
                );
                note(&mut round.unreadable, key);
                return Ok(());
            }
            Look::Drop | Look::Keep => return Ok(()),
        }
        guide.add(1);
        Ok(())
    })?;
    Ok(round)
}

fn take(folder: &Folder, object: &NamedObject, pool: &mut Pool, round: &mut Round) -> Result<()> {
    let data = &object.data;
    if object.digest.is_some() {
        round.objects += 1;
        round.object_bytes += data.length;
    }
    match pool.take(folder.directory(), data)? {
        Taken::Linked => round.new_objects += 1,
        Taken::Copied => {
            round.new_objects += 1;
            round.copied_bytes += data.length;
        }
        Taken::Missing if object.must_exist => note(&mut round.missing, data.key.as_str()),
        Taken::Present | Taken::Missing => {}
    }
    Ok(())
}

fn note(names: &mut Vec<String>, name: &str) {
    if names.len() < MOST_NAMED && !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

/// Refuses a directory inside the data folder, which would be lost with it.
fn check_apart(folder: &Folder, directory: &Path) -> Result<()> {
    let whole = |path: &Path| path.canonicalize().ok();
    let data = whole(folder.path());
    let mut around = Some(directory);
    while let Some(path) = around {
        if data.is_some() && whole(path) == data {
            let reason = format!(
                "{} lies in the data folder; name a directory elsewhere, best on another disk",
                directory.display()
            );
            return Err(fail(Kind::Invalid, directory, reason));
        }
        around = path.parent();
    }
    Ok(())
}
