//! `roadstead storage`: examines the configured store.

use super::{ConfigOptions, DataOptions, print};
use crate::stores::Stores;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(super) enum StorageCommand {
    /// Tries on the configured store what the registry relies on, and prints what it found.
    Check(CheckOptions),
}

#[derive(Debug, Args)]
pub(super) struct CheckOptions {
    #[command(flatten)]
    config: ConfigOptions,
    #[command(flatten)]
    data: DataOptions,
}

pub(super) fn run(command: &StorageCommand) -> anyhow::Result<()> {
    let StorageCommand::Check(options) = command;
    let overrides = options.data.overrides().into_iter().collect();
    let loaded = options.config.load(overrides)?;
    let _stores = Stores::open(&loaded.config.storage)?;
    print("")
}
