//! `fsck`: checks while the registry serves that what is stored hangs together, and repairs what can
//! be repaired without a loss.
//!
//! **Online.** Records change while they are looked at, so whatever looks wrong is read again before
//! it is told, and what a request may still be at work on (an hour for records, a day for data) is
//! left alone. A repair is a compare-and-set on what was seen, or makes what may be there anyway.
//!
//! **Order.** Sessions are read first, then blobs beside their links, then repositories, then the
//! rest; the data objects come last. Data moves from a session to a record and never back, so that
//! in this order no owner of data is missed.
//!
//! **Memory.** Everything is a page of a listing at a time, in the order of keys: blobs and links
//! are merged by digest, both being listed in its order. What is kept is 32 bytes for each data
//! object that a record names (`owners.rs`), at most 64 MiB: a store with more is checked against
//! its data by ranges of data keys, each of which reads the records once more. One million blobs
//! take 32 MiB and one range. Findings beyond the first are counted, not kept.
//!
//! **Work.** One listing and one read of every record, and beside them: two reads a tag, one a
//! referrer, one for each blob that a manifest names.

mod blobs;
mod check;
mod finding;
mod kinds;
mod objects;
mod owners;
mod repair;
mod repositories;
mod tags;
mod walk;

#[cfg(test)]
mod tests;

pub use finding::{Finding, FsckReport, Severity};

use crate::pace::Pace;
use crate::progress::Progress;
use crate::registry::Registry;
use crate::{RegistryError, Result};
use check::Check;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How old something is when no request can be at work on it any more: longer than D and R.
const SETTLED: Duration = Duration::from_hours(1);
/// How old data without an owner is before it is told, and deleted.
const ORPHAN_AGE: Duration = Duration::from_hours(24);

/// What a check is asked to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FsckOptions {
    /// Whether what can be repaired without a loss is repaired.
    pub repair: bool,
    /// Whether all content is hashed.
    pub checksum: bool,
    /// How many bytes a second are hashed at most; without it as fast as they come.
    pub rate_bytes: Option<u64>,
}

impl Registry {
    /// Checks everything that is stored; see the module.
    ///
    /// # Errors
    /// `Storage` when the store does not answer: what was found until then is lost, what was
    /// repaired is repaired. `Stopped`.
    pub async fn fsck(&self, options: FsckOptions, progress: Progress) -> Result<FsckReport> {
        let now = self.inner.records.now().await?;
        let pace = Pace::new(options.rate_bytes);
        let mut check = Check::new(self, options, progress, now, pace);
        check.run().await?;
        Ok(check.report)
    }
}

impl Check<'_> {
    async fn run(&mut self) -> Result<()> {
        self.check_records().await?;
        self.check_objects().await
    }

    pub(super) fn go_on(&self) -> Result<()> {
        if self.progress.is_stopped() {
            return Err(RegistryError::Stopped);
        }
        Ok(())
    }
}
