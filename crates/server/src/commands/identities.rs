//! What the commands that make robots, access tokens and rules share: grants in texts.

use clap::Args;
use roadstead_api::administration::GrantText;
use roadstead_auth::PathPattern;
use roadstead_config::Period;

/// What a robot or an access token may, and until when.
#[derive(Debug, Args)]
pub(super) struct GrantOptions {
    /// Patterns of repositories, such as 'team-a/**'.
    #[arg(long, value_delimiter = ',', required = true, value_name = "PATTERNS")]
    repositories: Vec<PathPattern>,
    /// Actions: pull, push, delete, tag-overwrite, admin, catalog.
    #[arg(long, value_delimiter = ',', required = true, value_name = "ACTIONS")]
    actions: Vec<String>,
    /// When it ends, from now, such as 90d; never without it.
    #[arg(long, value_name = "DURATION")]
    expires: Option<Period>,
}

impl GrantOptions {
    pub(super) fn grants(&self) -> Vec<GrantText> {
        vec![GrantText {
            repositories: self.repositories.iter().map(ToString::to_string).collect(),
            actions: self.actions.clone(),
        }]
    }

    pub(super) fn expires_in_secs(&self) -> Option<u64> {
        self.expires.map(|period| period.as_duration().as_secs())
    }
}

/// Writes grants in one column.
pub(super) fn shown(grants: &[GrantText]) -> String {
    let grants = grants.iter().map(|grant| {
        format!(
            "{}:{}",
            grant.repositories.join(","),
            grant.actions.join(",")
        )
    });
    grants.collect::<Vec<_>>().join(" ")
}
