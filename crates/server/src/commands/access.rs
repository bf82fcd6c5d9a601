//! `roadstead token` and `roadstead access`: access tokens of users, signing keys, and why.

use super::identities::{GrantOptions, RegistryOptions};
use super::print;
use crate::administration::{Answer, Question, Request, action};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use roadstead_auth::{Action, SubjectName};
use roadstead_oci::{RepositoryName, Tag};

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Makes an access token, which a user logs in with in place of the password, and shows it once.
    Create(TokenOptions),
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

#[derive(Debug, Subcommand)]
pub(super) enum AccessCommand {
    /// Says whether somebody may do something, and by which rule.
    Explain(ExplainOptions),
    /// Makes a new key that signs tokens. It is done every 30 days without being asked.
    RotateKeys(KeyOptions),
}

#[derive(Debug, Args)]
pub(super) struct ExplainOptions {
    /// The name that they log in with, such as ops or robot+ci, or anonymous.
    #[arg(long = "as", value_name = "NAME")]
    who: String,
    /// pull, push, delete, tag-overwrite or admin.
    #[arg(long, value_parser = parse_action)]
    action: Action,
    /// The repository, or a tag in it: team-a/app or team-a/app:1.0.
    #[arg(value_name = "REPOSITORY[:TAG]")]
    target: String,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct KeyOptions {
    /// Forgets the keys that were: every token ends, here at once and on other servers within a
    /// minute. For a key that was stolen.
    #[arg(long)]
    drop_old: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

pub(super) fn run_token(command: TokenCommand) -> anyhow::Result<()> {
    let TokenCommand::Create(options) = command;
    let secret = options.registry.secret(Request::CreateToken {
        user: options.user,
        label: options.label,
        grants: options.grant.grants()?,
        expires: options.grant.expires(),
    })?;
    print(&format!("{secret}\n"))
}

pub(super) fn run(command: AccessCommand) -> anyhow::Result<()> {
    match command {
        AccessCommand::Explain(options) => explain(options),
        AccessCommand::RotateKeys(options) => {
            let drop_old = options.drop_old;
            options.registry.tell(Request::RotateKeys { drop_old })
        }
    }
}

fn explain(options: ExplainOptions) -> anyhow::Result<()> {
    let (repository, tag) = match options.target.split_once(':') {
        Some((repository, tag)) => (repository, Some(Tag::parse(tag).context("no such tag")?)),
        None => (&*options.target, None),
    };
    let repository = RepositoryName::parse(repository).context("no such repository")?;
    let question = Question {
        who: options.who,
        action: options.action,
        repository,
        tag,
    };
    match options.registry.ask(Request::Explain(question))? {
        Answer::Explained { may, reason } => {
            let word = if may { "yes" } else { "no" };
            print(&format!("{word}: {reason}\n"))
        }
        _ => bail!("the server answers something else: it is of another version"),
    }
}

fn parse_action(text: &str) -> Result<Action, String> {
    action(text).ok_or_else(|| "use pull, push, delete, tag-overwrite or admin".to_owned())
}
