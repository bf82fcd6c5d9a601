//! The binary in a folder of its own: run to its end, or started as a server.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// A command in a folder of its own, without the environment of this process.
pub(crate) fn roadstead(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
    command
        .current_dir(folder)
        .env_clear()
        .args(arguments)
        .stdin(Stdio::null());
    command
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    roadstead(folder, arguments)
        .output()
        .expect("the binary runs")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("is text")
}

pub(crate) fn folder_with(yaml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(&folder.path().join("roadstead.yaml"), yaml);
    folder
}

pub(crate) fn write(path: &Path, text: &str) {
    let mut file = std::fs::File::create(path).expect("can be created");
    file.write_all(text.as_bytes()).expect("can be written");
}

/// A server that is ended when the test ends.
pub(crate) struct Server(Child);

impl Server {
    /// Starts a server on free ports and waits for its first line, which it returns.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> (Self, String) {
        let mut child = roadstead(folder, arguments)
            .env("ROADSTEAD_LOG__FORMAT", "human")
            .env("ROADSTEAD_LISTEN", "127.0.0.1:0")
            .env("ROADSTEAD_ADMIN__LISTEN", "off")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let output = child.stdout.take().expect("is piped");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("says a line");
        (Self(child), line)
    }

    pub(crate) fn send(&self, signal: Signal) {
        let id = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("is a process id"), signal).expect("can be signalled");
    }

    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.0.wait().expect("ends").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has usually ended before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
