//! What the commands about users, groups, robots and rules share: which store, and its answer.

use super::{ConfigOptions, DataOptions};
use crate::administration::{self, Answer, Request};
use anyhow::{Context, bail};
use clap::Args;
use roadstead_auth::{ActionSet, Grant, MAX_PASSWORD_BYTES, PathPattern, SubjectName};
use roadstead_config::{Config, Period};
use std::io::Read;

/// Which registry it is about. A server that runs on it is asked; otherwise its store is opened.
#[derive(Debug, Args)]
pub(super) struct RegistryOptions {
    #[command(flatten)]
    config: ConfigOptions,
    #[command(flatten)]
    data: DataOptions,
}

impl RegistryOptions {
    pub(super) fn load(&self) -> anyhow::Result<Config> {
        let overrides = self.data.overrides().into_iter().collect();
        Ok(self.config.load(overrides)?.config)
    }

    /// Does what is asked.
    pub(super) fn ask(&self, request: Request) -> anyhow::Result<Answer> {
        ask(&self.load()?, request)
    }

    /// Does what is asked and has no answer.
    pub(super) fn tell(&self, request: Request) -> anyhow::Result<()> {
        match self.ask(request)? {
            Answer::Done => Ok(()),
            _ => bail!("the server answers something else: it is of another version"),
        }
    }

    /// Has a secret made.
    pub(super) fn secret(&self, request: Request) -> anyhow::Result<String> {
        secret_of(self.ask(request)?)
    }
}

/// Does what is asked of the registry of a configuration.
pub(super) fn ask(config: &Config, request: Request) -> anyhow::Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the command")?;
    runtime.block_on(administration::ask(config, request))
}

/// Returns the secret of an answer.
pub(super) fn secret_of(answer: Answer) -> anyhow::Result<String> {
    match answer {
        Answer::Secret(secret) => Ok(secret),
        _ => bail!("the server answers something else: it is of another version"),
    }
}

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
    pub(super) fn grants(&self) -> anyhow::Result<Vec<Grant>> {
        Ok(vec![Grant {
            repositories: self.repositories.clone(),
            actions: ActionSet::parse(&self.actions)?,
        }])
    }

    pub(super) fn expires(&self) -> Option<std::time::Duration> {
        self.expires.map(Period::as_duration)
    }
}

/// Reads a password from the standard input, to the end; a newline there is no part of it.
pub(super) fn read_password() -> anyhow::Result<String> {
    let limit = u64::try_from(MAX_PASSWORD_BYTES).unwrap_or(u64::MAX);
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(limit.saturating_add(3))
        .read_to_string(&mut text)
        .context("cannot read the password from the standard input")?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    Ok(password.strip_suffix('\r').unwrap_or(password).to_owned())
}

/// Writes names in one line.
pub(super) fn joined(names: &[SubjectName]) -> String {
    let names: Vec<&str> = names.iter().map(SubjectName::as_str).collect();
    names.join(",")
}
