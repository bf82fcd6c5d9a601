//! `/users`: people, and their passwords.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::input::{Input, subject, subjects};
use super::moment::Moment;
use super::pages::{Page, PageQuery, READS_AT_ONCE};
use crate::error::AdminError;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use roadstead_auth::{AuthError, NewSecret, SecretKind, SubjectName, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A user.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UserView {
    /// The name that they log in with.
    #[schema(example = "ops")]
    pub name: String,
    /// The groups that they are in.
    pub groups: Vec<String>,
    /// Whether they have a password; without one, only access tokens work.
    pub has_password: bool,
    /// Whether nothing of theirs works for now.
    pub is_disabled: bool,
    /// When they were added.
    pub created: Moment,
}

/// A user to add.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// 1 to 64 letters, digits, `.`, `_`, `-` and `@`.
    #[schema(example = "ops")]
    pub name: String,
    /// At most 32 groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// At most 1,024 bytes; without it one is made, and shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Another password.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// At most 1,024 bytes; without it one is made, and shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// A user whose password was set.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ShownPassword {
    /// The user.
    pub name: String,
    /// The password that was made, shown this once; missing when the request brought one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Lists users.
#[utoipa::path(get, path = "/users", tag = "users", params(PageQuery), responses(
    (status = 200, body = Page<UserView>), (status = "default", body = Failure)))]
pub(crate) async fn list(administration: &Administration, input: &Input<'_>) -> Outcome {
    let (after, limit) = input.page()?;
    let after = after.as_deref().map(subject).transpose()?;
    let (names, more) = administration.users().list(after.as_ref(), limit).await?;
    let last = names.last().cloned();
    let items = read_all(administration, names).await?;
    Ok(Output::shown(&Page::new(items, last, more)))
}

/// Adds a user. 409 when there is one of the name.
#[utoipa::path(post, path = "/users", tag = "users", request_body = NewUser, responses(
    (status = 201, body = ShownPassword), (status = "default", body = Failure)))]
pub(crate) async fn add(administration: &Administration, input: &Input<'_>) -> Outcome {
    let user: NewUser = input.body()?;
    let name = subject(&user.name)?;
    let groups = subjects(&user.groups)?;
    let (password, made) = password(user.password)?;
    let hash = administration.passwords.hash(&password).await?;
    administration
        .users()
        .add(&name, Some(hash), groups)
        .await?;
    let shown = shown(&name, made);
    Ok(Output::created(&shown).logged(format!("added user {name}")))
}

/// Shows a user.
#[utoipa::path(get, path = "/users/{user}", tag = "users",
    params(("user" = String, Path)), responses(
    (status = 200, body = UserView), (status = "default", body = Failure)))]
pub(crate) async fn show(administration: &Administration, input: &Input<'_>) -> Outcome {
    let name = input.name(0)?;
    let user = existing(administration, &name).await?;
    Ok(Output::shown(&view(&name, &user)))
}

/// Removes a user and their access tokens. Tokens that they hold end within minutes.
#[utoipa::path(delete, path = "/users/{user}", tag = "users",
    params(("user" = String, Path)), responses(
    (status = 204), (status = "default", body = Failure)))]
pub(crate) async fn remove(administration: &Administration, input: &Input<'_>) -> Outcome {
    let name = input.name(0)?;
    administration.users().remove(&name).await?;
    administration.access_tokens().remove_all(&name).await?;
    Ok(Output::done().logged(format!("removed user {name}")))
}

/// Gives a user another password.
#[utoipa::path(put, path = "/users/{user}/password", tag = "users",
    params(("user" = String, Path)), request_body = NewPassword, responses(
    (status = 200, body = ShownPassword), (status = "default", body = Failure)))]
pub(crate) async fn set_password(administration: &Administration, input: &Input<'_>) -> Outcome {
    let name = input.name(0)?;
    let new: NewPassword = input.optional_body()?;
    let (password, made) = password(new.password)?;
    // A hash costs much: it is not made for nobody.
    existing(administration, &name).await?;
    let hash = administration.passwords.hash(&password).await?;
    administration.users().set_password(&name, hash).await?;
    let shown = shown(&name, made);
    Ok(Output::shown(&shown).logged(format!("set the password of user {name}")))
}

/// Reads the users of these names; one that is gone meanwhile is left out.
pub(crate) async fn read_all(
    administration: &Administration,
    names: Vec<String>,
) -> Result<Vec<UserView>, AdminError> {
    let users = administration.users();
    let reads = names.into_iter().map(|name| {
        let users = users.clone();
        async move {
            let name = subject(&name)?;
            let user = users.get(&name).await?;
            Ok::<_, AdminError>(user.map(|user| view(&name, &user)))
        }
    });
    let read: Vec<Option<UserView>> = stream::iter(reads)
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(read.into_iter().flatten().collect())
}

/// Reads a user who must be there.
pub(crate) async fn existing(
    administration: &Administration,
    name: &SubjectName,
) -> Result<User, AdminError> {
    let user = administration.users().get(name).await?;
    user.ok_or_else(|| AuthError::Absent(format!("user {name}")).into())
}

fn view(name: &SubjectName, user: &User) -> UserView {
    UserView {
        name: name.to_string(),
        has_password: user.has_password(),
        groups: user.groups.iter().map(ToString::to_string).collect(),
        is_disabled: user.is_disabled,
        created: Moment::of_millis(user.created.as_millis()),
    }
}

fn shown(name: &SubjectName, made: Option<String>) -> ShownPassword {
    ShownPassword {
        name: name.to_string(),
        password: made,
    }
}

/// Returns the password, and once more when it was made here.
fn password(given: Option<String>) -> Result<(String, Option<String>), AdminError> {
    match given {
        Some(given) if given.is_empty() => Err(AdminError::invalid("the password is empty")),
        Some(given) => Ok((given, None)),
        None => {
            // Without the mark of a secret: this is a password, and only looks like one.
            let made = NewSecret::make(SecretKind::Robot);
            let made: String = made.expose().chars().skip(4).take(24).collect();
            Ok((made.clone(), Some(made)))
        }
    }
}
