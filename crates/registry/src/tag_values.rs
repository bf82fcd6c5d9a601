//! What tags name and named: their values, and the pages of their history, for whoever looks after them.

use crate::record::{HistoryRecord, TagRecord};
use crate::registry::Registry;
use crate::{RegistryError, Result, layout};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use roadstead_oci::{RepositoryName, Tag};

/// How many records one listing reads at once.
const READS_AT_ONCE: usize = 16;

/// A page of the history of a tag.
#[derive(Clone, Debug, Default)]
pub struct HistoryPage {
    /// Past values, the newest first.
    pub entries: Vec<HistoryRecord>,
    /// The entry that the next page begins after, when there is one.
    pub next: Option<String>,
}

impl Registry {
    /// Returns the value of a tag, or `None` when there is no such tag. One storage call.
    ///
    /// # Errors
    /// `Storage`, `RecordUnreadable`.
    pub async fn tag_value(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<TagRecord>> {
        let key = layout::tag(repository, tag);
        Ok(self.read::<TagRecord>(&key).await?.record)
    }

    /// Returns the values of tags of a repository; one that is gone is left out. A storage call for
    /// each, some at once.
    ///
    /// # Errors
    /// `Storage`, `RecordUnreadable`.
    pub async fn tag_values(
        &self,
        repository: &RepositoryName,
        tags: &[String],
    ) -> Result<Vec<(Tag, TagRecord)>> {
        let tags = tags.iter().filter_map(|tag| Tag::parse(tag).ok());
        let reads = tags.map(|tag| async move {
            let value = self.tag_value(repository, &tag).await?;
            Ok::<_, RegistryError>(value.map(|value| (tag, value)))
        });
        let read: Vec<Option<(Tag, TagRecord)>> = stream::iter(reads)
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Returns past values of a tag, the newest first, after the entry `after` of an earlier page.
    /// There are some of a tag that was deleted, too. One storage call and one for each value.
    ///
    /// # Errors
    /// `Storage`, `RecordUnreadable`.
    pub async fn tag_history(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        after: Option<&str>,
        limit: usize,
    ) -> Result<HistoryPage> {
        let prefix = layout::histories(repository, tag);
        let page = self.list_names(&prefix, after, limit).await?;
        let next = page.names.last().cloned().filter(|_| page.more);
        let reads = page.names.iter().map(|name| {
            let key = format!("{prefix}{name}");
            async move { Ok::<_, RegistryError>(self.read::<HistoryRecord>(&key).await?.record) }
        });
        let read: Vec<Option<HistoryRecord>> = stream::iter(reads)
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        // Read after the entries: one that was written for a change which has not come yet, or never
        // came, stands for the present value.
        let current = self.tag_value(repository, tag).await?;
        let is_past = |entry: &HistoryRecord| {
            current
                .as_ref()
                .is_none_or(|current| current.nonce != entry.was.nonce)
        };
        Ok(HistoryPage {
            entries: read.into_iter().flatten().filter(is_past).collect(),
            next,
        })
    }
}
