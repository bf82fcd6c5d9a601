//! `roadstead storage`: examines the configured store.

use super::{ConfigOptions, DataOptions, print};
use crate::stores::Stores;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(super) enum StorageCommand {
    /// Tries on the configured store what the registry relies on, and prints what came back. Stop
    /// a server that has the store's folder open first.
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the check")?;
    runtime.block_on(async {
        let stores = Stores::open(&loaded.config.storage, None).await?;
        let capabilities = stores.probe().await;
        print(&capabilities.to_string())?;
        stores.close().await?;
        if !capabilities.is_complete() {
            bail!("the store does not do all that the registry relies on");
        }
        Ok(())
    })
}
