//! The stored form of a hash in progress.
//!
//! Layout: version (1 byte), algorithm (1), offset (8, little endian), state of the sha2 crate (104 or 208), CRC-32 of
//! all before it (4, little endian). The state's own layout belongs to sha2 0.11; a release of it that changes the
//! layout must raise [`VERSION`], and a test with stored states fails when that is forgotten.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Algorithm;

/// The version that this build writes, and the only one that it reads.
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 10;
const CHECKSUM_BYTES: usize = 4;
/// Beyond any upload, and low enough that SHA-256's count of bits cannot overflow.
const MAX_OFFSET: u64 = 1 << 60;
/// No version will be larger than this; it keeps a stored record from carrying a huge value.
const MAX_BYTES: usize = 1024;

/// Why a stored hash state cannot be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MidstateError {
    /// Another build wrote it, in a layout that this one does not know.
    #[error("unknown midstate version {0}")]
    UnknownVersion(u8),
    /// It has not the length that its version and algorithm need.
    #[error("midstate has the wrong length")]
    Length,
    /// Its algorithm byte is not one of this version's.
    #[error("midstate names an unknown algorithm")]
    Algorithm,
    /// It was damaged in store.
    #[error("midstate checksum does not match")]
    Checksum,
    /// The hash state is impossible, or does not belong to the offset.
    #[error("midstate does not agree with its offset")]
    State,
}

/// A hash in progress, as bytes: 118 for sha256, 222 for sha512. In JSON it is a base64 string.
///
/// Any bytes can be held, so that a record with a state of a later version still loads; [`Hasher::resume`] judges them.
///
/// [`Hasher::resume`]: crate::Hasher::resume
#[derive(Clone, PartialEq, Eq)]
pub struct Midstate(Box<[u8]>);

/// The checked content of a [`Midstate`].
pub(crate) struct OpenMidstate<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) offset: u64,
    pub(crate) state: &'a [u8],
}

impl Midstate {
    /// Takes stored bytes, unchecked.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Returns the bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the number of bytes that the state has hashed.
    pub fn offset(&self) -> Result<u64, MidstateError> {
        self.open().map(|opened| opened.offset)
    }

    /// Returns the algorithm of the state.
    pub fn algorithm(&self) -> Result<Algorithm, MidstateError> {
        self.open().map(|opened| opened.algorithm)
    }

    pub(crate) fn seal(algorithm: Algorithm, offset: u64, state: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + state.len() + CHECKSUM_BYTES);
        bytes.push(VERSION);
        bytes.push(algorithm_byte(algorithm));
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(state);
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        Self(bytes.into_boxed_slice())
    }

    pub(crate) fn open(&self) -> Result<OpenMidstate<'_>, MidstateError> {
        let (&version, _) = self.0.split_first().ok_or(MidstateError::Length)?;
        if version != VERSION {
            return Err(MidstateError::UnknownVersion(version));
        }
        let (body, stored_checksum) = self
            .0
            .split_last_chunk::<CHECKSUM_BYTES>()
            .ok_or(MidstateError::Length)?;
        let (header, state) = body
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or(MidstateError::Length)?;
        if crc32fast::hash(body) != u32::from_le_bytes(*stored_checksum) {
            return Err(MidstateError::Checksum);
        }
        let [_, algorithm_byte, offset_bytes @ ..] = *header;
        let algorithm = algorithm_of(algorithm_byte)?;
        let offset = u64::from_le_bytes(offset_bytes);
        let counted = counted_bytes(algorithm, state).ok_or(MidstateError::Length)?;
        if counted != u128::from(offset) || offset > MAX_OFFSET {
            return Err(MidstateError::State);
        }
        Ok(OpenMidstate {
            algorithm,
            offset,
            state,
        })
    }
}

const fn algorithm_byte(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::Sha256 => 1,
        Algorithm::Sha512 => 2,
    }
}

const fn algorithm_of(byte: u8) -> Result<Algorithm, MidstateError> {
    match byte {
        1 => Ok(Algorithm::Sha256),
        2 => Ok(Algorithm::Sha512),
        _ => Err(MidstateError::Algorithm),
    }
}

/// Reads how many bytes a state of sha2 0.11 has taken: whole blocks, then the fill of the block buffer.
///
/// `None` when the length is wrong. A count beyond any possible upload comes back as such and is refused by the caller.
fn counted_bytes(algorithm: Algorithm, state: &[u8]) -> Option<u128> {
    match algorithm {
        Algorithm::Sha256 => {
            let state: &[u8; 104] = state.try_into().ok()?;
            let (_, after_words) = state.split_first_chunk::<32>()?;
            let (blocks, buffer) = after_words.split_first_chunk::<8>()?;
            Some(u128::from(u64::from_le_bytes(*blocks)) * 64 + u128::from(*buffer.first()?))
        }
        Algorithm::Sha512 => {
            let state: &[u8; 208] = state.try_into().ok()?;
            let (_, after_words) = state.split_first_chunk::<64>()?;
            let (blocks, buffer) = after_words.split_first_chunk::<16>()?;
            Some(
                u128::from_le_bytes(*blocks)
                    .saturating_mul(128)
                    .saturating_add(u128::from(*buffer.first()?)),
            )
        }
    }
}

impl fmt::Debug for Midstate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.open() {
            Ok(opened) => write!(
                formatter,
                "Midstate({} at {})",
                opened.algorithm, opened.offset
            ),
            Err(error) => write!(formatter, "Midstate({error})"),
        }
    }
}

impl Serialize for Midstate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Midstate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MidstateVisitor;

        impl de::Visitor<'_> for MidstateVisitor {
            type Value = Midstate;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a hash state in base64")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Midstate, E> {
                if text.len() > MAX_BYTES {
                    return Err(E::custom("hash state is too long"));
                }
                STANDARD
                    .decode(text)
                    .map(|bytes| Midstate(bytes.into_boxed_slice()))
                    .map_err(E::custom)
            }
        }

        deserializer.deserialize_str(MidstateVisitor)
    }
}
