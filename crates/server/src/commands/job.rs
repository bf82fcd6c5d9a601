//! `roadstead job`, and how a command begins long work, waits for it and tells how far it is.

use super::registry_options::RegistryOptions;
use crate::client::Client;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use roadstead_api::administration::{JobProgressView, JobView, NewJob};
use roadstead_oci::encode_query_value;
use roadstead_registry::Progress;
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

pub(super) const HELP: &str = "\
Examples:
  roadstead job ls                        long work of the last seven days, and how far it is
  roadstead job show ID                   its report";

/// How long a command is quiet before it tells how far its job is.
const QUIET: Duration = Duration::from_secs(2);
/// How often it looks at first, and at last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often a line is written where lines stay.
const LINE_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, Subcommand)]
pub(super) enum JobCommand {
    /// Lists jobs, the newest first: long work that commands asked for.
    #[command(after_help = "Example: roadstead job ls --limit 5")]
    Ls(ListOptions),
    /// Shows a job and its report, as JSON.
    #[command(after_help = "Example: roadstead job show 0123456789abcdef0123456789abcdef")]
    Show(ShowOptions),
}

#[derive(Debug, Args)]
pub(super) struct ListOptions {
    /// The most entries; all without it.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    #[command(flatten)]
    registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(super) struct ShowOptions {
    /// The job's id, as `job ls` shows it.
    id: String,
    #[command(flatten)]
    registry: RegistryOptions,
}

pub(super) fn run(command: &JobCommand) -> anyhow::Result<()> {
    match command {
        JobCommand::Ls(options) => {
            let limit = options.limit.and_then(|limit| usize::try_from(limit).ok());
            let jobs: Vec<JobView> = options
                .registry
                .with(|client| client.list("/jobs", limit))?;
            let headings = ["ID", "KIND", "STATE", "STARTED", "BY", "PROGRESS"];
            options.registry.output.list(&jobs, &headings, |job| {
                vec![
                    job.id.clone(),
                    job.kind.clone(),
                    job.state.clone(),
                    job.started.to_string(),
                    job.by.clone(),
                    shown(&job.progress),
                ]
            })
        }
        JobCommand::Show(options) => {
            let path = format!("/jobs/{}", encode_query_value(&options.id));
            let job: JobView = options.registry.with(|client| client.get(&path))?;
            let text = serde_json::to_string_pretty(&job)?;
            options.registry.output.one(&job, &text)
        }
    }
}

/// Begins a job, waits for its end and returns its report. What takes longer than two seconds tells
/// on the standard error how far it is.
pub(super) fn run_to_end(client: &Client, kind: &str, options: Value) -> anyhow::Result<Value> {
    let asked = NewJob {
        kind: kind.to_owned(),
        options: Some(options),
    };
    let mut job: JobView = client.send("POST", "/jobs", &asked)?;
    let path = format!("/jobs/{}", job.id);
    let mut teller = Teller::new();
    let mut pause = FIRST_PAUSE;
    while !job.has_ended() {
        // The store is another process's: it can only be asked.
        client.pause(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
        job = client.get(&path)?;
        teller.tell(&job.progress);
    }
    teller.end();
    match (job.state.as_str(), job.report) {
        ("done", Some(report)) => Ok(report),
        ("failed", _) => bail!(job.error.unwrap_or_else(|| "the job failed".to_owned())),
        ("interrupted", _) => bail!("whoever worked on job {} was cut off", job.id),
        (state, _) => bail!("job {} is {state} and has no report", job.id),
    }
}

/// Does work in this process, and tells how far it is when it takes longer than two seconds.
pub(super) fn telling<T>(progress: &Progress, work: impl FnOnce() -> T) -> T {
    let (ended, end) = mpsc::channel::<()>();
    std::thread::scope(move |scope| {
        scope.spawn(move || {
            let mut teller = Teller::new();
            while end.recv_timeout(LONGEST_PAUSE) == Err(RecvTimeoutError::Timeout) {
                let now = progress.now();
                teller.tell(&JobProgressView {
                    done: now.done,
                    total: now.total,
                    text: now.text,
                });
            }
            teller.end();
        });
        let done = work();
        // The teller hears it, also when the work panics and this is dropped on the way.
        drop(ended);
        done
    })
}

/// Reads a report.
pub(super) fn read_report<T: serde::de::DeserializeOwned>(report: Value) -> anyhow::Result<T> {
    serde_json::from_value(report)
        .context("the server answers something else: it is of another version")
}

/// Says how far a job is: in one line that is written over, where somebody looks at it.
struct Teller {
    since: Instant,
    is_terminal: bool,
    /// When the last line was written, and how wide it was.
    last: Option<(Instant, usize)>,
}

impl Teller {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            is_terminal: std::io::stderr().is_terminal(),
            last: None,
        }
    }

    fn tell(&mut self, progress: &JobProgressView) {
        if self.since.elapsed() < QUIET || progress.text.is_empty() {
            return;
        }
        let is_due = self.last.is_none_or(|(at, _)| at.elapsed() >= LINE_EVERY);
        if !self.is_terminal && !is_due {
            return;
        }
        let line = shown(progress);
        let width = self.last.map_or(0, |(_, width)| width);
        let mut output = std::io::stderr().lock();
        // Nobody is told that nobody can be told.
        let _ = if self.is_terminal {
            write!(output, "\r{line:<width$}").and_then(|()| output.flush())
        } else {
            writeln!(output, "{line}")
        };
        self.last = Some((Instant::now(), line.chars().count()));
    }

    fn end(&self) {
        if let (true, Some((_, width))) = (self.is_terminal, self.last) {
            let mut output = std::io::stderr().lock();
            let _ = write!(output, "\r{:width$}\r", "").and_then(|()| output.flush());
        }
    }
}

fn shown(progress: &JobProgressView) -> String {
    match (progress.text.as_str(), progress.total) {
        ("", _) => String::new(),
        (text, Some(total)) => format!("{text}: {} of {total}", progress.done),
        (text, None) => format!("{text}: {}", progress.done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_of_how_much_where_that_is_known() {
        let mut progress = JobProgressView {
            done: 3,
            total: None,
            text: "records".to_owned(),
        };
        assert_eq!(shown(&progress), "records: 3");
        progress.total = Some(9);
        assert_eq!(shown(&progress), "records: 3 of 9");
    }
}
