//! What a pass did.

use crate::collected::CollectorTotals;
use roadstead_storage::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a pass did to the records of one level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelReport {
    /// Condemned: unreferenced and older than the grace. In a dry run: would be.
    pub condemned: u64,
    /// Condemned earlier, and brought back because something names them.
    pub revived: u64,
    /// Killed: condemned long enough, and still unreferenced. In a dry run: would be.
    pub killed: u64,
    /// Condemned, and not long enough.
    pub waiting: u64,
}

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectorReport {
    /// Whether it only told what it would do.
    pub dry_run: bool,
    /// When it began, by the store's clock.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// Repositories that have manifests.
    pub repositories: u64,
    /// Manifests that were counted as references.
    pub manifests: u64,
    /// Manifests that were read; of the others the snapshots knew what they name.
    pub manifests_read: u64,
    /// Names of blobs that manifests gave.
    pub references: u64,
    /// Links that were looked at.
    pub links: u64,
    /// Blobs that were looked at.
    pub blobs: u64,
    /// Level 0: manifests that the policy for untagged ones wants gone.
    pub level_manifests: LevelReport,
    /// Level 1: links of repositories to blobs.
    pub level_links: LevelReport,
    /// Level 2: blobs.
    pub level_blobs: LevelReport,
    /// Bytes of content that was deleted. In a dry run: would be.
    pub bytes_freed: u64,
    /// Bytes of blobs that are condemned and will come back.
    pub bytes_condemned: u64,
    /// Deletes of manifests that were begun elsewhere and finished here.
    pub deletes_finished: u64,
    /// Entries of the index of tags that named nothing any more.
    pub stale_entries: u64,
    /// Deleted manifests whose time to be brought back is over.
    pub expired: u64,
    /// Calls to storage.
    pub calls: u64,
    /// Why something was left alone, at most some of many reasons.
    pub skipped: Vec<String>,
}

/// Reasons that a report keeps.
const MOST_REASONS: usize = 20;

impl CollectorReport {
    pub(super) fn skip(&mut self, reason: String) {
        if self.skipped.len() < MOST_REASONS && !self.skipped.contains(&reason) {
            self.skipped.push(reason);
        }
    }

    /// Returns what the metrics count.
    pub(super) fn totals(&self) -> CollectorTotals {
        let levels = [self.level_manifests, self.level_links, self.level_blobs];
        let sum = |count: fn(&LevelReport) -> u64| levels.iter().map(count).sum();
        CollectorTotals {
            passes: 1,
            failures: 0,
            condemned: sum(|level| level.condemned),
            revived: sum(|level| level.revived),
            removed: sum(|level| level.killed),
            freed_bytes: self.bytes_freed,
            condemned_bytes: self.bytes_condemned,
            finished_millis: self.finished.as_millis(),
        }
    }

    /// Tells whether the pass left everything as it was.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let levels = [self.level_manifests, self.level_links, self.level_blobs];
        let changed = |level: &LevelReport| level.condemned + level.revived + level.killed > 0;
        !levels.iter().any(changed)
            && self.deletes_finished + self.stale_entries + self.expired == 0
    }
}

impl fmt::Display for CollectorReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let condemned = self.level_manifests.condemned
            + self.level_links.condemned
            + self.level_blobs.condemned;
        let killed =
            self.level_manifests.killed + self.level_links.killed + self.level_blobs.killed;
        write!(
            formatter,
            "{} manifests, {} links, {} blobs looked at; {condemned} records condemned, {killed} \
             removed, {} bytes freed, {} bytes to come; {} calls to storage",
            self.manifests,
            self.links,
            self.blobs,
            self.bytes_freed,
            self.bytes_condemned,
            self.calls
        )?;
        if !self.skipped.is_empty() {
            write!(formatter, "; left alone: {}", self.skipped.join("; "))?;
        }
        Ok(())
    }
}
