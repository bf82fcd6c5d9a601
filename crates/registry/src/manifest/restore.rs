//! Brings a deleted manifest back: its retained bytes are pushed again, by the ordinary push, which
//! protects and checks all that they name. There is no shorter way that would be safe.

use super::push::ManifestPush;
use crate::record::{ManifestRecord, RemovedRecord};
use crate::registry::Registry;
use crate::{RegistryError, Result, layout};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use roadstead_oci::{Digest, RepositoryName, Tag};
use roadstead_storage::Timestamp;

/// How deep an index may lie in another to be brought back with it.
const MOST_LEVELS: usize = 8;

/// What is to be brought back.
#[derive(Clone, Debug)]
pub struct ManifestRestore {
    /// The repository.
    pub repository: RepositoryName,
    /// The manifest; one that is there already is pushed again as it is.
    pub digest: Digest,
    /// Tags to set to it.
    pub tags: Vec<Tag>,
    /// Of these, those that keep the digest they have: they may be made, not changed.
    pub kept_tags: Vec<Tag>,
    /// Who asks for it.
    pub by: String,
}

/// What was done to bring a manifest back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Whether the manifest itself had been deleted; else it was there already.
    pub was_removed: bool,
    /// Deleted manifests that it names and that were brought back with it.
    pub children: Vec<Digest>,
}

/// Whether a manifest can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It is there.
    Live,
    /// It was deleted and can be brought back, as long as what it names is there.
    Removed {
        /// When it was deleted.
        at: Timestamp,
        /// By whom.
        by: String,
        /// Until when it is retained.
        until: Timestamp,
    },
    /// It is not there and not retained.
    Gone,
}

/// The bytes of a manifest that is there, or was.
struct Source {
    bytes: Bytes,
    media_type: String,
    was_removed: bool,
}

impl Registry {
    /// Brings a manifest back, with the manifests that it names where they were deleted, too, and
    /// sets tags to it.
    ///
    /// # Errors
    /// `NothingToRestore` when it is neither there nor retained; `ContentGone` when something that it
    /// names is not there any more; `TagKept`; what [`Registry::manifest_put`] fails with. Manifests
    /// that it names may be back all the same.
    pub async fn manifest_restore(&self, restore: &ManifestRestore) -> Result<Restored> {
        self.restore_tree(restore, &restore.digest, MOST_LEVELS)
            .await
    }

    /// Tells whether a manifest is there or can be brought back. One or two storage calls.
    ///
    /// # Errors
    /// `Storage`, `RecordUnreadable`.
    pub async fn manifest_availability(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Availability> {
        // In this order: the entry is written while the record is there.
        let live = self.read_manifest(repository, digest).await?.record;
        if live.is_some_and(|record| ManifestRecord::is_readable(&record)) {
            return Ok(Availability::Live);
        }
        let key = layout::removed(repository, digest);
        let seen = self.read::<RemovedRecord>(&key).await?;
        let now = self.inner.records.now().await?;
        let retained = seen.record.filter(|_| self.is_retained(seen.modified, now));
        Ok(
            retained.map_or(Availability::Gone, |entry| Availability::Removed {
                at: entry.at,
                by: entry.by,
                until: self.retained_until(seen.modified),
            }),
        )
    }

    fn restore_tree<'a>(
        &'a self,
        restore: &'a ManifestRestore,
        digest: &'a Digest,
        levels: usize,
    ) -> BoxFuture<'a, Result<Restored>> {
        async move {
            let source = self.source_of(&restore.repository, digest).await?;
            let mut restored = Restored {
                was_removed: source.was_removed,
                children: Vec::new(),
            };
            let push = || self.push_source(restore, digest, &source);
            let missing = match push().await {
                Err(RegistryError::ManifestBlobUnknown(missing)) => missing,
                other => return other.map(|()| restored),
            };
            let children = self
                .restorable(&restore.repository, digest, missing)
                .await?;
            let Some(levels) = levels.checked_sub(1) else {
                return Err(RegistryError::ContentGone {
                    digest: Box::new(digest.clone()),
                    missing: children,
                });
            };
            for child in children {
                let below = self.restore_tree(restore, &child, levels).await?;
                restored.children.extend(below.children);
                restored.children.push(child);
            }
            match push().await {
                Err(RegistryError::ManifestBlobUnknown(missing)) => {
                    Err(RegistryError::ContentGone {
                        digest: Box::new(digest.clone()),
                        missing,
                    })
                }
                other => other.map(|()| restored),
            }
        }
        .boxed()
    }

    async fn source_of(&self, repository: &RepositoryName, digest: &Digest) -> Result<Source> {
        if let Some(stored) = self.load(repository, digest).await? {
            return Ok(Source {
                bytes: stored.bytes,
                media_type: stored.meta.media_type,
                was_removed: false,
            });
        }
        let key = layout::removed(repository, digest);
        // One whose time is over and that is there still may yet be saved.
        let Some(entry) = self.read::<RemovedRecord>(&key).await?.record else {
            return Err(RegistryError::NothingToRestore(format!(
                "manifest {digest} of {repository} is not there and not retained"
            )));
        };
        Ok(Source {
            bytes: entry.bytes,
            media_type: entry.media_type.as_str().to_owned(),
            was_removed: true,
        })
    }

    async fn push_source(
        &self,
        restore: &ManifestRestore,
        digest: &Digest,
        source: &Source,
    ) -> Result<()> {
        let is_asked_for = *digest == restore.digest;
        let push = ManifestPush {
            repository: restore.repository.clone(),
            reference: digest.clone().into(),
            tags: if is_asked_for {
                restore.tags.clone()
            } else {
                Vec::new()
            },
            content_type: Some(source.media_type.clone()),
            bytes: source.bytes.clone(),
            kept_tags: restore.kept_tags.clone(),
            by: restore.by.clone(),
        };
        self.manifest_put(push).await.map(|_| ())
    }

    /// Returns what is missing when all of it are deleted manifests that can be brought back.
    async fn restorable(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        missing: Vec<Digest>,
    ) -> Result<Vec<Digest>> {
        let mut gone = Vec::new();
        for one in &missing {
            let key = layout::removed(repository, one);
            if self.inner.records.get(&key).await?.record.is_none() {
                gone.push(one.clone());
            }
        }
        if gone.is_empty() {
            return Ok(missing);
        }
        Err(RegistryError::ContentGone {
            digest: Box::new(digest.clone()),
            missing: gone,
        })
    }
}
