//! Users, added while the server runs, and what they log in with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roadstead_tests::server::{self, Server};
use std::io::Write;
use std::process::Stdio;

pub(crate) const PASSWORD: &str = "correct: horse";

/// Adds a user with [`PASSWORD`].
pub(crate) fn add_user(server: &Server, name: &str, more: &[&str]) {
    let arguments = [&["user", "add", name, "--password-stdin"], more].concat();
    run(server, &arguments, &format!("{PASSWORD}\n"));
}

/// Runs a command on a running server, and returns what it prints.
pub(crate) fn run(server: &Server, arguments: &[&str], input: &str) -> String {
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
    let output = child.wait_with_output().expect("the binary ends");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("is text")
}

pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}
