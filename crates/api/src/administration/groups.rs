//! `/groups`: what users have in common. A group exists while somebody is in it.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::input::Input;
use super::pages::{Page, PageQuery};
use super::users::{existing, read_all};
use crate::error::AdminError;
use roadstead_auth::SubjectName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How many users are read for one step of a list of groups.
const USERS_A_STEP: usize = 1000;

/// A group.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct GroupView {
    /// Its name.
    #[schema(example = "team-a")]
    pub name: String,
    /// The users in it.
    pub members: Vec<String>,
}

/// Lists groups and who is in them. Groups stand in the records of users, so all of these are read.
#[utoipa::path(get, path = "/groups", tag = "groups", params(PageQuery), responses(
    (status = 200, body = Page<GroupView>), (status = "default", body = Failure)))]
pub(crate) async fn list(administration: &Administration, input: &Input<'_>) -> Outcome {
    let (after, limit) = input.page()?;
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let users = administration.users();
    let mut reached: Option<SubjectName> = None;
    loop {
        let (names, more) = users.list(reached.as_ref(), USERS_A_STEP).await?;
        reached = names
            .last()
            .map(|name| super::input::subject(name))
            .transpose()?;
        for user in read_all(administration, names).await? {
            for group in user.groups {
                if after.as_ref().is_none_or(|after| group > *after) {
                    groups.entry(group).or_default().push(user.name.clone());
                }
            }
        }
        if !more || reached.is_none() {
            break;
        }
    }
    let more = groups.len() > limit;
    let items: Vec<GroupView> = groups
        .into_iter()
        .take(limit)
        .map(|(name, members)| GroupView { name, members })
        .collect();
    let last = items.last().map(|group| group.name.clone());
    Ok(Output::shown(&Page::new(items, last, more)))
}

/// Puts a user into a group.
#[utoipa::path(put, path = "/groups/{group}/members/{user}", tag = "groups",
    params(("group" = String, Path), ("user" = String, Path)), responses(
    (status = 204), (status = "default", body = Failure)))]
pub(crate) async fn join(administration: &Administration, input: &Input<'_>) -> Outcome {
    let (group, user) = (input.name(0)?, input.name(1)?);
    let mut groups = existing(administration, &user).await?.groups;
    groups.push(group.clone());
    administration.users().set_groups(&user, groups).await?;
    Ok(Output::done().logged(format!("put user {user} into group {group}")))
}

/// Takes a user out of a group.
#[utoipa::path(delete, path = "/groups/{group}/members/{user}", tag = "groups",
    params(("group" = String, Path), ("user" = String, Path)), responses(
    (status = 204), (status = "default", body = Failure)))]
pub(crate) async fn leave(administration: &Administration, input: &Input<'_>) -> Outcome {
    let (group, user) = (input.name(0)?, input.name(1)?);
    let mut groups = existing(administration, &user).await?.groups;
    if !groups.contains(&group) {
        return Err(AdminError::Absent(format!("user {user} in group {group}")));
    }
    groups.retain(|one| *one != group);
    administration.users().set_groups(&user, groups).await?;
    Ok(Output::done().logged(format!("took user {user} out of group {group}")))
}
