//! Record encodings: a version byte, a header in JSON, and behind it the content as it is.
//!
//! ```text
//! 01 | header length, 4 bytes little endian | header, JSON | content, 0 bytes or more
//! ```
//! The header can be read by eye and can grow optional members; the content (an inline blob, a
//! manifest's exact bytes) is never escaped or copied. A golden file pins the bytes of every kind:
//! a changed encoding needs a new version byte, and a reader that does not know a version says so.

mod blob;
mod catalog;
mod collector;
mod job;
mod manifest;
mod removed;
mod scrub;
mod session;
mod tag;

pub use blob::{BlobRecord, BlobState, LinkRecord, LinkState};
pub use catalog::CatalogRecord;
pub use collector::{
    CollectorRecord, CondemnedEntry, CondemnedRecord, LeaseRecord, ManifestReferences,
    ReferencesRecord,
};
pub use job::{JobProgress, JobRecord, JobState};
pub use manifest::{Location, MOST_LOCATIONS, ManifestRecord, ManifestState, ReferrerRecord};
pub use removed::RemovedRecord;
pub use scrub::{ScrubPass, ScrubRecord};
pub use session::{SessionRecord, SessionState, Staged, Target};
pub use tag::{EndedBy, Ending, HistoryRecord, TagRecord, TaggedRecord};

use crate::{RegistryError, Result};
use bytes::{BufMut, Bytes, BytesMut};
use roadstead_storage::DataRef;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The first byte of every record. A tombstone starts with zero.
const VERSION: u8 = 1;
const PREFIX_BYTES: usize = 5;

/// Writes a record of a header and the content behind it.
pub(crate) fn encode<H: Serialize>(header: &H, content: &[u8]) -> Bytes {
    let json = serde_json::to_vec(header).expect("a header has string keys and no failing member");
    let length = u32::try_from(json.len()).expect("a header is far below 4 GiB");
    let mut record = BytesMut::with_capacity(PREFIX_BYTES + json.len() + content.len());
    record.put_u8(VERSION);
    record.put_u32_le(length);
    record.put_slice(&json);
    record.put_slice(content);
    record.freeze()
}

/// Reads a record back; the content shares the record's memory.
pub(crate) fn decode<H: DeserializeOwned>(key: &str, record: &Bytes) -> Result<(H, Bytes)> {
    let unreadable = |reason: String| RegistryError::RecordUnreadable {
        key: key.to_owned(),
        reason,
    };
    let Some((&version, rest)) = record.split_first() else {
        return Err(unreadable("it is empty".into()));
    };
    if version != VERSION {
        return Err(unreadable(format!(
            "it has version {version}, this program knows version {VERSION}"
        )));
    }
    let Some((length, rest)) = rest.split_first_chunk::<4>() else {
        return Err(unreadable("it is cut short".into()));
    };
    let length = u32::from_le_bytes(*length) as usize;
    if rest.len() < length {
        return Err(unreadable("its header is cut short".into()));
    }
    let header =
        serde_json::from_slice(&rest[..length]).map_err(|error| unreadable(error.to_string()))?;
    Ok((header, record.slice(PREFIX_BYTES + length..)))
}

/// Where content is: in the record itself or in the data store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The bytes themselves.
    Inline(Bytes),
    /// A data object.
    Data(DataRef),
}

impl Content {
    /// Returns how many bytes the content has.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Data(data) => data.length,
        }
    }

    /// Returns the data object, when there is one.
    #[must_use]
    pub const fn data(&self) -> Option<&DataRef> {
        if let Self::Data(data) = self {
            Some(data)
        } else {
            None
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::Inline(_) => Place::Inline {
                version: PLACE_VERSION,
            },
            Self::Data(data) => Place::Data {
                version: PLACE_VERSION,
                data: data.clone(),
            },
        }
    }

    fn inline(&self) -> &[u8] {
        match self {
            Self::Inline(bytes) => bytes,
            Self::Data(_) => &[],
        }
    }
}

const PLACE_VERSION: u8 = 1;

/// `where` in a header. It has a version of its own: later kinds (content of an adopted store, an
/// encoding) must not be mistaken by an older program.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
enum Place {
    Inline { version: u8 },
    Data { version: u8, data: DataRef },
}

impl Place {
    fn with(self, key: &str, inline: Bytes) -> Result<Content> {
        let (version, content) = match self {
            Self::Inline { version } => (version, Content::Inline(inline)),
            Self::Data { version, data } => (version, Content::Data(data)),
        };
        if version == PLACE_VERSION {
            return Ok(content);
        }
        Err(RegistryError::RecordUnreadable {
            key: key.to_owned(),
            reason: format!(
                "its content is placed by version {version}, this program knows {PLACE_VERSION}"
            ),
        })
    }
}

/// A record that has an encoding.
pub trait Encoded: Sized {
    /// Writes the record.
    fn encode(&self) -> Bytes;

    /// Reads the record that `key` holds.
    ///
    /// # Errors
    /// `RecordUnreadable` for an unknown version or a broken body.
    fn decode(key: &str, bytes: &Bytes) -> Result<Self>;
}

/// Gives records without content their encoding: the header is the record.
macro_rules! header_only {
    ($($name:ident),+) => {$(
        impl crate::record::Encoded for $name {
            fn encode(&self) -> bytes::Bytes {
                crate::record::encode(self, &[])
            }
            fn decode(key: &str, bytes: &bytes::Bytes) -> crate::Result<Self> {
                Ok(crate::record::decode(key, bytes)?.0)
            }
        }
    )+};
}
use header_only;

#[cfg(test)]
mod tests;
