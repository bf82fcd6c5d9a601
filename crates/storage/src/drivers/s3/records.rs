//! The record half of the S3 driver: one object a record.

use super::client::S3Client;
use super::failure::Failure;
use super::objects::{RecordObjects, entity_tag, record_name, timestamp};
use crate::drivers::conditional::envelope::TOMBSTONE_BYTES;
use crate::drivers::conditional::{Objects, Patience, Stored, Writing, keys};
use crate::limits;
use crate::{
    Condition, Entry, Kind, Operation, Outcome, Page, Read, Record, RecordStore, Result,
    StorageError, Timestamp, Version,
};
use async_trait::async_trait;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use bytes::Bytes;
use std::sync::Arc;

/// The longest page that S3 gives, in keys.
const LONGEST_PAGE: usize = 1000;

/// Records in a bucket. A clone shares them.
#[derive(Clone, Debug)]
pub struct S3Records {
    client: Arc<S3Client>,
}

/// An object of a listing.
pub(super) struct ListedRecord {
    pub(super) key: String,
    pub(super) tag: String,
    pub(super) modified: Timestamp,
    pub(super) is_tombstone: bool,
}

impl S3Records {
    pub(super) const fn new(client: Arc<S3Client>) -> Self {
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

impl S3Client {
    /// Lists one page of the objects that hold records or tombstones.
    pub(super) async fn list_records(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        token: Option<String>,
        limit: usize,
    ) -> Result<(Vec<ListedRecord>, Option<String>)> {
        let request = self
            .sdk
            .list_objects_v2()
            .bucket(&self.settings.bucket)
            .prefix(self.name(&format!("records/{}", keys::prefix(prefix))))
            .max_keys(i32::try_from(limit.min(LONGEST_PAGE)).unwrap_or(i32::MAX))
            .set_start_after(start_after.map(|key| record_name(self, key)))
            .set_continuation_token(token);
        let send = || {
            let request = request.clone();
            // A page is at most a megabyte or so: it is waited for as a record is.
            async move {
                let sent = tokio::time::timeout(self.settings.record_timeout, request.send()).await;
                sent.map_err(Failure::late)?.map_err(Failure::from)
            }
        };
        let page = self.retrying(Operation::List, prefix, send).await;
        let page = page.map_err(|failure| failure.into_error(Operation::List, prefix))?;
        let token = next_token(&page);
        let listed = page.contents.unwrap_or_default().into_iter();
        let listed = listed.filter_map(|object| {
            let name = object.key?;
            let key = self.below_prefix(&name)?.strip_prefix("records/");
            let Some(key) = key.and_then(keys::key) else {
                tracing::debug!(name, "passed over an object that is no record");
                return None;
            };
            Some(ListedRecord {
                key,
                tag: entity_tag(object.e_tag.as_deref().unwrap_or_default()),
                modified: object
                    .last_modified
                    .as_ref()
                    .map(timestamp)
                    .unwrap_or_default(),
                is_tombstone: object.size.and_then(|size| usize::try_from(size).ok())
                    == Some(TOMBSTONE_BYTES),
            })
        });
        Ok((listed.collect(), token))
    }
}

fn next_token(page: &ListObjectsV2Output) -> Option<String> {
    let is_truncated = page.is_truncated == Some(true);
    page.next_continuation_token
        .clone()
        .filter(|_| is_truncated)
}

#[async_trait]
impl RecordStore for S3Records {
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
        // A key before the prefix is not worth a condition, and some servers mind one.
        let start_after = start_after.filter(|after| *after >= prefix);
        let mut page = Page::default();
        let mut token = None;
        // One more than asked for tells whether records follow.
        let mut asked_for = limit + 1;
        loop {
            let after = start_after.filter(|_| token.is_none());
            let (listed, next) = self
                .client
                .list_records(prefix, after, token, asked_for)
                .await?;
            for record in listed {
                if record.is_tombstone {
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
            if next.is_none() {
                return Ok(page);
            }
            token = next;
            // Where tombstones fill a page, small steps would take long.
            asked_for = LONGEST_PAGE;
        }
    }

    async fn now(&self) -> Result<Timestamp> {
        if let Some(now) = self.client.clock.now() {
            return Ok(now);
        }
        // Any answer carries a date, also that there is no such object.
        let name = record_name(&self.client, "meta/clock");
        let client = &self.client;
        let request = client
            .sdk
            .head_object()
            .bucket(&client.settings.bucket)
            .key(name);
        let asked = client
            .retrying(Operation::Now, "", || request.clone().send())
            .await;
        if let Some(now) = client.clock.now() {
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
