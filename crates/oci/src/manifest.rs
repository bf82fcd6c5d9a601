//! Manifests and indexes: what the registry must know of a document that it stores byte for byte.
//!
//! Owns acceptance: syntax, media type and structure. Whether the content that a document names exists, and how large
//! a document may be, is the caller's to check.

mod document;
mod members;
mod place;
mod strict;

use crate::media_type::{self, ManifestMediaType};
use crate::{Annotations, Descriptor};
use document::Document;

/// The most descriptors in one document, of all kinds together.
pub const MAX_DESCRIPTORS: usize = 10_000;
/// The deepest nesting of objects and arrays in a document.
pub const MAX_DEPTH: usize = 64;

/// Why a document is not accepted. Every variant is `MANIFEST_INVALID` to the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The bytes are not JSON, or JSON that parsers would read differently.
    #[error("manifest is not valid JSON: {reason} at byte {offset}")]
    Syntax {
        /// What is wrong.
        reason: &'static str,
        /// Where it is wrong.
        offset: usize,
    },
    /// The document lists more than [`MAX_DESCRIPTORS`] descriptors.
    #[error("manifest has more than {MAX_DESCRIPTORS} descriptors")]
    TooManyDescriptors,
    /// The `Content-Type` or the `mediaType` is not one of the four that are stored, or both are missing.
    #[error("unsupported manifest media type {media_type:?}")]
    UnsupportedMediaType {
        /// What was given, cut to a length fit for a message; empty when nothing was.
        media_type: String,
    },
    /// The `Content-Type` and the `mediaType` differ.
    #[error("content type {header} does not match media type {body} of the manifest")]
    MediaTypeMismatch {
        /// What the header says.
        header: ManifestMediaType,
        /// What the document says.
        body: ManifestMediaType,
    },
    /// The document has not the structure that its media type asks for.
    #[error("invalid manifest: {reason}")]
    Invalid {
        /// What is wrong.
        reason: String,
    },
}

/// An acceptable manifest or index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    media_type: ManifestMediaType,
    content: Content,
    subject: Option<Descriptor>,
    artifact_type: Option<String>,
    annotations: Option<Annotations>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Image {
        config: Descriptor,
        layers: Vec<Descriptor>,
    },
    Index {
        children: Vec<Descriptor>,
    },
}

impl Manifest {
    /// Reads a document that came with the given `Content-Type`.
    ///
    /// Time and memory are linear in the length of `bytes`, whatever they hold, but for the sorting of an object's
    /// keys. Refused beside broken JSON: a byte-order mark, duplicate keys at any depth, members of the document or of
    /// a descriptor whose names differ from the known ones in case alone (Go takes them for the known ones), nesting
    /// beyond [`MAX_DEPTH`], numbers beyond a double, lone surrogates, and documents that are both manifest and index.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, ManifestError> {
        let text = strict::text(bytes)?;
        strict::scan(text)?;
        let document = Document::read(text)?;
        let media_type = decide_media_type(content_type, document.media_type())?;
        document.into_manifest(media_type)
    }

    /// Returns the kind of document.
    #[must_use]
    pub const fn media_type(&self) -> ManifestMediaType {
        self.media_type
    }

    /// Returns the configuration; `None` for an index.
    #[must_use]
    pub const fn config(&self) -> Option<&Descriptor> {
        match &self.content {
            Content::Image { config, .. } => Some(config),
            Content::Index { .. } => None,
        }
    }

    /// Returns the layers; none for an index.
    #[must_use]
    pub fn layers(&self) -> &[Descriptor] {
        match &self.content {
            Content::Image { layers, .. } => layers,
            Content::Index { .. } => &[],
        }
    }

    /// Returns what an index lists; none for a manifest. A child of another type than a manifest's is a blob.
    #[must_use]
    pub fn children(&self) -> &[Descriptor] {
        match &self.content {
            Content::Image { .. } => &[],
            Content::Index { children } => children,
        }
    }

    /// Returns the manifest that this one refers to, which need not exist.
    #[must_use]
    pub const fn subject(&self) -> Option<&Descriptor> {
        self.subject.as_ref()
    }

    /// Returns the artifact type for the list of referrers (distribution-spec, Listing referrers).
    ///
    /// It is the document's `artifactType`, else the media type of a manifest's configuration, else none.
    #[must_use]
    pub fn artifact_type(&self) -> Option<&str> {
        self.artifact_type
            .as_deref()
            .or_else(|| self.config().map(|config| config.media_type.as_str()))
    }

    /// Returns the document's annotations, as written.
    #[must_use]
    pub const fn annotations(&self) -> Option<&Annotations> {
        self.annotations.as_ref()
    }
}

/// Decides what the document is by its header and its own word, which must agree where both speak.
fn decide_media_type(
    header: Option<&str>,
    body: Option<&str>,
) -> Result<ManifestMediaType, ManifestError> {
    let header = match header.map(media_type::essence) {
        // These say nothing about the document; some clients send them for want of better.
        None | Some("" | "application/json" | "application/octet-stream") => None,
        Some(text) => Some(ManifestMediaType::parse(text).ok_or_else(|| unsupported(text))?),
    };
    let body = match body {
        None => None,
        Some(text) => Some(ManifestMediaType::parse_exact(text).ok_or_else(|| unsupported(text))?),
    };
    match (header, body) {
        (Some(header), Some(body)) if header != body => {
            Err(ManifestError::MediaTypeMismatch { header, body })
        }
        (Some(media_type), _) | (None, Some(media_type)) => Ok(media_type),
        (None, None) => Err(unsupported("")),
    }
}

fn unsupported(media_type: &str) -> ManifestError {
    const MAX_SHOWN_BYTES: usize = 128;
    let shown = &media_type[..media_type.floor_char_boundary(MAX_SHOWN_BYTES)];
    ManifestError::UnsupportedMediaType {
        media_type: shown.to_owned(),
    }
}

#[cfg(test)]
mod tests;
