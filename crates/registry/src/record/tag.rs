//! `repo/<name>/_tag/…`, its history and its reverse index.

use super::header_only;
use crate::ids::{Generation, Nonce};
use roadstead_oci::Digest;
use roadstead_storage::Timestamp;
use serde::{Deserialize, Serialize};

/// `repo/<name>/_tag/<tag>`: always names a readable manifest, so HEAD by tag is this one read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRecord {
    /// The manifest.
    pub digest: Digest,
    /// The generation of the manifest record that it names.
    pub generation: Generation,
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest's size in bytes.
    pub size: u64,
    /// When the tag was set to it, by the store's clock.
    pub at: Timestamp,
    /// Who set it.
    pub by: String,
    /// This setting of the tag.
    pub nonce: Nonce,
}

/// How a value of a tag ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Whether the tag went to another value or away.
    pub how: EndedBy,
    /// When, by the store's clock.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

/// What ended a value of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndedBy {
    /// The tag was set to something else.
    Replaced,
    /// The tag, or the manifest it named, was deleted.
    Deleted,
}

/// `repo/<name>/_history/<tag>/<inverted time>-<nonce>`: written before the tag changes. An entry
/// whose nonce is still the tag's is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRecord {
    /// What the tag was.
    pub was: TagRecord,
    /// How that ended; added by the winner afterwards, and may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ending>,
}

/// `repo/<name>/_tagged/<alg>/<hex>/<tag>`: this tag may name this manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaggedRecord {
    /// This writing of the record.
    pub nonce: Nonce,
}

header_only!(TagRecord, HistoryRecord, TaggedRecord);
