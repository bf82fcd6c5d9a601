//! Lists of what is condemned, some hundred to a record.
//!
//! A listing of links or blobs tells no state, so without these lists every pass would read
//! everything to find what is condemned. A list is written before what it names is condemned: after
//! a crash it may name what is not, and never the other way round. Hence two rules: what a list
//! announces is sent within D of it, and nothing is dropped from a list that is younger than C, for
//! what it announces may not have landed yet.

use super::pass::Pass;
use super::report::LevelReport;
use super::walk::Walk;
use crate::protect::{Guarded, Standing};
use crate::record::{
    BlobRecord, BlobState, CondemnedEntry, CondemnedRecord, LinkRecord, LinkState, ManifestRecord,
    ManifestState,
};
use crate::registry::{ROUNDS, Registry, Seen};
use crate::window::Window;
use crate::{Nonce, RegistryError, Result, layout};
use futures::{StreamExt, TryStreamExt, stream};
use roadstead_storage::{Condition, Outcome, Version};
use std::time::Duration;

/// Entries of one list.
pub(super) const BATCH: usize = 400;
/// Records that are read or written at once.
pub(super) const AT_ONCE: usize = 16;

/// Which records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Level 0.
    Manifests,
    /// Level 1.
    Links,
    /// Level 2.
    Blobs,
}

impl Level {
    pub(super) const ALL: [Self; 3] = [Self::Manifests, Self::Links, Self::Blobs];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Manifests => "manifests",
            Self::Links => "links",
            Self::Blobs => "blobs",
        }
    }

    /// Prefix of all lists of this level.
    pub(super) fn prefix(self) -> String {
        format!("{}{}/", layout::CONDEMNED, self.name())
    }
}

/// A record that the collector condemns.
pub(super) trait Collected: Guarded + Clone + Send + Sync {
    /// The same record, condemned, under a new nonce.
    fn condemned(self, nonce: Nonce) -> Self;
    /// Whether the record waits for its kill, whatever it is to readers.
    fn is_condemned(&self) -> bool;
    /// The size of what it names, in bytes.
    fn size(&self) -> u64;
}

impl Collected for LinkRecord {
    fn condemned(self, nonce: Nonce) -> Self {
        Self {
            state: LinkState::Condemned,
            nonce,
            ..self
        }
    }

    fn is_condemned(&self) -> bool {
        matches!(self.state, LinkState::Condemned | LinkState::Hidden)
    }

    fn size(&self) -> u64 {
        self.content.length()
    }
}

impl Collected for BlobRecord {
    fn condemned(self, nonce: Nonce) -> Self {
        Self {
            state: BlobState::Condemned,
            nonce,
            ..self
        }
    }

    fn is_condemned(&self) -> bool {
        self.state == BlobState::Condemned
    }

    fn size(&self) -> u64 {
        self.content.length()
    }
}

impl Collected for ManifestRecord {
    fn condemned(self, nonce: Nonce) -> Self {
        Self {
            state: ManifestState::Condemned,
            nonce,
            ..self
        }
    }

    fn is_condemned(&self) -> bool {
        // Not one that is being deleted: a delete that is under way, or that the scan finishes, is
        // none of this.
        self.state == ManifestState::Condemned
    }

    fn size(&self) -> u64 {
        self.content.length()
    }
}

/// A record that may be condemned, as it was read.
pub(super) struct Candidate<R> {
    pub(super) key: String,
    pub(super) seen: Seen<R>,
    /// How long it waits at least.
    pub(super) wait_millis: u64,
}

/// A list that is being judged.
pub(super) struct Batch {
    key: String,
    version: Version,
    pub(super) record: CondemnedRecord,
}

/// What became of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is not condemned (any more).
    Dropped,
    /// Its time has not come.
    Waiting,
    /// It belongs to another range of digests.
    Elsewhere,
    /// Something names it: it is live again.
    Revived,
    /// It is gone, and so many bytes of content with it.
    Killed {
        /// Bytes that were given back.
        freed: u64,
    },
}

impl Registry {
    /// Lists a link that a client is about to hide, so that the collector finds it. While the window is
    /// open, it may be hidden.
    pub(crate) async fn list_hidden(&self, key: &str, bytes: u64) -> Result<Window> {
        let entry = CondemnedEntry {
            key: key.to_owned(),
            bytes,
            wait_millis: 0,
        };
        self.list_condemned(&Level::Links.prefix(), vec![entry])
            .await
    }

    async fn list_condemned(&self, prefix: &str, entries: Vec<CondemnedEntry>) -> Result<Window> {
        let window = Window::open(&*self.inner.clock);
        let at = self.inner.records.now().await?;
        let record = CondemnedRecord { at, entries };
        for _ in 0..ROUNDS {
            let key = format!("{prefix}{}", self.nonce());
            // After a lost answer another list is written: the first one does no harm.
            if let Outcome::Applied(_) = self.put(&key, &record, Condition::Any).await? {
                return Ok(window);
            }
        }
        Err(Self::contended(prefix))
    }

    /// Brings a record back that something names.
    pub(super) async fn revive<R: Collected>(
        &self,
        key: &str,
        record: R,
        version: Version,
    ) -> Result<Verdict> {
        let revived = record.revived(self.nonce());
        match self.put(key, &revived, Condition::Matches(version)).await? {
            Outcome::Applied(_) => Ok(Verdict::Revived),
            // Somebody changed it: the next pass looks again.
            Outcome::Conflict | Outcome::Unknown => Ok(Verdict::Waiting),
        }
    }
}

impl Pass<'_> {
    /// Reads records; one that cannot be understood is left alone, and told.
    pub(super) async fn read_all<R: Collected>(
        &mut self,
        keys: Vec<String>,
    ) -> Result<Vec<(String, Seen<R>)>> {
        self.spend(keys.len()).await?;
        let mut reading = Vec::with_capacity(keys.len());
        for key in keys {
            let registry = self.registry;
            reading.push(async move {
                match registry.read::<R>(&key).await {
                    Ok(seen) => Ok(Ok((key, seen))),
                    Err(error @ RegistryError::RecordUnreadable { .. }) => Ok(Err(error)),
                    Err(error) => Err(error),
                }
            });
        }
        let read: Vec<_> = stream::iter(reading)
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut records = Vec::with_capacity(read.len());
        for result in read {
            match result {
                Ok(record) => records.push(record),
                Err(error) => self.report.skip(error.to_string()),
            }
        }
        Ok(records)
    }

    /// Condemns records, those that are live, having listed all of them below `prefix`.
    pub(super) async fn condemn<R: Collected>(
        &mut self,
        level: Level,
        prefix: &str,
        candidates: Vec<Candidate<R>>,
    ) -> Result<()> {
        let mut entries = Vec::with_capacity(candidates.len());
        let mut live = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let Some(record) = candidate.seen.record else {
                continue;
            };
            let entry = CondemnedEntry {
                key: candidate.key,
                bytes: record.size(),
                wait_millis: candidate.wait_millis,
            };
            match record.standing() {
                Standing::Live => {
                    live.push((entry.key.clone(), record, candidate.seen.version));
                }
                // Its list was lost: it is listed again.
                Standing::Condemned | Standing::Hidden => {}
                Standing::Gone => continue,
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            return Ok(());
        }
        if self.options.dry_run {
            self.tally(level).condemned += live.len() as u64;
            return Ok(());
        }
        self.spend(live.len() + 1).await?;
        let sizes: u64 = entries.iter().map(|entry| entry.bytes).sum();
        let window = self.registry.list_condemned(prefix, entries).await?;
        let mut condemning = Vec::with_capacity(live.len());
        for (key, record, version) in live {
            let registry = self.registry;
            condemning.push(async move {
                if !registry.is_in_time(window) {
                    return Ok(false);
                }
                let condemned = record.condemned(registry.nonce());
                let condition = Condition::Matches(version);
                let outcome = registry.put(&key, &condemned, condition).await?;
                Ok::<_, RegistryError>(matches!(outcome, Outcome::Applied(_)))
            });
        }
        let condemned: Vec<bool> = stream::iter(condemning)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let count = condemned.iter().filter(|&&applied| applied).count();
        self.tally(level).condemned += count as u64;
        if level == Level::Blobs {
            self.report.bytes_condemned += sizes;
        }
        Ok(())
    }

    /// Returns the next list of a walk over lists that may be judged: nothing that a younger one
    /// announces can have waited long enough.
    pub(super) async fn next_batch(
        &mut self,
        level: Level,
        walk: &mut Walk,
    ) -> Result<Option<Batch>> {
        while let Some(entry) = walk.next(self.registry).await? {
            self.spend(1 + walk.take_calls()).await?;
            let seen = self.registry.read::<CondemnedRecord>(&entry.key).await?;
            let Some(record) = seen.record else { continue };
            let batch = Batch {
                key: entry.key,
                version: seen.version,
                record,
            };
            if self.is_due(batch.record.at, Duration::ZERO) {
                return Ok(Some(batch));
            }
            let waiting = vec![Verdict::Waiting; batch.record.entries.len()];
            self.settle(level, batch, waiting).await?;
        }
        Ok(None)
    }

    /// Counts the verdicts over a list, and keeps of it what is condemned still.
    pub(super) async fn settle(
        &mut self,
        level: Level,
        batch: Batch,
        verdicts: Vec<Verdict>,
    ) -> Result<()> {
        let mut kept = Vec::new();
        for (entry, verdict) in batch.record.entries.iter().zip(verdicts) {
            match verdict {
                Verdict::Dropped => {}
                Verdict::Revived => self.tally(level).revived += 1,
                Verdict::Killed { freed } => {
                    self.tally(level).killed += 1;
                    self.report.bytes_freed += freed;
                }
                Verdict::Waiting => {
                    self.tally(level).waiting += 1;
                    if level == Level::Blobs {
                        self.report.bytes_condemned += entry.bytes;
                    }
                    self.pending.insert(&entry.key);
                    kept.push(entry.clone());
                }
                Verdict::Elsewhere => kept.push(entry.clone()),
            }
        }
        if self.options.dry_run || kept.len() == batch.record.entries.len() {
            return Ok(());
        }
        self.spend(1).await?;
        let condition = Condition::Matches(batch.version);
        // Whoever changed the list meanwhile is another collector, which judged it, too. What it
        // keeps and is not condemned any more, the next pass drops.
        let _ = if kept.is_empty() {
            self.registry.remove(&batch.key, condition).await?
        } else {
            let record = CondemnedRecord {
                at: batch.record.at,
                entries: kept,
            };
            self.registry.put(&batch.key, &record, condition).await?
        };
        Ok(())
    }

    pub(super) fn tally(&mut self, level: Level) -> &mut LevelReport {
        match level {
            Level::Manifests => &mut self.report.level_manifests,
            Level::Links => &mut self.report.level_links,
            Level::Blobs => &mut self.report.level_blobs,
        }
    }
}
