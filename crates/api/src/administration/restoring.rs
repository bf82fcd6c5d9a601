//! What `/tags` and `/manifests` share: whether something can be brought back, and who may.

use super::Administration;
use super::input::{Input, Requester};
use super::moment::Moment;
use crate::error::AdminError;
use roadstead_auth::{AccessRequest, Action, Reason};
use roadstead_oci::{Digest, RepositoryName, Tag};
use roadstead_registry::{Availability, RegistryError, Restored};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// That a manifest can be had, or had again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Restorable {
    /// `live`: it is there. `removed`: it was deleted and is retained.
    #[schema(example = "removed")]
    pub state: String,
    /// When it was deleted, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Moment>,
    /// By whom; empty where nobody has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_by: Option<String>,
    /// Until when it is retained, if it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

impl Restorable {
    /// Makes it of what the registry knows; `None` for a manifest that is gone.
    pub(crate) fn of(availability: &Availability) -> Option<Self> {
        match availability {
            Availability::Live => Some(Self {
                state: "live".to_owned(),
                deleted: None,
                deleted_by: None,
                until: None,
            }),
            Availability::Removed { at, by, until } => Some(Self {
                state: "removed".to_owned(),
                deleted: Some(Moment::of_millis(at.as_millis())),
                deleted_by: Some(by.clone()),
                until: Some(Moment::of_millis(until.as_millis())),
            }),
            Availability::Gone => None,
        }
    }
}

/// Returns the manifests that were brought back for `digest`, itself among them.
pub(crate) fn brought_back(digest: &Digest, restored: &Restored) -> Vec<String> {
    let own = restored.was_removed.then_some(digest);
    let children = restored.children.iter();
    children.chain(own).map(ToString::to_string).collect()
}

/// Refuses what a rule denies to the caller: restoring pushes, whatever asks for it.
pub(crate) fn check_push(
    administration: &Administration,
    input: &Input<'_>,
    name: &RepositoryName,
    tags: &[Tag],
) -> Result<(), AdminError> {
    let action = Action::Push;
    let of_tags = tags
        .iter()
        .map(|tag| AccessRequest::Tag { name, tag, action });
    for request in std::iter::once(AccessRequest::push(name)).chain(of_tags) {
        if let Some(reason) = denial(administration, input, &request) {
            return Err(AdminError::Forbidden(reason.to_string()));
        }
    }
    Ok(())
}

/// Returns the rule that keeps a caller from giving a tag another digest.
pub(crate) fn kept_by(
    administration: &Administration,
    input: &Input<'_>,
    name: &RepositoryName,
    tag: &Tag,
) -> Option<Reason> {
    denial(administration, input, &AccessRequest::overwrite(name, tag))
}

/// Adds to the refusal to change a tag which rule keeps it.
pub(crate) fn with_reason(
    error: RegistryError,
    reason: impl Fn(&Tag) -> Option<Reason>,
) -> AdminError {
    let kept = match &error {
        RegistryError::TagKept(tag) => reason(tag),
        _ => None,
    };
    match kept {
        Some(reason) => AdminError::Forbidden(format!("{error}: {reason}")),
        None => error.into(),
    }
}

fn denial(
    administration: &Administration,
    input: &Input<'_>,
    request: &AccessRequest<'_>,
) -> Option<Reason> {
    let Requester::Caller(caller) = &input.request.by else {
        return None;
    };
    let reason = administration.rules.policy().explain(caller, request);
    matches!(reason, Reason::DeniedByRule(_)).then_some(reason)
}
