//! Ranges of one blob, for readers.

use super::client::{AzureClient, Request, entity_tag, text};
use super::failure::Failure;
use crate::drivers::read_ahead::{Answer, Ranges, Refusal, whole_length};
use crate::{DataKey, Kind, Operation, Result, StorageError};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use hyper::Method;
use std::ops::Range;
use std::sync::Arc;

/// The blob that is read.
pub(super) struct BlobRanges {
    pub(super) client: Arc<AzureClient>,
    pub(super) operation: Operation,
    pub(super) key: DataKey,
    pub(super) name: String,
}

impl BlobRanges {
    fn explain(&self, failure: Failure) -> Refusal {
        match failure.status {
            Some(416) => Refusal::TooShort,
            Some(412) => Refusal::Replaced,
            _ => Refusal::Other(failure.into_error(self.operation, self.key.as_str())),
        }
    }

    fn corrupt(&self, reason: &str) -> StorageError {
        StorageError::new(Kind::Corrupt, self.operation, self.key.as_str(), reason)
    }
}

#[async_trait]
impl Ranges for BlobRanges {
    async fn length(&self) -> Result<u64> {
        let key = self.key.as_str();
        let request = Request::new(Method::HEAD, self.name.as_str());
        let send = || self.client.send(&request);
        let answer = self.client.retrying(self.operation, key, send).await;
        let answer = answer.map_err(|failure| failure.into_error(self.operation, key))?;
        let length = text(answer.headers(), "content-length");
        let length = length.and_then(|length| length.parse().ok());
        length.ok_or_else(|| self.corrupt("the store sent no length"))
    }

    async fn get(
        &self,
        range: &Range<u64>,
        tag: Option<&str>,
    ) -> std::result::Result<Answer, Refusal> {
        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        let mut request = Request::new(Method::GET, self.name.as_str()).header("range", bytes);
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        let send = || self.client.send(&request);
        let key = self.key.as_str();
        let answer = self.client.retrying(self.operation, key, send).await;
        let (head, body) = answer
            .map_err(|failure| self.explain(failure))?
            .into_parts();
        let length = whole_length(text(&head.headers, "content-range"));
        let length =
            length.ok_or_else(|| Refusal::Other(self.corrupt("the store sent no range")))?;
        Ok(Answer {
            body: body.bytes_stream().map_err(Into::into).boxed(),
            length,
            tag: entity_tag(&head.headers),
        })
    }
}
