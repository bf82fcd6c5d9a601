//! One pass: for each range of digests a scan of references, then links, then blobs.

use super::CollectorOptions;
use super::lease::Lease;
use super::marks::{DigestRange, Marks};
use super::pace::Pace;
use super::report::CollectorReport;
use crate::progress::Progress;
use crate::record::CollectorRecord;
use crate::registry::Registry;
use crate::{Result, layout};
use roadstead_storage::{Condition, Timestamp, Version};
use std::collections::BTreeSet;
use std::time::Duration;

/// A pass that is being made.
pub(super) struct Pass<'a> {
    pub(super) registry: &'a Registry,
    pub(super) options: CollectorOptions,
    progress: &'a Progress,
    /// What was told last, and how much of it.
    told: (&'static str, u64),
    pub(super) report: CollectorReport,
    lease: Lease,
    pace: Pace,
    state: CollectorRecord,
    version: Version,
    /// What once in a grace is looked at.
    pub(super) does_chores: bool,
    /// The digests that are looked at now.
    pub(super) range: DigestRange,
    /// When the scan of references of this range began, by the store's clock. Only what was
    /// condemned long enough before it may be killed by it.
    pub(super) scanned: Timestamp,
    /// The keys of links that manifests name.
    pub(super) marks: Marks,
    /// Repositories, as in the keys of links, with a manifest that could not be read: everything in
    /// them is kept.
    pub(super) opaque: BTreeSet<String>,
    /// The keys of what is condemned already.
    pub(super) pending: Marks,
}

impl<'a> Pass<'a> {
    pub(super) async fn begin(
        registry: &'a Registry,
        options: CollectorOptions,
        progress: &'a Progress,
        lease: Lease,
    ) -> Result<Self> {
        let seen = registry
            .read::<CollectorRecord>(layout::COLLECTOR_STATE)
            .await?;
        let state = seen.record.unwrap_or_default();
        let started = registry.inner.records.now().await?;
        let settings = &registry.inner.settings;
        let per_second = settings.collector.calls_per_second;
        Ok(Self {
            registry,
            options,
            progress,
            told: ("", 0),
            report: CollectorReport {
                dry_run: options.dry_run,
                started,
                ..CollectorReport::default()
            },
            lease,
            pace: Pace::new(per_second.filter(|_| !options.unpaced)),
            does_chores: !options.dry_run && started.since(state.chores) >= settings.grace,
            state,
            version: seen.version,
            range: DigestRange {
                first: 0,
                last: u8::MAX,
            },
            scanned: started,
            marks: Marks::new(),
            opaque: BTreeSet::new(),
            pending: Marks::new(),
        })
    }

    pub(super) async fn run(mut self) -> Result<CollectorReport> {
        let ranges = DigestRange::split(self.state.references);
        let first = self.state.unfinished.filter(|&at| at < ranges.len());
        let first = first.unwrap_or(0);
        self.state.started = self.report.started;
        for (at, &range) in ranges.iter().enumerate().skip(first) {
            // Told before the work: whoever goes on after a crash begins with this range again.
            self.state.unfinished = Some(at);
            self.save().await?;
            self.range = range;
            self.scanned = self.registry.inner.records.now().await?;
            self.marks = Marks::new();
            self.opaque.clear();
            self.scan(at == first).await?;
            self.marks.seal();
            self.collect_links().await?;
            self.collect_blobs().await?;
        }
        self.report.finished = self.registry.inner.records.now().await?;
        self.state.unfinished = None;
        self.state.references = self.report.references;
        if self.does_chores {
            self.state.chores = self.report.started;
        }
        self.state.report = Some(self.report.clone());
        self.save().await?;
        let give_back = self.registry.give_collector_lease_back(self.lease);
        give_back.await?;
        Ok(self.report)
    }

    /// Counts calls that are about to be made, keeps the lease, and waits as the pace wants it.
    pub(super) async fn spend(&mut self, calls: usize) -> Result<()> {
        self.report.calls += calls as u64;
        self.pace.spend(calls).await;
        self.registry.keep_collector_lease(&mut self.lease).await
    }

    /// Tells how much of what is done.
    pub(super) fn tell(&mut self, what: &'static str, done: u64) {
        if self.told.0 != what {
            self.progress.begin(what, None);
            self.told = (what, 0);
        }
        self.progress.add(done.saturating_sub(self.told.1));
        self.told.1 = done;
    }

    /// Tells whether a record is older than the grace.
    pub(super) fn is_old(&self, modified: Timestamp) -> bool {
        self.scanned.since(modified) > self.registry.inner.settings.grace
    }

    /// Tells whether a record that was condemned when it was last written has waited long enough,
    /// before the scan of references began.
    pub(super) fn is_due(&self, modified: Timestamp, wait: Duration) -> bool {
        is_due(
            self.scanned,
            modified,
            self.registry.inner.settings.condemned.max(wait),
        )
    }

    /// Tells whether what was dead or rotten when it was last written may be removed by this pass.
    pub(super) fn is_finished(&self, modified: Timestamp) -> bool {
        self.is_old(modified) && self.is_due(modified, Duration::ZERO)
    }

    /// Keeps how far the pass is. It only saves work, so another's writing is not fought over.
    async fn save(&mut self) -> Result<()> {
        if self.options.dry_run {
            return Ok(());
        }
        let condition = Condition::Matches(self.version.clone());
        let saving = self
            .registry
            .put(layout::COLLECTOR_STATE, &self.state, condition);
        if let roadstead_storage::Outcome::Applied(version) = saving.await? {
            self.version = version;
            return Ok(());
        }
        let seen = self
            .registry
            .read::<CollectorRecord>(layout::COLLECTOR_STATE)
            .await?;
        self.version = seen.version;
        Ok(())
    }
}

/// Tells whether a scan that began at `scanned` may kill what was condemned at `modified`.
pub(super) fn is_due(scanned: Timestamp, modified: Timestamp, wait: Duration) -> bool {
    scanned.since(modified) > wait
}
