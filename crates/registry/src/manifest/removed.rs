//! What is retained of a deleted manifest, so that it can be brought back, and for how long.
//!
//! A DELETE writes the entry after it has marked the record and before the record goes; the collector
//! takes what an entry names for referenced, and removes the entry when its time is over. A restored
//! manifest's entry stays until then, too: it must not go before the manifest is live again.

use crate::record::{Content, ManifestRecord, RemovedRecord};
use crate::registry::{ROUNDS, Registry};
use crate::{RegistryError, Result, layout};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use roadstead_oci::{Digest, RepositoryName};
use roadstead_storage::limits::MAX_PAGE_ENTRIES;
use roadstead_storage::{Condition, Outcome, Timestamp};

/// What became of an entry whose time may be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// It is there, or may be: what it names is referenced.
    Kept,
    /// It is gone, or its time is over: what it names is not referenced by it.
    Over,
}

/// How many records one listing reads at once.
const READS_AT_ONCE: usize = 16;

/// A deleted manifest that can be brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedManifest {
    /// Its digest.
    pub digest: Digest,
    /// What is retained of it.
    pub entry: RemovedRecord,
    /// Until when.
    pub until: Timestamp,
}

/// A page of deleted manifests.
#[derive(Clone, Debug, Default)]
pub struct RemovedPage {
    /// The manifests, in the order of their keys.
    pub manifests: Vec<RemovedManifest>,
    /// What the next page begins after, when there is one.
    pub next: Option<String>,
}

impl Registry {
    /// Writes what is retained of a manifest whose record is `deleting`, over what may be there. One
    /// storage call; none where nothing is retained: where that is switched off, and of a manifest
    /// too large for its record.
    pub(super) async fn retain(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        record: &ManifestRecord,
        by: &str,
    ) -> Result<()> {
        let Content::Inline(bytes) = &record.content else {
            return Ok(());
        };
        if self.inner.settings.deleted_retention.is_none() {
            return Ok(());
        }
        let key = layout::removed(repository, digest);
        let entry = RemovedRecord {
            media_type: record.media_type,
            subject: record.subject.clone(),
            artifact_type: record.artifact_type.clone(),
            at: self.inner.records.now().await?,
            by: by.to_owned(),
            bytes: bytes.clone(),
        };
        for _ in 0..ROUNDS {
            match self.put(&key, &entry, Condition::Any).await? {
                Outcome::Applied(_) => return Ok(()),
                // What is there now, if anything, may be old and about to go.
                Outcome::Conflict | Outcome::Unknown => {}
            }
        }
        Err(Self::contended(&key))
    }

    /// Removes the entry `key` of a listing of [`layout::removed_all`], written at `modified`, when
    /// its time is over, and tells whether what it names still counts as referenced. No storage call
    /// for a young entry, two for one whose time is over.
    ///
    /// A DELETE that writes the same entry again keeps it: it goes on the version that was seen.
    ///
    /// # Errors
    /// `Storage`: the entry counts.
    pub async fn expire_removed(&self, key: &str, modified: Timestamp) -> Result<Retention> {
        let now = self.inner.records.now().await?;
        if self.is_retained(modified, now) {
            return Ok(Retention::Kept);
        }
        let read = self.inner.records.get(key).await?;
        let Some(record) = read.record else {
            return Ok(Retention::Over);
        };
        if self.is_retained(record.modified, now) {
            return Ok(Retention::Kept);
        }
        match self.remove(key, Condition::Matches(read.version)).await? {
            Outcome::Applied(_) => Ok(Retention::Over),
            // Most likely a DELETE has written it again.
            Outcome::Conflict | Outcome::Unknown => Ok(Retention::Kept),
        }
    }

    /// Lists the deleted manifests of a repository that can be brought back, after `after`, the `next`
    /// of an earlier page. A page may have fewer than `limit`, or none, and others follow it. One
    /// storage call, and two for each entry.
    ///
    /// # Errors
    /// `NameUnknown` when no manifest was ever pushed to the repository; `Storage`,
    /// `RecordUnreadable`.
    pub async fn removed_manifests(
        &self,
        repository: &RepositoryName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<RemovedPage> {
        let prefix = layout::removed_all(repository);
        let start = after.map(|after| format!("{prefix}{after}"));
        let limit = limit.clamp(1, MAX_PAGE_ENTRIES);
        let listed = self.inner.records.list(&prefix, start.as_deref(), limit);
        let page = listed.await?;
        if page.entries.is_empty() && !self.repository_exists(repository).await? {
            return Err(RegistryError::NameUnknown(repository.clone()));
        }
        let now = self.inner.records.now().await?;
        let name_of = |key: &str| key.strip_prefix(&prefix).map(ToOwned::to_owned);
        let last = page.entries.last().and_then(|entry| name_of(&entry.key));
        let retained = page
            .entries
            .iter()
            .filter(|entry| self.is_retained(entry.modified, now));
        let digests = retained
            .filter_map(|entry| layout::digest_of_path(&name_of(&entry.key)?))
            .collect::<Vec<_>>();
        let reads = digests
            .into_iter()
            .map(|digest| self.removed_manifest(repository, digest));
        let read: Vec<Option<RemovedManifest>> = stream::iter(reads)
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(RemovedPage {
            manifests: read.into_iter().flatten().collect(),
            next: last.filter(|_| page.more),
        })
    }

    /// Reads what is retained of a manifest; `None` for one that is there again.
    async fn removed_manifest(
        &self,
        repository: &RepositoryName,
        digest: Digest,
    ) -> Result<Option<RemovedManifest>> {
        let live = self.read_manifest(repository, &digest).await?.record;
        if live.is_some_and(|record| ManifestRecord::is_readable(&record)) {
            return Ok(None);
        }
        let key = layout::removed(repository, &digest);
        let seen = self.read::<RemovedRecord>(&key).await?;
        let until = self.retained_until(seen.modified);
        Ok(seen.record.map(|entry| RemovedManifest {
            digest,
            entry,
            until,
        }))
    }

    /// Returns when the time of an entry is over that was written at `modified`.
    pub(super) fn retained_until(&self, modified: Timestamp) -> Timestamp {
        let retention = self.inner.settings.deleted_retention.unwrap_or_default();
        let millis = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
        Timestamp::from_millis(modified.as_millis().saturating_add(millis))
    }

    /// Tells whether an entry written at `modified` is to be kept.
    pub(super) fn is_retained(&self, modified: Timestamp, now: Timestamp) -> bool {
        let retention = self.inner.settings.deleted_retention;
        retention.is_some_and(|retention| now.since(modified) < retention)
    }
}
