//! `roadstead backup`: backups of a data folder, made while the server runs.

use super::job::{read_report, run_to_end, telling};
use super::output::Output;
use super::registry_options::RegistryOptions;
use super::{ConfigOptions, DataOptions, print};
use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use roadstead_config::{ByteSize, Storage};
use roadstead_registry::{Progress, RecordReader};
use roadstead_storage::drivers::local::{
    BackupEntry, Restoring, list_backups, restore_backup, verify_backup,
};
use roadstead_storage::{BackupReport, StorageError};
use serde_json::json;
use std::error::Error;
use std::path::{Path, PathBuf};

pub(super) const HELP: &str = "\
A directory holds any number of backups and each data file once, so that the next one copies only what
is new. They are of the local driver; docs/operations.md says how a bucket is copied.

Examples:
  roadstead backup create /mnt/backups
  roadstead backup ls /mnt/backups
  roadstead backup verify /mnt/backups --checksum
  roadstead backup restore /mnt/backups --data /srv/roadstead";

#[derive(Debug, Subcommand)]
pub(super) enum BackupCommand {
    /// Makes a backup in a directory, while the server runs or without one.
    #[command(after_help = CREATE_HELP)]
    Create(CreateOptions),
    /// Lists the backups in a directory, the oldest first.
    #[command(after_help = "Example: roadstead backup ls /mnt/backups")]
    Ls(ListOptions),
    /// Checks a backup: its records, and that every data file they name is there.
    #[command(after_help = "Example: roadstead backup verify /mnt/backups --checksum")]
    Verify(VerifyOptions),
    /// Makes a data folder of a backup. No server may have that folder open.
    #[command(after_help = RESTORE_HELP)]
    Restore(RestoreOptions),
}

const CREATE_HELP: &str = "\
It has all that was acknowledged before the command. Data on the same file system is linked, not copied;
a backup against the loss of a disk belongs on another. One that broke off is no backup; the next one
uses what it copied.

Example: roadstead backup create /mnt/backups --config /etc/roadstead.yaml";

const RESTORE_HELP: &str = "\
The backup is checked before anything is written. Uploads that were on their way are not in it.

Examples:
  roadstead backup restore /mnt/backups --data /srv/roadstead
  roadstead backup restore /mnt/backups --number 000007 --checksum --config /etc/roadstead.yaml";

#[derive(Debug, Args)]
pub(super) struct CreateOptions {
    /// The directory of backups, on the machine of the server; made when it is not there.
    directory: PathBuf,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct ListOptions {
    /// The directory of backups.
    directory: PathBuf,
    /// How to show the answer.
    #[arg(long, value_enum, value_name = "FORM", default_value_t)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// The directory of backups.
    directory: PathBuf,
    /// The number of the backup; the last complete one without it.
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// Reads all data and holds it against its digests.
    #[arg(long)]
    checksum: bool,
}

#[derive(Debug, Args)]
pub(super) struct VerifyOptions {
    #[command(flatten)]
    chosen: Chosen,
}

#[derive(Debug, Args)]
pub(super) struct RestoreOptions {
    #[command(flatten)]
    chosen: Chosen,
    /// Deletes what the data folder holds; without it a folder that is not empty is left alone.
    #[arg(long)]
    delete_existing_data: bool,
    #[command(flatten)]
    config: ConfigOptions,
    #[command(flatten)]
    data: DataOptions,
}

pub(super) fn run(command: &BackupCommand) -> anyhow::Result<()> {
    match command {
        BackupCommand::Create(options) => create(options),
        BackupCommand::Ls(options) => list(options),
        BackupCommand::Verify(options) => verify(&options.chosen),
        BackupCommand::Restore(options) => restore(options),
    }
}

fn create(options: &CreateOptions) -> anyhow::Result<()> {
    if options.registry.server().is_some() {
        bail!("ask for a backup on the machine of the server: the directory is there");
    }
    let directory = std::path::absolute(&options.directory)
        .with_context(|| format!("cannot find {}", options.directory.display()))?;
    let asked = json!({"directory": directory});
    let report = options
        .registry
        .with(|client| run_to_end(client, "backup", asked))?;
    let report: BackupReport = read_report(report)?;
    let info = &report.info;
    let text = format!(
        "backup {} in {}: {} records, {} data files of {}; {} new, {} copied",
        report.number,
        directory.display(),
        info.records,
        info.objects,
        ByteSize::bytes(info.object_bytes),
        report.new_objects,
        ByteSize::bytes(report.copied_bytes)
    );
    options.registry.output.one(&report, &text)?;
    if info.missing.is_empty() && info.unreadable.is_empty() {
        return Ok(());
    }
    bail!(
        "the store is damaged, and the backup is all that is left of it: {} data files were missing, \
         {} records could not be read; `roadstead fsck` tells more",
        info.missing.len(),
        info.unreadable.len()
    )
}

fn list(options: &ListOptions) -> anyhow::Result<()> {
    let entries = list_backups(&options.directory).map_err(|error| sentence(&error))?;
    let shown: Vec<_> = entries
        .iter()
        .map(|entry| json!({"number": entry.number, "info": entry.info}))
        .collect();
    match options.output {
        Output::Json => options.output.one(&shown, ""),
        Output::Table => options
            .output
            .list(&entries_of(&entries), &HEADINGS, Clone::clone),
    }
}

const HEADINGS: [&str; 5] = ["NUMBER", "TAKEN", "RECORDS", "FILES", "SIZE"];

fn entries_of(entries: &[BackupEntry]) -> Vec<Vec<String>> {
    let row = |entry: &BackupEntry| match &entry.info {
        Some(info) => vec![
            entry.number.clone(),
            roadstead_api::administration::Moment::of_millis(info.taken.as_millis()).to_string(),
            info.records.to_string(),
            info.objects.to_string(),
            ByteSize::bytes(info.object_bytes).to_string(),
        ],
        None => vec![entry.number.clone(), "did not come to its end".to_owned()],
    };
    entries.iter().map(row).collect()
}

fn verify(chosen: &Chosen) -> anyhow::Result<()> {
    let progress = Progress::default();
    let reader = RecordReader::new(progress.clone());
    let number = chosen.number.as_deref();
    let work = || verify_backup(&chosen.directory, number, chosen.checksum, &reader);
    let report = telling(&progress, work).map_err(|error| sentence(&error))?;
    for problem in &report.problems {
        print(&format!("{problem}\n"))?;
    }
    if !report.problems.is_empty() {
        bail!("the backup is damaged");
    }
    print(&format!(
        "fine: {} records, {} data files{}\n",
        report.records,
        report.objects,
        if chosen.checksum { ", all hashed" } else { "" }
    ))
}

fn restore(options: &RestoreOptions) -> anyhow::Result<()> {
    let overrides = options.data.overrides().into_iter().collect();
    let config = options.config.load(overrides)?.config;
    let Storage::Local(local) = &config.storage else {
        bail!("a backup is restored into a data folder: name one with --data");
    };
    let progress = Progress::default();
    let reader = RecordReader::new(progress.clone());
    let restoring = Restoring {
        directory: &options.chosen.directory,
        number: options.chosen.number.as_deref(),
        folder: &local.path,
        overwrite: options.delete_existing_data,
        checksum: options.chosen.checksum,
    };
    let work = || restore_backup(&restoring, &reader);
    let info = telling(&progress, work).map_err(|error| sentence(&error))?;
    print(&format!(
        "{} is the store as it was: {} records, {} data files of {}\n",
        shown(&local.path),
        info.records,
        info.objects,
        ByteSize::bytes(info.object_bytes)
    ))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Returns the sentence that the driver says.
fn sentence(error: &StorageError) -> anyhow::Error {
    let reason = error.source().map(ToString::to_string);
    anyhow!(reason.unwrap_or_else(|| error.to_string()))
}
