//! Sets a tag back to a value that it had, and lists the tags that were deleted.

use crate::manifest::{Availability, ManifestRestore, Restored};
use crate::record::{EndedBy, HistoryRecord, TagRecord};
use crate::registry::Registry;
use crate::{RegistryError, Result, layout};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use roadstead_oci::{Digest, RepositoryName, Tag};
use roadstead_storage::Timestamp;

/// How many records one listing reads at once.
const READS_AT_ONCE: usize = 16;
/// How many past values are looked at together.
const PAGE: usize = 100;

/// Which past value of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestorePoint {
    /// The last one that named something else than the tag names now.
    Last,
    /// One that named this manifest.
    Digest(Digest),
    /// The one that the tag had at this time.
    At(Timestamp),
}

/// A tag that is to be set back.
#[derive(Clone, Debug)]
pub struct TagRestore {
    /// The repository.
    pub repository: RepositoryName,
    /// The tag, which may have been deleted.
    pub tag: Tag,
    /// To what.
    pub point: RestorePoint,
    /// Whether the tag keeps the digest that it has: it may be made, not changed.
    pub is_kept: bool,
    /// Who asks for it.
    pub by: String,
}

/// A tag that was set back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRestored {
    /// What it names now.
    pub digest: Digest,
    /// What it named before, if anything.
    pub before: Option<Digest>,
    /// How its manifest came back; `None` when the tag named it already and nothing was done.
    pub manifest: Option<Restored>,
}

/// A tag that was deleted and can be brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedTag {
    /// The tag.
    pub tag: Tag,
    /// Its last value, and how that ended.
    pub last: HistoryRecord,
    /// Whether the manifest of that value can be had: never `Gone`.
    pub availability: Availability,
}

/// A page of deleted tags.
#[derive(Clone, Debug, Default)]
pub struct DeletedTagsPage {
    /// The tags, in the order of their keys.
    pub tags: Vec<DeletedTag>,
    /// What the next page begins after, when there is one.
    pub next: Option<String>,
}

impl Registry {
    /// Sets a tag back to a value that it had. A manifest that was deleted meanwhile is brought back
    /// first; both is done by the ordinary push.
    ///
    /// # Errors
    /// `NothingToRestore` when the tag has no such past; else as [`Registry::manifest_restore`].
    pub async fn tag_restore(&self, restore: &TagRestore) -> Result<TagRestored> {
        let TagRestore {
            repository,
            tag,
            by,
            ..
        } = restore;
        let current = self.tag_value(repository, tag).await?;
        let before = current.as_ref().map(|current| current.digest.clone());
        let digest = self.past_digest(restore, current.as_ref()).await?;
        if before.as_ref() == Some(&digest) {
            return Ok(TagRestored {
                digest,
                before,
                manifest: None,
            });
        }
        let tags = vec![tag.clone()];
        let kept_tags = if restore.is_kept {
            tags.clone()
        } else {
            Vec::new()
        };
        let manifest = ManifestRestore {
            repository: repository.clone(),
            digest: digest.clone(),
            tags,
            kept_tags,
            by: by.clone(),
        };
        let restored = self.manifest_restore(&manifest).await?;
        Ok(TagRestored {
            digest,
            before,
            manifest: Some(restored),
        })
    }

    async fn past_digest(
        &self,
        restore: &TagRestore,
        current: Option<&TagRecord>,
    ) -> Result<Digest> {
        let nothing = |reason: String| Err(RegistryError::NothingToRestore(reason));
        let (repository, tag) = (&restore.repository, &restore.tag);
        match &restore.point {
            RestorePoint::Last => {
                let is_other = |past: &HistoryRecord| {
                    current.is_none_or(|current| current.digest != past.was.digest)
                };
                match self.find_past(repository, tag, None, is_other).await? {
                    Some(past) => Ok(past.was.digest),
                    None => nothing(format!(
                        "tag {tag} of {repository} never named anything else"
                    )),
                }
            }
            RestorePoint::Digest(digest) => {
                let is_asked_for = |past: &HistoryRecord| past.was.digest == *digest;
                let is_current = current.is_some_and(|current| current.digest == *digest);
                if is_current
                    || self
                        .find_past(repository, tag, None, is_asked_for)
                        .await?
                        .is_some()
                {
                    return Ok(digest.clone());
                }
                nothing(format!("tag {tag} of {repository} never named {digest}"))
            }
            RestorePoint::At(at) => {
                if let Some(current) = current.filter(|current| current.at <= *at) {
                    return Ok(current.digest.clone());
                }
                let until = layout::history_until(*at);
                let past = self
                    .find_past(repository, tag, Some(until), |_| true)
                    .await?;
                let was_gone = |past: &HistoryRecord| {
                    let ended = past.ended.as_ref();
                    ended.is_some_and(|ended| ended.how == EndedBy::Deleted && ended.at <= *at)
                };
                match past {
                    Some(past) if !was_gone(&past) => Ok(past.was.digest),
                    Some(_) | None => nothing(format!(
                        "tag {tag} of {repository} named nothing at that time"
                    )),
                }
            }
        }
    }

    /// Returns the newest past value that fits, of those after `after` in the order of keys.
    async fn find_past(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        mut after: Option<String>,
        fits: impl Fn(&HistoryRecord) -> bool,
    ) -> Result<Option<HistoryRecord>> {
        loop {
            let page = self
                .tag_history(repository, tag, after.as_deref(), PAGE)
                .await?;
            if let Some(found) = page.entries.into_iter().find(&fits) {
                return Ok(Some(found));
            }
            let Some(next) = page.next else {
                return Ok(None);
            };
            after = Some(next);
        }
    }

    /// Lists the deleted tags of a repository that can be brought back, after `after`, the `next` of
    /// an earlier page. A page may have fewer than `limit`, or none, and others follow it. One
    /// storage call, and up to four for each tag that ever changed.
    ///
    /// # Errors
    /// `NameUnknown` when no manifest was ever pushed to the repository; `Storage`,
    /// `RecordUnreadable`.
    pub async fn deleted_tags(
        &self,
        repository: &RepositoryName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<DeletedTagsPage> {
        let prefix = layout::histories_all(repository);
        // Behind every past value of that tag: their keys go on with a digit.
        let after = after.map(|tag| format!("{tag}/~"));
        let page = self
            .list_names(&prefix, after.as_deref(), limit.max(1))
            .await?;
        if page.names.is_empty() && !self.repository_exists(repository).await? {
            return Err(RegistryError::NameUnknown(repository.clone()));
        }
        let mut newest: Vec<(Tag, String)> = Vec::new();
        for name in &page.names {
            let Some(tag) = name
                .split_once('/')
                .and_then(|(tag, _)| Tag::parse(tag).ok())
            else {
                continue;
            };
            if newest.last().is_none_or(|(last, _)| *last != tag) {
                newest.push((tag, format!("{prefix}{name}")));
            }
        }
        let next = newest.last().map(|(tag, _)| tag.to_string());
        let reads = newest
            .into_iter()
            .map(|(tag, key)| self.deleted_tag(repository, tag, key));
        let read: Vec<Option<DeletedTag>> = stream::iter(reads)
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(DeletedTagsPage {
            tags: read.into_iter().flatten().collect(),
            next: next.filter(|_| page.more),
        })
    }

    /// Looks at a tag whose newest past value is at `key`; `None` when it is there or its manifest is
    /// gone for good.
    async fn deleted_tag(
        &self,
        repository: &RepositoryName,
        tag: Tag,
        key: String,
    ) -> Result<Option<DeletedTag>> {
        if self.tag_value(repository, &tag).await?.is_some() {
            return Ok(None);
        }
        let Some(last) = self.read::<HistoryRecord>(&key).await?.record else {
            return Ok(None);
        };
        let availability = self
            .manifest_availability(repository, &last.was.digest)
            .await?;
        if availability == Availability::Gone {
            return Ok(None);
        }
        Ok(Some(DeletedTag {
            tag,
            last,
            availability,
        }))
    }
}
