//! The history of tags: what a tag was, written before it changes, and how that ended.
//!
//! An entry's key is the past value's own time and nonce, so whoever is about to end a value writes
//! the same entry. It says what was, not that it is over: the winner adds how it ended afterwards.

use crate::record::{EndedBy, Ending, HistoryRecord, TagRecord};
use crate::registry::{ROUNDS, Registry};
use crate::{Result, layout};
use roadstead_oci::{RepositoryName, Tag};
use roadstead_storage::{Condition, Outcome, Version};
use tracing::debug;

/// An entry that stands for a value which is about to end.
#[derive(Debug)]
pub(crate) struct Past {
    key: String,
    entry: HistoryRecord,
    /// The entry's version, when this request wrote it.
    version: Option<Version>,
}

impl Registry {
    /// Writes the entry of a value that a tag has, if it is not there. One storage call.
    pub(crate) async fn remember(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        was: &TagRecord,
    ) -> Result<Past> {
        let key = layout::history(repository, tag, was.at, was.nonce);
        let entry = HistoryRecord {
            was: was.clone(),
            ended: None,
        };
        for _ in 0..ROUNDS {
            let version = match self.put(&key, &entry, Condition::Absent).await? {
                Outcome::Applied(version) => Some(version),
                // Somebody else is about to end the same value, or was.
                Outcome::Conflict => None,
                Outcome::Unknown => continue,
            };
            return Ok(Past {
                key,
                entry,
                version,
            });
        }
        Err(Self::contended(&key))
    }

    /// Tells whether a value that was sent, and whose answer was lost, took effect: the tag has it
    /// still, or whoever replaced it wrote its entry first.
    pub(crate) async fn took_effect(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        sent: &TagRecord,
    ) -> Result<bool> {
        // In this order: the entry is written while the tag still has the value.
        let key = layout::tag(repository, tag);
        let current = self.read::<TagRecord>(&key).await?.record;
        if current.is_some_and(|current| current.nonce == sent.nonce) {
            return Ok(true);
        }
        let key = layout::history(repository, tag, sent.at, sent.nonce);
        let entry = self.read::<HistoryRecord>(&key).await?.record;
        Ok(entry.is_some())
    }

    /// Adds to an entry how its value ended. Only the request whose compare-and-set ended it may
    /// call this. It is told afterwards and may be missing after a crash, so nobody waits for it.
    pub(crate) fn note_ending(&self, past: Past, how: EndedBy, by: &str) {
        let registry = self.clone();
        let by = by.to_owned();
        self.inner.background.spawn(async move {
            if let Err(error) = registry.write_ending(&past, how, by).await {
                debug!(key = past.key, %error, "failed to add to the history how a tag's value ended");
            }
        });
    }

    async fn write_ending(&self, past: &Past, how: EndedBy, by: String) -> Result<()> {
        let at = self.inner.records.now().await?;
        let ended = Some(Ending { how, at, by });
        let mut entry = past.entry.clone();
        let mut version = past.version.clone();
        for _ in 0..ROUNDS {
            if let Some(version) = version.take() {
                entry.ended.clone_from(&ended);
                let condition = Condition::Matches(version);
                if let Outcome::Applied(_) = self.put(&past.key, &entry, condition).await? {
                    return Ok(());
                }
            }
            let seen = self.read::<HistoryRecord>(&past.key).await?;
            match seen.record {
                Some(there) if there.ended.is_none() => {
                    entry = there;
                    version = Some(seen.version);
                }
                Some(_) | None => return Ok(()),
            }
        }
        Ok(())
    }
}
