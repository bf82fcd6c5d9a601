//! Users, added while a server runs, what they log in with, and commands that administer it.

use crate::server::{self, Server};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::Write;
use std::process::{Output, Stdio};

/// The password of everybody.
pub const PASSWORD: &str = "correct: horse";

/// Adds a user with [`PASSWORD`].
pub fn add_user(server: &Server, name: &str, more: &[&str]) {
    let arguments = [&["user", "add", name, "--password-stdin"], more].concat();
    let output = try_to_run(server, &arguments, &format!("{PASSWORD}\n"));
    assert!(output.status.success(), "{output:?}");
}

/// Runs a command that must succeed on a running server, and returns what it prints.
#[must_use]
pub fn run(server: &Server, arguments: &[&str], input: &str) -> String {
    let output = try_to_run(server, arguments, input);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("is text")
}

/// Runs a command on a running server.
#[must_use]
pub fn try_to_run(server: &Server, arguments: &[&str], input: &str) -> Output {
    let arguments = [arguments, &["--config", "roadstead.yaml"]].concat();
    let mut child = server::command(server.folder(), &arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be run");
    let mut writing = child.stdin.take().expect("is piped");
    // A command that reads nothing may have ended.
    let _ = writing.write_all(input.as_bytes());
    drop(writing);
    child.wait_with_output().expect("the binary ends")
}

/// The value of `Authorization` for a name and a password.
#[must_use]
pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}
