//! Finding out what one manifest names, by reading it.

use super::section::{Section, SectionKind};
use crate::manifest::References;
use crate::record::{Content, ManifestRecord, ManifestReferences, ManifestState, RemovedRecord};
use crate::registry::Registry;
use crate::{RegistryError, Result, YOUNG, layout};
use roadstead_oci::{Digest, Manifest, ManifestMediaType, RepositoryName};
use roadstead_storage::{Kind, Timestamp};
use std::time::Duration;

/// How old a writing is when it can no longer be mistaken for a later one: some stores count seconds.
const SETTLED_AFTER: Duration = Duration::from_mins(1);

/// A manifest that was looked at.
pub(super) enum Looked {
    /// It is not there any more.
    Gone,
    Known {
        references: ManifestReferences,
        was_read: bool,
        is_half_deleted: bool,
    },
    /// It cannot be understood, so anything may be named by it.
    Unreadable(String),
}

impl Registry {
    /// Reads one manifest record, and its content when nobody knows what it names.
    pub(super) async fn look_at(
        &self,
        section: Section<'_>,
        digest: Digest,
        known: Option<ManifestReferences>,
        scanned: Timestamp,
    ) -> Result<Looked> {
        if section.kind == SectionKind::Removed {
            return self.look_at_removed(section.repository, digest).await;
        }
        let key = layout::manifest(section.repository, &digest);
        let seen = match self.read::<ManifestRecord>(&key).await {
            Ok(seen) => seen,
            Err(error @ RegistryError::RecordUnreadable { .. }) => {
                return Ok(Looked::Unreadable(error.to_string()));
            }
            Err(error) => return Err(error),
        };
        let Some(record) = seen.record else {
            return Ok(Looked::Gone);
        };
        let age = scanned.since(seen.modified);
        let is_live = record.state == ManifestState::Live;
        let is_half_deleted = match record.state {
            ManifestState::Live | ManifestState::Condemned => false,
            ManifestState::Deleting | ManifestState::Dead => age > YOUNG,
        };
        let named = match known {
            Some(known) => Ok(known),
            None => {
                self.parse_references(section.repository, &digest, &record)
                    .await
            }
        };
        let mut references = match named {
            Ok(references) => references,
            // Its data is gone already, and with it what it named.
            Err(_) if record.state == ManifestState::Dead => ManifestReferences::none(digest),
            Err(RegistryError::Storage(error))
                if !matches!(error.kind(), Kind::NotFound | Kind::Corrupt) =>
            {
                return Err(error.into());
            }
            Err(error) => {
                let repository = section.repository;
                let reason = format!("manifest {digest} of {repository} cannot be read: {error}");
                return Ok(Looked::Unreadable(reason));
            }
        };
        references.modified = seen.modified;
        references.is_settled = is_live && age > SETTLED_AFTER;
        Ok(Looked::Known {
            references,
            was_read: true,
            is_half_deleted,
        })
    }

    async fn look_at_removed(&self, repository: &RepositoryName, digest: Digest) -> Result<Looked> {
        let key = layout::removed(repository, &digest);
        let seen = match self.read::<RemovedRecord>(&key).await {
            Ok(seen) => seen,
            Err(error @ RegistryError::RecordUnreadable { .. }) => {
                return Ok(Looked::Unreadable(error.to_string()));
            }
            Err(error) => return Err(error),
        };
        let Some(record) = seen.record else {
            return Ok(Looked::Gone);
        };
        let named = names_in(&digest, &record.bytes, record.media_type);
        Ok(match named {
            Ok(references) => Looked::Known {
                references: ManifestReferences {
                    modified: seen.modified,
                    is_settled: true,
                    ..references
                },
                was_read: true,
                is_half_deleted: false,
            },
            Err(error) => Looked::Unreadable(format!(
                "deleted manifest {digest} of {repository} cannot be read: {error}"
            )),
        })
    }

    async fn parse_references(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        record: &ManifestRecord,
    ) -> Result<ManifestReferences> {
        let bytes = match &record.content {
            Content::Inline(bytes) => bytes.clone(),
            Content::Data(_) => match self.load(repository, digest).await? {
                Some(stored) => stored.bytes,
                None => return Ok(ManifestReferences::none(digest.clone())),
            },
        };
        names_in(digest, &bytes, record.media_type)
    }
}

/// Finds what the bytes of a manifest name.
fn names_in(
    digest: &Digest,
    bytes: &[u8],
    media_type: ManifestMediaType,
) -> Result<ManifestReferences> {
    let manifest = Manifest::parse(bytes, Some(media_type.as_str()))?;
    let named = References::of(&manifest, true);
    Ok(ManifestReferences {
        subject: manifest.subject().map(|subject| subject.digest.clone()),
        blobs: named.blobs().cloned().collect(),
        children: named.manifests().cloned().collect(),
        ..ManifestReferences::none(digest.clone())
    })
}

impl ManifestReferences {
    const fn none(digest: Digest) -> Self {
        Self {
            digest,
            modified: Timestamp::from_millis(0),
            is_settled: false,
            subject: None,
            blobs: Vec::new(),
            children: Vec::new(),
        }
    }
}
