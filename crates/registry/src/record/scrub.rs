//! `gc/scrub`: how far the scrub is, and who is at it.

use super::header_only;
use crate::ids::Nonce;
use roadstead_storage::Timestamp;
use serde::{Deserialize, Serialize};

/// The scrub, of which there is one for all replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrubRecord {
    /// Who is at it; others wait until the lease is over. It saves work and guards nothing.
    pub holder: Nonce,
    /// When the lease is over, by the store's clock.
    pub until: Timestamp,
    /// The present pass, or the last one until the next begins.
    pub pass: ScrubPass,
    /// The pass before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ScrubPass>,
    /// This writing of the record.
    pub nonce: Nonce,
}

/// One pass over all content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrubPass {
    /// When it began, by the store's clock.
    pub started: Timestamp,
    /// When it came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The key of the record whose content was hashed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// How many blobs and manifests were hashed.
    pub checked: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many of them were damaged.
    pub damaged: u64,
}

header_only!(ScrubRecord);
