//! What can be asked of administration, and what it answers: as JSON over the socket.

use roadstead_auth::{Action, Grant, SubjectName};
use roadstead_oci::{RepositoryName, Tag};
use roadstead_storage::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// One thing to do. `Debug` hides what it holds: passwords, among others.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    AddUser {
        name: SubjectName,
        groups: Vec<SubjectName>,
        password: String,
    },
    RemoveUser {
        name: SubjectName,
    },
    SetPassword {
        name: SubjectName,
        password: String,
    },
    ListUsers,
    JoinGroup {
        group: SubjectName,
        user: SubjectName,
    },
    LeaveGroup {
        group: SubjectName,
        user: SubjectName,
    },
    CreateRobot {
        name: SubjectName,
        grants: Vec<Grant>,
        expires: Option<Duration>,
    },
    RotateRobot {
        name: SubjectName,
        /// How long the secret that was still works; without it, until the next rotation.
        keep_old: Option<Duration>,
    },
    RemoveRobot {
        name: SubjectName,
    },
    ListRobots,
    CreateToken {
        user: SubjectName,
        label: String,
        grants: Vec<Grant>,
        expires: Option<Duration>,
    },
    RotateKeys {
        /// Whether every token ends at once.
        drop_old: bool,
    },
    Explain(Question),
}

impl Request {
    /// Tells in a few words what is asked, without a secret; `None` when nothing is changed.
    pub(crate) fn change(&self) -> Option<String> {
        Some(match self {
            Self::AddUser { name, .. } => format!("added user {name}"),
            Self::RemoveUser { name } => format!("removed user {name}"),
            Self::SetPassword { name, .. } => format!("set the password of user {name}"),
            Self::JoinGroup { group, user } => format!("put user {user} into group {group}"),
            Self::LeaveGroup { group, user } => format!("took user {user} out of group {group}"),
            Self::CreateRobot { name, .. } => format!("created robot {name}"),
            Self::RotateRobot { name, .. } => format!("rotated the secret of robot {name}"),
            Self::RemoveRobot { name } => format!("removed robot {name}"),
            Self::CreateToken { user, .. } => format!("created an access token of user {user}"),
            Self::RotateKeys { .. } => "rotated the signing keys".to_owned(),
            Self::ListUsers | Self::ListRobots | Self::Explain(_) => return None,
        })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.change().as_deref().unwrap_or("Request"))
    }
}

/// Whether somebody may do something.
#[derive(Debug)]
pub(crate) struct Question {
    /// The name that they log in with, or `anonymous`.
    pub(crate) who: String,
    pub(crate) action: Action,
    pub(crate) repository: RepositoryName,
    pub(crate) tag: Option<Tag>,
}

/// The same as texts, as they go over the socket.
#[derive(Serialize, Deserialize)]
struct WrittenQuestion {
    who: String,
    action: String,
    repository: String,
    tag: Option<String>,
}

impl Serialize for Question {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = WrittenQuestion {
            who: self.who.clone(),
            action: self.action.to_string(),
            repository: self.repository.to_string(),
            tag: self.tag.as_ref().map(ToString::to_string),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Question {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let written = WrittenQuestion::deserialize(deserializer)?;
        let tag = written.tag.as_deref().map(Tag::parse).transpose();
        Ok(Self {
            who: written.who,
            action: action(&written.action).ok_or_else(|| D::Error::custom("no such action"))?,
            repository: RepositoryName::parse(&written.repository).map_err(D::Error::custom)?,
            tag: tag.map_err(D::Error::custom)?,
        })
    }
}

/// Returns the action of a name.
pub(crate) fn action(name: &str) -> Option<Action> {
    Action::ALL
        .into_iter()
        .find(|action| action.as_str() == name)
}

/// What came of a request. Not `Debug`: it may hold a secret.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Done,
    /// A secret that was made, shown this once.
    Secret(String),
    Users(Vec<UserView>),
    Robots(Vec<RobotView>),
    Explained {
        may: bool,
        reason: String,
    },
}

/// What is told of a user.
#[derive(Serialize, Deserialize)]
pub(crate) struct UserView {
    pub(crate) name: SubjectName,
    pub(crate) groups: Vec<SubjectName>,
}

/// What is told of a robot.
#[derive(Serialize, Deserialize)]
pub(crate) struct RobotView {
    pub(crate) name: SubjectName,
    pub(crate) grants: Vec<Grant>,
    pub(crate) secrets: usize,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) last_used: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_survives_the_socket() {
        let question = Question {
            who: "ops".to_owned(),
            action: Action::Push,
            repository: RepositoryName::parse("team-a/app").expect("is a name"),
            tag: Some(Tag::parse("1.0").expect("is a tag")),
        };
        let text = serde_json::to_string(&Request::Explain(question)).expect("is JSON");
        let Ok(Request::Explain(read)) = serde_json::from_str(&text) else {
            panic!("{text}");
        };
        assert_eq!(read.repository.as_str(), "team-a/app");
        assert_eq!(read.action, Action::Push);
    }

    #[test]
    fn no_password_is_shown() {
        let request = Request::SetPassword {
            name: "ops".parse().expect("is a name"),
            password: "hunter2".to_owned(),
        };
        assert_eq!(format!("{request:?}"), "set the password of user ops");
    }
}
