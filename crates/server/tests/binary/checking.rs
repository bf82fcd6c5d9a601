//! `roadstead fsck` and `job` as their users meet them: beside a running server and without one.

use crate::process::{self, Server, folder_with, text};
use rustix::process::Signal;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Runs a command and returns the code it ends with and what it says.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = process::run(folder, arguments);
    let said = if output.stdout.is_empty() {
        output.stderr
    } else {
        output.stdout
    };
    (output.status.code().expect("ends by itself"), text(&said))
}

/// Puts data there that no record names, two days old.
#[expect(
    clippy::disallowed_methods,
    reason = "the age of a file goes by the clock of the machine"
)]
fn plant_orphan(folder: &Path) -> PathBuf {
    let place = folder.join("data/data/ab/cd");
    std::fs::create_dir_all(&place).expect("can be made");
    let path = place.join(format!("abcd{}", "0".repeat(28)));
    let file = File::create(&path).expect("can be made");
    let age = Duration::from_hours(48);
    file.set_modified(SystemTime::now() - age)
        .expect("can be set");
    path
}

/// Checks, repairs and checks again what has an orphan in it.
fn check_and_repair(folder: &Path) {
    let (code, said) = run(folder, &["fsck"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("\nall is well: errors 0"), "{said}");

    let orphan = plant_orphan(folder);
    for _ in 0..2 {
        let (code, said) = run(folder, &["fsck"]);
        assert_eq!(code, 1, "{said}");
        assert!(
            said.contains("\nwarning: orphaned-data: abcd0000"),
            "{said}"
        );
        assert!(orphan.exists(), "nothing is changed without --repair");
    }

    let (code, said) = run(folder, &["fsck", "--repair", "--checksum", "--json"]);
    assert_eq!(code, 1, "{said}");
    let report: serde_json::Value = serde_json::from_str(&said).expect("is JSON");
    assert_eq!(report["problems"]["orphaned-data"], 1);
    assert_eq!(report["findings"][0]["repaired"], "deleted it");
    assert!(!orphan.exists());

    let (code, said) = run(folder, &["fsck"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_check_beside_a_running_server_is_a_job_of_the_server() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (mut server, _) = Server::start(folder.path(), &["serve"]);
    check_and_repair(folder.path());
    let (code, said) = run(folder.path(), &["job", "ls", "--output", "json"]);
    assert_eq!(code, 0, "{said}");
    let jobs: serde_json::Value = serde_json::from_str(&said).expect("is JSON");
    let jobs = jobs.as_array().expect("is a list");
    assert_eq!(jobs.len(), 5);
    for job in jobs {
        assert_eq!(
            (&job["kind"], &job["state"]),
            (&"fsck".into(), &"done".into())
        );
    }
    let id = jobs[1]["id"].as_str().expect("has an id");
    let (code, said) = run(folder.path(), &["job", "show", id]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("\"repair\": true"), "{said}");
    let (code, said) = run(folder.path(), &["scrub", "status"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("within 30 days\n"), "{said}");
    server.send(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn a_check_without_a_server_is_done_by_the_command() {
    let folder = tempfile::tempdir().expect("temporary folder");
    check_and_repair(folder.path());
}

#[test]
fn what_cannot_be_checked_ends_with_a_code_of_its_own() {
    let folder = folder_with("storage: {memory: {}}\n");
    let (code, said) = run(folder.path(), &["fsck", "--config", "roadstead.yaml"]);
    assert_eq!(code, 2, "{said}");
    assert!(
        said.starts_with("roadstead: storage.memory keeps nothing"),
        "{said}"
    );
    let folder = tempfile::tempdir().expect("temporary folder");
    let (code, said) = run(folder.path(), &["fsck", "--rate", "1MiB"]);
    assert_eq!(code, 2, "a rate is one of hashing: {said}");
}
