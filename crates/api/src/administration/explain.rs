//! `/explain`: whether somebody may do something, and why.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::input::{Input, subject};
use super::rules::RuleText;
use crate::error::AdminError;
use roadstead_auth::{
    AccessRequest, Action, AuthError, Caller, Identity, ROBOT_LOGIN_PREFIX, Reason, Rights,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The question.
#[derive(Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Question {
    /// The name that they log in with, such as `ops` or `robot+ci`, or `anonymous`.
    #[param(rename = "as")]
    pub(crate) who: String,
    /// `pull`, `push`, `delete`, `tag-overwrite` or `admin`.
    pub(crate) action: String,
    /// The repository, which need not exist.
    pub(crate) repository: String,
    /// A tag in it.
    #[param(required = false)]
    pub(crate) tag: String,
}

/// Whether somebody may do something.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// Whether they may.
    pub allowed: bool,
    /// Why, in a few words.
    #[schema(example = "allowed by rule 2")]
    pub reason: String,
    /// The rule that decided, when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleText>,
}

/// Says whether somebody may do something, and by which rule.
#[utoipa::path(get, path = "/explain", tag = "rules", params(Question), responses(
    (status = 200, body = Explanation), (status = "default", body = Failure)))]
pub(crate) async fn explain(administration: &Administration, input: &Input<'_>) -> Outcome {
    let who = input.needed("as")?;
    let action = input.needed("action")?;
    let action = Action::ALL
        .into_iter()
        .find(|known| known.as_str() == action)
        .ok_or_else(|| {
            AdminError::invalid("parameter action: use pull, push, delete, tag-overwrite or admin")
        })?;
    let name = input.repository()?;
    let tag = match input.query("tag")? {
        Some(_) => Some(input.tag()?),
        None => None,
    };
    if administration.is_open {
        return Ok(Output::shown(&Explanation {
            allowed: true,
            reason: "the registry is open: everybody may do everything".to_owned(),
            rule: None,
        }));
    }
    administration.rules.refresh().await?;
    let policy = administration.rules.policy();
    let caller = caller(administration, &who).await?;
    let request = match &tag {
        Some(tag) => AccessRequest::Tag {
            name: &name,
            tag,
            action,
        },
        None => AccessRequest::Repository {
            name: &name,
            action,
        },
    };
    let decided = policy.explain(&caller, &request);
    let mut reason = decided.to_string();
    if let (Some(tag), Action::Push, true) = (&tag, action, decided.is_allowed()) {
        let overwriting = AccessRequest::overwrite(&name, tag);
        reason += may_overwrite(policy.explain(&caller, &overwriting));
    }
    let rules = policy.rules();
    let rule = match decided {
        Reason::DeniedByRule(number) | Reason::AllowedByRule(number) => {
            rules.rules().get(number.saturating_sub(1)).map(Into::into)
        }
        _ => None,
    };
    Ok(Output::shown(&Explanation {
        allowed: decided.is_allowed(),
        reason,
        rule,
    }))
}

/// Says what is to be added for a push: who pushes to a tag that exists needs that right, too.
const fn may_overwrite(decided: Reason) -> &'static str {
    if decided.is_allowed() {
        ""
    } else {
        "; where the tag exists, to give it another digest is not allowed"
    }
}

/// Returns the caller that a login name would be.
async fn caller(administration: &Administration, who: &str) -> Result<Caller, AdminError> {
    if who == "anonymous" {
        return Ok(Caller::anonymous());
    }
    if let Some(robot) = who.strip_prefix(ROBOT_LOGIN_PREFIX) {
        let name = subject(robot)?;
        let robot = administration.robots().get(&name).await?;
        let robot = robot.ok_or_else(|| AuthError::Absent(format!("robot {name}")))?;
        let rights = Rights::of(Identity::Robot(name)).with_grants(robot.grants);
        return Ok(Caller::with_password(rights));
    }
    let name = subject(who)?;
    // One of a htpasswd file has no record, and no groups.
    let user = administration.users().get(&name).await?;
    let groups = user.map(|user| user.groups).unwrap_or_default();
    let rights = Rights::of(Identity::User(name)).with_groups(groups);
    Ok(Caller::with_password(rights))
}
