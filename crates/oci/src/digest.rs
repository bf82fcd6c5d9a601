//! Content digests: `algorithm:hex`, the name of every blob and manifest.
//!
//! Owns the grammar (image-spec `descriptor.md`, Digests) and the two supported algorithms. Hashing a stream is
//! [`Hasher`](crate::Hasher)'s work.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256, Sha512};

use crate::text::textual;

/// The longest algorithm name that an error repeats; anything longer is merely malformed.
const MAX_ALGORITHM_BYTES: usize = 32;
/// Bytes of the longest digest in raw form (sha512).
const MAX_RAW_BYTES: usize = 64;
/// Bytes of the longest digest in text form: `sha512:` and 128 hex digits.
const MAX_TEXT_BYTES: usize = 7 + 2 * MAX_RAW_BYTES;

/// Why a text is not a digest this registry accepts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The text does not follow `algorithm:encoded`, or the encoded part is not lower-case hex of the right length.
    #[error("malformed digest")]
    Malformed,
    /// The text follows the grammar, but names an algorithm that is not supported.
    #[error("unsupported algorithm {0:?}, expected sha256 or sha512")]
    UnsupportedAlgorithm(String),
}

/// A supported hash algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, which every registry must support.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// Every supported algorithm, the default one first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// Returns the registered name, `sha256` or `sha512`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the number of hex digits in a digest: 64 or 128.
    #[must_use]
    pub const fn hex_len(self) -> usize {
        2 * self.raw_len()
    }

    /// Returns the number of raw bytes in a digest: 32 or 64.
    #[must_use]
    pub const fn raw_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// Reads an algorithm name, as `digest-algorithm` of an upload carries it.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ if is_algorithm_name(text) => Err(DigestError::UnsupportedAlgorithm(text.to_owned())),
            _ => Err(DigestError::Malformed),
        }
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        Self::parse(text)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A digest of a supported algorithm, of the right length.
///
/// Held as raw bytes, so that a clone allocates nothing. Orders as its text does.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    // The tail beyond the algorithm's length is zero, which keeps the derived comparisons right.
    bytes: [u8; MAX_RAW_BYTES],
}

impl Digest {
    /// Reads `sha256:<64 lower-case hex>` or `sha512:<128 lower-case hex>`.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let (algorithm, encoded) = text.split_once(':').ok_or(DigestError::Malformed)?;
        Self::from_parts(algorithm, encoded)
    }

    /// Reads the two parts of a digest that something else than a colon parts.
    pub fn from_parts(algorithm: &str, encoded: &str) -> Result<Self, DigestError> {
        if encoded.is_empty() || !encoded.bytes().all(is_encoded_byte) {
            return Err(DigestError::Malformed);
        }
        let algorithm = Algorithm::parse(algorithm)?;
        // The hex crate takes upper case as well, which the grammar does not.
        if encoded.len() != algorithm.hex_len()
            || encoded.bytes().any(|byte| byte.is_ascii_uppercase())
        {
            return Err(DigestError::Malformed);
        }
        let mut bytes = [0; MAX_RAW_BYTES];
        hex::decode_to_slice(encoded, &mut bytes[..algorithm.raw_len()])
            .map_err(|_| DigestError::Malformed)?;
        Ok(Self { algorithm, bytes })
    }

    /// Hashes `content` in one go.
    #[must_use]
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::from_raw(algorithm, &Sha256::digest(content)),
            Algorithm::Sha512 => Self::from_raw(algorithm, &Sha512::digest(content)),
        }
    }

    /// Takes the raw output of a hash; [`DigestError::Malformed`] when its length is not the algorithm's.
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, DigestError> {
        if bytes.len() != algorithm.raw_len() {
            return Err(DigestError::Malformed);
        }
        Ok(Self::from_raw(algorithm, bytes))
    }

    /// Takes bytes whose length the caller has made sure of.
    pub(crate) fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Self {
        let mut bytes = [0; MAX_RAW_BYTES];
        bytes[..raw.len()].copy_from_slice(raw);
        Self { algorithm, bytes }
    }

    /// Returns the algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the raw bytes: 32 or 64 of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.raw_len()]
    }

    /// Returns the encoded part alone, in lower-case hex.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.as_bytes())
    }
}

textual!(
    Digest,
    DigestError,
    "a digest such as sha256:<64 hex digits>"
);

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; MAX_TEXT_BYTES];
        let name = self.algorithm.as_str();
        let hex_start = name.len() + 1;
        let end = hex_start + self.algorithm.hex_len();
        buffer[..name.len()].copy_from_slice(name.as_bytes());
        buffer[name.len()] = b':';
        hex::encode_to_slice(self.as_bytes(), &mut buffer[hex_start..end])
            .map_err(|_| fmt::Error)?;
        formatter.pad(std::str::from_utf8(&buffer[..end]).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Tells whether `text` follows `[a-z0-9]+([+._-][a-z0-9]+)*` and is short enough to repeat in an error.
fn is_algorithm_name(text: &str) -> bool {
    let is_component = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    text.len() <= MAX_ALGORITHM_BYTES && text.split(['+', '.', '_', '-']).all(is_component)
}

/// Tells whether `byte` may stand in the encoded part of any digest, known algorithm or not.
const fn is_encoded_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b'_' | b'-')
}

#[cfg(test)]
mod tests;
