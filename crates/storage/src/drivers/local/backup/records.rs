//! The record file of a backup: copied from a snapshot, and read again.

use super::{BackupGuide, Look, cannot, check_stop, fail};
use crate::drivers::local::failure;
use crate::drivers::local::snapshot::Snapshot;
use crate::drivers::local::value::{CLOCK, LATEST, RECORDS, TOMBSTONES, Value};
use crate::{Kind, Operation, Result, Timestamp};
use redb::{Database, ReadOnlyDatabase};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most records of one transaction, and its most bytes.
const BATCH_RECORDS: usize = 20_000;
const BATCH_BYTES: usize = 32 * 1024 * 1024;
/// The most memory for pages of a record file that is written or read once.
const CACHE_BYTES: usize = 32 * 1024 * 1024;

/// Copies the records of a snapshot into a new file, without those that the guide drops and without
/// tombstones, which only requests of this life of the store look at. Returns how many there are.
/// The clock of the store goes on from `taken`.
pub(super) fn copy(
    snapshot: &Snapshot,
    to: &Path,
    taken: Timestamp,
    guide: &dyn BackupGuide,
) -> Result<u64> {
    let failed = |error: redb::Error| {
        let path = to.display().to_string();
        failure::from_redb(Operation::Put, &path, error)
    };
    let database = redb::Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create(to)
        .map_err(|error| failed(error.into()))?;
    let mut batch: Vec<(String, Vec<u8>)> = Vec::new();
    let (mut bytes, mut count) = (0, 0);
    snapshot.each(|key, value, encoded| {
        check_stop(guide, to)?;
        let Some(record) = value.record else {
            return Ok(());
        };
        if guide.look(key, record) == Look::Drop {
            return Ok(());
        }
        bytes += key.len() + encoded.len();
        count += 1;
        guide.add(1);
        batch.push((key.to_owned(), encoded.to_vec()));
        if batch.len() == BATCH_RECORDS || bytes >= BATCH_BYTES {
            write(&database, taken, &batch).map_err(failed)?;
            batch.clear();
            bytes = 0;
        }
        Ok(())
    })?;
    write(&database, taken, &batch).map_err(failed)?;
    database.close().map_err(|error| failed(error.into()))?;
    let file = File::open(to).map_err(|error| cannot(to, "read", error))?;
    file.sync_all()
        .map_err(|error| cannot(to, "write", error))?;
    Ok(count)
}

fn write(
    database: &Database,
    taken: Timestamp,
    batch: &[(String, Vec<u8>)],
) -> std::result::Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut records = transaction.open_table(RECORDS)?;
        for (key, value) in batch {
            records.insert(key.as_str(), value.as_slice())?;
        }
        transaction.open_table(TOMBSTONES)?;
        transaction
            .open_table(CLOCK)?
            .insert(LATEST, taken.as_millis())?;
    }
    transaction.commit()?;
    Ok(())
}

/// Gives every record of a backup's file to `visit`.
pub(super) fn each(path: &Path, mut visit: impl FnMut(&str, &[u8]) -> Result<()>) -> Result<()> {
    let failed = |error: redb::Error| {
        let reason = format!("cannot read the records in {}: {error}", path.display());
        fail(Kind::Corrupt, path, reason)
    };
    let database = ReadOnlyDatabase::open(path).map_err(|error| failed(error.into()))?;
    let snapshot = Snapshot::open(&database).map_err(failed)?;
    snapshot.each(|key, value: Value<'_>, _| match value.record {
        Some(record) => visit(key, record),
        None => Ok(()),
    })
}

/// Returns the length and the SHA-256 of a file.
pub(super) fn checksum(path: &Path) -> Result<(u64, String)> {
    let failed = |error| cannot(path, "read", error);
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Sha256::new();
    let (mut block, mut length) = (vec![0; 1 << 20], 0);
    loop {
        let read = file.read(&mut block).map_err(failed)?;
        if read == 0 {
            break;
        }
        hasher.update(&block[..read]);
        length += read as u64;
    }
    let digest = hasher.finalize();
    Ok((length, hex::encode(digest)))
}
