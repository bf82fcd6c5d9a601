//! The server under test: started on a data folder that lives on, killed without warning.

use anyhow::{Context, bail};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// A start that takes longer has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// How to start the server.
#[derive(Debug)]
pub(crate) struct Program {
    binary: PathBuf,
    data: PathBuf,
    log: PathBuf,
    /// How much of the log was looked at.
    read_bytes: u64,
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Held open: a server whose output nobody reads must not notice.
    _output: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// How long it took from its start until it listened.
    pub(crate) startup: Duration,
}

impl Program {
    /// Keeps data and log below `folder`.
    pub(crate) fn new(binary: PathBuf, folder: &Path) -> Self {
        Self {
            binary,
            data: folder.join("data"),
            log: folder.join("server.log"),
            read_bytes: 0,
        }
    }

    /// Starts the server and waits until it says where it listens.
    pub(crate) async fn start(&self) -> anyhow::Result<Server> {
        let began = Instant::now();
        let mut child = self.spawn()?;
        let output = child.stdout.take().context("the server has no output")?;
        let mut output = BufReader::new(output);
        let address = tokio::time::timeout(PATIENCE, address_of(&mut output))
            .await
            .with_context(|| format!("the server did not start in {} s", PATIENCE.as_secs()))?
            .with_context(|| format!("the server did not start; see {}", self.log.display()))?;
        Ok(Server {
            child,
            _output: output,
            address,
            startup: began.elapsed(),
        })
    }

    /// Starts the server and kills it `after` that, whatever it does then.
    pub(crate) async fn start_and_kill(&self, after: Duration) -> anyhow::Result<()> {
        let mut child = self.spawn()?;
        tokio::time::sleep(after).await;
        child.kill().await.context("failed to kill the server")
    }

    /// Returns lines that a healthy server does not write, from what it wrote since the last call.
    pub(crate) fn new_complaints(&mut self) -> anyhow::Result<Vec<String>> {
        let mut log = File::open(&self.log)?;
        log.seek(SeekFrom::Start(self.read_bytes))?;
        let mut text = Vec::new();
        self.read_bytes += log.read_to_end(&mut text)? as u64;
        let text = String::from_utf8_lossy(&text);
        let complaints = text
            .lines()
            .filter(|line| line.contains(" ERROR ") || line.contains("panicked at"));
        Ok(complaints.map(str::to_owned).collect())
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        Command::new(&self.binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&self.data)
            .env("ROADSTEAD_ADMIN__LISTEN", "127.0.0.1:0")
            .env("ROADSTEAD_LOG__LEVEL", "warn")
            .env("ROADSTEAD_LOG__FORMAT", "human")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start {}", self.binary.display()))
    }
}

impl Server {
    /// Ends the server as a power switch would, and waits until it is gone.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended by itself: {status}");
        }
        self.child.kill().await.context("failed to kill the server")
    }
}

async fn address_of(output: &mut BufReader<ChildStdout>) -> anyhow::Result<SocketAddr> {
    let mut line = String::new();
    loop {
        line.clear();
        if output.read_line(&mut line).await? == 0 {
            bail!("it ended without saying where it listens");
        }
        let found = line.split_once("listens on http://");
        let found = found.and_then(|(_, rest)| rest.split_whitespace().next());
        if let Some(address) = found {
            return Ok(address.parse()?);
        }
    }
}
