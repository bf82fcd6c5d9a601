//! A profile of the server under test while a row is measured, and of nothing before or after it.
//!
//! perf is started before the clock, asked to begin, and believed only when it has said that it did.

use crate::process::Charged;
use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::time::timeout;

/// How long perf may take to answer; on a crowded machine it takes long to begin.
const PATIENCE: Duration = Duration::from_mins(1);
/// Samples a second and processor. A prime, so that they do not fall in step with what repeats.
const FREQUENCY: &str = "997";

/// Where profiles go, and how they are made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Profiles {
    pub(crate) folder: PathBuf,
    /// What perf calls the way to find who called.
    pub(crate) call_graph: String,
}

/// A recording that is under way. One that is dropped ends without a profile.
pub(crate) struct Recording {
    perf: Child,
    profile: PathBuf,
    is_whole: bool,
    orders: pipe::Sender,
    answers: pipe::Receiver,
    /// The pipes, and what perf says.
    folder: TempDir,
}

impl Recording {
    /// Begins to record a process, under a name that begins with the row's.
    pub(crate) async fn begin(profiles: &Profiles, row: &str, pid: u32) -> Result<Self> {
        ensure!(
            Charged::read(pid).is_some(),
            "process {pid} is not there to be recorded"
        );
        std::fs::create_dir_all(&profiles.folder).context("cannot make the folder of profiles")?;
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let (orders, answers) = (folder.path().join("orders"), folder.path().join("answers"));
        for path in [&orders, &answers] {
            mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
                .context("cannot make a pipe for perf")?;
        }
        let mut open = pipe::OpenOptions::new();
        // Both ends are held, so that neither open waits for perf.
        open.read_write(true);
        let (sender, receiver) = (open.open_sender(&orders)?, open.open_receiver(&answers)?);
        let log = File::create(folder.path().join("log")).context("cannot make perf's log")?;
        let control = format!("fifo:{},{}", orders.display(), answers.display());
        let profile = next_free(&profiles.folder, row)?;
        let perf = Command::new("perf")
            .args([
                "record",
                "--call-graph",
                &profiles.call_graph,
                "--delay",
                "-1",
                "--freq",
                FREQUENCY,
            ])
            .args(["--control", &control, "--pid", &pid.to_string(), "--output"])
            .arg(&profile)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start perf (Debian's package linux-perf)")?;
        let mut recording = Self {
            perf,
            profile,
            is_whole: false,
            orders: sender,
            answers: receiver,
            folder,
        };
        recording.order("enable").await?;
        Ok(recording)
    }

    /// Ends it and waits until the profile is on the disk.
    pub(crate) async fn end(mut self) -> Result<()> {
        self.order("disable").await?;
        self.order("stop").await?;
        let status = self.perf.wait()?;
        ensure!(status.success(), "perf failed:\n{}", self.said());
        self.is_whole = true;
        Ok(())
    }

    async fn order(&mut self, word: &str) -> Result<()> {
        self.orders
            .write_all(format!("{word}\n").as_bytes())
            .await?;
        let mut answer = [0; 16];
        match timeout(PATIENCE, self.answers.read(&mut answer)).await {
            Ok(Ok(length)) if answer[..length].starts_with(b"ack") => Ok(()),
            _ => bail!("perf does not {word}; it says:\n{}", self.said()),
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // It has ended when the profile was wanted.
        let _ = self.perf.kill();
        let _ = self.perf.wait();
        if !self.is_whole {
            // What is there of it cannot be read.
            let _ = std::fs::remove_file(&self.profile);
        }
    }
}

/// Names the profile of one more round.
fn next_free(profiles: &Path, row: &str) -> Result<PathBuf> {
    let is_plain = |character: char| character.is_ascii_alphanumeric();
    let words: Vec<&str> = row.split(|character| !is_plain(character)).collect();
    let name = words.join("-");
    for round in 1..1000 {
        let path = profiles.join(format!("{name}.{round}.data"));
        if !path.exists() {
            return Ok(path);
        }
    }
    bail!("{} is full of profiles", profiles.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_does_not_write_over_another() {
        let folder = tempfile::tempdir().unwrap();

        let first = next_free(folder.path(), "20 layers of 64 KiB: pull").unwrap();
        File::create(&first).unwrap();
        let second = next_free(folder.path(), "20 layers of 64 KiB: pull").unwrap();

        assert!(
            first.ends_with("20-layers-of-64-KiB--pull.1.data"),
            "{first:?}"
        );
        assert!(
            second.ends_with("20-layers-of-64-KiB--pull.2.data"),
            "{second:?}"
        );
    }
}
