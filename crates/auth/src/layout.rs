//! Every record key of this crate, in one file.
//!
//! | key | content |
//! |---|---|
//! | `auth/user/<name>` | a user: password hash, groups |
//! | `auth/robot/<name>` | a robot: hashes of its secrets, grants, expiry |
//! | `auth/robot-used/<name>` | when a robot was last seen, to the hour |
//! | `auth/access-token/<user>/<id>` | an access token: hash of its secret, scopes, expiry |
//! | `auth/signing-keys` | the keys that sign tokens, all in one record |
//! | `auth/rules` | the rules that were set by API, beside those of the configuration |
//!
//! No name holds a slash.

use crate::SubjectName;

/// Prefix of all users.
pub const USERS: &str = "auth/user/";
/// Prefix of all robots.
pub const ROBOTS: &str = "auth/robot/";
/// Key of the signing keys.
pub const SIGNING_KEYS: &str = "auth/signing-keys";
/// Key of the rules.
pub const RULES: &str = "auth/rules";

/// Key of a user.
#[must_use]
pub fn user(name: &SubjectName) -> String {
    format!("{USERS}{name}")
}

/// Key of a robot.
#[must_use]
pub fn robot(name: &SubjectName) -> String {
    format!("{ROBOTS}{name}")
}

/// Key of the time when a robot was last seen.
#[must_use]
pub fn robot_used(name: &SubjectName) -> String {
    format!("auth/robot-used/{name}")
}

/// Prefix of all access tokens of a user.
#[must_use]
pub fn access_tokens_of(user: &SubjectName) -> String {
    format!("auth/access-token/{user}/")
}

/// Key of an access token.
#[must_use]
pub fn access_token(user: &SubjectName, id: &str) -> String {
    format!("{}{id}", access_tokens_of(user))
}
