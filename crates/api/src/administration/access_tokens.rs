//! `/users/{user}/tokens`: what a user logs in with in place of the password.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::grants::{self, GrantText};
use super::input::Input;
use super::moment::Moment;
use super::pages::{Page, PageQuery, READS_AT_ONCE};
use super::users::existing;
use crate::error::AdminError;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use roadstead_auth::AccessToken;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// An access token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AccessTokenView {
    /// Its id, which is no secret.
    pub id: String,
    /// What the user calls it.
    pub label: String,
    /// What it is good for, within the user's rights.
    pub grants: Vec<GrantText>,
    /// When it was made.
    pub created: Moment,
    /// When it ends; never without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
}

/// An access token to make.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccessToken {
    /// What it is for; at most 128 bytes.
    #[serde(default)]
    pub label: String,
    /// What it is good for, with never more rights than the user has.
    pub grants: Vec<GrantText>,
    /// After how many seconds it ends; never without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_secs: Option<u64>,
}

/// An access token that was made.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct MadeAccessToken {
    /// Its id.
    pub id: String,
    /// The user who logs in with it.
    pub user: String,
    /// The token, shown this once.
    pub secret: String,
}

/// Lists the access tokens of a user.
#[utoipa::path(get, path = "/users/{user}/tokens", tag = "access tokens",
    params(("user" = String, Path), PageQuery), responses(
    (status = 200, body = Page<AccessTokenView>), (status = "default", body = Failure)))]
pub(crate) async fn list(administration: &Administration, input: &Input<'_>) -> Outcome {
    let user = input.name(0)?;
    let (after, limit) = input.page()?;
    existing(administration, &user).await?;
    let tokens = administration.access_tokens();
    let (ids, more) = tokens.ids(&user, after.as_deref(), limit).await?;
    let last = ids.last().cloned();
    let reads = ids.into_iter().map(|id| {
        let (tokens, user) = (tokens.clone(), &user);
        async move {
            let token = tokens.get(user, &id).await?;
            Ok::<_, AdminError>(token.map(|token| view(id, &token)))
        }
    });
    let read: Vec<Option<AccessTokenView>> = stream::iter(reads)
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await?;
    let items = read.into_iter().flatten().collect();
    Ok(Output::shown(&Page::new(items, last, more)))
}

/// Makes an access token.
#[utoipa::path(post, path = "/users/{user}/tokens", tag = "access tokens",
    params(("user" = String, Path)), request_body = NewAccessToken, responses(
    (status = 201, body = MadeAccessToken), (status = "default", body = Failure)))]
pub(crate) async fn create(administration: &Administration, input: &Input<'_>) -> Outcome {
    let user = input.name(0)?;
    let token: NewAccessToken = input.body()?;
    let grants = grants::parse(&token.grants)?;
    let owner = existing(administration, &user).await?;
    let expires = token.expires_in_secs.map(Duration::from_secs);
    let (id, secret) = administration
        .access_tokens()
        .create(&user, &owner.id, &token.label, grants, expires)
        .await?;
    let made = MadeAccessToken {
        id,
        user: user.to_string(),
        secret: secret.expose().to_owned(),
    };
    let change = format!("created access token {} of user {user}", made.id);
    Ok(Output::created(&made).logged(change))
}

/// Removes an access token.
#[utoipa::path(delete, path = "/users/{user}/tokens/{id}", tag = "access tokens",
    params(("user" = String, Path), ("id" = String, Path)), responses(
    (status = 204), (status = "default", body = Failure)))]
pub(crate) async fn remove(administration: &Administration, input: &Input<'_>) -> Outcome {
    let (user, id) = (input.name(0)?, input.path(1));
    // It becomes a part of a key, where a slash would name something else.
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(AdminError::Absent("access token of this id".to_owned()));
    }
    administration.access_tokens().remove(&user, id).await?;
    Ok(Output::done().logged(format!("removed access token {id} of user {user}")))
}

fn view(id: String, token: &AccessToken) -> AccessTokenView {
    AccessTokenView {
        id,
        label: token.label.clone(),
        grants: token.scopes.iter().map(GrantText::from).collect(),
        created: Moment::of_millis(token.created.as_millis()),
        expires: token
            .expires
            .map(|time| Moment::of_millis(time.as_millis())),
    }
}
