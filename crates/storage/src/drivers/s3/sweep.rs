//! Removes old tombstones, where the store can do it without danger.
//!
//! A tombstone that was just written over must not be deleted: the request names the tag that was
//! listed. Some servers take no notice of that, so a trial comes first; where it fails, tombstones
//! stay, which costs a few bytes each and nothing else.

use super::client::S3Client;
use super::failure::Failure;
use super::objects::{RecordObjects, entity_tag, record_name};
use super::records::ListedRecord;
use crate::drivers::conditional::{Objects, Sweep};
use crate::{Operation, Result, StorageError, TOMBSTONE_AGE, Timestamp};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures::{StreamExt, stream};

/// How many tombstones are deleted at once.
const DELETES_AT_ONCE: usize = 8;

/// Looks at every record once and removes the tombstones that are older than any request.
pub(super) async fn sweep(client: &S3Client, now: Timestamp) -> Result<Sweep> {
    if !deletes_by_condition(client).await? {
        return Ok(Sweep::Impossible);
    }
    let mut swept = 0;
    let mut token = None;
    loop {
        let (listed, next) = client.list_records("", None, token, usize::MAX).await?;
        let is_old = |record: &ListedRecord| {
            record.is_tombstone && now.since(record.modified) > TOMBSTONE_AGE
        };
        let old = listed.into_iter().filter(is_old);
        let deletes = old.map(|record| async move {
            let name = record_name(client, &record.key);
            delete(client, &name, &record.tag).await
        });
        let mut deletes = stream::iter(deletes).buffer_unordered(DELETES_AT_ONCE);
        while let Some(deleted) = deletes.next().await {
            match deleted {
                Ok(()) => swept += 1,
                // Somebody wrote over it, or another replica removed it.
                Err(failure) if failure.is_refused() || failure.is_not_found() => {}
                Err(failure) => return Err(failure.into_error(Operation::Delete, "")),
            }
        }
        drop(deletes);
        token = next;
        if token.is_none() {
            return Ok(Sweep::Swept(swept));
        }
    }
}

/// Deletes an object if it has this tag. Sent once: a lost answer is made up for by the next sweep.
async fn delete(client: &S3Client, name: &str, tag: &str) -> std::result::Result<(), Failure> {
    let request = client.sdk.delete_object().bucket(&client.settings.bucket);
    let sent = request.key(name).if_match(tag).send().await;
    sent.map(|_| ()).map_err(Failure::from)
}

/// Tries whether a delete that names another version is refused and leaves the object.
pub(super) async fn deletes_by_condition(client: &S3Client) -> Result<bool> {
    let key = format!("meta/probe/{:032x}", rand::random::<u128>());
    let name = record_name(client, &key);
    // The tombstone of a record that never was, so that whatever happens it reads as absent.
    let stale = put(client, &key, &name).await?;
    let current = put(client, &key, &name).await?;
    let refused = delete(client, &name, &stale).await;
    let is_there = RecordObjects(client)
        .read(Operation::Delete, &key)
        .await?
        .is_some();
    let deleted = delete(client, &name, &current).await;
    let is_gone = RecordObjects(client)
        .read(Operation::Delete, &key)
        .await?
        .is_none();
    if !is_gone {
        // A store that refuses every conditional delete is not asked again.
        let request = client.sdk.delete_object().bucket(&client.settings.bucket);
        let _ = request.key(&name).send().await;
    }
    Ok(
        refused.is_err_and(|failure| failure.is_refused())
            && is_there
            && deleted.is_ok()
            && is_gone,
    )
}

/// Puts a tombstone; returns its tag.
async fn put(client: &S3Client, key: &str, name: &str) -> Result<String> {
    let mut tombstone = vec![0; 1];
    tombstone.extend_from_slice(&rand::random::<u128>().to_be_bytes());
    let tombstone = Bytes::from(tombstone);
    let send = || {
        let request = client
            .sdk
            .put_object()
            .bucket(&client.settings.bucket)
            .key(name);
        let body = ByteStream::from(tombstone.clone());
        request
            .set_server_side_encryption(client.encryption())
            .set_ssekms_key_id(client.encryption_key())
            .body(body)
            .send()
    };
    let answer = client.retrying(Operation::Delete, key, send).await;
    let answer = answer.map_err(|failure| failure.into_error(Operation::Delete, key))?;
    answer.e_tag.map(|tag| entity_tag(&tag)).ok_or_else(|| {
        let reason = "the answer has no entity tag";
        StorageError::new(crate::Kind::Corrupt, Operation::Delete, key, reason)
    })
}
