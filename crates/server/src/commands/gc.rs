//! `roadstead gc`: passes of the collector, and what is condemned.

use super::job::{read_report, run_to_end};
use super::output::size;
use super::registry_options::RegistryOptions;
use crate::client::Client;
use clap::{Args, Subcommand};
use roadstead_api::administration::{CollectorView, CondemnedView};
use roadstead_registry::{CollectorOptions, CollectorReport, LevelReport};
use serde_json::json;
use std::time::Duration;

pub(super) const HELP: &str = "\
What no manifest names is condemned after the time of grace, and removed when it is still not named
some time later; pushes and pulls go on meanwhile. A server collects by itself (setting gc.interval).

Examples:
  roadstead gc status                     what is condemned, and when it comes back
  roadstead gc run --dry-run              what a pass would condemn and remove
  roadstead gc run --once                 one pass, now
  roadstead gc run                        a pass every hour until Ctrl-C, for a machine of its own";

#[derive(Debug, Subcommand)]
pub(super) enum GcCommand {
    /// Collects: a pass now, and further ones until it is stopped.
    #[command(after_help = "Example: roadstead gc run --once")]
    Run(RunOptions),
    /// Shows what is condemned, since when, and what the last pass did.
    #[command(after_help = "Example: roadstead gc status --output json")]
    Status(StatusOptions),
}

#[derive(Debug, Args)]
pub(super) struct RunOptions {
    /// Only tells what a pass would do. Implies --once.
    #[arg(long)]
    dry_run: bool,
    /// Ends after one pass.
    #[arg(long)]
    once: bool,
    /// Goes as fast as it can, whatever the setting `gc.calls_per_second` says.
    #[arg(long)]
    unpaced: bool,
    /// The time between the beginnings of two passes, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600,
        value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = ["once", "dry_run"])]
    every: u64,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct StatusOptions {
    #[command(flatten)]
    registry: RegistryOptions,
}

pub(super) fn run(command: &GcCommand) -> anyhow::Result<()> {
    match command {
        GcCommand::Run(options) => collect(options),
        GcCommand::Status(options) => {
            let registry = &options.registry;
            let view: CollectorView = registry.with(|client| client.get("/collector"))?;
            registry.output.one(&view, &told(&view))
        }
    }
}

fn collect(options: &RunOptions) -> anyhow::Result<()> {
    let is_last = options.once || options.dry_run;
    options.registry.with(|client| {
        loop {
            let report = pass(client, options)?;
            options.registry.output.one(&report, &shown(&report))?;
            if is_last {
                return Ok(());
            }
            client.pause(Duration::from_secs(options.every));
        }
    })
}

fn pass(client: &Client, options: &RunOptions) -> anyhow::Result<CollectorReport> {
    let asked = CollectorOptions {
        dry_run: options.dry_run,
        unpaced: options.unpaced,
    };
    let report = run_to_end(client, "collect", json!(asked))?;
    read_report(report)
}

fn shown(report: &CollectorReport) -> String {
    let would = if report.dry_run { "would be " } else { "" };
    let mut lines = vec![format!(
        "looked at {} manifests of {} repositories, {} links and {} blobs",
        report.manifests, report.repositories, report.links, report.blobs
    )];
    let levels = [
        ("manifests", report.level_manifests),
        ("links", report.level_links),
        ("blobs", report.level_blobs),
    ];
    for (name, level) in levels {
        if level != LevelReport::default() {
            lines.push(format!(
                "{name}: {} {would}condemned, {} {would}removed, {} {would}brought back, {} waiting",
                level.condemned, level.killed, level.revived, level.waiting
            ));
        }
    }
    lines.push(format!(
        "{} {would}freed, {} condemned and to come",
        size(report.bytes_freed),
        size(report.bytes_condemned)
    ));
    lines.extend(
        report
            .skipped
            .iter()
            .map(|reason| format!("left alone: {reason}")),
    );
    lines.join("\n")
}

fn told(view: &CollectorView) -> String {
    let mut lines = Vec::new();
    if view.is_running {
        lines.push("a pass is being made".to_owned());
    }
    lines.push(match (&view.last_finished, &view.summary) {
        (Some(at), Some(summary)) => format!("last pass, finished {at}: {summary}"),
        _ => "no pass has come to its end yet".to_owned(),
    });
    if view.condemned.is_empty() {
        lines.push("nothing is condemned".to_owned());
    }
    lines.extend(view.condemned.iter().map(condemned));
    lines.join("\n")
}

fn condemned(of: &CondemnedView) -> String {
    format!(
        "{} {}, {}: condemned since {}, to be removed from {} to {}",
        of.records,
        of.level,
        size(of.size_bytes),
        of.since,
        of.first_due,
        of.last_due
    )
}
