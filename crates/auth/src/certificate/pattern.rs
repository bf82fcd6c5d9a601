//! Patterns of names in certificates: `*.nodes.example.com`, `{user}@example.com`.
//!
//! A name is cut at its separator, and so is the pattern; part is held against part. So a wildcard
//! stands within one part, of which it is the only one, and no name fits in two ways.

use super::NameKind;
use crate::{SubjectName, SubjectNameError};

/// The most bytes of a pattern.
const MAX_BYTES: usize = 1024;
const USER: &str = "{user}";

/// Why a text is no pattern of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NamePatternError {
    /// It is empty, or too long.
    #[error("a pattern of a name has 1 to {MAX_BYTES} bytes")]
    Length,
    /// A part has more than one wildcard, or the pattern has `{user}` twice.
    #[error("a pattern has one wildcard in each part at most, `*` or {{user}}, and {{user}} once")]
    Wildcards,
    /// It has a brace that does not belong to `{user}`.
    #[error("a pattern has braces as {{user}} alone")]
    Brace,
}

/// What names must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamePattern {
    separator: Option<char>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    before: String,
    rest: Rest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rest {
    /// Nothing follows.
    End,
    /// Any text that is not empty, and then this.
    Any(String),
    /// The name of a user or robot, and then this.
    User(String),
}

/// A name that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fit<'n> {
    /// What stands where the pattern has `{user}`.
    pub(super) user: Option<&'n str>,
}

impl NamePattern {
    pub(super) fn parse(kind: NameKind, text: &str) -> Result<Self, NamePatternError> {
        if text.is_empty() || text.len() > MAX_BYTES {
            return Err(NamePatternError::Length);
        }
        let text = match kind {
            NameKind::Dns => text.to_ascii_lowercase(),
            _ => text.to_owned(),
        };
        let separator = kind.separator();
        let parts: Vec<Part> = cut(&text, separator)
            .map(Part::parse)
            .collect::<Result<_, _>>()?;
        let pattern = Self { separator, parts };
        if pattern.captures() > 1 {
            return Err(NamePatternError::Wildcards);
        }
        Ok(pattern)
    }

    /// Returns how often the pattern has `{user}`.
    pub(super) fn captures(&self) -> usize {
        let is_user = |part: &&Part| matches!(part.rest, Rest::User(_));
        self.parts.iter().filter(is_user).count()
    }

    /// Holds a name against the pattern.
    pub(super) fn fit<'n>(&self, name: &'n str) -> Option<Fit<'n>> {
        let mut fit = Fit { user: None };
        let mut found = cut(name, self.separator);
        for part in &self.parts {
            let text = found.next()?.strip_prefix(part.before.as_str())?;
            match &part.rest {
                Rest::End if text.is_empty() => {}
                Rest::End => return None,
                Rest::Any(after) => {
                    text.strip_suffix(after.as_str())
                        .filter(|middle| !middle.is_empty())?;
                }
                Rest::User(after) => {
                    let user = text.strip_suffix(after.as_str())?;
                    let is_name: Result<_, SubjectNameError> = SubjectName::parse(user);
                    is_name.ok()?;
                    fit.user = Some(user);
                }
            }
        }
        found.next().is_none().then_some(fit)
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, NamePatternError> {
        let (before, rest) = if let Some((before, after)) = text.split_once(USER) {
            (before, Rest::User(after.to_owned()))
        } else if let Some((before, after)) = text.split_once('*') {
            (before, Rest::Any(after.to_owned()))
        } else {
            (text, Rest::End)
        };
        let part = Self {
            before: before.to_owned(),
            rest,
        };
        for literal in part.literals() {
            if literal.contains('*') || literal.contains(USER) {
                return Err(NamePatternError::Wildcards);
            }
            if literal.contains(['{', '}']) {
                return Err(NamePatternError::Brace);
            }
        }
        Ok(part)
    }

    fn literals(&self) -> [&str; 2] {
        let after = match &self.rest {
            Rest::End => "",
            Rest::Any(after) | Rest::User(after) => after,
        };
        [&self.before, after]
    }
}

fn cut(text: &str, separator: Option<char>) -> impl Iterator<Item = &str> {
    // Nothing that was cut holds the character at which it was cut.
    text.split(move |character| separator == Some(character))
}
