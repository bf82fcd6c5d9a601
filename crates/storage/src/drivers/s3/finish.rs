//! The last step of an upload: it makes the object appear, whole, under its key.
//!
//! Only one writer's bytes may ever be there: the request carries `If-None-Match: *`, and after a
//! refusal or a lost answer the object itself is looked at. It counts as ours only if its entity
//! tag is that of our bytes (MD5 for one part, MD5 of MD5s for many), or if it names us as its
//! writer; equal length alone tells nothing, for two writers of one upload may have sent different
//! bytes.

use super::failure::{Certainty, Failure};
use super::requests::{Head, Requests, WRITER, bare, completed};
use super::settings::S3Settings;
use super::state::{Base, DriverState, Part};
use crate::{Kind, Operation, Result, StorageError};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use md5::{Digest, Md5};

/// How to know an object as the one that an upload becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) length: u64,
    /// The entity tag that the bytes have, where the store's tags are MD5.
    pub(super) tag: Option<String>,
    /// The name of whoever writes exactly these bytes.
    pub(super) writer: Option<String>,
}

impl Identity {
    /// Knows an object of these bytes, put in one request.
    pub(super) fn of_bytes(bytes: &[u8], writer: String) -> Self {
        Self {
            length: bytes.len() as u64,
            tag: Some(hex_of(Md5::digest(bytes).into())),
            writer: Some(writer),
        }
    }

    /// Knows the object that the kept bytes of an upload become if none are added; `None` when
    /// that cannot be told.
    pub(super) fn of_state(state: &DriverState) -> Option<Self> {
        let length = state.length();
        if let (Some(base), None) = (&state.base, &state.upload) {
            let tag = Some(base.tag.trim_matches('"').to_owned());
            return Some(Self {
                length,
                tag,
                writer: None,
            });
        }
        if state.upload.is_none() {
            let tail = state.tail.as_ref()?;
            let (tag, writer) = (Some(tail.tag.clone()), Some(tail.name.clone()));
            return Some(Self {
                length,
                tag,
                writer,
            });
        }
        let mut parts = state.parts.clone();
        if let Some(tail) = &state.tail {
            parts.push(Part {
                number: 0,
                tag: tail.tag.clone(),
            });
        }
        Some(Self {
            length,
            tag: Some(tag_of_parts(&parts)?),
            writer: None,
        })
    }

    fn fits(&self, head: &Head) -> bool {
        let has_tag = self.tag.as_ref() == Some(&head.tag);
        let has_writer = self.writer.is_some() && self.writer == head.writer;
        self.length == head.length && (has_tag || has_writer)
    }
}

fn hex_of(hash: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(hash))
}

/// Returns the entity tag of an object of these parts; `None` when a part's tag is no MD5.
fn tag_of_parts(parts: &[Part]) -> Option<String> {
    let mut hash = Md5::new();
    for part in parts {
        let number = u128::from_str_radix(&part.tag, 16).ok();
        let number = number.filter(|_| part.tag.len() == 32)?;
        hash.update(number.to_be_bytes());
    }
    Some(format!(
        "{}-{}",
        hex_of(hash.finalize().into()),
        parts.len()
    ))
}

/// What the request asks of the key.
#[derive(Clone, Copy, Debug)]
enum Over<'a> {
    Nothing,
    /// The upload went on from bytes that lie there.
    Base(&'a Base),
}

impl Requests<'_> {
    /// Tells whether the upload was finished as the object that is known by `identity`.
    pub(super) async fn was_finished(&self, identity: &Identity) -> Result<bool> {
        Ok(self.head().await?.is_some_and(|head| identity.fits(&head)))
    }

    /// Puts a small object in one request.
    pub(super) async fn put_object(&self, bytes: Bytes, writer: &str) -> Result<()> {
        let client = self.client;
        let name = self.name();
        let send = || async {
            let request = client
                .sdk
                .put_object()
                .bucket(&client.settings.bucket)
                .key(&name)
                .if_none_match("*")
                .metadata(WRITER, writer)
                .set_storage_class(client.storage_class())
                .set_server_side_encryption(client.encryption())
                .set_ssekms_key_id(client.encryption_key())
                .body(ByteStream::from(bytes.clone()));
            let sent = request.send().await;
            sent.map(|answer| bare(answer.e_tag)).map_err(Failure::from)
        };
        // The hash is needed only where something went wrong, which is next to never.
        let identity = || Some(Identity::of_bytes(&bytes, writer.to_owned()));
        self.finally(Over::Nothing, send, identity)
            .await
            .map(|_| ())
    }

    /// Completes a multipart upload of these parts; returns the object's entity tag.
    pub(super) async fn complete(&self, state: &DriverState, length: u64) -> Result<String> {
        let key = self.place.key();
        let Some(id) = &state.upload else {
            let reason = "the upload has no parts";
            return Err(StorageError::new(
                Kind::NotFound,
                self.operation,
                key.as_str(),
                reason,
            ));
        };
        let client = self.client;
        let name = self.name();
        let over = state.base.as_ref().map_or(Over::Nothing, Over::Base);
        let send = || async {
            let request = client
                .sdk
                .complete_multipart_upload()
                .bucket(&client.settings.bucket)
                .key(&name)
                .upload_id(id)
                .multipart_upload(completed(&state.parts));
            let request = match over {
                Over::Nothing => request.if_none_match("*"),
                Over::Base(base) => request.if_match(&base.tag),
            };
            let sent = request.send().await;
            sent.map(|answer| bare(answer.e_tag)).map_err(Failure::from)
        };
        let identity = || {
            let tag = tag_of_parts(&state.parts)?;
            Some(Identity {
                length,
                tag: Some(tag),
                writer: None,
            })
        };
        self.finally(over, send, identity).await
    }

    /// Sends the request until it is certain that the object is there, or that it is another's.
    async fn finally<F>(
        &self,
        over: Over<'_>,
        mut send: impl FnMut() -> F + Send,
        identity: impl Fn() -> Option<Identity> + Send,
    ) -> Result<String>
    where
        F: Future<Output = std::result::Result<String, Failure>> + Send,
    {
        let key = self.place.key();
        let lock = match self.client.finishing.get() {
            Some(locks) => Some(locks.lock(key.as_str()).await),
            None => None,
        };
        if lock.is_some()
            && let Some(tag) = self.find_finished(over, &identity).await?
        {
            return Ok(tag);
        }
        // To put many parts together takes a store minutes.
        let mut pauses = self.client.retries.start(S3Settings::LONGEST_CALL);
        loop {
            let answer = tokio::time::timeout(pauses.left(), send()).await;
            let failure = match answer {
                Ok(Ok(tag)) => return Ok(tag),
                Ok(Err(failure)) => Some(failure),
                Err(_) => None,
            };
            let is_open = failure.as_ref().is_none_or(Failure::may_pass);
            let is_certain = failure
                .as_ref()
                .is_some_and(|failure| is_open && failure.certainty() == Certainty::NotExecuted);
            if !is_certain
                && let Some(identity) = identity()
                && let Some(head) = self.head().await?
                && identity.fits(&head)
            {
                return Ok(head.tag);
            }
            let error = failure.map_or_else(
                || {
                    let reason = "the store did not put the object together in time";
                    StorageError::new(Kind::Unavailable, self.operation, key.as_str(), reason)
                },
                |failure| self.judge(failure),
            );
            if !is_open || !pauses.pause(&error).await {
                return Err(error);
            }
        }
    }

    /// Looks at what the request would replace, for a store that does not look itself. Returns the
    /// entity tag of this upload's own object, and nothing where the request may be sent.
    async fn find_finished(
        &self,
        over: Over<'_>,
        identity: &impl Fn() -> Option<Identity>,
    ) -> Result<Option<String>> {
        let there = self.head().await?;
        let may_send = match (over, &there) {
            (Over::Nothing, None) => true,
            (Over::Base(base), Some(there)) => base.tag.trim_matches('"') == there.tag,
            (Over::Nothing, Some(_)) | (Over::Base(_), None) => false,
        };
        if may_send {
            return Ok(None);
        }
        if let (Some(there), Some(identity)) = (there, identity())
            && identity.fits(&there)
        {
            return Ok(Some(there.tag));
        }
        let (kind, key) = (Kind::NotFound, self.place.key());
        let reason = "another writer has finished or removed this upload";
        Err(StorageError::new(
            kind,
            self.operation,
            key.as_str(),
            reason,
        ))
    }

    /// What cannot be finished any more is not there: another writer ended or finished it, or wrote
    /// over its parts. Its client begins again.
    fn judge(&self, failure: Failure) -> StorageError {
        let is_lost = failure.is_refused()
            || failure.is_not_found()
            || matches!(failure.code.as_str(), "InvalidPart" | "InvalidPartOrder");
        if !is_lost {
            return self.error(failure);
        }
        let key = self.place.key();
        StorageError::new(
            Kind::NotFound,
            self.operation,
            key.as_str(),
            failure.to_string(),
        )
    }
}

/// Tells which operation it is when there is only one.
pub(super) const FINISH: Operation = Operation::Finish;

#[cfg(test)]
mod tests {
    use super::*;

    fn head(length: u64, tag: &str, writer: Option<&str>) -> Head {
        Head {
            length,
            tag: tag.to_owned(),
            writer: writer.map(str::to_owned),
        }
    }

    #[test]
    fn an_object_is_ours_by_its_bytes_or_by_its_writer_and_never_by_its_length() {
        let identity = Identity::of_bytes(b"abc", "1-me".to_owned());
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        assert!(identity.fits(&head(3, md5, None)));
        assert!(identity.fits(&head(3, "kms", Some("1-me"))));
        assert!(!identity.fits(&head(3, "other", Some("2-other"))));
        assert!(!identity.fits(&head(3, "other", None)));
        assert!(!identity.fits(&head(4, md5, Some("1-me"))));
    }

    #[test]
    fn the_tag_of_parts_is_that_of_s3() {
        let part = |tag: &str| Part {
            number: 1,
            tag: tag.to_owned(),
        };
        // MD5 of the MD5 of `abc`, taken twice.
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        let both = tag_of_parts(&[part(md5), part(md5)]).unwrap();
        assert!(both.ends_with("-2") && both.len() == 34, "{both}");
        let one = tag_of_parts(&[part(md5)]).unwrap();
        assert_eq!(one, "af5da9f45af7a300e3aded972f8ff687-1");
        assert_eq!(tag_of_parts(&[part("no md5")]), None);
    }
}
