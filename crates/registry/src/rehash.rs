//! Holds stored content against its digest, outside any request.

use crate::pace::Pace;
use crate::record::Content;
use crate::registry::Registry;
use crate::{RegistryError, Result};
use futures::TryStreamExt;
use roadstead_oci::{Digest, Hasher};
use roadstead_storage::{DataRef, Kind};

/// What stored content turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Soundness {
    /// It hashes to its digest.
    Sound,
    /// It does not, or is too short.
    Damaged,
    /// There is no such data.
    Missing,
    /// The disk does not give it back, and says why; another time it may.
    Unreadable(String),
}

impl Registry {
    /// Reads all of a content and hashes it.
    pub(crate) async fn hash(
        &self,
        content: &Content,
        digest: &Digest,
        pace: &mut Pace,
    ) -> Result<Soundness> {
        let data = match content {
            Content::Inline(bytes) if Digest::of(digest.algorithm(), bytes) == *digest => {
                return Ok(Soundness::Sound);
            }
            Content::Inline(_) => return Ok(Soundness::Damaged),
            Content::Data(data) => data,
        };
        match self.hash_data(data, digest, pace).await {
            Ok(actual) if actual == *digest => Ok(Soundness::Sound),
            Ok(_) => Ok(Soundness::Damaged),
            Err(RegistryError::Storage(error)) if error.kind() == Kind::NotFound => {
                Ok(Soundness::Missing)
            }
            // An object that is cut short.
            Err(RegistryError::Storage(error)) if error.kind() == Kind::Corrupt => {
                Ok(Soundness::Damaged)
            }
            Err(RegistryError::Storage(error)) if error.kind() == Kind::Io => {
                Ok(Soundness::Unreadable(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    async fn hash_data(&self, data: &DataRef, digest: &Digest, pace: &mut Pace) -> Result<Digest> {
        let mut stream = self.inner.data.read(&data.key, 0..data.length).await?;
        let mut hasher = Hasher::new(digest.algorithm());
        while let Some(block) = stream.try_next().await? {
            hasher.update(&block);
            pace.spend(block.len()).await;
        }
        Ok(hasher.finish())
    }

    /// Tells whether there is data of at least the length that a record says.
    pub(crate) async fn has_data(&self, data: &DataRef) -> Result<bool> {
        let last = data.length.saturating_sub(1)..data.length;
        let read = async {
            let mut stream = self.inner.data.read(&data.key, last).await?;
            stream.try_next().await
        };
        match read.await {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Corrupt) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
