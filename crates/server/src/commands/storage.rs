//! `roadstead storage`: examines the configured store.

use super::{ConfigOptions, DataOptions, print};
use crate::stores::Stores;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use roadstead_config::Storage;
use roadstead_storage::StorageError;
use roadstead_storage::probe::Serving;

#[derive(Debug, Subcommand)]
pub(super) enum StorageCommand {
    /// Tries on the configured store what the registry relies on, and prints what came back and
    /// what Roadstead does about it. Stop a server that has the store's folder open first.
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
        let stores = Stores::open(&loaded.config, None).await?;
        let capabilities = stores.probe().await;
        let swept = stores.sweeps_tombstones().await;
        stores.close().await?;
        let serving = capabilities.serving().context("no trial was made")?;
        let storage = &loaded.config.storage;
        print(&format!(
            "{capabilities}{}",
            consequences(storage, serving, swept)
        ))?;
        match serving {
            Serving::Many | Serving::Alone(_) => Ok(()),
            Serving::Refused(_) => bail!("the store does not do all that the registry relies on"),
        }
    })
}

/// Returns what Roadstead does about what the trials showed.
fn consequences(
    storage: &Storage,
    serving: Serving<'_>,
    swept: Option<Result<bool, StorageError>>,
) -> String {
    let serves = match (serving, storage) {
        (Serving::Refused(trial), _) => format!("refuses: {}: {}", trial.tried, trial.came_back),
        (Serving::Alone(trial), _) => format!(
            "serves with one server alone: the store takes no notice of conditions on writes ({}: {})",
            trial.tried, trial.came_back
        ),
        (Serving::Many, Storage::S3(_) | Storage::Azure(_)) => {
            "serves with any number of servers".to_owned()
        }
        (Serving::Many, Storage::Local(_)) => {
            "serves with one server alone: it locks the data folder".to_owned()
        }
        (Serving::Many, Storage::Memory) => {
            "serves with one server alone: the memory is its own".to_owned()
        }
    };
    let tombstones = match swept {
        None => String::new(),
        Some(Ok(true)) => "tombstones  old ones are swept\n".to_owned(),
        Some(Ok(false)) => {
            "tombstones  old ones stay: the store takes no notice of conditions on deletes\n"
                .to_owned()
        }
        Some(Err(error)) => format!("tombstones  old ones stay: {error}\n"),
    };
    format!("\n{tombstones}Roadstead   {serves}\n")
}
