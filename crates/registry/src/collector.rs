//! The collector: takes back what nobody names any more, while any number of replicas push.
//!
//! One pass looks at three kinds of records, by the same protocol (`docs/storage.md`): a manifest
//! that a policy wants gone (level 0), a repository's link to a blob (level 1), a blob (level 2).
//! What is unreferenced and older than the grace is condemned; condemned for the condemned age and
//! still unreferenced by a scan that began after that, it is killed; only then its data is deleted.
//! Every step is a compare-and-set on the version that was judged, so that a writer who needs the
//! record always wins, and two collectors at once only waste work.
//!
//! | file | job |
//! |---|---|
//! | `walk.rs` | reads the keys below `repo/` in order and skips sections |
//! | `references.rs`, `looking.rs`, `chunks.rs` | what the manifests of a repository name, kept in chunks |
//! | `marks.rs` | the names of referenced links, 8 bytes each, by range of digests |
//! | `batches.rs` | what is condemned, in lists of some hundred |
//! | `judge.rs` | what the judging of a list is at every level |
//! | `links.rs`, `blobs.rs`, `manifests.rs` | the levels |
//! | `chores.rs` | half-done deletes, stale reverse entries, what was retained long enough |
//! | `lease.rs`, `pace.rs`, `report.rs`, `status.rs` | who, how fast, what came of it |
//!
//! A pass lists every key of manifests, links and blobs once (per thousand of them one call), reads
//! the chunks and of manifests and links only what is new or condemned. Memory: 8 bytes for
//! each reference of a range of digests, of which there are as many as keep it below 64 MiB.

mod batches;
mod blobs;
mod chores;
mod chunks;
mod judge;
mod lease;
mod links;
mod looking;
mod manifests;
mod marks;
mod pace;
mod pass;
mod references;
mod report;
mod section;
mod status;
mod walk;

#[cfg(test)]
mod tests;

pub use report::{CollectorReport, LevelReport};
pub use status::{CollectorStatus, CondemnedStatus};

use crate::collected::CollectorTotals;
use crate::progress::Progress;
use crate::registry::Registry;
use crate::{RegistryError, Result};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tracing::{info, warn};

/// How a pass is to be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectorOptions {
    /// Only tells what would be condemned and killed. Nothing is written but the chunks.
    pub dry_run: bool,
    /// Goes as fast as it can, whatever the setting says.
    pub unpaced: bool,
}

/// How often the background task looks whether a pass is due.
const LOOK_EVERY: Duration = Duration::from_mins(1);

impl Registry {
    /// Makes one pass of the collector.
    ///
    /// # Errors
    /// `CollectorBusy` when another replica is at it; `Storage`, `RecordUnreadable`: what was done
    /// before it stays done, nothing is half done.
    pub async fn collect(
        &self,
        options: CollectorOptions,
        progress: &Progress,
    ) -> Result<CollectorReport> {
        let lease = self.take_collector_lease().await?;
        let pass = async {
            let pass = pass::Pass::begin(self, options, progress, lease).await?;
            pass.run().await
        };
        let result = pass.await;
        match &result {
            Ok(report) if !options.dry_run => self.inner.collected.add(&report.totals()),
            Ok(_) => {}
            Err(_) => self.inner.collected.add_failure(),
        }
        result
    }

    /// Returns what this process collected since it began.
    #[must_use]
    pub fn collector_totals(&self) -> CollectorTotals {
        self.inner.collected.get()
    }

    /// Collects in the background, as often as the settings say.
    pub(crate) fn start_collector(&self) {
        let Some(interval) = self.inner.settings.collector.interval else {
            return;
        };
        let registry = self.clone();
        let stop = self.inner.background.stop();
        self.inner.background.spawn(async move {
            let mut look = tokio::time::interval(LOOK_EVERY.min(interval));
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = look.tick() => {}
                }
                let progress = Progress::default();
                let pass = registry.collect_if_due(interval, &progress);
                tokio::select! {
                    () = stop.cancelled() => return,
                    outcome = pass => match outcome {
                        Ok(None) | Err(RegistryError::CollectorBusy) => {}
                        Ok(Some(report)) => info!(%report, "collected"),
                        Err(error) => warn!(%error, "failed to finish a pass of the collector; it is tried again"),
                    },
                }
            }
        });
    }

    async fn collect_if_due(
        &self,
        interval: Duration,
        progress: &Progress,
    ) -> Result<Option<CollectorReport>> {
        let now = self.inner.records.now().await?;
        let state = self.collector_state().await?;
        if state.is_some_and(|state| now.since(state.started) < interval) {
            return Ok(None);
        }
        let report = self.collect(CollectorOptions::default(), progress).await?;
        Ok(Some(report))
    }
}
