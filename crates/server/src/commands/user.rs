//! `roadstead user` and `roadstead group`: people, and what they have in common.

use super::registry_options::{RegistryOptions, read_password};
use anyhow::bail;
use clap::{Args, Subcommand};
use roadstead_api::administration::{GroupView, NewPassword, NewUser, ShownPassword, UserView};
use roadstead_auth::SubjectName;

pub(super) const USER_HELP: &str = "\
Examples:
  roadstead user add ops --group team-a              the password is made and shown once
  pass show ops | roadstead user add ops --password-stdin
  roadstead user ls --server https://registry.example.com --login root --login-password-file root.txt";

pub(super) const GROUP_HELP: &str = "\
Examples:
  roadstead group add team-a ops
  roadstead group ls --output json";

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Adds a user. Without --password-stdin a password is made and shown once.
    #[command(after_help = "Example: roadstead user add ops --group team-a")]
    Add(AddOptions),
    /// Removes a user and their access tokens. Tokens that they hold end within minutes.
    #[command(after_help = "Example: roadstead user rm ops")]
    Rm(OneUser),
    /// Lists the users and their groups.
    #[command(after_help = "Example: roadstead user ls --output json")]
    Ls(RegistryOptions),
    /// Gives a user another password. Without --password-stdin one is made and shown once.
    #[command(after_help = "Example: roadstead user passwd ops")]
    Passwd(PasswordOptions),
}

#[derive(Debug, Args)]
pub(super) struct AddOptions {
    /// The name that the user logs in with.
    name: SubjectName,
    /// A group that the user is in; may be repeated.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<SubjectName>,
    /// Reads the password from the standard input.
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct OneUser {
    /// The user.
    name: SubjectName,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct PasswordOptions {
    /// The user.
    name: SubjectName,
    /// Reads the password from the standard input.
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    /// Puts a user into a group, which exists while somebody is in it.
    #[command(after_help = "Example: roadstead group add team-a ops")]
    Add(Membership),
    /// Takes a user out of a group.
    #[command(after_help = "Example: roadstead group rm team-a ops")]
    Rm(Membership),
    /// Lists the groups and who is in them.
    #[command(after_help = "Example: roadstead group ls")]
    Ls(RegistryOptions),
}

#[derive(Debug, Args)]
pub(super) struct Membership {
    /// The group.
    group: SubjectName,
    /// The user.
    user: SubjectName,
    #[command(flatten)]
    registry: RegistryOptions,
}

pub(super) fn run(command: UserCommand) -> anyhow::Result<()> {
    match command {
        UserCommand::Add(options) => {
            let user = NewUser {
                name: options.name.to_string(),
                groups: options.groups.iter().map(ToString::to_string).collect(),
                password: password(options.password_stdin, &options.registry)?,
            };
            let added = options
                .registry
                .with(|client| client.send("POST", "/users", &user))?;
            show(&options.registry, &added)
        }
        UserCommand::Rm(user) => user
            .registry
            .with(|client| client.remove(&format!("/users/{}", user.name))),
        UserCommand::Ls(registry) => {
            let users: Vec<UserView> = registry.with(|client| client.list("/users", None))?;
            registry
                .output
                .list(&users, &["USER", "GROUPS", "CREATED", "STATE"], |user| {
                    let state = if user.is_disabled {
                        "disabled"
                    } else {
                        "active"
                    };
                    vec![
                        user.name.clone(),
                        user.groups.join(","),
                        user.created.to_string(),
                        state.to_owned(),
                    ]
                })
        }
        UserCommand::Passwd(options) => {
            let new = NewPassword {
                password: password(options.password_stdin, &options.registry)?,
            };
            let path = format!("/users/{}/password", options.name);
            let set = options
                .registry
                .with(|client| client.send("PUT", &path, &new))?;
            show(&options.registry, &set)
        }
    }
}

pub(super) fn run_group(command: GroupCommand) -> anyhow::Result<()> {
    match command {
        GroupCommand::Add(member) => {
            let path = path(&member);
            let tell = |client: &crate::client::Client| client.tell("PUT", &path, None::<&()>);
            member.registry.with(tell)
        }
        GroupCommand::Rm(member) => {
            let path = path(&member);
            member.registry.with(|client| client.remove(&path))
        }
        GroupCommand::Ls(registry) => {
            let groups: Vec<GroupView> = registry.with(|client| client.list("/groups", None))?;
            registry
                .output
                .list(&groups, &["GROUP", "MEMBERS"], |group| {
                    vec![group.name.clone(), group.members.join(",")]
                })
        }
    }
}

fn path(member: &Membership) -> String {
    format!("/groups/{}/members/{}", member.group, member.user)
}

/// Shows a password that was made; one that was given is not.
fn show(registry: &RegistryOptions, shown: &ShownPassword) -> anyhow::Result<()> {
    match (&shown.password, registry.output) {
        (None, super::output::Output::Table) => Ok(()),
        (password, output) => output.one(shown, password.as_deref().unwrap_or_default()),
    }
}

/// Returns the password that was given; without one the server makes one.
fn password(from_input: bool, registry: &RegistryOptions) -> anyhow::Result<Option<String>> {
    if !from_input {
        return Ok(None);
    }
    if registry.reads_standard_input() {
        bail!("only one password can come from the standard input");
    }
    read_password().map(Some)
}
