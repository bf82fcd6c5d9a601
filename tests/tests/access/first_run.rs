//! `roadstead init`: a configuration to begin with, and the administrator that it names; and
//! `roadstead health`, which containers ask.

use crate::fixture::basic;
use roadstead_tests::http::Request;
use roadstead_tests::server::{self, Server, command, run};
use std::path::Path;
use std::process::Output;

fn init(folder: &Path, more: &[&str]) -> Output {
    run(folder, &[&["init"], more].concat())
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("is text")
}

#[track_caller]
fn assert_refused(output: &Output, why: &str) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = said(&output.stderr);
    assert!(said.contains(why), "{said}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn the_administrator_of_init_logs_in_and_nobody_else_does() {
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    let output = init(folder.path(), &[]);
    assert!(output.status.success(), "{output:?}");
    let said = said(&output.stdout);
    let line = said.lines().find_map(|line| line.strip_prefix("password:"));
    let password = line.expect("the password is shown").trim().to_owned();
    assert!(password.len() >= 20, "{said}");
    let configuration = folder.path().join("roadstead.yaml");
    let written = std::fs::read_to_string(&configuration).expect("was written");
    assert!(!written.contains(&password));
    assert!(
        run(folder.path(), &["config", "check", "roadstead.yaml"])
            .status
            .success()
    );

    // The password is stored as a hash, and nowhere else.
    let found = std::process::Command::new("grep")
        .args(["--recursive", "--text", "--count", &password, "."])
        .current_dir(folder.path())
        .output()
        .expect("grep can be run");
    assert_eq!(found.status.code(), Some(1), "{found:?}");

    let server = Server::start_in(folder);
    let log_in = |credentials: &str| {
        let request = Request::get("/v2/").header("Authorization", credentials);
        server.connect().send(&request)
    };
    log_in(&basic("admin", &password)).expect_status(200);
    log_in(&basic("admin", "wrong")).expect_status(401);
    server.connect().get("/v2/").expect_status(401);
    let request = Request::post("/v2/anywhere/at/all/blobs/uploads/")
        .header("Authorization", basic("admin", &password));
    server.connect().send(&request).expect_status(202);
}

#[test]
fn init_writes_over_nothing() {
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    assert!(init(folder.path(), &[]).status.success());
    let file = folder.path().join("roadstead.yaml");
    let before = std::fs::read(&file).expect("was written");
    assert_refused(&init(folder.path(), &[]), "roadstead.yaml is there already");
    assert_eq!(std::fs::read(&file).expect("is there"), before);

    // Another file over the same data: the administrator is there, and no file is left.
    assert_refused(&init(folder.path(), &["other.yaml"]), "admin");
    assert!(!folder.path().join("other.yaml").exists());
    let output = init(folder.path(), &["other.yaml", "--user", "second"]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn what_init_is_told_is_in_the_configuration() {
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    let data = "data \"of\" ${HOME}";
    let more = [
        "own.yaml",
        "--data",
        data,
        "--listen",
        "0.0.0.0:5005",
        "--user",
        "ops",
    ];
    let output = init(folder.path(), &more);
    assert!(output.status.success(), "{output:?}");
    let told = said(&output.stdout);
    assert!(
        told.contains("docker login 127.0.0.1:5005 --username ops"),
        "{told}"
    );
    assert!(folder.path().join(data).is_dir());
    let output = run(folder.path(), &["user", "ls", "--config", "own.yaml"]);
    let users = said(&output.stdout);
    assert!(
        users.lines().any(|line| line.starts_with("ops ")),
        "{users}"
    );
    let nowhere = init(folder.path(), &["no/such/folder.yaml"]);
    assert_refused(&nowhere, "cannot create no/such/folder.yaml");
}

#[test]
fn health_tells_whether_the_server_is_ready() {
    let server = Server::start();
    let admin = server.admin_address().to_string();
    let health = || {
        command(server.folder(), &["health"])
            .env("ROADSTEAD_ADMIN__LISTEN", &admin)
            .output()
            .expect("the binary can be run")
    };
    let output = health();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"ready\n");
    server.terminate();
    let mut server = server;
    server.wait();
    let output = command(server.folder(), &["health"])
        .env("ROADSTEAD_ADMIN__LISTEN", &admin)
        .output()
        .expect("the binary can be run");
    assert_refused(&output, &format!("no answer from http://{admin}/readyz"));
    let off = server::run(server.folder(), &["health"]);
    assert_refused(&off, "admin.listen is off");
}
