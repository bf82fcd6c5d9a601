//! `/robots`: accounts of machines.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::grants::{self, GrantText};
use super::input::{Input, subject};
use super::moment::Moment;
use super::pages::{Page, PageQuery, READS_AT_ONCE};
use crate::error::AdminError;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use roadstead_auth::{AuthError, OldSecret, ROBOT_LOGIN_PREFIX, Robot, SubjectName};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// A robot.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RobotView {
    /// Its name.
    #[schema(example = "ci")]
    pub name: String,
    /// The name that it logs in with.
    #[schema(example = "robot+ci")]
    pub login: String,
    /// What it may, beside what rules allow it.
    pub grants: Vec<GrantText>,
    /// Its secrets, the newest first: one, or two during a rotation.
    pub secrets: Vec<SecretView>,
    /// Whether it is shut out for now.
    pub is_disabled: bool,
    /// When it was made.
    pub created: Moment,
    /// When it ends; never without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// When it was last seen, to the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Moment>,
}

/// A secret, of which nobody can see more.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SecretView {
    /// When it was made.
    pub created: Moment,
    /// When it ends; never without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
}

/// A robot to make.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRobot {
    /// 1 to 64 letters, digits, `.`, `_`, `-` and `@`.
    #[schema(example = "ci")]
    pub name: String,
    /// What it may.
    pub grants: Vec<GrantText>,
    /// After how many seconds it ends; never without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_secs: Option<u64>,
}

/// How the secret changes.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRotation {
    /// How many seconds the last secret still works: 0 ends it at once; without it, it works until
    /// the next rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_old_secs: Option<u64>,
}

/// A robot with its new secret.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct MadeRobot {
    /// The robot.
    pub name: String,
    /// The name that it logs in with.
    #[schema(example = "robot+ci")]
    pub login: String,
    /// The secret, shown this once.
    pub secret: String,
}

/// Lists robots.
#[utoipa::path(get, path = "/robots", tag = "robots", params(PageQuery), responses(
    (status = 200, body = Page<RobotView>), (status = "default", body = Failure)))]
pub(crate) async fn list(administration: &Administration, input: &Input<'_>) -> Outcome {
    let (after, limit) = input.page()?;
    let after = after.as_deref().map(subject).transpose()?;
    let (names, more) = administration.robots().list(after.as_ref(), limit).await?;
    let last = names.last().cloned();
    let reads = names.into_iter().map(|name| async move {
        let name = subject(&name)?;
        read(administration, &name).await
    });
    let read: Vec<Option<RobotView>> = stream::iter(reads)
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await?;
    let items = read.into_iter().flatten().collect();
    Ok(Output::shown(&Page::new(items, last, more)))
}

/// Makes a robot and its first secret. 409 when there is one of the name.
#[utoipa::path(post, path = "/robots", tag = "robots", request_body = NewRobot, responses(
    (status = 201, body = MadeRobot), (status = "default", body = Failure)))]
pub(crate) async fn create(administration: &Administration, input: &Input<'_>) -> Outcome {
    let robot: NewRobot = input.body()?;
    let name = subject(&robot.name)?;
    let grants = grants::parse(&robot.grants)?;
    let expires = robot.expires_in_secs.map(Duration::from_secs);
    let secret = administration
        .robots()
        .create(&name, grants, expires)
        .await?;
    let made = made(&name, secret.expose());
    Ok(Output::created(&made).logged(format!("created robot {name}")))
}

/// Shows a robot.
#[utoipa::path(get, path = "/robots/{robot}", tag = "robots",
    params(("robot" = String, Path)), responses(
    (status = 200, body = RobotView), (status = "default", body = Failure)))]
pub(crate) async fn show(administration: &Administration, input: &Input<'_>) -> Outcome {
    let name = input.name(0)?;
    let robot = read(administration, &name).await?;
    let robot = robot.ok_or_else(|| AuthError::Absent(format!("robot {name}")))?;
    Ok(Output::shown(&robot))
}

/// Removes a robot. Tokens that it holds end within minutes.
#[utoipa::path(delete, path = "/robots/{robot}", tag = "robots",
    params(("robot" = String, Path)), responses(
    (status = 204), (status = "default", body = Failure)))]
pub(crate) async fn remove(administration: &Administration, input: &Input<'_>) -> Outcome {
    let name = input.name(0)?;
    administration.robots().remove(&name).await?;
    Ok(Output::done().logged(format!("removed robot {name}")))
}

/// Makes a new secret.
#[utoipa::path(post, path = "/robots/{robot}/rotate", tag = "robots",
    params(("robot" = String, Path)), request_body = SecretRotation, responses(
    (status = 200, body = MadeRobot), (status = "default", body = Failure)))]
pub(crate) async fn rotate(administration: &Administration, input: &Input<'_>) -> Outcome {
    let name = input.name(0)?;
    let rotation: SecretRotation = input.optional_body()?;
    let old = match rotation.keep_old_secs {
        None => OldSecret::Keep,
        Some(0) => OldSecret::Drop,
        Some(secs) => OldSecret::KeepFor(Duration::from_secs(secs)),
    };
    let secret = administration.robots().rotate(&name, old).await?;
    let made = made(&name, secret.expose());
    Ok(Output::shown(&made).logged(format!("rotated the secret of robot {name}")))
}

async fn read(
    administration: &Administration,
    name: &SubjectName,
) -> Result<Option<RobotView>, AdminError> {
    let robots = administration.robots();
    let Some(robot) = robots.get(name).await? else {
        return Ok(None);
    };
    let last_used = robots.last_used(name).await?;
    let last_used = last_used.map(|time| Moment::of_millis(time.as_millis()));
    Ok(Some(view(name, &robot, last_used)))
}

fn view(name: &SubjectName, robot: &Robot, last_used: Option<Moment>) -> RobotView {
    let secrets = robot.secrets().map(|(created, expires)| SecretView {
        created: Moment::of_millis(created.as_millis()),
        expires: expires.map(|time| Moment::of_millis(time.as_millis())),
    });
    RobotView {
        name: name.to_string(),
        login: login(name),
        grants: robot.grants.iter().map(GrantText::from).collect(),
        secrets: secrets.collect(),
        is_disabled: robot.is_disabled,
        created: Moment::of_millis(robot.created.as_millis()),
        expires: robot
            .expires
            .map(|time| Moment::of_millis(time.as_millis())),
        last_used,
    }
}

fn made(name: &SubjectName, secret: &str) -> MadeRobot {
    MadeRobot {
        name: name.to_string(),
        login: login(name),
        secret: secret.to_owned(),
    }
}

fn login(name: &SubjectName) -> String {
    format!("{ROBOT_LOGIN_PREFIX}{name}")
}
