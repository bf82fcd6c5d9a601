//! Tags, the mutable names of manifests, and the tag that stands in for the referrers API.

use std::sync::Arc;

use crate::Digest;
use crate::text::{text_backed, textual};

/// Why a text is not a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// There is no text at all.
    #[error("tag is empty")]
    Empty,
    /// The text has more than [`Tag::MAX_BYTES`] bytes.
    #[error("tag is longer than {} characters", Tag::MAX_BYTES)]
    TooLong,
    /// The text holds a character it may not, or begins with a dot or dash.
    #[error("tag must be letters, digits, '_', '.' and '-', and not begin with '.' or '-'")]
    Malformed,
}

/// A tag such as `1.0`; case matters. A clone shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

impl Tag {
    /// The most characters of a tag (distribution-spec, Pulling manifests).
    pub const MAX_BYTES: usize = 128;

    /// Reads a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        let Some((&first, rest)) = text.as_bytes().split_first() else {
            return Err(TagError::Empty);
        };
        if text.len() > Self::MAX_BYTES {
            return Err(TagError::TooLong);
        }
        let is_first = first.is_ascii_alphanumeric() || first == b'_';
        let is_rest =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if !is_first || !rest.iter().all(is_rest) {
            return Err(TagError::Malformed);
        }
        Ok(Self(text.into()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

textual!(Tag, TagError, "a tag");
text_backed!(Tag);

/// Returns the tag under which clients without the referrers API list what refers to `subject`.
///
/// Algorithm cut to 32 and encoded part to 64 characters (distribution-spec, Referrers tag schema).
#[must_use]
pub fn referrers_fallback_tag(subject: &Digest) -> Tag {
    const MAX_ENCODED_BYTES: usize = 64;
    let mut text = format!("{}-{}", subject.algorithm().as_str(), subject.hex());
    text.truncate(subject.algorithm().as_str().len() + 1 + MAX_ENCODED_BYTES);
    Tag(text.into())
}

#[cfg(test)]
mod tests;
