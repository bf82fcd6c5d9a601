//! Requests on the objects of data: each may be sent as often as one likes. What must be sent with
//! more care, the last step of an upload, is in `finish.rs`.

use super::client::S3Client;
use super::failure::Failure;
use super::state::Part;
use crate::drivers::place::Place;
use crate::{Operation, Result, StorageError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::ops::Range;

/// The metadata that names who wrote an object.
pub(super) const WRITER: &str = "roadstead-writer";

/// What must be written otherwise in a header that names an object.
const OUTSIDE_NAMES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What a store says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) length: u64,
    /// The entity tag without quotes.
    pub(super) tag: String,
    /// The name that its writer gave itself.
    pub(super) writer: Option<String>,
}

/// Takes the quotes off an entity tag.
pub(super) fn bare(tag: Option<String>) -> String {
    tag.unwrap_or_default().trim_matches('"').to_owned()
}

/// The calls of one operation on one upload or object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Requests<'a> {
    pub(super) client: &'a S3Client,
    pub(super) operation: Operation,
    pub(super) place: Place,
}

impl Requests<'_> {
    pub(super) fn error(&self, failure: Failure) -> StorageError {
        failure.into_error(self.operation, self.place.key().as_str())
    }

    pub(super) fn name(&self) -> String {
        self.client.name(&self.place.object())
    }

    fn bucket(&self) -> &str {
        &self.client.settings.bucket
    }

    fn is_encrypted_on_the_way(&self) -> bool {
        let endpoint = self.client.settings.endpoint.as_deref();
        endpoint.is_none_or(|endpoint| endpoint.starts_with("https:"))
    }

    /// Writes a tail; returns its entity tag.
    pub(super) async fn put_tail(&self, tail: &str, bytes: Bytes) -> Result<String> {
        let client = self.client;
        let name = client.name(&self.place.tail(tail));
        let send = || {
            client
                .sdk
                .put_object()
                .bucket(self.bucket())
                .key(&name)
                .set_server_side_encryption(client.encryption())
                .set_ssekms_key_id(client.encryption_key())
                .body(ByteStream::from(bytes.clone()))
                .send()
        };
        let key = self.place.key();
        let answer = client.retrying(self.operation, key.as_str(), send).await;
        Ok(bare(answer.map_err(|failure| self.error(failure))?.e_tag))
    }

    /// Begins a multipart upload.
    pub(super) async fn create(&self, writer: &str) -> Result<String> {
        let client = self.client;
        let name = self.name();
        let send = || {
            client
                .sdk
                .create_multipart_upload()
                .bucket(self.bucket())
                .key(&name)
                .metadata(WRITER, writer)
                .set_storage_class(client.storage_class())
                .set_server_side_encryption(client.encryption())
                .set_ssekms_key_id(client.encryption_key())
                .send()
        };
        let key = self.place.key();
        let answer = client.retrying(self.operation, key.as_str(), send).await;
        let id = answer.map_err(|failure| self.error(failure))?.upload_id;
        id.ok_or_else(|| {
            let reason = "the store gave the multipart upload no id";
            StorageError::new(crate::Kind::Io, self.operation, key.as_str(), reason)
        })
    }

    /// Sends a part.
    pub(super) async fn upload_part(&self, id: &str, number: u32, bytes: Bytes) -> Result<Part> {
        let client = self.client;
        let name = self.name();
        let send = || {
            let request = client
                .sdk
                .upload_part()
                .bucket(self.bucket())
                .key(&name)
                .upload_id(id)
                .part_number(part_number(number))
                .body(ByteStream::from(bytes.clone()))
                .customize();
            // TLS guards what it carries; hashing it once more would cost a core a gigabyte a second.
            let request = if self.is_encrypted_on_the_way() {
                request.disable_payload_signing()
            } else {
                request
            };
            request.send()
        };
        let key = self.place.key();
        let answer = client.retrying(self.operation, key.as_str(), send).await;
        let tag = bare(answer.map_err(|failure| self.error(failure))?.e_tag);
        Ok(Part { number, tag })
    }

    /// Copies bytes of the object that lies under the upload's own key to a part.
    pub(super) async fn copy_part(
        &self,
        id: &str,
        number: u32,
        source_tag: &str,
        range: Range<u64>,
    ) -> Result<Part> {
        let client = self.client;
        let name = self.name();
        let source =
            utf8_percent_encode(&format!("{}/{name}", self.bucket()), OUTSIDE_NAMES).to_string();
        let range = format!("bytes={}-{}", range.start, range.end - 1);
        let send = || {
            client
                .sdk
                .upload_part_copy()
                .bucket(self.bucket())
                .key(&name)
                .upload_id(id)
                .part_number(part_number(number))
                .copy_source(&source)
                .copy_source_range(&range)
                .copy_source_if_match(source_tag)
                .send()
        };
        let key = self.place.key();
        let answer = client.retrying(self.operation, key.as_str(), send).await;
        let result = answer
            .map_err(|failure| self.error(failure))?
            .copy_part_result;
        let tag = bare(result.and_then(|result| result.e_tag));
        Ok(Part { number, tag })
    }

    /// Reads the last number of a part from `number` on that some writer sent.
    pub(super) async fn has_part_from(&self, id: &str, number: u32) -> Result<bool> {
        let client = self.client;
        let name = self.name();
        let send = || {
            client
                .sdk
                .list_parts()
                .bucket(self.bucket())
                .key(&name)
                .upload_id(id)
                .part_number_marker((number - 1).to_string())
                .max_parts(1)
                .send()
        };
        let key = self.place.key();
        let answer = client.retrying(self.operation, key.as_str(), send).await;
        let parts = answer.map_err(|failure| self.error(failure))?.parts;
        Ok(parts.is_some_and(|parts| !parts.is_empty()))
    }

    /// Tells what lies under the upload's key.
    pub(super) async fn head(&self) -> Result<Option<Head>> {
        let client = self.client;
        let name = self.name();
        let send = || {
            client
                .sdk
                .head_object()
                .bucket(self.bucket())
                .key(&name)
                .send()
        };
        let key = self.place.key();
        let answer = match client.retrying(self.operation, key.as_str(), send).await {
            Ok(answer) => answer,
            Err(failure) if failure.is_not_found() => return Ok(None),
            Err(failure) => return Err(self.error(failure)),
        };
        let length = answer
            .content_length
            .and_then(|length| u64::try_from(length).ok());
        let writer = answer
            .metadata
            .as_ref()
            .and_then(|metadata| metadata.get(WRITER));
        Ok(Some(Head {
            length: length.unwrap_or(0),
            writer: writer.cloned(),
            tag: bare(answer.e_tag),
        }))
    }

    /// Reads an object of at most a part's length whole; `None` when it is not there.
    pub(super) async fn fetch(
        &self,
        name: &str,
        range: Option<Range<u64>>,
    ) -> Result<Option<Bytes>> {
        let client = self.client;
        let range = range.map(|range| format!("bytes={}-{}", range.start, range.end - 1));
        let stall = client.settings.stall_timeout;
        let send = || async {
            let request = client.sdk.get_object().bucket(self.bucket()).key(name);
            let mut body = request.set_range(range.clone()).send().await?.body;
            let mut bytes = bytes::BytesMut::new();
            loop {
                let next = tokio::time::timeout(stall, body.next()).await;
                match next.map_err(Failure::late)? {
                    Some(piece) => {
                        bytes.extend_from_slice(&piece.map_err(Failure::late)?);
                    }
                    None => return Ok::<_, Failure>(bytes.freeze()),
                }
            }
        };
        let key = self.place.key();
        let fetched = client.retrying(self.operation, key.as_str(), send).await;
        match fetched {
            Ok(bytes) => Ok(Some(bytes)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(self.error(failure)),
        }
    }

    /// Deletes an object; that it is not there is as good.
    pub(super) async fn delete(&self, name: &str) -> Result<()> {
        let client = self.client;
        let send = || {
            client
                .sdk
                .delete_object()
                .bucket(self.bucket())
                .key(name)
                .send()
        };
        let key = self.place.key();
        match client.retrying(self.operation, key.as_str(), send).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_not_found() => Ok(()),
            Err(failure) => Err(self.error(failure)),
        }
    }

    /// Ends a multipart upload; that it is not there is as good.
    pub(super) async fn abort(&self, id: &str) -> Result<()> {
        let client = self.client;
        let name = self.name();
        let send = || {
            let request = client.sdk.abort_multipart_upload();
            request
                .bucket(self.bucket())
                .key(&name)
                .upload_id(id)
                .send()
        };
        let key = self.place.key();
        match client.retrying(self.operation, key.as_str(), send).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_not_found() => Ok(()),
            Err(failure) => Err(self.error(failure)),
        }
    }

    /// Returns the ids of all multipart uploads under the key, whoever began them.
    pub(super) async fn open_uploads(&self) -> Result<Vec<String>> {
        let client = self.client;
        let name = self.name();
        let send = || {
            let request = client.sdk.list_multipart_uploads();
            // The whole name, for some servers list the uploads of one object only.
            request.bucket(self.bucket()).prefix(&name).send()
        };
        let key = self.place.key();
        let listed = match client.retrying(self.operation, key.as_str(), send).await {
            Ok(listed) => listed.uploads.unwrap_or_default(),
            Err(failure) if failure.is_not_found() => return Ok(Vec::new()),
            Err(failure) => return Err(self.error(failure)),
        };
        let own = listed
            .into_iter()
            .filter(|upload| upload.key.as_deref() == Some(&name));
        Ok(own.filter_map(|upload| upload.upload_id).collect())
    }

    /// Returns the names of all tails of the upload, whoever wrote them.
    pub(super) async fn tails(&self) -> Result<Vec<String>> {
        let client = self.client;
        let prefix = client.name(&self.place.tails());
        let send = || {
            let request = client.sdk.list_objects_v2();
            request.bucket(self.bucket()).prefix(&prefix).send()
        };
        let key = self.place.key();
        let listed = client.retrying(self.operation, key.as_str(), send).await;
        let listed = listed.map_err(|failure| self.error(failure))?.contents;
        Ok(listed
            .unwrap_or_default()
            .into_iter()
            .filter_map(|object| object.key)
            .collect())
    }
}

/// Lists parts as S3 wants them named.
pub(super) fn completed(parts: &[Part]) -> CompletedMultipartUpload {
    let parts = parts.iter().map(|part| {
        let tag = format!("\"{}\"", part.tag);
        CompletedPart::builder()
            .part_number(part_number(part.number))
            .e_tag(tag)
            .build()
    });
    CompletedMultipartUpload::builder()
        .set_parts(Some(parts.collect()))
        .build()
}

fn part_number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
