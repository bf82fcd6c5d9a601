//! Checks a backup: its record file, and that every data file it names is there.

use super::directory::{self, Directory};
use super::pool::Pool;
use super::{BackupGuide, BackupInfo, Look, MOST_NAMED, check_stop, records};
use crate::Result;
use serde::Serialize;
use std::path::Path;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Records that were read.
    pub records: u64,
    /// Data files that were looked at.
    pub objects: u64,
    /// What is wrong, a sentence each; the first hundred.
    pub problems: Vec<String>,
}

/// Checks a backup in a directory: the one of this number, or the last. With `checksum` every data
/// file is read and hashed. What was missing when the backup was made is no problem of the backup.
pub fn verify_backup(
    path: &Path,
    number: Option<&str>,
    checksum: bool,
    guide: &dyn BackupGuide,
) -> Result<VerifyReport> {
    let directory = Directory::open(path)?;
    let (own, info) = directory.find(number)?;
    check(&directory, &own, &info, checksum, guide)
}

pub(super) fn check(
    directory: &Directory,
    own: &Path,
    info: &BackupInfo,
    checksum: bool,
    guide: &dyn BackupGuide,
) -> Result<VerifyReport> {
    let mut report = VerifyReport {
        records: 0,
        objects: 0,
        problems: Vec::new(),
    };
    let path = own.join(directory::RECORDS);
    guide.begin("record file");
    let (length, sha256) = records::checksum(&path)?;
    if (length, &sha256) != (info.records_bytes, &info.records_sha256) {
        report.problems.push(format!(
            "{} is not what was written: it has {length} bytes and SHA-256 {sha256}",
            path.display()
        ));
        // What it says is not to be believed.
        return Ok(report);
    }
    guide.begin("data objects");
    let pool = Pool::open(directory.path())?;
    records::each(&path, |key, record| {
        check_stop(guide, &path)?;
        report.records += 1;
        let Look::Object(object) = guide.look(key, record) else {
            return Ok(());
        };
        let name = object.data.key.as_str();
        if !object.must_exist || info.missing.iter().any(|missing| missing == name) {
            return Ok(());
        }
        guide.add(1);
        let wanted = object.data.length;
        let problem = match pool.length_of(&object.data)? {
            None => Some(format!("data file {name} is missing")),
            Some(length) if length != wanted => {
                Some(format!("data file {name} has {length} bytes, not {wanted}"))
            }
            Some(_) => match object.digest.as_deref().filter(|_| checksum) {
                Some(digest) if !hashes_to(&pool, &object.data, digest, guide)? => {
                    Some(format!("data file {name} does not hash to {digest}"))
                }
                _ => None,
            },
        };
        // Counted where its owner names it, not where others do.
        report.objects += u64::from(object.digest.is_some());
        if let Some(problem) = problem
            && report.problems.len() < MOST_NAMED
            && !report.problems.contains(&problem)
        {
            report.problems.push(problem);
        }
        Ok(())
    })?;
    Ok(report)
}

fn hashes_to(
    pool: &Pool,
    data: &crate::DataRef,
    digest: &str,
    guide: &dyn BackupGuide,
) -> Result<bool> {
    let mut file = pool.open_object(data)?;
    let hashed = guide.hashes_to(digest, &mut file);
    hashed.map_err(|error| super::cannot(Path::new(data.key.as_str()), "read", error))
}
