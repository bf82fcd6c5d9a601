//! `roadstead fsck`: checks what is stored, and repairs it when asked to.

use super::job::{read_report, run_to_end};
use super::output::Output;
use super::registry_options::RegistryOptions;
use crate::exit::Ended;
use clap::Args;
use roadstead_config::ByteSize;
use roadstead_registry::{FsckOptions, FsckReport, Severity};
use std::fmt::Write as _;

pub(super) const HELP: &str = "\
The check runs in the server, beside its requests; without a server, in this command. It changes
nothing without --repair.

Examples:
  roadstead fsck                                  every record, and that its content is there
  roadstead fsck --checksum --rate 50MiB          and that all content hashes to its digest
  roadstead fsck --repair                         what can be repaired without a loss
  roadstead fsck --json > report.json
  roadstead fsck --server https://registry.example.com --login ops --login-password-file FILE

It ends with 0 when all is well, with 1 when there are errors or warnings, with 2 when it could not
be checked.";

/// Errors or warnings were found.
const FOUND: u8 = 1;
/// It could not be checked.
const NOT_CHECKED: u8 = 2;

#[derive(Debug, Args)]
pub(super) struct FsckCommand {
    /// Repairs what can be repaired without a loss, and says each step.
    #[arg(long)]
    repair: bool,
    /// Hashes all content, too.
    #[arg(long)]
    checksum: bool,
    /// How much is hashed a second at most; without it as much as there is.
    #[arg(long, value_name = "SIZE", requires = "checksum")]
    rate: Option<ByteSize>,
    /// Shows the report as JSON, as --output json does.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

pub(super) fn run(command: &FsckCommand) -> anyhow::Result<()> {
    let report = check(command).map_err(|error| Ended::with(NOT_CHECKED, error))?;
    let output = if command.json {
        Output::Json
    } else {
        command.registry.output
    };
    output.one(&report, &text(&report))?;
    if report.is_clean() {
        Ok(())
    } else {
        Err(Ended::quietly(FOUND).into())
    }
}

fn check(command: &FsckCommand) -> anyhow::Result<FsckReport> {
    let options = FsckOptions {
        repair: command.repair,
        checksum: command.checksum,
        rate_bytes: command.rate.map(ByteSize::as_u64),
    };
    let options = serde_json::to_value(options)?;
    let report = command
        .registry
        .with(|client| run_to_end(client, "fsck", options))?;
    read_report(report)
}

/// Writes a report for people: what was looked at, a line for each finding, and the sum.
fn text(report: &FsckReport) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        let _ = writeln!(text, "{line}");
    };
    for (kind, count) in &report.records {
        line(format!("{count:>9}  {kind}"));
    }
    line(format!(
        "{:>9}  data objects, {} bytes",
        report.objects, report.object_bytes
    ));
    if report.hashed_bytes > 0 {
        line(format!(
            "{:>9}  bytes of content hashed",
            report.hashed_bytes
        ));
    }
    line(String::new());
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let repaired = finding.repaired.as_ref();
        let repaired = repaired.map_or_else(String::new, |done| format!(" [repaired: {done}]"));
        line(format!(
            "{severity}: {}: {}: {}{repaired}",
            finding.problem, finding.key, finding.text
        ));
    }
    if report.more > 0 {
        line(format!(
            "and {} more, which the log of whoever ran the check tells",
            report.more
        ));
    }
    let verdict = if report.is_clean() {
        "all is well"
    } else {
        "not all is well"
    };
    format!(
        "{text}{verdict}: errors {}, warnings {}, notes {}, repaired {}",
        report.errors, report.warnings, report.notes, report.repaired
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_registry::Finding;

    #[test]
    fn a_report_has_a_line_for_each_finding_and_the_sum_at_its_end() {
        let mut report = FsckReport::default();
        report.objects = 2;
        assert!(text(&report).ends_with("all is well: errors 0, warnings 0, notes 0, repaired 0"));
        report.warnings = 1;
        report.repaired = 1;
        report.more = 4;
        report.findings.push(Finding {
            severity: Severity::Warning,
            problem: "missing-catalog-entry".to_owned(),
            key: "catalog/a".to_owned(),
            text: "it is not there".to_owned(),
            repaired: Some("entered it".to_owned()),
        });
        let shown = text(&report);
        assert!(shown.contains(
            "\nwarning: missing-catalog-entry: catalog/a: it is not there [repaired: entered it]\n"
        ));
        assert!(shown.contains("\nand 4 more"));
        assert!(shown.ends_with("not all is well: errors 0, warnings 1, notes 0, repaired 1"));
    }
}
