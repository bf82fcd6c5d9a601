//! Repository names and their grammar (distribution-spec, Pulling manifests).

use std::sync::Arc;

use crate::text::{text_backed, textual};

/// Why a text is not a repository name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is no text at all.
    #[error("repository name is empty")]
    Empty,
    /// The text has more than [`RepositoryName::MAX_BYTES`] bytes.
    #[error("repository name is longer than {} bytes", RepositoryName::MAX_BYTES)]
    TooLong,
    /// A component is empty, holds a byte it may not, or has a separator in the wrong place.
    #[error(
        "repository name must be lower-case components of letters, digits and single separators, joined by '/'"
    )]
    Malformed,
}

/// A repository name such as `team/app`. A clone shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(Arc<str>);

impl RepositoryName {
    /// The most bytes of a name. The specification sets none; clients cap host and name together at 255.
    pub const MAX_BYTES: usize = 255;

    /// Reads a name: components of `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, joined by `/`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(NameError::TooLong);
        }
        if !text
            .as_bytes()
            .split(|&byte| byte == b'/')
            .all(is_component)
        {
            return Err(NameError::Malformed);
        }
        Ok(Self(text.into()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

textual!(RepositoryName, NameError, "a repository name");
text_backed!(RepositoryName);

/// Tells whether `component` begins and ends with a letter or digit and has only legal separators between.
fn is_component(component: &[u8]) -> bool {
    // The separator that is being read: none after a letter or digit, and none yet at the start.
    let mut separator: &[u8] = b"";
    let mut start = 0;
    let mut last_was_alphanumeric = false;
    for (index, &byte) in component.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => {
                if !separator.is_empty() && !is_separator(separator) {
                    return false;
                }
                separator = b"";
                start = index + 1;
                last_was_alphanumeric = true;
            }
            b'.' | b'_' | b'-' if index > 0 => {
                separator = &component[start..=index];
                last_was_alphanumeric = false;
            }
            _ => return false,
        }
    }
    last_was_alphanumeric
}

/// Tells whether `separator` is one dot, one or two underscores, or dashes only.
fn is_separator(separator: &[u8]) -> bool {
    matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|&byte| byte == b'-')
}

#[cfg(test)]
mod tests;
