//! What a manifest is asked for by: a tag or a digest.

use std::fmt;

use crate::text::textual;
use crate::{Digest, DigestError, Tag, TagError};

/// Why a text is neither a tag nor a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The text has no colon and is not a tag.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The text has a colon and is not a digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

/// A tag or a digest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// A name that can move.
    Tag(Tag),
    /// The content itself.
    Digest(Digest),
}

impl Reference {
    /// Reads a reference. A tag cannot hold a colon and a digest must, so the colon decides.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(':') {
            return Ok(Self::Digest(Digest::parse(text)?));
        }
        Ok(Self::Tag(Tag::parse(text)?))
    }

    /// Returns the digest, when it is one.
    #[must_use]
    pub const fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Digest(digest) => Some(digest),
            Self::Tag(_) => None,
        }
    }

    /// Returns the tag, when it is one.
    #[must_use]
    pub const fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Tag(tag) => Some(tag),
            Self::Digest(_) => None,
        }
    }
}

textual!(Reference, ReferenceError, "a tag or a digest");

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(formatter),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

impl From<Tag> for Reference {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for Reference {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_decides_between_digest_and_tag() {
        let digest = format!("sha256:{}", "0".repeat(64));

        assert!(matches!(
            Reference::parse(&digest),
            Ok(Reference::Digest(_))
        ));
        assert!(matches!(Reference::parse("latest"), Ok(Reference::Tag(_))));
        assert!(matches!(Reference::parse("sha256"), Ok(Reference::Tag(_))));
    }

    #[test]
    fn an_error_tells_which_kind_was_meant() {
        assert_eq!(
            Reference::parse(""),
            Err(ReferenceError::Tag(TagError::Empty))
        );
        assert_eq!(
            Reference::parse(".hidden"),
            Err(ReferenceError::Tag(TagError::Malformed))
        );
        assert_eq!(
            Reference::parse("sha256:bad"),
            Err(ReferenceError::Digest(DigestError::Malformed))
        );
        assert_eq!(
            Reference::parse("md5:00"),
            Err(ReferenceError::Digest(DigestError::UnsupportedAlgorithm(
                "md5".to_owned()
            )))
        );
    }

    #[test]
    fn display_gives_back_the_text() {
        for text in ["latest", "_A.b-c"] {
            assert_eq!(Reference::parse(text).unwrap().to_string(), text);
        }
    }
}
