//! Servers that are started to be measured, each in a folder of its own: Roadstead, distribution and
//! the S3 fake. They end with their value.

use crate::client::{Client, Endpoint, Protocol, Request};
use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it answers; one with a large store takes its time.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(2);
const LOG: &str = "server.log";

/// Which server, and how it is configured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// Lines of YAML beside those of address and storage.
    pub(crate) settings: String,
    /// What stands under `storage:`; a folder of its own when there is nothing.
    pub(crate) storage: Option<String>,
    /// Certificate and key.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) environment: Vec<(String, String)>,
    /// Takes distribution's memory of descriptors away: it answers for what other replicas may have
    /// deleted.
    pub(crate) forgetful: bool,
}

impl Setup {
    /// The line of TLS, the same for both.
    fn tls_line(&self, indent: &str) -> String {
        self.tls
            .as_ref()
            .map_or_else(String::new, |(certificate, key)| {
                let (certificate, key) = (certificate.display(), key.display());
                format!("{indent}tls: {{certificate: {certificate}, key: {key}}}\n")
            })
    }
}

/// A process that listens.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    /// How long it took until it answered.
    pub(crate) start: Duration,
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts Roadstead with its data below `folder`.
    pub(crate) async fn roadstead(binary: &Path, folder: &Path, setup: &Setup) -> Result<Self> {
        let (address, admin) = (free_address()?, free_address()?);
        let own = format!("{{local: {{path: {}}}}}", folder.join("data").display());
        let storage = setup.storage.as_ref().unwrap_or(&own);
        let mut yaml = format!(
            "listen: {address}\nadmin: {{listen: {admin}}}\nstorage: {storage}\n\
             log: {{level: info, format: json}}\n{}\n",
            setup.settings
        );
        yaml += &setup.tls_line("");
        let configuration = folder.join("roadstead.yaml");
        write(&configuration, &yaml)?;
        let mut command = Command::new(binary);
        command
            .env_clear()
            .arg("serve")
            .arg("--config")
            .arg(configuration);
        command.envs(setup.environment.iter().cloned());
        Self::start(command, folder, address, setup.tls.is_some()).await
    }

    /// Starts distribution, as Debian configures its older version: descriptors cached in memory.
    pub(crate) async fn distribution(binary: &Path, folder: &Path, setup: &Setup) -> Result<Self> {
        let address = free_address()?;
        let own = format!(
            "filesystem: {{rootdirectory: {}}}",
            folder.join("data").display()
        );
        let storage = setup.storage.as_ref().unwrap_or(&own);
        let cache = if setup.forgetful {
            ""
        } else {
            "  cache: {blobdescriptor: inmemory}\n"
        };
        let mut yaml = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage:\n  \
             delete: {{enabled: true}}\n  redirect: {{disable: true}}\n{cache}  {storage}\nhttp:\n  addr: {address}\n  secret: bench\n"
        );
        yaml += &setup.tls_line("  ");
        let configuration = folder.join("distribution.yaml");
        write(&configuration, &yaml)?;
        let mut command = Command::new(binary);
        command.arg("serve").arg(configuration);
        command.env("OTEL_TRACES_EXPORTER", "none");
        Self::start(command, folder, address, setup.tls.is_some()).await
    }

    /// Starts a program that is to listen at an address. Its output goes into the folder.
    pub(crate) async fn start(
        mut command: Command,
        folder: &Path,
        address: String,
        has_tls: bool,
    ) -> Result<Self> {
        let log = File::create(folder.join(LOG)).context("cannot make the server's log")?;
        command.stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        let name = command.get_program().to_string_lossy().into_owned();
        let begin = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let mut server = Self {
            child,
            address,
            start: Duration::ZERO,
        };
        while !server.answers(has_tls).await {
            let ended = server.child.try_wait()?;
            if ended.is_some() || begin.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(folder.join(LOG)).unwrap_or_default();
                let end: Vec<&str> = log.lines().rev().take(10).collect();
                let end: Vec<&str> = end.into_iter().rev().collect();
                bail!(
                    "{name} does not come up; the end of its log:\n{}",
                    end.join("\n")
                );
            }
            tokio::time::sleep(POLL).await;
        }
        server.start = begin.elapsed();
        Ok(server)
    }

    async fn answers(&self, has_tls: bool) -> bool {
        if has_tls {
            return tokio::net::TcpStream::connect(&self.address).await.is_ok();
        }
        let mut client = Client::new(Endpoint {
            address: self.address.clone(),
            protocol: Protocol::Plain,
        });
        client.send(Request::new("GET", "/v2/")).await.is_ok()
    }

    /// Ends it as an operator would, and waits until it is gone.
    pub(crate) fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Finds a port that nobody listens on. Somebody may take it until it is used, which a second run
/// puts right.
pub(crate) fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr()?.to_string())
}

/// Writes a file in one go.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let made = File::create(path).and_then(|mut file| file.write_all(text.as_bytes()));
    made.with_context(|| format!("cannot write {}", path.display()))
}

/// Runs a command of Roadstead to its end, with something to read.
pub(crate) fn administer(binary: &Path, folder: &Path, words: &[&str], input: &str) -> Result<()> {
    let mut child = Command::new(binary)
        .env_clear()
        .args(words)
        .arg("--config")
        .arg(folder.join("roadstead.yaml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .context("cannot start roadstead")?;
    let mut standard_input = child.stdin.take().context("its input is piped")?;
    standard_input.write_all(input.as_bytes())?;
    drop(standard_input);
    ensure!(
        child.wait()?.success(),
        "`roadstead {}` failed",
        words.join(" ")
    );
    Ok(())
}

/// The first line of what a program says to some words.
pub(crate) fn first_line(program: &Path, words: &[&str]) -> Option<String> {
    let output = Command::new(program).args(words).output().ok()?;
    let text = if output.stdout.is_empty() {
        output.stderr
    } else {
        output.stdout
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    Some(text.lines().next()?.trim().to_owned())
}
