//! Whom a rule is about.

use crate::{Identity, Rights, SubjectName, SubjectNameError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is no subject of a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// It has none of the known forms.
    #[error(
        "{0:?} is no subject: use user:NAME, group:NAME, robot:NAME, anonymous, authenticated or *"
    )]
    Form(String),
    /// The name after the colon is none.
    #[error("{0:?} is no subject")]
    Name(String, #[source] SubjectNameError),
}

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Subject {
    /// One user.
    User(SubjectName),
    /// The users of a group.
    Group(SubjectName),
    /// One robot.
    Robot(SubjectName),
    /// Callers without credentials. What they are allowed, everybody is: credentials never take
    /// a right away. What they are denied, they alone are denied.
    Anonymous,
    /// Callers with credentials.
    Authenticated,
    /// Everybody.
    Everybody,
}

impl Subject {
    /// Reads a subject.
    pub fn parse(text: &str) -> Result<Self, SubjectError> {
        let shown = || text.chars().take(80).collect::<String>();
        match text {
            "anonymous" => return Ok(Self::Anonymous),
            "authenticated" => return Ok(Self::Authenticated),
            "*" => return Ok(Self::Everybody),
            _ => {}
        }
        let (kind, name) = text
            .split_once(':')
            .ok_or_else(|| SubjectError::Form(shown()))?;
        let make = match kind {
            "user" => Self::User,
            "group" => Self::Group,
            "robot" => Self::Robot,
            _ => return Err(SubjectError::Form(shown())),
        };
        SubjectName::parse(name)
            .map(make)
            .map_err(|error| SubjectError::Name(shown(), error))
    }

    /// Tells whether a rule that allows something allows it to `rights`.
    #[must_use]
    pub fn is_allowed(&self, rights: &Rights) -> bool {
        matches!(self, Self::Anonymous) || self.names(rights)
    }

    /// Tells whether the subject means whoever has `rights`: whom a rule denies something.
    #[must_use]
    pub fn names(&self, rights: &Rights) -> bool {
        match (self, rights.identity()) {
            (Self::Everybody, _)
            | (Self::Anonymous, Identity::Anonymous)
            | (Self::Authenticated, Identity::User(_) | Identity::Robot(_) | Identity::Bearer(_)) => {
                true
            }
            (Self::User(wanted), Identity::User(name))
            | (Self::Robot(wanted), Identity::Robot(name)) => wanted == name,
            (Self::Group(wanted), _) => rights.groups().contains(wanted),
            _ => false,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(formatter, "user:{name}"),
            Self::Group(name) => write!(formatter, "group:{name}"),
            Self::Robot(name) => write!(formatter, "robot:{name}"),
            Self::Anonymous => formatter.write_str("anonymous"),
            Self::Authenticated => formatter.write_str("authenticated"),
            Self::Everybody => formatter.write_str("*"),
        }
    }
}

impl TryFrom<String> for Subject {
    type Error = SubjectError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_reads_back_what_it_writes() {
        for text in [
            "user:ops",
            "group:team-a",
            "robot:ci",
            "anonymous",
            "authenticated",
            "*",
        ] {
            assert_eq!(Subject::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_subject_is_refused() {
        for text in [
            "",
            "ops",
            "user:",
            "users:ops",
            "User:ops",
            "user:a/b",
            "group:*",
            "**",
        ] {
            assert!(Subject::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_user_is_not_the_robot_of_the_same_name() {
        let name = SubjectName::parse("ci").unwrap();
        let robot = Rights::of(Identity::Robot(name.clone()));
        assert!(!Subject::User(name.clone()).is_allowed(&robot));
        assert!(Subject::Robot(name).is_allowed(&robot));
    }

    #[test]
    fn what_anonymous_may_everybody_may_and_what_it_may_not_others_may() {
        let user = Rights::of(Identity::User(SubjectName::parse("ops").unwrap()));
        assert!(Subject::Anonymous.is_allowed(&user));
        assert!(!Subject::Anonymous.names(&user));
        assert!(Subject::Anonymous.names(&Rights::anonymous()));
        assert!(!Subject::Authenticated.is_allowed(&Rights::anonymous()));
    }
}
