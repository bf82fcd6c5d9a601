//! `repo/<name>/_manifest/…` and `repo/<name>/_referrer/…`.

use super::{Content, Encoded, Place, decode, encode};
use crate::Result;
use crate::ids::{Generation, Nonce};
use bytes::Bytes;
use roadstead_oci::{Digest, ManifestMediaType};
use roadstead_storage::{DataRef, Timestamp};
use serde::{Deserialize, Serialize};

/// The life of a manifest record. The content of a digest never changes, its state does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ManifestState {
    /// Readable.
    Live,
    /// Readable; the collector found nobody who needs it and waits.
    Condemned,
    /// Still readable: the tags that name it are being removed.
    Deleting,
    /// Gone: its data is being deleted.
    Dead,
}

/// `repo/<name>/_manifest/<alg>/<hex>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRecord {
    /// Where in its life it is.
    pub state: ManifestState,
    /// This life, as opposed to an earlier or later one of the same digest.
    pub generation: Generation,
    /// This writing of the record.
    pub nonce: Nonce,
    /// The type that it was pushed as.
    pub media_type: ManifestMediaType,
    /// The manifest that it refers to, if any: `subject`.
    pub subject: Option<Digest>,
    /// The type of artifact that a referrers listing shows.
    pub artifact_type: Option<String>,
    /// When this generation was made, by the store's clock.
    pub at: Timestamp,
    /// Who pushed it.
    pub by: String,
    /// Where the blobs that it names were when it was pushed, the first [`MOST_LOCATIONS`] of them:
    /// a hint for whoever pulls them next, and no more. Empty where it would spare nobody a wait.
    pub locations: Vec<Location>,
    /// Whether its data failed a verification: absent to pushers, an error to readers.
    pub is_damaged: bool,
    /// The exact bytes.
    pub content: Content,
}

/// How many locations a manifest record has at most: 150 bytes each, in a record that may have
/// 128 KiB of manifest.
pub const MOST_LOCATIONS: usize = 100;

/// Where a blob was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Which blob.
    pub digest: Digest,
    /// Its data object.
    pub data: DataRef,
}

#[derive(Serialize, Deserialize)]
struct ManifestHeader {
    state: ManifestState,
    generation: Generation,
    nonce: Nonce,
    media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    at: Timestamp,
    by: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
    #[serde(
        default,
        rename = "damaged",
        skip_serializing_if = "std::ops::Not::not"
    )]
    is_damaged: bool,
    #[serde(rename = "where")]
    place: Place,
}

impl Encoded for ManifestRecord {
    fn encode(&self) -> Bytes {
        let header = ManifestHeader {
            state: self.state,
            generation: self.generation,
            nonce: self.nonce,
            media_type: self.media_type.as_str().to_owned(),
            subject: self.subject.clone(),
            artifact_type: self.artifact_type.clone(),
            at: self.at,
            by: self.by.clone(),
            size: self.content.length(),
            locations: self.locations.clone(),
            is_damaged: self.is_damaged,
            place: self.content.place(),
        };
        encode(&header, self.content.inline())
    }

    fn decode(key: &str, bytes: &Bytes) -> Result<Self> {
        let (header, inline) = decode::<ManifestHeader>(key, bytes)?;
        let Some(media_type) = ManifestMediaType::parse(&header.media_type) else {
            return Err(crate::RegistryError::RecordUnreadable {
                key: key.to_owned(),
                reason: format!("it has the media type {:?}", header.media_type),
            });
        };
        Ok(Self {
            state: header.state,
            generation: header.generation,
            nonce: header.nonce,
            media_type,
            subject: header.subject,
            artifact_type: header.artifact_type,
            at: header.at,
            by: header.by,
            locations: header.locations,
            is_damaged: header.is_damaged,
            content: header.place.with(key, inline)?,
        })
    }
}

/// `repo/<name>/_referrer/<alg>/<hex of subject>/<alg>.<hex>`
///
/// In the sense of the deleter it is a tag: it names a manifest of one generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferrerRecord {
    /// The generation of the manifest record that it names.
    pub generation: Generation,
    /// This writing of the record.
    pub nonce: Nonce,
    /// The type of artifact, for the filter.
    pub artifact_type: Option<String>,
    /// The descriptor that the listing shows: JSON, ready to send.
    pub descriptor: Bytes,
}

#[derive(Serialize, Deserialize)]
struct ReferrerHeader {
    generation: Generation,
    nonce: Nonce,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
}

impl Encoded for ReferrerRecord {
    fn encode(&self) -> Bytes {
        let header = ReferrerHeader {
            generation: self.generation,
            nonce: self.nonce,
            artifact_type: self.artifact_type.clone(),
        };
        encode(&header, &self.descriptor)
    }

    fn decode(key: &str, bytes: &Bytes) -> Result<Self> {
        let (header, descriptor) = decode::<ReferrerHeader>(key, bytes)?;
        Ok(Self {
            generation: header.generation,
            nonce: header.nonce,
            artifact_type: header.artifact_type,
            descriptor,
        })
    }
}
