//! What is condemned, since when, and when it comes back.

use super::batches::Level;
use super::report::CollectorReport;
use super::walk::Walk;
use crate::record::{CollectorRecord, CondemnedRecord, LeaseRecord};
use crate::registry::Registry;
use crate::{Result, layout};
use roadstead_storage::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The state of the collector, whichever replica works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectorStatus {
    /// The store's time when this was told.
    pub now: Timestamp,
    /// Whether a pass is being made.
    pub is_running: bool,
    /// When the last pass began.
    pub last_started: Option<Timestamp>,
    /// The last pass that came to its end.
    pub last: Option<CollectorReport>,
    /// What is condemned, a line for each level that has any.
    pub condemned: Vec<CondemnedStatus>,
}

/// What is condemned of one level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CondemnedStatus {
    /// `manifests`, `links` or `blobs`.
    pub level: String,
    /// How many. Some may have been brought back since the last pass.
    pub records: u64,
    /// Their bytes. Those of links come back with their blobs.
    pub bytes: u64,
    /// Since when the first of them are.
    pub since: Timestamp,
    /// When the first of them may be removed, by the next pass after it.
    pub first_due: Timestamp,
    /// When the last of them may.
    pub last_due: Timestamp,
}

impl Registry {
    /// Tells what is condemned and what the last pass did. Costs a storage call for some hundred
    /// condemned records.
    ///
    /// # Errors
    /// `Storage`, `RecordUnreadable`.
    pub async fn collector_status(&self) -> Result<CollectorStatus> {
        let now = self.inner.records.now().await?;
        let state = self.collector_state().await?;
        let lease = self.read::<LeaseRecord>(layout::COLLECTOR_LEASE).await?;
        let mut condemned = Vec::new();
        for level in Level::ALL {
            condemned.extend(self.condemned(level).await?);
        }
        Ok(CollectorStatus {
            now,
            is_running: lease.record.is_some() && now.since(lease.modified) < super::lease::LIFE,
            last_started: state.as_ref().map(|state| state.started),
            last: state.and_then(|state| state.report),
            condemned,
        })
    }

    pub(super) async fn collector_state(&self) -> Result<Option<CollectorRecord>> {
        let seen = self.read::<CollectorRecord>(layout::COLLECTOR_STATE);
        Ok(seen.await?.record)
    }

    async fn condemned(&self, level: Level) -> Result<Option<CondemnedStatus>> {
        let mut walk = Walk::new(level.prefix(), None);
        let mut status: Option<CondemnedStatus> = None;
        while let Some(listed) = walk.next(self).await? {
            let seen = self.read::<CondemnedRecord>(&listed.key).await?;
            let Some(batch) = seen.record else { continue };
            for entry in &batch.entries {
                let wait = Duration::from_millis(entry.wait_millis);
                let due = batch.at.plus(self.inner.settings.condemned.max(wait));
                let status = status.get_or_insert_with(|| CondemnedStatus {
                    level: level.name().to_owned(),
                    records: 0,
                    bytes: 0,
                    since: batch.at,
                    first_due: due,
                    last_due: due,
                });
                status.records += 1;
                status.bytes += entry.bytes;
                status.since = status.since.min(batch.at);
                status.first_due = status.first_due.min(due);
                status.last_due = status.last_due.max(due);
            }
        }
        Ok(status)
    }
}
