//! Records in the order of their keys, a page at a time, each of them read.

use crate::progress::Progress;
use crate::registry::Registry;
use crate::{RegistryError, Result};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use roadstead_storage::{Timestamp, Version};
use std::collections::VecDeque;

/// Records of a page.
const PAGE: usize = 200;
/// Records read at once.
const READS_AT_ONCE: usize = 32;

/// A record as it was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) key: String,
    pub(super) bytes: Bytes,
    pub(super) modified: Timestamp,
    pub(super) version: Version,
}

/// Walks what is under a prefix. What is put or removed meanwhile may be met or not.
pub(super) struct Walk {
    registry: Registry,
    progress: Progress,
    prefix: &'static str,
    after: Option<String>,
    has_more: bool,
    page: VecDeque<Found>,
}

impl Walk {
    pub(super) fn new(registry: &Registry, progress: &Progress, prefix: &'static str) -> Self {
        Self {
            registry: registry.clone(),
            progress: progress.clone(),
            prefix,
            after: None,
            has_more: true,
            page: VecDeque::new(),
        }
    }

    /// Makes sure that a record is at hand, if there is one left; returns it.
    pub(super) async fn peek(&mut self) -> Result<Option<&Found>> {
        while self.page.is_empty() && self.has_more {
            self.page = self.next_page().await?.unwrap_or_default().into();
        }
        Ok(self.page.front())
    }

    pub(super) fn take(&mut self) -> Option<Found> {
        self.page.pop_front()
    }

    /// Reads the next page; `None` behind the last.
    pub(super) async fn next_page(&mut self) -> Result<Option<Vec<Found>>> {
        if !self.has_more {
            return Ok(None);
        }
        if self.progress.is_stopped() {
            return Err(RegistryError::Stopped);
        }
        let records = &self.registry.inner.records;
        let page = records
            .list(self.prefix, self.after.as_deref(), PAGE)
            .await?;
        self.after = page.entries.last().map(|entry| entry.key.clone());
        self.has_more = page.more;
        let mut reads = Vec::with_capacity(page.entries.len());
        for entry in page.entries {
            reads.push(self.registry.look_up(entry.key));
        }
        let found: Vec<Option<Found>> = stream::iter(reads)
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        // A record that went since it was listed is none.
        Ok(Some(found.into_iter().flatten().collect()))
    }

    /// Goes on behind everything that begins with `prefix`, or behind `key`, which begins with it
    /// and may be none of ours.
    pub(super) fn skip(&mut self, prefix: &str, key: &str) {
        // No key of ours has this character or one behind it.
        let behind = format!("{prefix}~");
        self.after = Some(if *key > *behind {
            key.to_owned()
        } else {
            behind
        });
        self.has_more = true;
    }
}

impl Registry {
    pub(super) async fn look_up(&self, key: String) -> Result<Option<Found>> {
        let read = self.inner.records.get(&key).await?;
        Ok(read.record.map(|record| Found {
            key,
            bytes: record.bytes,
            modified: record.modified,
            version: read.version,
        }))
    }
}
