//! `roadstead token`: access tokens, which users log in with in place of the password.

use super::identities::{GrantOptions, shown};
use super::registry_options::RegistryOptions;
use clap::{Args, Subcommand};
use roadstead_api::administration::{AccessTokenView, MadeAccessToken, NewAccessToken};
use roadstead_auth::SubjectName;
use roadstead_oci::encode_query_value;

pub(super) const HELP: &str = "\
Examples:
  roadstead token create --user ops --label laptop --repositories 'team-a/**' --actions pull --expires 30d
  roadstead token ls --user ops
  roadstead token rm --user ops 0123456789abcdef";

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Makes an access token, which a user logs in with in place of the password, and shows it once.
    #[command(
        after_help = "Example: roadstead token create --user ops --repositories 'team-a/**' --actions pull"
    )]
    Create(TokenOptions),
    /// Lists the access tokens of a user.
    #[command(after_help = "Example: roadstead token ls --user ops")]
    Ls(OfUser),
    /// Removes an access token.
    #[command(after_help = "Example: roadstead token rm --user ops ID")]
    Rm(OneToken),
}

#[derive(Debug, Args)]
pub(super) struct TokenOptions {
    /// The user that it belongs to, with never more rights than theirs.
    #[arg(long)]
    user: SubjectName,
    /// What it is for.
    #[arg(long, default_value = "")]
    label: String,
    #[command(flatten)]
    grant: GrantOptions,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct OfUser {
    /// The user that they belong to.
    #[arg(long)]
    user: SubjectName,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct OneToken {
    /// The user that it belongs to.
    #[arg(long)]
    user: SubjectName,
    /// The token's id, as `token ls` shows it.
    id: String,
    #[command(flatten)]
    registry: RegistryOptions,
}

pub(super) fn run(command: TokenCommand) -> anyhow::Result<()> {
    match command {
        TokenCommand::Create(options) => {
            let token = NewAccessToken {
                label: options.label.clone(),
                grants: options.grant.grants(),
                expires_in_secs: options.grant.expires_in_secs(),
            };
            let path = format!("/users/{}/tokens", options.user);
            let made: MadeAccessToken = options
                .registry
                .with(|client| client.send("POST", &path, &token))?;
            options.registry.output.one(&made, &made.secret)
        }
        TokenCommand::Ls(options) => {
            let path = format!("/users/{}/tokens", options.user);
            let registry = &options.registry;
            let tokens: Vec<AccessTokenView> = registry.with(|client| client.list(&path, None))?;
            let headings = ["ID", "LABEL", "GRANTS", "CREATED", "ENDS"];
            registry.output.list(&tokens, &headings, |token| {
                let ends = token.expires.as_ref().map(ToString::to_string);
                vec![
                    token.id.clone(),
                    token.label.clone(),
                    shown(&token.grants),
                    token.created.to_string(),
                    ends.unwrap_or_else(|| "never".to_owned()),
                ]
            })
        }
        TokenCommand::Rm(token) => {
            let id = encode_query_value(&token.id);
            let path = format!("/users/{}/tokens/{id}", token.user);
            token.registry.with(|client| client.remove(&path))
        }
    }
}
