//! The typed form of a document, and the rules on its members.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Content, Manifest, ManifestError, ManifestMediaType};
use crate::{Annotations, Descriptor, Digest};

/// The only version of the format that is stored.
const SCHEMA_VERSION: u64 = 2;
/// Go holds a size in an `int64`.
const MAX_SIZE: u64 = i64::MAX.unsigned_abs();
/// The longest media type of a descriptor in bytes; RFC 6838 ends at 255.
const MAX_MEDIA_TYPE_BYTES: usize = 1024;
/// How much of a parser's message goes into an error: it may repeat the client's own text.
const MAX_REASON_BYTES: usize = 256;

/// A document whose members have the right types. A member that is `null` counts as absent, as it does in Go.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    schema_version: u64,
    media_type: Option<String>,
    artifact_type: Option<String>,
    #[serde(borrow)]
    config: Option<DescriptorMembers<'a>>,
    #[serde(borrow)]
    layers: Option<Vec<DescriptorMembers<'a>>>,
    #[serde(borrow)]
    manifests: Option<Vec<DescriptorMembers<'a>>>,
    #[serde(borrow)]
    subject: Option<DescriptorMembers<'a>>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
}

/// A descriptor whose members have the right types.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescriptorMembers<'a> {
    media_type: String,
    digest: Digest,
    size: u64,
    artifact_type: Option<String>,
    data: Option<String>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
}

impl<'a> Document<'a> {
    /// Reads a text that the scanner has passed.
    pub(super) fn read(text: &'a str) -> Result<Self, ManifestError> {
        serde_json::from_str(text).map_err(|error| invalid(error.to_string()))
    }

    pub(super) fn media_type(&self) -> Option<&str> {
        self.media_type.as_deref()
    }

    /// Checks the structure that `media_type` asks for.
    pub(super) fn into_manifest(
        self,
        media_type: ManifestMediaType,
    ) -> Result<Manifest, ManifestError> {
        if self.schema_version != SCHEMA_VERSION {
            return Err(invalid(format!(
                "schema version is {}, not {SCHEMA_VERSION}",
                self.schema_version
            )));
        }
        let content = if media_type.is_index() {
            // One client would read such a document as an index, another as a manifest.
            if self.config.is_some() || self.layers.is_some() {
                return Err(invalid("index has a config or layers"));
            }
            let children = self
                .manifests
                .ok_or_else(|| invalid("index has no manifests"))?;
            Content::Index {
                children: check_all("manifests", children)?,
            }
        } else {
            if self.manifests.is_some() {
                return Err(invalid("image manifest has manifests"));
            }
            let config = self
                .config
                .ok_or_else(|| invalid("image manifest has no config"))?;
            let layers = self
                .layers
                .ok_or_else(|| invalid("image manifest has no layers"))?;
            Content::Image {
                config: config.check("config")?,
                layers: check_all("layers", layers)?,
            }
        };
        Ok(Manifest {
            media_type,
            content,
            subject: self
                .subject
                .map(|subject| subject.check("subject"))
                .transpose()?,
            artifact_type: self
                .artifact_type
                .filter(|artifact_type| !artifact_type.is_empty()),
            annotations: self.annotations.map(Annotations::from_raw),
        })
    }
}

fn check_all(
    member: &str,
    descriptors: Vec<DescriptorMembers<'_>>,
) -> Result<Vec<Descriptor>, ManifestError> {
    descriptors
        .into_iter()
        .map(|descriptor| descriptor.check(member))
        .collect()
}

impl DescriptorMembers<'_> {
    /// Checks the values; `member` says in an error which descriptor is meant.
    fn check(self, member: &str) -> Result<Descriptor, ManifestError> {
        let is_media_type = !self.media_type.is_empty()
            && self.media_type.len() <= MAX_MEDIA_TYPE_BYTES
            && !self.media_type.chars().any(char::is_control);
        if !is_media_type {
            return Err(invalid(format!(
                "media type of a descriptor in {member} is not one"
            )));
        }
        if self.size > MAX_SIZE {
            return Err(invalid(format!(
                "size of {} in {member} is too large",
                self.digest
            )));
        }
        if let Some(data) = &self.data {
            self.check_data(member, data)?;
        }
        Ok(Descriptor {
            media_type: self.media_type,
            digest: self.digest,
            size: self.size,
            artifact_type: self.artifact_type,
            annotations: self.annotations.map(Annotations::from_raw),
        })
    }

    /// Checks that embedded content is the content that the descriptor names.
    fn check_data(&self, member: &str, data: &str) -> Result<(), ManifestError> {
        // The engine is strict: padding is needed, and neither line breaks nor stray bits are allowed (RFC 4648).
        let Ok(content) = STANDARD.decode(data) else {
            return Err(invalid(format!(
                "data of {} in {member} is not base64",
                self.digest
            )));
        };
        if content.len() as u64 != self.size {
            return Err(invalid(format!(
                "data of {} in {member} has not the size given",
                self.digest
            )));
        }
        if Digest::of(self.digest.algorithm(), &content) != self.digest {
            return Err(invalid(format!(
                "data of {} in {member} has another digest",
                self.digest
            )));
        }
        Ok(())
    }
}

fn invalid(reason: impl Into<String>) -> ManifestError {
    let mut reason = reason.into();
    if reason.len() > MAX_REASON_BYTES {
        reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
        reason.push('…');
    }
    ManifestError::Invalid { reason }
}
