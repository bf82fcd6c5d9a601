//! Which registry a command is about, who asks, and how the answer is shown: the same options for all.

use super::output::Output;
use super::{ConfigOptions, DataOptions};
use crate::client::{Client, Login, RemoteOptions};
use anyhow::{Context, bail};
use clap::Args;
use roadstead_auth::MAX_PASSWORD_BYTES;
use roadstead_config::{Config, Environment};
use std::io::Read;
use std::path::{Path, PathBuf};

/// What reading a secret from the standard input is called.
const STANDARD_INPUT: &str = "-";

/// Which registry it is about. Without --server, the one of this machine: a server that runs on the
/// data folder is asked through its socket, otherwise the store is opened.
#[derive(Debug, Args)]
pub(super) struct RegistryOptions {
    #[command(flatten)]
    config: ConfigOptions,
    #[command(flatten)]
    data: DataOptions,
    /// A server to ask in place of that of this machine, such as `https://registry.example.com`
    /// [environment: `ROADSTEAD_SERVER`].
    #[arg(long, value_name = "URL", help_heading = "Another server", conflicts_with_all = ["config", "data"])]
    server: Option<String>,
    /// The name to log in with there: of a user or, as robot+NAME, of a robot, with the right admin
    /// [environment: `ROADSTEAD_LOGIN`].
    #[arg(long, value_name = "NAME", help_heading = "Another server")]
    login: Option<String>,
    /// A file with the password, access token or secret that goes with it; - is the standard input
    /// [environment: `ROADSTEAD_LOGIN_PASSWORD` holds the password itself].
    #[arg(long, value_name = "FILE", help_heading = "Another server")]
    login_password_file: Option<PathBuf>,
    /// Certificates (PEM) to trust in place of those of the system.
    #[arg(long, value_name = "FILE", help_heading = "Another server")]
    ca_file: Option<PathBuf>,
    /// Allows plain HTTP to another machine, where anybody in between reads the password.
    #[arg(long, help_heading = "Another server")]
    allow_plain_http: bool,
    /// How to show the answer.
    #[arg(long, value_enum, value_name = "FORM", default_value_t)]
    pub(super) output: Output,
}

impl RegistryOptions {
    /// Does something with the registry, and finishes what was begun.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Client) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let client = self.client()?;
        let worked = work(&client);
        let closed = client.close();
        let worked = worked?;
        closed.map(|()| worked)
    }

    /// Reads the configuration, when it is about the registry of this machine.
    pub(super) fn config(&self) -> anyhow::Result<Option<Config>> {
        if self.server().is_some() {
            return Ok(None);
        }
        let overrides = self.data.overrides().into_iter().collect();
        Ok(Some(self.config.load(overrides)?.config))
    }

    /// Returns the address of another server, when it is about one.
    pub(super) fn server(&self) -> Option<String> {
        if self.server.is_some() {
            return self.server.clone();
        }
        // What is said on the command line is about this machine.
        if self.config.config.is_some() || self.data.data.is_some() {
            return None;
        }
        let environment = Environment::of_process();
        environment
            .of_client("ROADSTEAD_SERVER")
            .map(ToOwned::to_owned)
    }

    /// Tells whether the password to log in with is read from the standard input.
    pub(super) fn reads_standard_input(&self) -> bool {
        let file = self.login_password_file.as_deref();
        file == Some(Path::new(STANDARD_INPUT))
    }

    fn client(&self) -> anyhow::Result<Client> {
        let Some(server) = self.server() else {
            let config = self.config()?;
            return Client::local(&config.context("the registry of this machine has one")?);
        };
        Client::remote(&RemoteOptions {
            server,
            ca_file: self.ca_file.clone(),
            is_plain_http_allowed: self.allow_plain_http,
            login: self.login()?,
        })
    }

    fn login(&self) -> anyhow::Result<Login> {
        let environment = Environment::of_process();
        let of_environment = |name| environment.of_client(name).map(ToOwned::to_owned);
        let name = self
            .login
            .clone()
            .or_else(|| of_environment("ROADSTEAD_LOGIN"))
            .context("say who asks with --login, or in the variable ROADSTEAD_LOGIN")?;
        let password = match &self.login_password_file {
            Some(_) if self.reads_standard_input() => read_password()?,
            Some(path) => read_password_file(path)?,
            None => of_environment("ROADSTEAD_LOGIN_PASSWORD").context(
                "give the password with --login-password-file, or in the variable \
                 ROADSTEAD_LOGIN_PASSWORD",
            )?,
        };
        if name.contains(':') {
            bail!("no name holds a colon");
        }
        Ok(Login { name, password })
    }
}

/// Reads a password from the standard input, to the end; a newline there is no part of it.
pub(super) fn read_password() -> anyhow::Result<String> {
    read(std::io::stdin().lock()).context("cannot read the password from the standard input")
}

fn read_password_file(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read the password from {}", path.display());
    read(std::fs::File::open(path).with_context(cannot)?).with_context(cannot)
}

fn read(source: impl Read) -> anyhow::Result<String> {
    let limit = u64::try_from(MAX_PASSWORD_BYTES).unwrap_or(u64::MAX);
    let mut text = String::new();
    source
        .take(limit.saturating_add(3))
        .read_to_string(&mut text)?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    Ok(password.strip_suffix('\r').unwrap_or(password).to_owned())
}
