//! `blob/…` and `link/…`: where content is, and which repository may see it.

use super::{Content, Encoded, Place, decode, encode};
use crate::Result;
use crate::ids::{Generation, Nonce};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The life of a blob record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlobState {
    /// Readable.
    Live,
    /// Readable; the collector found nobody who needs it and waits.
    Condemned,
    /// Gone: its data is being deleted. The next generation has another data key.
    Dead,
    /// Its bytes failed a verification. Absent to pushers, an error to readers.
    Rotten,
}

/// The life of a link record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    /// Readable.
    Live,
    /// Readable; the collector found no manifest that needs it and waits.
    Condemned,
    /// Deleted by a client: condemned, and absent to readers at once. A writer that protects it
    /// brings it back.
    Hidden,
    /// Gone.
    Dead,
    /// The data it names failed a verification.
    Rotten,
}

/// `blob/<alg>/<hex>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRecord {
    /// Where in its life it is.
    pub state: BlobState,
    /// This life, as opposed to an earlier or later one of the same digest.
    pub generation: Generation,
    /// Where its bytes are.
    pub content: Content,
    /// This writing of the record.
    pub nonce: Nonce,
}

/// `link/<alg>/<hex>/<repository>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRecord {
    /// Where in its life it is.
    pub state: LinkState,
    /// Where the blob's bytes are, so that a reader needs this record alone.
    pub content: Content,
    /// This writing of the record.
    pub nonce: Nonce,
}

#[derive(Serialize, Deserialize)]
struct BlobHeader {
    state: BlobState,
    generation: Generation,
    size: u64,
    #[serde(rename = "where")]
    place: Place,
    nonce: Nonce,
}

#[derive(Serialize, Deserialize)]
struct LinkHeader {
    state: LinkState,
    size: u64,
    #[serde(rename = "where")]
    place: Place,
    nonce: Nonce,
}

impl Encoded for BlobRecord {
    fn encode(&self) -> Bytes {
        let header = BlobHeader {
            state: self.state,
            generation: self.generation,
            size: self.content.length(),
            place: self.content.place(),
            nonce: self.nonce,
        };
        encode(&header, self.content.inline())
    }

    fn decode(key: &str, bytes: &Bytes) -> Result<Self> {
        let (header, inline) = decode::<BlobHeader>(key, bytes)?;
        Ok(Self {
            state: header.state,
            generation: header.generation,
            content: header.place.with(key, inline)?,
            nonce: header.nonce,
        })
    }
}

impl Encoded for LinkRecord {
    fn encode(&self) -> Bytes {
        let header = LinkHeader {
            state: self.state,
            size: self.content.length(),
            place: self.content.place(),
            nonce: self.nonce,
        };
        encode(&header, self.content.inline())
    }

    fn decode(key: &str, bytes: &Bytes) -> Result<Self> {
        let (header, inline) = decode::<LinkHeader>(key, bytes)?;
        Ok(Self {
            state: header.state,
            content: header.place.with(key, inline)?,
            nonce: header.nonce,
        })
    }
}
