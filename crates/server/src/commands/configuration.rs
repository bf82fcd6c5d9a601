//! `roadstead config`: checks a configuration file, prints what would hold.

use super::{ConfigOptions, print};
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Checks a file, and the environment with it; tells every mistake with its place.
    Check {
        /// The configuration file.
        file: PathBuf,
    },
    /// Prints the configuration that would hold, defaults included, as YAML.
    Print(ConfigOptions),
}

pub(super) fn run(command: &ConfigCommand) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check { file } => {
            let options = ConfigOptions {
                config: Some(file.clone()),
            };
            let loaded = options.load(Vec::new())?;
            let mut report = format!("{} is valid\n", file.display());
            for warning in &loaded.warnings {
                report.push_str("warning: ");
                report.push_str(warning);
                report.push('\n');
            }
            print(&report)
        }
        ConfigCommand::Print(options) => {
            let loaded = options.load(Vec::new())?;
            print(&loaded.config.effective_yaml())
        }
    }
}
