//! Removes old tombstones, where the store can do it without danger.
//!
//! A tombstone that was just written over must not be deleted: the request names the tag that was
//! listed. Azure takes notice of that; what speaks its protocol need not, so a trial comes first.

use super::client::{AzureClient, Request, entity_tag};
use super::failure::Failure;
use super::listing::{LONGEST_PAGE, Start};
use super::objects::{RecordObjects, put, record_name};
use super::records::ListedRecord;
use crate::drivers::conditional::{Guard, Objects, Sweep};
use crate::{Kind, Operation, Result, StorageError, TOMBSTONE_AGE, Timestamp};
use bytes::Bytes;
use futures::{StreamExt, stream};
use hyper::Method;

/// How many tombstones are deleted at once.
const DELETES_AT_ONCE: usize = 8;

/// Looks at every record once and removes the tombstones that are older than any request.
pub(super) async fn sweep(client: &AzureClient, now: Timestamp) -> Result<Sweep> {
    if !deletes_by_condition(client).await? {
        return Ok(Sweep::Impossible);
    }
    let mut swept = 0;
    let mut start = Start::Beginning;
    loop {
        let (listed, next) = client.list_records("", &start, LONGEST_PAGE).await?;
        let is_old = |record: &ListedRecord| {
            record.is_tombstone && now.since(record.modified) > TOMBSTONE_AGE
        };
        let old = listed.into_iter().filter(is_old);
        let deletes = old.map(|record| async move {
            let name = record_name(client, Operation::Delete, &record.key)?;
            match delete(client, &name, &record.tag).await {
                Ok(()) => Ok(1),
                // Somebody wrote over it, or another replica removed it.
                Err(failure) if failure.is_refused() || failure.is_not_found() => Ok(0),
                Err(failure) => Err(failure.into_error(Operation::Delete, &record.key)),
            }
        });
        let mut deletes = stream::iter(deletes).buffer_unordered(DELETES_AT_ONCE);
        while let Some(deleted) = deletes.next().await {
            swept += deleted?;
        }
        drop(deletes);
        let Some(next) = next else {
            return Ok(Sweep::Swept(swept));
        };
        start = next;
    }
}

/// Deletes a blob if it has this tag. Sent once: a lost answer is made up for by the next sweep.
async fn delete(client: &AzureClient, name: &str, tag: &str) -> std::result::Result<(), Failure> {
    let request = Request::new(Method::DELETE, name).header("if-match", tag);
    client.send(&request).await.map(|_| ())
}

/// Tries whether a delete that names another version is refused and leaves the blob.
pub(super) async fn deletes_by_condition(client: &AzureClient) -> Result<bool> {
    let key = format!("meta/probe/{:032x}", rand::random::<u128>());
    let name = record_name(client, Operation::Delete, &key)?;
    let objects = RecordObjects(client);
    // The tombstone of a record that never was, so that whatever happens it reads as absent.
    let stale = put_tombstone(client, &key, &name).await?;
    let current = put_tombstone(client, &key, &name).await?;
    let refused = delete(client, &name, &stale).await;
    let is_there = objects.read(Operation::Delete, &key).await?.is_some();
    let deleted = delete(client, &name, &current).await;
    let is_gone = objects.read(Operation::Delete, &key).await?.is_none();
    if !is_gone {
        // A store that refuses every conditional delete is not asked again.
        let request = Request::new(Method::DELETE, name);
        let _ = client.send(&request).await;
    }
    let is_refused = refused.is_err_and(|failure| failure.is_refused());
    Ok(is_refused && is_there && deleted.is_ok() && is_gone)
}

/// Puts a tombstone; returns its tag.
async fn put_tombstone(client: &AzureClient, key: &str, name: &str) -> Result<String> {
    let mut tombstone = vec![0; 1];
    tombstone.extend_from_slice(&rand::random::<u128>().to_be_bytes());
    let request = put(name, Bytes::from(tombstone), Guard::Nothing);
    let send = || client.send(&request);
    let answer = client.retrying(Operation::Delete, key, send).await;
    let answer = answer.map_err(|failure| failure.into_error(Operation::Delete, key))?;
    entity_tag(answer.headers()).ok_or_else(|| {
        let reason = "the answer has no entity tag";
        StorageError::new(Kind::Corrupt, Operation::Delete, key, reason)
    })
}
