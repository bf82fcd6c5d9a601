//! A registry process of its own for each test: a temporary data folder, free ports, killed when the
//! test ends.

mod log;
mod process;

pub use log::Log;

use crate::binary;
use crate::http::Connection;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use tempfile::TempDir;

const CONFIGURATION: &str = "roadstead.yaml";

/// A running server.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    child: Child,
    address: SocketAddr,
    admin: SocketAddr,
    log: Log,
}

impl Server {
    /// Starts a server with the defaults and waits until it serves.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts a server with the settings of a configuration file.
    #[must_use]
    pub fn start_with(yaml: &str) -> Self {
        Self::start_with_files(yaml, &[])
    }

    /// Starts a server with the settings of a configuration file and other files beside it.
    #[must_use]
    pub fn start_with_files(yaml: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a temporary folder");
        write_file(&folder.path().join(CONFIGURATION), yaml.as_bytes());
        for (name, text) in files {
            write_file(&folder.path().join(name), text.as_bytes());
        }
        Self::start_in(folder)
    }

    /// Starts a server in a folder that has a configuration file, `roadstead.yaml`, already.
    #[must_use]
    pub fn start_in(folder: TempDir) -> Self {
        let (child, log) = spawn(folder.path());
        let (address, admin) = log.wait_for_addresses();
        Self {
            folder,
            child,
            address,
            admin,
            log,
        }
    }

    /// Kills the server as a crash does (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be awaited");
    }

    /// Starts it again on the same data, on other ports.
    pub fn start_again(&mut self) {
        self.end();
        let (child, log) = spawn(self.folder.path());
        let (address, admin) = log.wait_for_addresses();
        (self.child, self.log) = (child, log);
        (self.address, self.admin) = (address, admin);
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        kill_process(self.pid(), Signal::TERM).expect("a child can be signalled");
    }

    /// Sends SIGHUP: what is read from files is read again.
    pub fn hang_up(&self) {
        kill_process(self.pid(), Signal::HUP).expect("a child can be signalled");
    }

    /// Stops the process where it stands (SIGSTOP); its connections stay open.
    pub fn pause(&self) {
        kill_process(self.pid(), Signal::STOP).expect("a child can be signalled");
    }

    /// Lets a paused process go on.
    pub fn resume(&self) {
        kill_process(self.pid(), Signal::CONT).expect("a child can be signalled");
    }

    /// Waits until the process ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a child can be awaited")
    }

    /// Returns where the registry listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns where health and metrics are.
    #[must_use]
    pub const fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// Opens a connection to the registry.
    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Opens a connection to the listener with health and metrics.
    #[must_use]
    pub fn connect_to_admin(&self) -> Connection {
        Connection::open(self.admin)
    }

    /// Returns the folder that the server runs in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the data folder.
    #[must_use]
    pub fn data_folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Returns what the server has logged.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn end(&mut self) {
        // It has often ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            self.log.show_warnings();
        }
    }
}

fn spawn(folder: &Path) -> (Child, Log) {
    let mut child = command(folder, &["serve", "--config", CONFIGURATION])
        .env("ROADSTEAD_LISTEN", "127.0.0.1:0")
        .env("ROADSTEAD_ADMIN__LISTEN", "127.0.0.1:0")
        .env("ROADSTEAD_LOG__FORMAT", "json")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server can be started");
    let output = child.stderr.take().expect("the output is piped");
    (child, Log::read(output))
}

/// Returns a command of the binary in a folder, without the environment of the tests.
#[must_use]
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary::path());
    command
        .current_dir(folder)
        .env_clear()
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// Runs a command of the binary to its end.
#[must_use]
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments)
        .env("ROADSTEAD_ADMIN__LISTEN", "off")
        .output()
        .expect("the binary can be run")
}

/// Writes a file in one go.
pub fn write_file(path: &Path, bytes: &[u8]) {
    let mut file = File::create(path).expect("the file can be made");
    file.write_all(bytes).expect("the file can be written");
}
