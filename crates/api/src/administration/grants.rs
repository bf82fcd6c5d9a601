//! What a robot or an access token may, in texts.

use crate::error::AdminError;
use roadstead_auth::{ActionSet, Grant, PathPattern};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Actions on repositories.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Grant)]
pub struct GrantText {
    /// Patterns of repositories.
    #[serde(default)]
    #[schema(example = json!(["team-a/**"]))]
    pub repositories: Vec<String>,
    /// `pull`, `push`, `delete`, `tag-overwrite`, `admin`, `catalog` or `*`.
    #[schema(example = json!(["pull", "push"]))]
    pub actions: Vec<String>,
}

impl From<&Grant> for GrantText {
    fn from(grant: &Grant) -> Self {
        Self {
            repositories: grant.repositories.iter().map(ToString::to_string).collect(),
            actions: Vec::from(grant.actions),
        }
    }
}

/// Reads grants.
pub(crate) fn parse(texts: &[GrantText]) -> Result<Vec<Grant>, AdminError> {
    texts.iter().map(parse_one).collect()
}

fn parse_one(text: &GrantText) -> Result<Grant, AdminError> {
    let invalid = |error: &dyn std::fmt::Display| AdminError::invalid(error.to_string());
    let repositories: Result<Vec<PathPattern>, _> = text
        .repositories
        .iter()
        .map(|pattern| PathPattern::parse(pattern))
        .collect();
    Ok(Grant {
        repositories: repositories.map_err(|error| invalid(&error))?,
        actions: ActionSet::parse(&text.actions).map_err(|error| invalid(&error))?,
    })
}
