//! Integrity on read: the first whole read of a blob by this process in a while is hashed as it
//! streams. Bytes that changed on disk never reach a client whole.

use crate::Registry;
use bytes::Bytes;
use futures::Stream;
use roadstead_oci::{Digest, Hasher, RepositoryName};
use roadstead_storage::{DataRef, DataStream, Kind, Operation, StorageError};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

impl Registry {
    /// Hashes a whole read of `data` if it is time to; the last block is held back until the
    /// digest is known to be right.
    pub(crate) fn verifying(
        &self,
        stream: DataStream,
        repository: &RepositoryName,
        digest: &Digest,
        data: &DataRef,
    ) -> DataStream {
        if !self.inner.verifications.claim(&data.key) {
            return stream;
        }
        Box::pin(Verifying {
            stream,
            hasher: Some(Hasher::new(digest.algorithm())),
            held_back: None,
            registry: self.clone(),
            repository: repository.clone(),
            digest: digest.clone(),
            data: data.clone(),
        })
    }
}

struct Verifying {
    stream: DataStream,
    /// Taken once the content is judged.
    hasher: Option<Hasher>,
    held_back: Option<Bytes>,
    registry: Registry,
    repository: RepositoryName,
    digest: Digest,
    data: DataRef,
}

impl Verifying {
    /// Judges the content at its end: the block held back is let go, or replaced by an error.
    fn judge(&mut self, hasher: Hasher) -> Option<roadstead_storage::Result<Bytes>> {
        if hasher.finish() == self.digest {
            return self.held_back.take().map(Ok);
        }
        let (registry, repository) = (self.registry.clone(), self.repository.clone());
        let (digest, data) = (self.digest.clone(), self.data.clone());
        self.registry.inner.background.spawn(async move {
            registry.quarantine(&repository, &digest, &data).await;
        });
        self.registry.inner.verifications.give_back(&self.data.key);
        let text = format!("content does not hash to {}", self.digest);
        Some(Err(StorageError::new(
            Kind::Corrupt,
            Operation::Read,
            self.data.key.as_str(),
            text,
        )))
    }
}

impl Stream for Verifying {
    type Item = roadstead_storage::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            let Some(hasher) = &mut this.hasher else {
                return Poll::Ready(None);
            };
            match ready!(this.stream.as_mut().poll_next(context)) {
                Some(Ok(block)) => {
                    hasher.update(&block);
                    if let Some(previous) = this.held_back.replace(block) {
                        return Poll::Ready(Some(Ok(previous)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    let judged = this.hasher.take().and_then(|hasher| this.judge(hasher));
                    return Poll::Ready(judged);
                }
            }
        }
    }
}

impl Drop for Verifying {
    fn drop(&mut self) {
        // The client left before the end: the next whole read is hashed instead.
        if self.hasher.is_some() {
            self.registry.inner.verifications.give_back(&self.data.key);
        }
    }
}
