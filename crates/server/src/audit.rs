//! Keeps the audit log: takes events from the queue and writes them, a line each, to a file that is
//! set aside when it is large, or to the standard output.
//!
//! Requests wait while the queue is full. What cannot be written (a full disk) is counted as lost and
//! told in the log of the server, which goes on: a registry that cannot serve is no safer.

mod file;

use anyhow::Context;
use file::RotatingFile;
use prometheus_client::registry::Registry as MetricsRegistry;
use roadstead_api::{AuditCounts, AuditEvent, AuditLog};
use roadstead_auth::Clock;
use roadstead_config::{Audit, AuditTarget};
use roadstead_registry::Background;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How many events are written, and brought to the disk, at once.
const BATCH: usize = 256;

/// Opens the audit log of a server, if it is to have one, and begins to write it.
pub(crate) fn start(
    settings: &Audit,
    clock: &Arc<dyn Clock>,
    metrics: &mut MetricsRegistry,
    background: &Background,
) -> anyhow::Result<AuditLog> {
    let sink = match &settings.file {
        AuditTarget::Off => return Ok(AuditLog::off()),
        AuditTarget::Stdout => Sink::Output,
        AuditTarget::File(path) => Sink::File(open(path, settings)?),
    };
    let counts = AuditCounts::default();
    counts.register(metrics);
    let (log, events) = AuditLog::open(Arc::clone(clock), counts.clone());
    background.spawn(write_all(events, sink, counts, background.stop()));
    Ok(log)
}

/// The audit log of a command that does without a server: written when the command is done.
pub(crate) struct CommandLog(Option<(Sink, mpsc::Receiver<AuditEvent>)>);

impl CommandLog {
    /// Opens it, before anything is changed, and returns what events go into. The standard output of
    /// a command belongs to its answer, so events go to the standard error then.
    pub(crate) fn open(
        settings: &Audit,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<(AuditLog, Self)> {
        let sink = match &settings.file {
            AuditTarget::Off => return Ok((AuditLog::off(), Self(None))),
            AuditTarget::Stdout => Sink::Errors,
            AuditTarget::File(path) => Sink::File(open(path, settings)?),
        };
        let (log, events) = AuditLog::open(Arc::clone(clock), AuditCounts::default());
        Ok((log, Self(Some((sink, events)))))
    }

    /// Writes the events so far.
    pub(crate) fn write(&mut self) -> anyhow::Result<()> {
        let Some((sink, events)) = &mut self.0 else {
            return Ok(());
        };
        let mut lines = Vec::new();
        while let Ok(event) = events.try_recv() {
            lines.push(event.line());
        }
        if lines.is_empty() {
            return Ok(());
        }
        let written = sink.write(&lines);
        written.context("it is done, but cannot be written to the audit log")
    }
}

fn open(path: &Path, settings: &Audit) -> anyhow::Result<RotatingFile> {
    let max_size = settings.max_size.as_u64();
    RotatingFile::open(path, max_size, settings.keep)
        .with_context(|| format!("cannot open the audit log {}", path.display()))
}

enum Sink {
    File(RotatingFile),
    Output,
    Errors,
}

impl Sink {
    fn write(&mut self, lines: &[Vec<u8>]) -> std::io::Result<()> {
        match self {
            Self::File(file) => file.write(lines),
            Self::Output => print(&mut std::io::stdout().lock(), lines),
            Self::Errors => print(&mut std::io::stderr().lock(), lines),
        }
    }
}

fn print(output: &mut impl Write, lines: &[Vec<u8>]) -> std::io::Result<()> {
    output.write_all(&lines.concat())?;
    output.flush()
}

/// Writes events until the server ends, and then those that are queued.
async fn write_all(
    mut events: mpsc::Receiver<AuditEvent>,
    mut sink: Sink,
    counts: AuditCounts,
    stop: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            received = events.recv_many(&mut batch, BATCH) => if received == 0 { return },
            () = stop.cancelled(), if !events.is_closed() => {
                events.close();
                continue;
            }
        }
        let lines: Vec<Vec<u8>> = batch
            .drain(..)
            .map(|event: AuditEvent| event.line())
            .collect();
        let count = lines.len();
        let writing = tokio::task::spawn_blocking(move || {
            let written = sink.write(&lines);
            (sink, written)
        });
        let Ok((back, written)) = writing.await else {
            tracing::error!("the audit log cannot be written any more; its writer has failed");
            return;
        };
        sink = back;
        if let Err(error) = written {
            counts.lost(u64::try_from(count).unwrap_or(u64::MAX));
            tracing::error!(%error, events = count, "failed to write the audit log; events are lost");
        }
    }
}
