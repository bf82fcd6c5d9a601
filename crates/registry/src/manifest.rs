//! Manifests as readers see them: HEAD and GET, by tag and by digest.
//!
//! `manifest/push.rs` owns PUT, `manifest/delete.rs` DELETE, `manifest/live.rs` the life of a
//! record that both change, `manifest/removed.rs` what is retained of a deleted one,
//! `manifest/restore.rs` how it is brought back.

mod accepted;
mod at_once;
mod delete;
mod heal;
mod live;
mod push;
mod references;
mod removed;
mod restore;
mod staged;

#[cfg(test)]
mod tests;

pub use push::{ManifestPush, Pushed};
pub use removed::{RemovedManifest, RemovedPage, Retention};
pub use restore::{Availability, ManifestRestore, Restored};

pub(crate) use live::{Attempt, Naming};
pub(crate) use references::{Held, References};

use crate::protect::{Guarded, Standing};
use crate::record::{Content, ManifestRecord, ManifestState, TagRecord};
use crate::registry::{ROUNDS, Registry, Seen};
use crate::{INLINE_MANIFEST_BYTES, Nonce, RegistryError, Result, layout};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use roadstead_oci::{Digest, Reference, RepositoryName, Tag};
use roadstead_storage::{DataRef, Kind, Operation, StorageError, Version};
use std::fmt::Display;
use tracing::error;

/// What HEAD tells of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestMeta {
    /// Its digest; by tag, of the algorithm that it was tagged under.
    pub digest: Digest,
    /// The media type that it was pushed as.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
}

/// A manifest, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredManifest {
    /// What HEAD tells of it.
    pub meta: ManifestMeta,
    /// The bytes that were pushed.
    pub bytes: Bytes,
}

impl Guarded for ManifestRecord {
    fn standing(&self) -> Standing {
        // What rotted must be pushed again, so a writer may not rely on it.
        if self.is_damaged {
            return Standing::Gone;
        }
        match self.state {
            ManifestState::Live => Standing::Live,
            ManifestState::Condemned => Standing::Condemned,
            // Still readable, but whoever names it now would name what is about to go.
            ManifestState::Deleting | ManifestState::Dead => Standing::Gone,
        }
    }

    fn revived(self, nonce: Nonce) -> Self {
        Self {
            state: ManifestState::Live,
            nonce,
            ..self
        }
    }
}

impl ManifestRecord {
    /// Tells whether readers see the manifest: in every state but the last.
    pub(crate) fn is_readable(&self) -> bool {
        match self.state {
            ManifestState::Live | ManifestState::Condemned | ManifestState::Deleting => true,
            ManifestState::Dead => false,
        }
    }

    fn meta(&self, digest: &Digest) -> ManifestMeta {
        ManifestMeta {
            digest: digest.clone(),
            media_type: self.media_type.as_str().to_owned(),
            size: self.content.length(),
        }
    }
}

impl Registry {
    /// Tells what a reference names. One storage call: a tag always names a readable manifest. One
    /// more for a tag of a manifest too large for its record, whose data may be damaged.
    ///
    /// # Errors
    /// `ManifestUnknown`; `NameUnknown` when nothing was ever pushed to the repository; `Storage`.
    pub async fn manifest_head(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<ManifestMeta> {
        let found = match reference {
            Reference::Tag(tag) => {
                let key = layout::tag(repository, tag);
                let value = self.read::<TagRecord>(&key).await?.record;
                match value {
                    // Only what lies outside its record can rot without a trace in it.
                    Some(value)
                        if value.size > INLINE_MANIFEST_BYTES as u64
                            && self.is_known_damaged(repository, &value.digest).await? =>
                    {
                        None
                    }
                    value => value.map(Into::into),
                }
            }
            Reference::Digest(digest) => {
                let seen = self.read_manifest(repository, digest).await?;
                // What is damaged is to be pushed again.
                let sound = seen
                    .record
                    .filter(|record| record.is_readable() && !record.is_damaged);
                sound.map(|record| record.meta(digest))
            }
        };
        match found {
            Some(meta) => Ok(meta),
            None => Err(self.manifest_unknown(repository, reference).await),
        }
    }

    async fn is_known_damaged(&self, repository: &RepositoryName, digest: &Digest) -> Result<bool> {
        let seen = self.read_manifest(repository, digest).await?;
        // One that is gone only means that the tag has moved on since it was read.
        Ok(seen.record.is_some_and(|record| record.is_damaged))
    }

    /// Returns the manifest that a reference names. By digest one storage call, by tag two, which
    /// are made together where this replica has an idea what the tag names; three where that was
    /// wrong.
    ///
    /// # Errors
    /// As `manifest_head`; `ManifestRotten` when stored bytes are not the manifest's.
    pub async fn manifest_get(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<StoredManifest> {
        let found = match reference {
            Reference::Tag(tag) => self.load_tagged(repository, tag).await?,
            Reference::Digest(digest) => self.load(repository, digest).await?,
        };
        match found {
            Some(stored) => Ok(stored),
            None => Err(self.manifest_unknown(repository, reference).await),
        }
    }

    /// Follows a tag. A manifest that is gone only means that the tag has moved on since it was
    /// read; only a tag that is gone is unknown.
    async fn load_tagged(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<StoredManifest>> {
        let key = layout::tag(repository, tag);
        let mut followed: Option<Version> = None;
        for _ in 0..ROUNDS {
            let guess = self.inner.locations.guess_of_tag(repository, tag);
            let (seen, beside) = self.read_tag(&key, repository, guess.as_ref()).await?;
            let Some(value) = seen.record else {
                self.inner.locations.forget_tag(repository, tag);
                return Ok(None);
            };
            if followed.as_ref() == Some(&seen.version) {
                // Nobody wrote the tag while its manifest was looked for: no race explains this.
                error!(%repository, %tag, digest = %value.digest, "tag {tag} names a manifest that is not there");
                return Ok(None);
            }
            let loaded = self.load_from(repository, &value.digest, beside).await?;
            if let Some(stored) = loaded {
                let locations = &self.inner.locations;
                locations.note_tag(repository, tag, &value.digest);
                return Ok(Some(stored));
            }
            followed = Some(seen.version);
        }
        Err(Self::contended(&key))
    }

    /// Reads a tag, and beside it the manifest that it may name. That is returned if the tag does
    /// name it, and it is there and sound: anything else may have changed until the tag was read.
    async fn read_tag(
        &self,
        key: &str,
        repository: &RepositoryName,
        guess: Option<&Digest>,
    ) -> Result<(Seen<TagRecord>, Option<Box<Seen<ManifestRecord>>>)> {
        let Some(digest) = guess else {
            return Ok((self.read(key).await?, None));
        };
        // In memory of its own, so that requests that guess nothing wait in no more than before.
        let manifest = Box::pin(self.read_manifest(repository, digest));
        let (seen, manifest) = tokio::join!(self.read::<TagRecord>(key), manifest);
        let seen = seen?;
        let is_named = |record: &ManifestRecord| {
            let value = seen.record.as_ref();
            // Not an earlier life of the same bytes, which may have had another media type.
            value.is_some_and(|value| {
                value.digest == *digest && value.generation == record.generation
            })
        };
        // What goes wrong with a guess is met again, and told, by a read that is none.
        let manifest = manifest.ok().filter(|manifest| {
            manifest.record.as_ref().is_some_and(|record| {
                record.is_readable() && !record.is_damaged && is_named(record)
            })
        });
        Ok((seen, manifest.map(Box::new)))
    }

    /// Reads a manifest by digest; `None` when it is not there.
    pub(crate) async fn load(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<StoredManifest>> {
        self.load_from(repository, digest, None).await
    }

    /// Reads a manifest by digest whose record may have been read already.
    async fn load_from(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        mut record: Option<Box<Seen<ManifestRecord>>>,
    ) -> Result<Option<StoredManifest>> {
        // The version at which data was found to be missing or damaged.
        let mut missing: Option<Version> = None;
        for _ in 0..ROUNDS {
            let seen = match record.take() {
                Some(seen) => *seen,
                None => self.read_manifest(repository, digest).await?,
            };
            let Some(record) = seen.record.filter(ManifestRecord::is_readable) else {
                return Ok(None);
            };
            if record.is_damaged {
                return Err(RegistryError::ManifestRotten(digest.clone()));
            }
            let meta = record.meta(digest);
            for location in &record.locations {
                let (blob, data) = (&location.digest, &location.data);
                self.inner.locations.note(repository, blob, data);
            }
            let data = match record.content {
                Content::Inline(bytes) => return Ok(Some(StoredManifest { meta, bytes })),
                Content::Data(data) => data,
            };
            if missing
                .take()
                .is_some_and(|version| version == seen.version)
            {
                self.quarantine_manifest(repository, digest, &data).await?;
                continue;
            }
            match self.read_manifest_data(&data, digest).await {
                Ok(bytes) => return Ok(Some(StoredManifest { meta, bytes })),
                // Deleted or healed since the record was read, or really damaged: the record tells.
                Err(RegistryError::Storage(error))
                    if matches!(error.kind(), Kind::NotFound | Kind::Corrupt) =>
                {
                    missing = Some(seen.version);
                }
                Err(error) => return Err(error),
            }
        }
        Err(Self::contended(&layout::manifest(repository, digest)))
    }

    /// Reads a manifest too large for its record. Such ones are few, so each read is hashed.
    pub(crate) async fn read_manifest_data(
        &self,
        data: &DataRef,
        digest: &Digest,
    ) -> Result<Bytes> {
        let mut stream = self.inner.data.read(&data.key, 0..data.length).await?;
        let mut bytes = BytesMut::with_capacity(usize::try_from(data.length).unwrap_or(0));
        while let Some(block) = stream.try_next().await? {
            bytes.extend_from_slice(&block);
        }
        if Digest::of(digest.algorithm(), &bytes) != *digest {
            let text = format!("stored manifest does not hash to {digest}");
            let key = data.key.as_str();
            return Err(StorageError::new(Kind::Corrupt, Operation::Read, key, text).into());
        }
        Ok(bytes.freeze())
    }

    pub(crate) async fn read_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Seen<ManifestRecord>> {
        self.read(&layout::manifest(repository, digest)).await
    }

    /// Says why a manifest or tag is not there: with the repository, or without it.
    pub(crate) async fn manifest_unknown(
        &self,
        repository: &RepositoryName,
        what: &(impl Display + ?Sized),
    ) -> RegistryError {
        match self.repository_exists(repository).await {
            Ok(true) => RegistryError::ManifestUnknown(what.to_string()),
            Ok(false) => RegistryError::NameUnknown(repository.clone()),
            Err(error) => error,
        }
    }
}

impl From<TagRecord> for ManifestMeta {
    fn from(value: TagRecord) -> Self {
        Self {
            digest: value.digest,
            media_type: value.media_type,
            size: value.size,
        }
    }
}
