//! `repo/<name>/_removed/…`.

use super::{Encoded, decode, encode};
use crate::Result;
use bytes::Bytes;
use roadstead_oci::{Digest, ManifestMediaType};
use roadstead_storage::Timestamp;
use serde::{Deserialize, Serialize};

/// `repo/<name>/_removed/<alg>/<hex>`: a manifest that was deleted, and all it takes to push it again.
/// While it is there, what it names counts as referenced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedRecord {
    /// The type that it was pushed as.
    pub media_type: ManifestMediaType,
    /// The manifest that it referred to, if any: `subject`.
    pub subject: Option<Digest>,
    /// The type of artifact that a referrers listing showed.
    pub artifact_type: Option<String>,
    /// When it was deleted, by the store's clock.
    pub at: Timestamp,
    /// Who deleted it.
    pub by: String,
    /// The exact bytes.
    pub bytes: Bytes,
}

#[derive(Serialize, Deserialize)]
struct RemovedHeader {
    media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    at: Timestamp,
    by: String,
}

impl Encoded for RemovedRecord {
    fn encode(&self) -> Bytes {
        let header = RemovedHeader {
            media_type: self.media_type.as_str().to_owned(),
            subject: self.subject.clone(),
            artifact_type: self.artifact_type.clone(),
            at: self.at,
            by: self.by.clone(),
        };
        encode(&header, &self.bytes)
    }

    fn decode(key: &str, record: &Bytes) -> Result<Self> {
        let (header, bytes) = decode::<RemovedHeader>(key, record)?;
        let Some(media_type) = ManifestMediaType::parse(&header.media_type) else {
            return Err(crate::RegistryError::RecordUnreadable {
                key: key.to_owned(),
                reason: format!("it has the media type {:?}", header.media_type),
            });
        };
        Ok(Self {
            media_type,
            subject: header.subject,
            artifact_type: header.artifact_type,
            at: header.at,
            by: header.by,
            bytes,
        })
    }
}
