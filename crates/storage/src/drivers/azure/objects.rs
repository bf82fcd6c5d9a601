//! Single requests on the blobs of records.

use super::client::{AzureClient, Request, entity_tag};
use super::failure::{Certainty, Failure};
use super::wire;
use crate::drivers::conditional::envelope::{self, TOMBSTONE_BYTES};
use crate::drivers::conditional::{Attempt, Guard, Objects, Stored, keys};
use crate::{Kind, MAX_RECORD_BYTES, Operation, Result, StorageError};
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{HeaderMap, Method};
use std::time::Duration;

/// The longest object that is read as a record.
const MOST_BYTES: usize = MAX_RECORD_BYTES + TOMBSTONE_BYTES;

/// The blobs that hold records.
#[derive(Debug)]
pub(super) struct RecordObjects<'a>(pub(super) &'a AzureClient);

/// Returns the name of the blob that holds a record. Azure, and what stands before it, take `.` and
/// `..` between slashes for folders; no key of ours has them.
pub(super) fn record_name(client: &AzureClient, operation: Operation, key: &str) -> Result<String> {
    let name = keys::name(key);
    if name.split('/').any(|part| part == "." || part == "..") {
        let reason = "a key has no part that is a dot or two";
        return Err(StorageError::new(Kind::Invalid, operation, key, reason));
    }
    Ok(client.name(&format!("records/{name}")))
}

/// Makes the request that puts a small blob.
pub(super) fn put(name: &str, bytes: Bytes, guard: Guard<'_>) -> Request {
    let request = Request::new(Method::PUT, name)
        .header("x-ms-blob-type", "BlockBlob")
        .header("content-type", "application/octet-stream")
        .body(bytes);
    match guard {
        Guard::Nothing => request,
        Guard::NoObject => request.header("if-none-match", "*"),
        Guard::Tag(tag) => request.header("if-match", tag),
    }
}

impl RecordObjects<'_> {
    /// Reads a blob whole; an answer that is cut is an error as one that is late.
    async fn get(&self, name: &str) -> std::result::Result<(HeaderMap, Bytes), Failure> {
        let request = Request::new(Method::GET, name);
        let fetch = async {
            let (head, body) = self.0.send(&request).await?.into_parts();
            let body = Limited::new(body, MOST_BYTES + 1).collect().await;
            let bytes = body.map_err(Failure::late)?.to_bytes();
            Ok((head.headers, bytes))
        };
        let fetched = tokio::time::timeout(self.0.settings.record_timeout, fetch).await;
        fetched.unwrap_or_else(|late| Err(Failure::late(late)))
    }
}

#[async_trait]
impl Objects for RecordObjects<'_> {
    async fn read(&self, operation: Operation, key: &str) -> Result<Option<Stored>> {
        let name = record_name(self.0, operation, key)?;
        let fetched = self.0.retrying(operation, key, || self.get(&name)).await;
        let (headers, bytes) = match fetched {
            Ok(fetched) => fetched,
            Err(failure) if failure.is_not_found() => return Ok(None),
            Err(failure) => return Err(failure.into_error(operation, key)),
        };
        let corrupt = |reason: &str| StorageError::new(Kind::Corrupt, operation, key, reason);
        if bytes.len() > MOST_BYTES {
            return Err(corrupt("the object is longer than any record"));
        }
        let tag = entity_tag(&headers).ok_or_else(|| corrupt("the object has no entity tag"))?;
        let modified = wire::date(&headers, "last-modified");
        let modified = modified.ok_or_else(|| corrupt("the object has no date"))?;
        Ok(Some(Stored {
            envelope: envelope::decode(operation, key, &bytes)?,
            tag,
            modified,
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
        let request = match record_name(self.0, operation, key) {
            Ok(name) => put(&name, object, guard),
            Err(error) => return Attempt::Failed(error),
        };
        let sent = tokio::time::timeout(patience, self.0.send(&request)).await;
        let lost =
            |reason: &str| StorageError::new(Kind::Unavailable, operation, key, reason.to_owned());
        match sent {
            Err(_) => Attempt::Lost(lost("no answer in time")),
            Ok(Ok(answer)) => match entity_tag(answer.headers()) {
                Some(tag) => Attempt::Applied(tag),
                // Without a tag nobody can go on from here; a read finds it.
                None => Attempt::Lost(lost("the answer has no entity tag")),
            },
            Ok(Err(failure)) => judge(failure, operation, key),
        }
    }
}

fn judge(failure: Failure, operation: Operation, key: &str) -> Attempt {
    if failure.is_refused() || failure.is_not_found() {
        // A put is answered by 404 where `If-Match` names a blob that is gone.
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

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::StatusCode;

    fn judged(status: u16, code: &str) -> Attempt {
        let status = StatusCode::from_u16(status).unwrap();
        let failure = Failure::answered(status, Some(code), b"");
        judge(failure, Operation::Put, "key")
    }

    #[test]
    fn each_answer_to_a_conditional_put_is_what_is_certain_of_it() {
        assert!(matches!(judged(409, "BlobAlreadyExists"), Attempt::Refused));
        assert!(matches!(judged(412, "ConditionNotMet"), Attempt::Refused));
        assert!(matches!(judged(404, "BlobNotFound"), Attempt::Refused));
        assert!(matches!(judged(429, ""), Attempt::NotSent(_)));
        assert!(matches!(judged(503, "ServerBusy"), Attempt::Lost(_)));
        assert!(matches!(judged(500, "OperationTimedOut"), Attempt::Lost(_)));
        assert!(matches!(
            judged(403, "AuthenticationFailed"),
            Attempt::Failed(_)
        ));
        assert!(matches!(
            judged(404, "ContainerNotFound"),
            Attempt::Failed(_)
        ));
    }
}
