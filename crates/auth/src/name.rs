//! Names of users, groups and robots.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Why a text names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name is 1 to {} letters, digits, '.', '_', '-' and '@', and begins with a letter, a digit or '_'",
    SubjectName::MAX_BYTES
)]
pub struct SubjectNameError;

/// The name of a user, a group or a robot; case matters. A clone shares the text.
///
/// No name holds `:` (Basic credentials end the user's name there), `/` (keys of records), `+` (it
/// parts `robot+` from a robot's name at login) or a character that patterns and scopes know.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SubjectName(Arc<str>);

impl SubjectName {
    /// The most bytes of a name.
    pub const MAX_BYTES: usize = 64;

    /// Reads a name: `[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}`.
    pub fn parse(text: &str) -> Result<Self, SubjectNameError> {
        let Some((&first, rest)) = text.as_bytes().split_first() else {
            return Err(SubjectNameError);
        };
        let is_first = first.is_ascii_alphanumeric() || first == b'_';
        let is_rest =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'@' | b'-');
        if text.len() > Self::MAX_BYTES || !is_first || !rest.iter().all(is_rest) {
            return Err(SubjectNameError);
        }
        Ok(Self(text.into()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for SubjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, formatter)
    }
}

impl std::str::FromStr for SubjectName {
    type Err = SubjectNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for SubjectName {
    type Error = SubjectNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<SubjectName> for String {
    fn from(name: SubjectName) -> Self {
        name.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_and_machines_are_names() {
        for text in [
            "ops",
            "_token",
            "Alice.B-c",
            "a@example.org",
            "0",
            &"a".repeat(64),
        ] {
            assert!(SubjectName::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_name_cannot_hold_what_separates_names_elsewhere() {
        for text in [
            "",
            ".",
            "..",
            "a:b",
            "a/b",
            "robot+ci",
            "{user}",
            "a*",
            "a b",
            "a,b",
            "é",
            "a\n",
            "-a",
            "@a",
            &"a".repeat(65),
        ] {
            assert!(SubjectName::parse(text).is_err(), "{text}");
        }
    }
}
