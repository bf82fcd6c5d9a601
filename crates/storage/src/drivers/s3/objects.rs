//! Single requests on the objects of records.

use super::client::S3Client;
use super::failure::{Certainty, Failure};
use crate::drivers::conditional::envelope::{self, TOMBSTONE_BYTES};
use crate::drivers::conditional::{Attempt, Guard, Objects, Stored, keys};
use crate::{Kind, MAX_RECORD_BYTES, Operation, Result, StorageError, Timestamp};
use async_trait::async_trait;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use bytes::Bytes;
use std::time::Duration;

/// The objects that hold records.
#[derive(Debug)]
pub(super) struct RecordObjects<'a>(pub(super) &'a S3Client);

/// Makes a timestamp of a date of S3.
pub(super) fn timestamp(date: &DateTime) -> Timestamp {
    Timestamp::from_millis(
        date.to_millis()
            .ok()
            .and_then(|millis| millis.try_into().ok())
            .unwrap_or(0),
    )
}

/// Brings an entity tag to one form, for servers that give it with quotes here and without there.
pub(super) fn entity_tag(text: &str) -> String {
    let bare = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
    format!("\"{bare}\"")
}

/// Returns the name of the object that holds a record.
pub(super) fn record_name(client: &S3Client, key: &str) -> String {
    client.name(&format!("records/{}", keys::name(key)))
}

impl RecordObjects<'_> {
    /// Reads an object whole; an answer that is cut is an error as one that is late.
    async fn get(&self, name: &str) -> std::result::Result<Fetched, Failure> {
        let request = self
            .0
            .sdk
            .get_object()
            .bucket(&self.0.settings.bucket)
            .key(name);
        let fetch = async {
            let mut answer = request.send().await?;
            let body = std::mem::take(&mut answer.body);
            let bytes = body.collect().await.map_err(Failure::late)?;
            Ok(Fetched {
                answer,
                bytes: bytes.into_bytes(),
            })
        };
        let fetched = tokio::time::timeout(self.0.settings.record_timeout, fetch).await;
        fetched.unwrap_or_else(|late| Err(Failure::late(late)))
    }

    async fn send(
        &self,
        name: &str,
        object: Bytes,
        guard: Guard<'_>,
    ) -> std::result::Result<String, Failure> {
        let client = self.0;
        let mut request = client
            .sdk
            .put_object()
            .bucket(&client.settings.bucket)
            .key(name)
            .set_server_side_encryption(client.encryption())
            .set_ssekms_key_id(client.encryption_key())
            .body(ByteStream::from(object));
        match guard {
            Guard::Nothing => {}
            Guard::NoObject => request = request.if_none_match("*"),
            Guard::Tag(tag) => request = request.if_match(tag),
        }
        let answer = request.send().await?;
        Ok(answer.e_tag.map(|tag| entity_tag(&tag)).unwrap_or_default())
    }
}

struct Fetched {
    answer: GetObjectOutput,
    bytes: Bytes,
}

#[async_trait]
impl Objects for RecordObjects<'_> {
    async fn read(&self, operation: Operation, key: &str) -> Result<Option<Stored>> {
        let name = record_name(self.0, key);
        let fetched = self.0.retrying(operation, key, || self.get(&name)).await;
        let Fetched { answer, bytes } = match fetched {
            Ok(fetched) => fetched,
            Err(failure) if failure.is_not_found() => return Ok(None),
            Err(failure) => return Err(failure.into_error(operation, key)),
        };
        let corrupt = |reason: &str| StorageError::new(Kind::Corrupt, operation, key, reason);
        if bytes.len() > MAX_RECORD_BYTES + TOMBSTONE_BYTES {
            return Err(corrupt("the object is longer than any record"));
        }
        let tag = answer
            .e_tag
            .ok_or_else(|| corrupt("the object has no entity tag"))?;
        let modified = answer.last_modified.as_ref();
        let modified = modified.ok_or_else(|| corrupt("the object has no date"))?;
        Ok(Some(Stored {
            envelope: envelope::decode(operation, key, &bytes)?,
            tag: entity_tag(&tag),
            modified: timestamp(modified),
        }))
    }

    async fn put_once(
        &self,
        operation: Operation,
        key: &str,
        object: Bytes,
        guard: Guard<'_>,
        patience: Duration,
    ) -> Attempt {
        let name = record_name(self.0, key);
        let sent = tokio::time::timeout(patience, self.send(&name, object, guard)).await;
        let Ok(sent) = sent else {
            let reason = "no answer in time";
            return Attempt::Lost(StorageError::new(Kind::Unavailable, operation, key, reason));
        };
        match sent {
            Ok(tag) if tag.is_empty() => {
                // Without a tag nobody can go on from here; a read finds it.
                let reason = "the answer has no entity tag";
                Attempt::Lost(StorageError::new(Kind::Unavailable, operation, key, reason))
            }
            Ok(tag) => Attempt::Applied(tag),
            Err(failure) => judge(failure, guard, operation, key),
        }
    }
}

fn judge(failure: Failure, guard: Guard<'_>, operation: Operation, key: &str) -> Attempt {
    // `If-Match` on a key that holds no object is answered by 404.
    let is_gone = failure.is_not_found() && matches!(guard, Guard::Tag(_));
    if failure.is_refused() || is_gone {
        return Attempt::Refused;
    }
    let (certainty, may_pass) = (failure.certainty(), failure.may_pass());
    let error = failure.into_error(operation, key);
    match certainty {
        Certainty::Unknown => Attempt::Lost(error),
        Certainty::NotExecuted if may_pass => Attempt::NotSent(error),
        Certainty::NotExecuted => Attempt::Failed(error),
    }
}
