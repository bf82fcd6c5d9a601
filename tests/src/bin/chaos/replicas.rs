//! The replicas under test: started over one bucket, killed without warning, started again.

use anyhow::{Context, bail};
use roadstead_tests::campaign::connection::Servers;
use roadstead_tests::s3_fake::S3Fake;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// How many replicas there are.
pub(crate) const REPLICAS: usize = 3;
/// The bucket and what all names in it begin with.
pub(crate) const BUCKET: &str = "images";
pub(crate) const PREFIX: &str = "chaos";

/// How fast the clock of the store runs while clients work. The shortest times of a collector over S3
/// are minutes, so the store lives through a minute in a second. What the collector relies on is true
/// all the same: a replica names something within 2 s of its own clock, and a request has landed 7 s
/// later at the latest (`call_timeout`, and what the faults hold it up), while the 903 s that something
/// is condemned are 15 s.
pub(crate) const PACE: u32 = 60;
/// How long what was acknowledged is there at least, by the machine's clock.
pub(crate) const SURE_FOR: Duration = Duration::from_secs(10);
/// The shortest times that the settings allow over S3: a pass every second of the store, on every
/// replica that comes to it.
const COLLECTOR: &str = "\
deleted_retention: 1m
gc: {interval: 1s, calls_per_second: 10000000, grace: 1s, condemned: 903s, reference_window: 2s,
  request_life: 15m, untagged: 1s}
";

/// A start that takes longer has failed.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often a start is tried while the store fails: a server that cannot look at its store ends.
const MOST_STARTS: usize = 100;

/// All replicas and how to start one.
#[derive(Debug)]
pub(crate) struct Replicas {
    binary: PathBuf,
    folder: PathBuf,
    running: Vec<Option<Replica>>,
    servers: Servers,
    /// How much of each log was looked at.
    read_bytes: Vec<u64>,
    /// Starts during which the store harmed anything.
    pub(crate) harmed_starts: u64,
}

/// A server that answers.
#[derive(Debug)]
struct Replica {
    child: Child,
    /// Held open: a server whose output nobody reads must not notice.
    _output: BufReader<ChildStdout>,
}

impl Replicas {
    /// Keeps configuration and logs in `folder`.
    pub(crate) fn new(binary: &Path, folder: &Path, fake: &S3Fake) -> anyhow::Result<Self> {
        let options = fake.options();
        // The key goes along in the environment. Times are short, so that those who wait for a
        // store that does not answer go on soon.
        let yaml = format!(
            "admin: {{listen: \"127.0.0.1:0\"}}\n\
             log: {{level: warn, format: human}}\n\
             {COLLECTOR}\
             storage:\n  s3: {{bucket: {BUCKET}, prefix: {PREFIX}, region: eu-central-1, \
             endpoint: \"{}\", path_style: true, access_key: {}, \
             secret_key: \"${{env:CHAOS_SECRET_KEY}}\", part_size: 5MiB, connect_timeout: 1s, \
             stall_timeout: 1s, record_timeout: 1s, call_timeout: 5s}}\n",
            fake.endpoint(),
            options.access_key,
        );
        let mut file = File::create(folder.join("roadstead.yaml"))?;
        file.write_all(yaml.as_bytes())?;
        // Earlier chapters have written to the same logs.
        let lengths = (0..REPLICAS).map(|number| {
            let log = fs::metadata(log_of(folder, number));
            log.map_or(0, |log| log.len())
        });
        let read_bytes = lengths.collect();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        Ok(Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            running: (0..REPLICAS).map(|_| None).collect(),
            servers: Servers::new(vec![nowhere; REPLICAS]),
            read_bytes,
            harmed_starts: 0,
        })
    }

    /// Returns where they listen, kept up to date.
    pub(crate) fn servers(&self) -> &Servers {
        &self.servers
    }

    /// Starts every replica that does not run.
    pub(crate) async fn start_all(&mut self, fake: &S3Fake) -> anyhow::Result<()> {
        for number in 0..REPLICAS {
            self.start(number, fake).await?;
        }
        Ok(())
    }

    /// Starts a replica unless it runs, as often as it takes.
    pub(crate) async fn start(&mut self, number: usize, fake: &S3Fake) -> anyhow::Result<()> {
        if self.running[number].is_some() {
            return Ok(());
        }
        for _ in 0..MOST_STARTS {
            let harmed = fake.faults().done();
            let mut child = self.spawn(number, fake)?;
            let output = child.stdout.take().context("the server has no output")?;
            let mut output = BufReader::new(output);
            let address = tokio::time::timeout(PATIENCE, address_of(&mut output)).await;
            self.harmed_starts += u64::from(fake.faults().done() > harmed);
            let address = address.with_context(|| {
                let seconds = PATIENCE.as_secs();
                format!("replica {number} did not start in {seconds} s")
            })?;
            if let Some(address) = address? {
                self.servers.moved(number, address);
                self.running[number] = Some(Replica {
                    child,
                    _output: output,
                });
                return Ok(());
            }
            if fake.faults().done() == harmed {
                bail!(
                    "replica {number} did not start over a store without faults; see {}",
                    self.log(number).display()
                );
            }
        }
        bail!("replica {number} did not start in {MOST_STARTS} attempts")
    }

    /// Ends a replica as a power switch would, and waits until it is gone. Returns whether it ran.
    pub(crate) async fn kill(&mut self, number: usize) -> anyhow::Result<bool> {
        let Some(mut replica) = self.running[number].take() else {
            return Ok(false);
        };
        if let Some(status) = replica.child.try_wait()? {
            bail!("replica {number} ended by itself: {status}");
        }
        let killed = replica.child.kill().await;
        killed.with_context(|| format!("failed to kill replica {number}"))?;
        Ok(true)
    }

    /// Returns lines that a healthy server does not write whatever its store does, from what all
    /// wrote since the last call.
    pub(crate) fn new_complaints(&mut self) -> anyhow::Result<Vec<String>> {
        let mut complaints = Vec::new();
        for number in 0..REPLICAS {
            let path = self.log(number);
            if !fs::exists(&path)? {
                continue;
            }
            let mut log = File::open(path)?;
            log.seek(SeekFrom::Start(self.read_bytes[number]))?;
            let mut text = Vec::new();
            self.read_bytes[number] += log.read_to_end(&mut text)? as u64;
            let text = String::from_utf8_lossy(&text);
            let lines = text
                .lines()
                .filter(|line| line.contains(" ERROR ") || line.contains("panicked at"));
            complaints.extend(lines.map(|line| format!("the log of replica {number}: {line}")));
        }
        Ok(complaints)
    }

    fn log(&self, number: usize) -> PathBuf {
        log_of(&self.folder, number)
    }

    fn spawn(&self, number: usize, fake: &S3Fake) -> anyhow::Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log(number))?;
        Command::new(&self.binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(self.folder.join("roadstead.yaml"))
            .env_clear()
            .env("CHAOS_SECRET_KEY", &fake.options().secret_key)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start {}", self.binary.display()))
    }
}

fn log_of(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("replica-{number}.log"))
}

/// Reads where a server listens; `None` when it ends without having said so.
pub(crate) async fn address_of(
    output: &mut BufReader<ChildStdout>,
) -> anyhow::Result<Option<SocketAddr>> {
    let mut line = String::new();
    loop {
        line.clear();
        if output.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let found = line.split_once("listens on http://");
        let found = found.and_then(|(_, rest)| rest.split_whitespace().next());
        if let Some(address) = found {
            return Ok(Some(address.parse()?));
        }
    }
}
