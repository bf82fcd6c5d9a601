//! What is retained of a deleted manifest, so that it can be brought back, and for how long.
//!
//! A DELETE writes the entry after it has marked the record and before the record goes; the collector
//! takes what an entry names for referenced, and removes the entry when its time is over. A restored
//! manifest's entry stays until then, too: it must not go before the manifest is live again.

use crate::record::{Content, ManifestRecord, RemovedRecord};
use crate::registry::{ROUNDS, Registry};
use crate::{Result, layout};
use roadstead_oci::{Digest, RepositoryName};
use roadstead_storage::{Condition, Outcome, Timestamp};

/// What became of an entry whose time may be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// It is there, or may be: what it names is referenced.
    Kept,
    /// It is gone, or its time is over: what it names is not referenced by it.
    Over,
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

    /// Tells whether an entry written at `modified` is to be kept.
    pub(super) fn is_retained(&self, modified: Timestamp, now: Timestamp) -> bool {
        let retention = self.inner.settings.deleted_retention;
        retention.is_some_and(|retention| now.since(modified) < retention)
    }
}
