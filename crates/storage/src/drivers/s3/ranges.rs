//! Ranges of one object, for readers.

use super::client::S3Client;
use super::failure::Failure;
use crate::drivers::read_ahead::{Answer, Ranges, Refusal, whole_length};
use crate::{DataKey, Kind, Operation, Result, StorageError};
use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream;
use futures::{StreamExt, stream};
use std::ops::Range;
use std::sync::Arc;

/// The object that is read.
pub(super) struct ObjectRanges {
    pub(super) client: Arc<S3Client>,
    pub(super) operation: Operation,
    pub(super) key: DataKey,
    pub(super) name: String,
}

impl ObjectRanges {
    fn explain(&self, failure: Failure) -> Refusal {
        match failure.status {
            Some(416) => Refusal::TooShort,
            Some(412) => Refusal::Replaced,
            _ => Refusal::Other(failure.into_error(self.operation, self.key.as_str())),
        }
    }
}

#[async_trait]
impl Ranges for ObjectRanges {
    async fn length(&self) -> Result<u64> {
        let client = &self.client;
        let request = client
            .sdk
            .head_object()
            .bucket(&client.settings.bucket)
            .key(&self.name);
        let send = || request.clone().send();
        let answer = client
            .retrying(self.operation, self.key.as_str(), send)
            .await;
        let answer =
            answer.map_err(|failure| failure.into_error(self.operation, self.key.as_str()))?;
        Ok(answer
            .content_length
            .and_then(|length| u64::try_from(length).ok())
            .unwrap_or(0))
    }

    async fn get(
        &self,
        range: &Range<u64>,
        tag: Option<&str>,
    ) -> std::result::Result<Answer, Refusal> {
        let client = &self.client;
        let request = client
            .sdk
            .get_object()
            .bucket(&client.settings.bucket)
            .key(&self.name)
            .range(format!("bytes={}-{}", range.start, range.end - 1))
            .set_if_match(tag.map(str::to_owned));
        let send = || request.clone().send();
        let answer = client
            .retrying(self.operation, self.key.as_str(), send)
            .await;
        let answer = answer.map_err(|failure| self.explain(failure))?;
        let length = whole_length(answer.content_range.as_deref()).ok_or_else(|| {
            let (key, reason) = (self.key.as_str(), "the store sent no range");
            Refusal::Other(StorageError::new(
                Kind::Corrupt,
                self.operation,
                key,
                reason,
            ))
        })?;
        let body = stream::unfold(answer.body, async |mut body: ByteStream| {
            let next = body.next().await?;
            Some((next.map_err(Into::into), body))
        });
        Ok(Answer {
            body: body.boxed(),
            length,
            tag: answer.e_tag,
        })
    }
}
