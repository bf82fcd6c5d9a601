//! The command line: what can be asked of the binary, and where each command is.

mod access;
mod backup;
mod configuration;
mod content;
mod fsck;
mod gc;
mod health;
mod identities;
mod init;
mod job;
mod manifest;
mod output;
mod registry_options;
mod robot;
mod scrub;
mod serve;
mod storage;
mod token;
mod user;

use crate::access::rules;
use clap::{Args, Parser, Subcommand};
use roadstead_config::{Config, Environment, LoadOptions, Loaded, Override};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  roadstead init /etc/roadstead.yaml              a configuration and an administrator to begin with
  roadstead serve                                 everything in ./data, on 127.0.0.1:5000
  roadstead serve --listen 127.0.0.1:80 --data /srv/roadstead
  roadstead serve --config /etc/roadstead.yaml
  ROADSTEAD_LOG__LEVEL=debug roadstead serve      every setting is a variable, too
  roadstead config check /etc/roadstead.yaml      before the server meets it
  roadstead config print                          what would hold, defaults included
  roadstead storage check                         what the store can do
  roadstead fsck                                  whether all that is stored hangs together
  roadstead user add ops --group team-a           the password is made and shown once
  roadstead robot create ci --repositories 'team-a/**' --actions pull,push --expires 90d
  roadstead access explain --as ops --action push team-a/app:1.0
  roadstead tag history team-a/app:1.0            what it was, and who changed it
  roadstead tag restore team-a/app:1.0            back to what it was before
  roadstead gc status                             what will be taken back, and when";

/// Roadstead: a private OCI registry in one binary. Images at rest, close to where they run.
#[derive(Debug, Parser)]
#[command(name = "roadstead", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the registry until it is told to stop (Ctrl-C or SIGTERM).
    #[command(after_help = serve::HELP)]
    Serve(serve::ServeOptions),
    /// Writes a configuration to begin with, and adds the administrator that it names.
    Init(init::InitOptions),
    /// Asks the server of this machine whether it is ready; the code is 0 when it is.
    Health(health::HealthOptions),
    /// Checks or prints the configuration.
    #[command(subcommand)]
    Config(configuration::ConfigCommand),
    /// Examines the store.
    #[command(subcommand)]
    Storage(storage::StorageCommand),
    /// Looks after users.
    #[command(subcommand, after_help = user::USER_HELP)]
    User(user::UserCommand),
    /// Looks after groups of users.
    #[command(subcommand, after_help = user::GROUP_HELP)]
    Group(user::GroupCommand),
    /// Looks after robots: accounts of machines.
    #[command(subcommand, after_help = robot::HELP)]
    Robot(robot::RobotCommand),
    /// Looks after access tokens of users.
    #[command(subcommand, after_help = token::HELP)]
    Token(token::TokenCommand),
    /// Looks after rules, explains who may do what, and rotates signing keys.
    #[command(subcommand, after_help = access::HELP)]
    Access(access::AccessCommand),
    /// Lists repositories.
    #[command(subcommand, after_help = content::REPOSITORY_HELP)]
    Repo(content::RepositoryCommand),
    /// Lists, removes and restores tags, and shows what they were.
    #[command(subcommand, after_help = content::TAG_HELP)]
    Tag(content::TagCommand),
    /// Takes back the space of what nobody names any more, and shows what is condemned.
    #[command(subcommand, after_help = gc::HELP)]
    Gc(gc::GcCommand),
    /// Lists deleted manifests and brings them back.
    #[command(subcommand, after_help = manifest::HELP)]
    Manifest(manifest::ManifestCommand),
    /// Checks what is stored, and repairs it when asked to.
    #[command(after_help = fsck::HELP)]
    Fsck(fsck::FsckCommand),
    /// Shows how far the hashing of all stored content is.
    #[command(subcommand, after_help = scrub::HELP)]
    Scrub(scrub::ScrubCommand),
    /// Shows long work that commands asked for.
    #[command(subcommand, after_help = job::HELP)]
    Job(job::JobCommand),
    /// Makes, lists, checks and restores backups of a data folder.
    #[command(subcommand, after_help = backup::HELP)]
    Backup(backup::BackupCommand),
    /// Lists and ends uploads that are on their way.
    #[command(subcommand, after_help = content::UPLOAD_HELP)]
    Upload(content::UploadCommand),
}

/// Does what the command line asks.
pub(crate) fn run(command_line: CommandLine) -> anyhow::Result<()> {
    match command_line.command {
        Command::Serve(options) => serve::run(&options),
        Command::Init(options) => init::run(&options),
        Command::Health(options) => health::run(&options),
        Command::Config(command) => configuration::run(&command),
        Command::Storage(command) => storage::run(&command),
        Command::User(command) => user::run(command),
        Command::Group(command) => user::run_group(command),
        Command::Robot(command) => robot::run(command),
        Command::Token(command) => token::run(command),
        Command::Access(command) => access::run(command),
        Command::Repo(command) => content::run_repository(&command),
        Command::Tag(command) => content::run_tag(&command),
        Command::Gc(command) => gc::run(&command),
        Command::Manifest(command) => manifest::run(&command),
        Command::Fsck(command) => fsck::run(&command),
        Command::Scrub(command) => scrub::run(&command),
        Command::Job(command) => job::run(&command),
        Command::Backup(command) => backup::run(&command),
        Command::Upload(command) => content::run_upload(&command),
    }
}

/// Where the configuration comes from.
#[derive(Debug, Args)]
struct ConfigOptions {
    /// The configuration file. Without it, the file that `ROADSTEAD_CONFIG` names; without that, the
    /// defaults hold.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Where the data is, over what the configuration says.
#[derive(Debug, Args)]
struct DataOptions {
    /// The folder for the data, made when it is not there [setting: storage.local.path].
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
}

impl DataOptions {
    fn overrides(&self) -> Option<Override> {
        let value = self.data.clone()?;
        Some(Override {
            key: "storage.local.path",
            value,
            option: "--data",
        })
    }
}

impl ConfigOptions {
    /// Loads the configuration with this process's environment.
    fn load(&self, overrides: Vec<Override>) -> anyhow::Result<Loaded> {
        let file = self.config.as_deref();
        let environment = Environment::of_process();
        let loaded = Config::load(&LoadOptions {
            file,
            overrides,
            environment,
        })?;
        rules(&loaded.config)?;
        Ok(loaded)
    }
}

/// Writes to the standard output. A reader that has gone away, as `head` does, is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    let written = output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_command_that_administers_shows_an_example() {
        let line = CommandLine::command();
        let names = [
            "user", "group", "robot", "token", "access", "repo", "tag", "manifest", "backup", "gc",
            "fsck", "scrub", "job", "upload",
        ];
        for name in names {
            let command = line.find_subcommand(name).expect("there is one");
            for command in std::iter::once(command).chain(command.get_subcommands()) {
                let help = command.get_after_help().map(ToString::to_string);
                let help = help.unwrap_or_default();
                assert!(help.contains("roadstead "), "{name} {}", command.get_name());
            }
        }
    }
}
