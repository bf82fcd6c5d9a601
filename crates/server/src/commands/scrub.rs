//! `roadstead scrub`: how far the hashing of all stored content is.

use super::registry_options::RegistryOptions;
use clap::{Args, Subcommand};
use roadstead_api::administration::{ScrubPassView, ScrubView};

pub(super) const HELP: &str = "\
Example:
  roadstead scrub status                  how far it is, and what it found";

#[derive(Debug, Subcommand)]
pub(super) enum ScrubCommand {
    /// Shows how far it is and what it found.
    #[command(after_help = "Example: roadstead scrub status --output json")]
    Status(StatusOptions),
}

#[derive(Debug, Args)]
pub(super) struct StatusOptions {
    #[command(flatten)]
    registry: RegistryOptions,
}

pub(super) fn run(command: &ScrubCommand) -> anyhow::Result<()> {
    let ScrubCommand::Status(options) = command;
    let status: ScrubView = options.registry.with(|client| client.get("/scrub"))?;
    options.registry.output.one(&status, &text(&status))
}

fn text(status: &ScrubView) -> String {
    let mut lines = Vec::new();
    match status.period_secs {
        Some(period) => lines.push(format!("within {} days", period / 86_400)),
        None => lines.push("off: scrub.period says so".to_owned()),
    }
    match &status.pass {
        Some(pass) if pass.ended.is_none() => {
            let percent = f64::from(status.permille) / 10.0;
            lines.push(format!("{percent:.1} % of the pass: {}", shown(pass)));
        }
        Some(pass) => lines.push(format!(
            "waits for the next pass; the last: {}",
            shown(pass)
        )),
        None => lines.push("has not begun yet".to_owned()),
    }
    if let Some(before) = &status.before {
        lines.push(format!("the pass before: {}", shown(before)));
    }
    lines.join("\n")
}

fn shown(pass: &ScrubPassView) -> String {
    let ended = pass.ended.as_ref();
    let ended = ended.map_or_else(String::new, |ended| format!(", ended {ended}"));
    format!(
        "{} checked, {} bytes, {} damaged, began {}{ended}",
        pass.checked, pass.bytes, pass.damaged, pass.started
    )
}
