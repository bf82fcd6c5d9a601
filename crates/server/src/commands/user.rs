//! `roadstead user` and `roadstead group`: people, and what they have in common.

use super::identities::{RegistryOptions, joined, read_password};
use super::print;
use crate::administration::{Answer, Request, UserView};
use anyhow::bail;
use clap::{Args, Subcommand};
use roadstead_auth::{NewSecret, SecretKind, SubjectName};
use std::collections::BTreeMap;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Adds a user. Without --password-stdin a password is made and shown once.
    Add(AddOptions),
    /// Removes a user and their access tokens. Tokens that they hold end within minutes.
    Rm(OneUser),
    /// Lists the users and their groups.
    Ls(RegistryOptions),
    /// Gives a user another password. Without --password-stdin one is made and shown once.
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
    Add(Membership),
    /// Takes a user out of a group.
    Rm(Membership),
    /// Lists the groups and who is in them.
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
            let (password, shown) = password(options.password_stdin)?;
            options.registry.tell(Request::AddUser {
                name: options.name,
                groups: options.groups,
                password,
            })?;
            print(&shown)
        }
        UserCommand::Rm(user) => user.registry.tell(Request::RemoveUser { name: user.name }),
        UserCommand::Ls(registry) => {
            let users = users(&registry)?;
            let lines = users
                .iter()
                .map(|user| format!("{}\t{}\n", user.name, joined(&user.groups)));
            print(&lines.collect::<String>())
        }
        UserCommand::Passwd(options) => {
            let (password, shown) = password(options.password_stdin)?;
            options.registry.tell(Request::SetPassword {
                name: options.name,
                password,
            })?;
            print(&shown)
        }
    }
}

pub(super) fn run_group(command: GroupCommand) -> anyhow::Result<()> {
    match command {
        GroupCommand::Add(Membership {
            group,
            user,
            registry,
        }) => registry.tell(Request::JoinGroup { group, user }),
        GroupCommand::Rm(Membership {
            group,
            user,
            registry,
        }) => registry.tell(Request::LeaveGroup { group, user }),
        GroupCommand::Ls(registry) => {
            let mut members: BTreeMap<SubjectName, Vec<SubjectName>> = BTreeMap::new();
            for user in users(&registry)? {
                for group in user.groups {
                    members.entry(group).or_default().push(user.name.clone());
                }
            }
            let lines = members
                .iter()
                .map(|(group, users)| format!("{group}\t{}\n", joined(users)));
            print(&lines.collect::<String>())
        }
    }
}

fn users(registry: &RegistryOptions) -> anyhow::Result<Vec<UserView>> {
    match registry.ask(Request::ListUsers)? {
        Answer::Users(users) => Ok(users),
        _ => bail!("the server answers something else: it is of another version"),
    }
}

/// Returns a password, and what to show of it once it is set.
fn password(from_input: bool) -> anyhow::Result<(String, String)> {
    if from_input {
        return Ok((read_password()?, String::new()));
    }
    let password = make_password();
    let shown = format!("{password}\n");
    Ok((password, shown))
}

/// Draws a password.
pub(super) fn make_password() -> String {
    // Without the mark of a secret: this is a password, and only looks like one.
    let made = NewSecret::make(SecretKind::Robot);
    made.expose().chars().skip(4).take(24).collect()
}
