//! Users: people with a password, and the groups they are in.
//!
//! A group is a name that users carry; it exists while somebody carries it. A user who is removed
//! and added again is another user: access tokens of the first are not theirs.

use crate::passwords::PasswordHash;
use crate::record::{self, Records, Step, change};
use crate::{AuthError, Result, SubjectName, layout};
use roadstead_storage::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most groups of a user: they are written into tokens.
pub const MAX_GROUPS: usize = 32;

/// A user, as the record holds them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Tells this user from another of the same name, before or after.
    pub id: String,
    /// The hash of the password; without one, only access tokens work.
    pub(crate) password: Option<PasswordHash>,
    /// The groups, in order, each once.
    pub groups: Vec<SubjectName>,
    /// Whether nothing of theirs works for now.
    #[serde(default)]
    pub is_disabled: bool,
    /// When they were added, by the store's clock.
    pub created: Timestamp,
}

impl User {
    /// Tells whether the user has a password.
    #[must_use]
    pub const fn has_password(&self) -> bool {
        self.password.is_some()
    }
}

/// The users in the record store.
#[derive(Clone)]
pub struct Users {
    records: Records,
}

impl fmt::Debug for Users {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Users")
    }
}

fn absent(name: &SubjectName) -> AuthError {
    AuthError::Absent(format!("user {name}"))
}

fn checked(mut groups: Vec<SubjectName>) -> Result<Vec<SubjectName>> {
    groups.sort();
    groups.dedup();
    if groups.len() > MAX_GROUPS {
        return Err(AuthError::Invalid(format!(
            "a user is in at most {MAX_GROUPS} groups"
        )));
    }
    Ok(groups)
}

impl Users {
    /// Looks after the users in these records.
    #[must_use]
    pub fn new(records: Records) -> Self {
        Self { records }
    }

    /// Adds a user. `Exists` when there is one of the name.
    pub async fn add(
        &self,
        name: &SubjectName,
        password: Option<PasswordHash>,
        groups: Vec<SubjectName>,
    ) -> Result<User> {
        let id: u128 = rand::random();
        let user = User {
            id: format!("{id:032x}"),
            password,
            groups: checked(groups)?,
            is_disabled: false,
            created: self.records.now().await?,
        };
        change(
            &self.records,
            &layout::user(name),
            |present: Option<User>| {
                if present.is_some() {
                    return Err(AuthError::Exists(format!("user {name}")));
                }
                Ok(Step::Put(user.clone(), user.clone()))
            },
        )
        .await
    }

    /// Gives a user another password.
    pub async fn set_password(&self, name: &SubjectName, password: PasswordHash) -> Result<()> {
        self.update(name, |user| user.password = Some(password.clone()))
            .await
    }

    /// Puts a user into these groups and no others.
    pub async fn set_groups(&self, name: &SubjectName, groups: Vec<SubjectName>) -> Result<()> {
        let groups = checked(groups)?;
        self.update(name, |user| user.groups.clone_from(&groups))
            .await
    }

    /// Shuts a user out, or lets them in again.
    pub async fn set_disabled(&self, name: &SubjectName, is_disabled: bool) -> Result<()> {
        self.update(name, |user| user.is_disabled = is_disabled)
            .await
    }

    async fn update(&self, name: &SubjectName, edit: impl Fn(&mut User)) -> Result<()> {
        change(&self.records, &layout::user(name), |user: Option<User>| {
            let mut user = user.ok_or_else(|| absent(name))?;
            edit(&mut user);
            Ok(Step::Put(user, ()))
        })
        .await
    }

    /// Removes a user. Their access tokens are worth nothing from now on; signed tokens end within
    /// their lifetime.
    pub async fn remove(&self, name: &SubjectName) -> Result<()> {
        change(&self.records, &layout::user(name), |user: Option<User>| {
            user.map(|_| Step::Remove(())).ok_or_else(|| absent(name))
        })
        .await
    }

    /// Reads a user.
    pub async fn get(&self, name: &SubjectName) -> Result<Option<User>> {
        record::read(&self.records, &layout::user(name)).await
    }

    /// Lists names of users in byte order, at most `limit` (1 to 10,000), and whether more follow.
    pub async fn list(
        &self,
        start_after: Option<&SubjectName>,
        limit: usize,
    ) -> Result<(Vec<String>, bool)> {
        let start_after = start_after.map(SubjectName::as_str);
        record::list_names(&self.records, layout::USERS, start_after, limit).await
    }
}

#[cfg(test)]
mod tests;
