//! Tags: setting one to a manifest, deleting one, listing them.

use crate::history::Past;
use crate::manifest::{Attempt, Naming};
use crate::record::{EndedBy, TagRecord};
use crate::registry::{ROUNDS, Registry, Seen};
use crate::{RegistryError, Result, layout};
use roadstead_oci::{RepositoryName, Tag};
use roadstead_storage::{Condition, Outcome};

/// A page of a repository's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPage {
    /// The tags in byte order.
    pub tags: Vec<String>,
    /// Whether tags follow after the last one.
    pub more: bool,
}

/// What a push knows of a tag before it sets it.
pub(crate) struct TagBefore<'a> {
    pub(crate) tag: &'a Tag,
    /// The tag as it was read before the manifest was seen live; `None` when it must be read again.
    pub(crate) seen: Option<Seen<TagRecord>>,
    /// The history entry of the value that was read, if it is written.
    pub(crate) past: Option<Past>,
}

impl TagBefore<'_> {
    /// Returns the value that was read, when there was one.
    pub(crate) fn value(&self) -> Option<&TagRecord> {
        self.seen.as_ref().and_then(|seen| seen.record.as_ref())
    }
}

impl Registry {
    /// Sets a tag to a live manifest, by compare-and-set on the version that was read.
    ///
    /// After a conflict the tag is read again *and then the manifest*, in this order: a deleter
    /// that marked the manifest before the second read has yet to look at the tag.
    pub(crate) async fn set_tag(
        &self,
        naming: &Naming<'_>,
        before: TagBefore<'_>,
    ) -> Result<Attempt> {
        let TagBefore { tag, seen, past } = before;
        let key = layout::tag(naming.repository, tag);
        let mut first = seen.map(|seen| (seen, past));
        for round in 0..ROUNDS {
            let (seen, past) = if let Some(read) = first.take() {
                read
            } else {
                let seen = self.read::<TagRecord>(&key).await?;
                if !self.is_still_live(naming).await? {
                    return Ok(Attempt::StartOver);
                }
                (seen, None)
            };
            // The tag named this very generation after the push began, and the manifest was live
            // in it later still: setting the tag to what it was at that instant is the whole
            // effect. So an unchanged value is not written, and the history tells of changes only.
            if seen
                .record
                .as_ref()
                .is_some_and(|value| naming.is_named_by(value))
            {
                return Ok(Attempt::Done);
            }
            naming.check_kept(tag, seen.record.as_ref())?;
            let past = match (past, &seen.record) {
                (None, Some(value)) => Some(self.remember(naming.repository, tag, value).await?),
                (past, _) => past,
            };
            let value = self.new_value(naming).await?;
            if !self.is_in_time(naming.live.window) {
                return Ok(Attempt::StartOver);
            }
            let condition = Condition::Matches(seen.version);
            let is_set = match self.put(&key, &value, condition).await? {
                Outcome::Applied(_) => true,
                Outcome::Conflict => false,
                Outcome::Unknown => self.took_effect(naming.repository, tag, &value).await?,
            };
            if is_set {
                if let Some(past) = past {
                    self.note_ending(past, EndedBy::Replaced, naming.by);
                }
                return Ok(Attempt::Done);
            }
            self.step_aside(round).await;
        }
        Err(Self::contended(&key))
    }

    pub(crate) async fn new_value(&self, naming: &Naming<'_>) -> Result<TagRecord> {
        Ok(TagRecord {
            digest: naming.digest.clone(),
            generation: naming.live.generation,
            media_type: naming.live.media_type.as_str().to_owned(),
            size: naming.live.size,
            at: self.inner.records.now().await?,
            by: naming.by.to_owned(),
            nonce: self.nonce(),
        })
    }

    /// Deletes a tag; the manifest stays.
    ///
    /// # Errors
    /// `ManifestUnknown` when there is no such tag; `NameUnknown`, `Contended`, `Storage`.
    pub async fn tag_delete(&self, repository: &RepositoryName, tag: &Tag, by: &str) -> Result<()> {
        let key = layout::tag(repository, tag);
        // The value that a delete was sent for whose answer was lost.
        let mut sent: Option<TagRecord> = None;
        for round in 0..ROUNDS {
            let seen = self.read::<TagRecord>(&key).await?;
            if sent.is_some() && seen.record != sent {
                return Ok(());
            }
            let Some(value) = seen.record else {
                return Err(self.manifest_unknown(repository, tag).await);
            };
            let past = self.remember(repository, tag, &value).await?;
            let condition = Condition::Matches(seen.version);
            match self.remove(&key, condition).await? {
                Outcome::Applied(_) => {
                    self.note_ending(past, EndedBy::Deleted, by);
                    return Ok(());
                }
                Outcome::Conflict => sent = None,
                // The value is gone, or was only fenced; only "gone" may be answered.
                Outcome::Unknown => sent = Some(value),
            }
            self.step_aside(round).await;
        }
        Err(Self::contended(&key))
    }

    /// Lists tags in byte order, after `after`, which need not be a tag. One storage call, one more
    /// when there is none to show.
    ///
    /// # Errors
    /// `NameUnknown` when no manifest was ever pushed to the repository; `Storage`.
    pub async fn tags(
        &self,
        repository: &RepositoryName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<TagPage> {
        let prefix = layout::tags(repository);
        let page = self.list_names(&prefix, after, limit).await?;
        if page.names.is_empty() && !self.repository_exists(repository).await? {
            return Err(RegistryError::NameUnknown(repository.clone()));
        }
        Ok(TagPage {
            tags: page.names,
            more: page.more,
        })
    }
}
