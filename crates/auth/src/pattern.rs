//! Patterns over repository paths and tags: parsing and matching, in time linear in both.

use crate::SubjectName;
use roadstead_oci::{RepositoryName, Tag};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// There is no text, or more than a repository name may have.
    #[error("pattern {0:?} must have 1 to {max} bytes", max = RepositoryName::MAX_BYTES)]
    Length(String),
    /// A component between slashes is empty: a slash at the start, at the end, or two in a row.
    #[error("pattern {0:?} has an empty component")]
    EmptyComponent(String),
    /// A component holds something that no repository name and no pattern holds.
    #[error(
        "component {component:?} of pattern {pattern:?} can match no repository: use lower-case letters, digits, '.', '_', '-', '*', or '**' or '{{user}}' alone"
    )]
    Component {
        /// The whole pattern.
        pattern: String,
        /// The component.
        component: String,
    },
    /// A tag pattern holds something that no tag and no pattern holds.
    #[error("tag pattern {0:?} can match no tag: use letters, digits, '_', '.', '-' and '*'")]
    Tag(String),
}

/// A pattern over repository names, matched component by component.
///
/// | component | matches |
/// |---|---|
/// | `app`, `app-*` | one component; `*` stands for any characters of it, also none |
/// | `**` | any number of components, also none; at the end after a slash at least one |
/// | `{user}` | the caller's own name, when the caller is a user whose name is a legal component |
///
/// So `team-a/**` matches `team-a/app` and `team-a/x/y`, but neither `team-a` nor `team-ab/app`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPattern {
    text: String,
    components: Vec<Component>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Component {
    Glob(String),
    AnyNumber,
    User,
}

impl PathPattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() || text.len() > RepositoryName::MAX_BYTES {
            return Err(PatternError::Length(text.chars().take(80).collect()));
        }
        let mut components = Vec::new();
        for component in text.split('/') {
            components.push(Self::component(text, component)?);
        }
        // "At least one" at the end is "one, and then any number".
        if components.len() > 1 && components.last() == Some(&Component::AnyNumber) {
            components.insert(components.len() - 1, Component::Glob("*".into()));
        }
        // Neighbours say what one says, and cost time.
        components.dedup_by(|a, b| *a == Component::AnyNumber && *b == Component::AnyNumber);
        Ok(Self {
            text: text.to_owned(),
            components,
        })
    }

    fn component(pattern: &str, component: &str) -> Result<Component, PatternError> {
        let refuse = || PatternError::Component {
            pattern: pattern.to_owned(),
            component: component.to_owned(),
        };
        match component {
            "" => Err(PatternError::EmptyComponent(pattern.to_owned())),
            "**" => Ok(Component::AnyNumber),
            "{user}" => Ok(Component::User),
            glob if glob.contains("**") => Err(refuse()),
            glob if glob.contains('*') => {
                let is_known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'*');
                if glob.bytes().all(is_known) {
                    Ok(Component::Glob(glob.to_owned()))
                } else {
                    Err(refuse())
                }
            }
            literal => match RepositoryName::parse(literal) {
                Ok(_) => Ok(Component::Glob(literal.to_owned())),
                Err(_) => Err(refuse()),
            },
        }
    }

    /// Tells whether the pattern matches `name` for a caller who is `user`, when they are one.
    #[must_use]
    pub fn matches(&self, name: &RepositoryName, user: Option<&SubjectName>) -> bool {
        // Greedy with one point to return to: the last `**` can always take over from earlier ones.
        let mut wanted = 0;
        let mut rest = Some(name.as_str());
        let mut retry: Option<(usize, &str)> = None;
        loop {
            if let Some(Component::AnyNumber) = self.components.get(wanted) {
                wanted += 1;
                retry = rest.map(|rest| (wanted, rest));
                continue;
            }
            let Some(path) = rest else {
                return wanted == self.components.len();
            };
            let (head, tail) = split_component(path);
            if let Some(component) = self.components.get(wanted)
                && component.matches(head, user)
            {
                wanted += 1;
                rest = tail;
                continue;
            }
            let Some((after, from)) = retry else {
                return false;
            };
            let (_, tail) = split_component(from);
            wanted = after;
            rest = tail;
            retry = tail.map(|tail| (after, tail));
        }
    }

    /// Tells whether the pattern matches every repository.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.components == [Component::AnyNumber]
    }

    /// Returns the text that was read.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn split_component(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((head, tail)) => (head, Some(tail)),
        None => (path, None),
    }
}

impl Component {
    fn matches(&self, component: &str, user: Option<&SubjectName>) -> bool {
        match self {
            Self::Glob(glob) => glob_matches(glob, component),
            Self::AnyNumber => false,
            // The component comes from a repository name, so a name that is none never equals it.
            Self::User => user.is_some_and(|user| user.as_str() == component),
        }
    }
}

/// Matches `text` against `glob`, in which `*` stands for any characters.
fn glob_matches(glob: &str, text: &str) -> bool {
    let Some((prefix, rest)) = glob.split_once('*') else {
        return glob == text;
    };
    let Some(mut text) = text.strip_prefix(prefix) else {
        return false;
    };
    let (middle, suffix) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*').filter(|piece| !piece.is_empty()) {
        let Some(at) = text.find(piece) else {
            return false;
        };
        text = &text[at + piece.len()..];
    }
    text.ends_with(suffix)
}

/// A pattern over tags: `v*`, `latest`. `*` stands for any characters; case matters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TagPattern(String);

impl TagPattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let is_known =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'*');
        if text.is_empty() || text.len() > Tag::MAX_BYTES || !text.bytes().all(is_known) {
            return Err(PatternError::Tag(text.chars().take(80).collect()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Tells whether the pattern matches `tag`.
    #[must_use]
    pub fn matches(&self, tag: &Tag) -> bool {
        glob_matches(&self.0, tag.as_str())
    }

    /// Returns the text that was read.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! pattern_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = PatternError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(pattern: $name) -> Self {
                pattern.as_str().to_owned()
            }
        }

        impl std::str::FromStr for $name {
            type Err = PatternError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.as_str())
            }
        }
    };
}

pattern_text!(PathPattern);
pattern_text!(TagPattern);

#[cfg(test)]
pub(crate) mod tests;
