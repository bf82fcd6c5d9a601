//! The one server on a folder: started with or without strace below it, killed without warning.

use crate::chapter::TRIED_BYTES;
use crate::replicas::address_of;
use anyhow::{Context, bail};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::BufReader;
use tokio::process::{Child, ChildStdout, Command};

/// A start that takes longer has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// How to start the server.
#[derive(Debug)]
pub(crate) struct Program {
    binary: PathBuf,
    folder: PathBuf,
    /// How much of the log was looked at.
    read_bytes: u64,
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// Held open: a server whose output nobody reads must not notice.
    _output: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Program {
    /// Keeps configuration, log and data in `folder`. What `settings` says is added to what is needed.
    pub(crate) fn new(binary: &Path, folder: &Path, settings: &str) -> anyhow::Result<Self> {
        let program = Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            read_bytes: fs::metadata(folder.join("server.log")).map_or(0, |log| log.len()),
        };
        let yaml = format!(
            "listen: 127.0.0.1:0\n\
             admin: {{listen: \"127.0.0.1:0\"}}\n\
             log: {{level: warn, format: human}}\n\
             storage: {{local: {{path: \"{}\", reserve: 0B}}}}\n\
             {settings}",
            program.data().display()
        );
        File::create(program.configuration())?.write_all(yaml.as_bytes())?;
        Ok(program)
    }

    /// Returns the folder that the server keeps everything in.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Returns where strace writes which calls failed.
    pub(crate) fn trace(&self) -> PathBuf {
        self.folder.join("trace")
    }

    /// Starts the server with these calls failing. `None` when it ends at once, as it may when its
    /// start meets one.
    pub(crate) async fn start(&self, injections: &[String]) -> anyhow::Result<Option<Running>> {
        let mut child = self.spawn(injections)?;
        let output = child.stdout.take().context("the server has no output")?;
        let mut output = BufReader::new(output);
        let address = tokio::time::timeout(PATIENCE, address_of(&mut output)).await;
        let seconds = PATIENCE.as_secs();
        let address =
            address.with_context(|| format!("the server did not start in {seconds} s"))??;
        Ok(address.map(|address| Running {
            child,
            _output: output,
            address,
        }))
    }

    /// Starts the server over a disk that works.
    pub(crate) async fn start_unharmed(&self) -> anyhow::Result<Running> {
        let log = self.folder.join("server.log");
        let running = self.start(&[]).await?;
        running.with_context(|| format!("the server does not start; see {}", log.display()))
    }

    /// Runs `roadstead fsck`; returns what it finds fault with, if anything.
    pub(crate) async fn fsck(&self) -> anyhow::Result<Option<String>> {
        let checked = Command::new(&self.binary)
            .args(["fsck", "--config"])
            .arg(self.configuration())
            .output();
        let checked = checked.await.context("fsck does not start")?;
        let told = String::from_utf8_lossy(&checked.stdout);
        let errors = String::from_utf8_lossy(&checked.stderr);
        // A client may delete what an index names, and a start that met a fault leaves the object that
        // it tried out its store with. Nothing else is to be wondered at.
        let tried = format!("{TRIED_BYTES} bytes of data");
        let mut lines = told.lines().chain(errors.lines());
        let is_clean = checked.status.success()
            || [&told, &errors]
                .iter()
                .any(|text| text.contains("errors 0,"));
        let is_fine = lines.all(|line| {
            let is_known = line.starts_with("warning: missing-child: ")
                || (line.starts_with("warning: orphaned-data: ") && line.ends_with(&tried));
            is_known || !line.starts_with("warning: ")
        });
        Ok((!is_clean || !is_fine).then(|| format!("fsck finds fault: {told} {errors}")))
    }

    /// Returns lines that a server does not write, from what it wrote since the last call: over a disk
    /// that works no errors, over one that fails no panics.
    pub(crate) fn new_complaints(&mut self, is_harmed: bool) -> anyhow::Result<Vec<String>> {
        let mut log = File::open(self.folder.join("server.log"))?;
        log.seek(SeekFrom::Start(self.read_bytes))?;
        let mut text = Vec::new();
        self.read_bytes += log.read_to_end(&mut text)? as u64;
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter(|line| {
            line.contains("panicked at") || (!is_harmed && line.contains(" ERROR "))
        });
        Ok(lines
            .map(|line| format!("the server's log: {line}"))
            .collect())
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("roadstead.yaml")
    }

    fn spawn(&self, injections: &[String]) -> anyhow::Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("server.log"))?;
        let mut command = if injections.is_empty() {
            Command::new(&self.binary)
        } else {
            // From beside it, so that what is killed is the server; only failures are written down.
            let mut strace = Command::new("strace");
            strace.args(["-D", "-f", "--seccomp-bpf", "-qq", "-Z", "-A", "-o"]);
            strace.arg(self.trace());
            let calls = injections.iter().filter_map(|text| text.split(':').next());
            let calls: Vec<&str> = calls.collect();
            strace.arg("-e").arg(format!("trace={}", calls.join(",")));
            for injection in injections {
                strace.arg("-e").arg(format!("inject={injection}"));
            }
            strace.arg(&self.binary);
            strace
        };
        command
            .args(["serve", "--config"])
            .arg(self.configuration())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start {}", self.binary.display()))
    }
}

impl Running {
    /// Ends the server as a power switch would, and waits until it is gone.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended by itself: {status}");
        }
        self.child.kill().await.context("failed to kill the server")
    }
}
