//! The record half of the Azure driver: one blob a record.

use super::client::{AzureClient, Request};
use super::listing::{LONGEST_PAGE, Start};
use super::objects::{RecordObjects, record_name};
use crate::drivers::conditional::envelope::TOMBSTONE_BYTES;
use crate::drivers::conditional::{Objects, Patience, Stored, Writing, keys};
use crate::limits;
use crate::{
    Condition, Entry, Kind, Operation, Outcome, Page, Read, Record, RecordStore, Result,
    StorageError, Timestamp, Version,
};
use async_trait::async_trait;
use bytes::Bytes;
use hyper::Method;
use std::sync::Arc;

/// Records in a container. A clone shares them.
#[derive(Clone, Debug)]
pub struct AzureRecords {
    client: Arc<AzureClient>,
}

/// A record or tombstone of a listing.
pub(super) struct ListedRecord {
    pub(super) key: String,
    pub(super) tag: String,
    pub(super) modified: Timestamp,
    pub(super) is_tombstone: bool,
}

impl AzureRecords {
    pub(super) const fn new(client: Arc<AzureClient>) -> Self {
        Self { client }
    }

    async fn write(
        &self,
        operation: Operation,
        key: &str,
        payload: Option<&[u8]>,
        condition: &Condition,
    ) -> Result<Outcome> {
        let settings = &self.client.settings;
        let writing = Writing {
            objects: &RecordObjects(&self.client),
            operation,
            key,
            retries: &self.client.retries,
            patience: Patience {
                attempt: settings.record_timeout,
                whole: settings.call_timeout,
            },
        };
        writing.run(payload, condition).await
    }
}

impl AzureClient {
    /// Lists one page of the blobs that hold records or tombstones.
    pub(super) async fn list_records(
        &self,
        prefix: &str,
        start: &Start,
        limit: usize,
    ) -> Result<(Vec<ListedRecord>, Option<Start>)> {
        let below = format!("records/{}", keys::prefix(prefix));
        let (listed, next) = self.list(Operation::List, &below, start, limit).await?;
        let records = listed.into_iter().filter_map(|listed| {
            let name = listed.name.strip_prefix("records/");
            let Some(key) = name.and_then(keys::key) else {
                let name = listed.name;
                tracing::debug!(name, "passed over a blob that is no record");
                return None;
            };
            Some(ListedRecord {
                key,
                tag: listed.tag,
                modified: listed.modified,
                is_tombstone: listed.length == TOMBSTONE_BYTES as u64,
            })
        });
        Ok((records.collect(), next))
    }
}

#[async_trait]
impl RecordStore for AzureRecords {
    async fn get(&self, key: &str) -> Result<Read> {
        limits::check_key(Operation::Get, key)?;
        let read = RecordObjects(&self.client)
            .read(Operation::Get, key)
            .await?;
        let Some(Stored {
            envelope,
            tag,
            modified,
        }) = read
        else {
            return Ok(Read {
                record: None,
                version: Version::NEVER,
            });
        };
        let record = envelope.payload.map(|bytes| Record { bytes, modified });
        Ok(Read {
            record,
            version: Version::entity_tag(&tag),
        })
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Outcome> {
        limits::check_key(Operation::Put, key)?;
        limits::check_record(key, &bytes)?;
        self.write(Operation::Put, key, Some(&bytes), &condition)
            .await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<Outcome> {
        limits::check_key(Operation::Delete, key)?;
        self.write(Operation::Delete, key, None, &condition).await
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        limits::check_page(prefix, limit)?;
        let start_after = start_after.filter(|after| *after >= prefix);
        let mut start = start_after.map_or(Start::Beginning, |after| {
            Start::At(format!("records/{}", keys::name(after)))
        });
        let mut page = Page::default();
        // One more than asked for tells whether records follow, and one may be that before them.
        let mut asked_for = limit + 2;
        loop {
            let (listed, next) = self.client.list_records(prefix, &start, asked_for).await?;
            for record in listed {
                // The page begins at the key, and where the store takes no notice of it, before.
                let is_before = start_after.is_some_and(|after| record.key.as_str() <= after);
                if record.is_tombstone || is_before {
                    continue;
                }
                if page.entries.len() == limit {
                    page.more = true;
                    return Ok(page);
                }
                page.entries.push(Entry {
                    key: record.key,
                    modified: record.modified,
                });
            }
            let Some(next) = next else {
                return Ok(page);
            };
            start = next;
            // Where tombstones fill a page, small steps would take long.
            asked_for = LONGEST_PAGE;
        }
    }

    async fn now(&self) -> Result<Timestamp> {
        if let Some(now) = self.client.clock.now() {
            return Ok(now);
        }
        // Any answer carries a date, also that there is no such blob.
        let name = record_name(&self.client, Operation::Now, "meta/clock")?;
        let request = Request::new(Method::HEAD, name);
        let send = || self.client.send(&request);
        let asked = self.client.retrying(Operation::Now, "", send).await;
        if let Some(now) = self.client.clock.now() {
            return Ok(now);
        }
        asked.map_err(|failure| failure.into_error(Operation::Now, ""))?;
        let reason = "the store's answers carry no date";
        Err(StorageError::new(
            Kind::Unavailable,
            Operation::Now,
            "",
            reason,
        ))
    }
}
