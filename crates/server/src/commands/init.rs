//! `roadstead init`: a configuration to begin with, and the administrator that it names.

use super::{ConfigOptions, print};
use crate::banner::reachable;
use crate::client::Client;
use anyhow::{Context, anyhow};
use clap::Args;
use roadstead_api::administration::{NewUser, ShownPassword};
use roadstead_auth::SubjectName;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct InitOptions {
    /// The configuration to write. It must not be there.
    #[arg(value_name = "FILE", default_value = "roadstead.yaml")]
    file: PathBuf,
    /// The folder for the data, made when it is not there.
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Where the registry is to listen.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// The administrator's name.
    #[arg(long, value_name = "NAME", default_value = "admin")]
    user: SubjectName,
}

pub(super) fn run(options: &InitOptions) -> anyhow::Result<()> {
    let file = &options.file;
    // A server may start elsewhere.
    let data = std::path::absolute(&options.data).context("the data folder has no path")?;
    let data = data
        .to_str()
        .context("the path of the data folder is not UTF-8")?;
    write_new(file, &configuration(options, data))?;
    let password = add_administrator(file, &options.user).inspect_err(|_| {
        // As it was: the next attempt must find no file. Should that fail, its message says so.
        let _ = std::fs::remove_file(file);
    })?;
    let InitOptions { listen, user, .. } = options;
    let file = file.display();
    let host = reachable(*listen);
    print(&format!(
        "\
Wrote {file}; the data will be in {data}.
user:      {user}
password:  {password}
The password is not shown again. Next:
  roadstead serve --config {file}
  docker login {host} --username {user}
"
    ))
}

/// Creates a file that must not be there, or none.
fn write_new(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let created = options.write(true).create_new(true).open(file);
    let mut created = created.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow!(
            "{} is there already; name another file, or remove it first",
            file.display()
        ),
        _ => anyhow::Error::new(error).context(format!("cannot create {}", file.display())),
    })?;
    let written = created
        .write_all(text.as_bytes())
        .and_then(|()| created.sync_all());
    written.map_err(|error| {
        let _ = std::fs::remove_file(file);
        anyhow::Error::new(error).context(format!("cannot write {}", file.display()))
    })
}

/// Adds the administrator to the store that the configuration names, and returns the password.
fn add_administrator(file: &Path, name: &SubjectName) -> anyhow::Result<String> {
    let options = ConfigOptions {
        config: Some(file.to_owned()),
    };
    let config = options.load(Vec::new())?.config;
    let user = NewUser {
        name: name.to_string(),
        groups: Vec::new(),
        password: None,
    };
    let client = Client::local(&config)?;
    let added = client.send::<ShownPassword>("POST", "/users", &user);
    let closed = client.close();
    let added = added.context("the administrator cannot be added")?;
    closed?;
    added.password.context("no password was made")
}

fn configuration(options: &InitOptions, data: &str) -> String {
    let InitOptions { listen, user, .. } = options;
    let data = quoted(data);
    format!(
        "\
# Roadstead's configuration, written by `roadstead init`. docs/configuration.md has every setting;
#   roadstead config check FILE             tells every mistake with its place
#   roadstead config print --config FILE    shows what holds, defaults included

# Where the registry listens. 127.0.0.1 is this machine alone; 0.0.0.0 lets others reach it, and
# then passwords need TLS.
listen: {listen}

# What clients write in front of image names, when something stands before the registry.
# external_url: https://registry.example.com

# Metrics and health, for this machine.
admin:
  listen: 127.0.0.1:5001

access:
  # Nothing is allowed that no rule allows, and a rule that denies wins.
  rules:
    # The administrator may do everything. `roadstead user passwd {user}` changes the password.
    - {{subjects: [\"user:{user}\"], repositories: [\"**\"], actions: [\"*\", catalog]}}
    # Who has logged in has a corner of their own. `roadstead user add NAME` adds users.
    - {{subjects: [authenticated], repositories: [\"{{user}}/**\"], actions: [pull, push, delete, tag-overwrite, catalog]}}
    # Examples: everybody pulls what is public; a team, and the robot that builds for it, push.
    # - {{subjects: [anonymous], repositories: [\"public/**\"], actions: [pull]}}
    # - {{subjects: [\"group:team-a\", \"robot:ci\"], repositories: [\"team-a/**\"], actions: [pull, push]}}

storage:
  local:
    path: {data}
    # Below this much free space uploads are refused; pulls and deletes go on.
    reserve: 1GiB

log:
  # error, warn, info, debug or trace
  level: info
"
    )
}

/// Writes a text as YAML that stands for nothing else.
fn quoted(text: &str) -> String {
    let text = text.replace("${", "$${");
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_so_that_it_comes_back() {
        assert_eq!(quoted("/srv/a b"), r#""/srv/a b""#);
        assert_eq!(quoted(r#"/srv/"${x}"#), r#""/srv/\"$${x}""#);
    }
}
