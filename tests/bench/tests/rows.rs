//! Every row, done a few times against the server: the load generator must not rot between
//! measurements. The figures mean nothing.

use roadstead_tests::binary;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns a program of another package of the workspace, which is built when it is not there.
fn program(package: &str, name: &str) -> PathBuf {
    let bench = Path::new(env!("CARGO_BIN_EXE_roadstead-bench"));
    let program = bench.with_file_name(name);
    if !program.is_file() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo.args(["build", "--quiet", "--no-default-features"]);
        cargo.args(["--package", package, "--bin", name]);
        if bench.components().any(|part| part.as_os_str() == "release") {
            cargo.arg("--release");
        }
        let built = cargo.status().expect("cargo can be started");
        assert!(built.success(), "{name} does not build");
    }
    program
}

#[test]
fn every_row_works_and_leaves_its_tables() {
    let output = tempfile::tempdir().unwrap();
    let fake = program("roadstead-tests", "s3-fake");
    program("roadstead-scale", "roadstead-scale");
    let groups = [
        "small", "requests", "lists", "large", "many", "herd", "idle", "slow", "tls", "s3",
        "bearer", "scale",
    ];
    let run = Command::new(env!("CARGO_BIN_EXE_roadstead-bench"))
        .args(groups)
        .args(["--quick", "--without-distribution", "--server"])
        .arg(binary::path())
        .arg("--s3-fake")
        .arg(fake)
        .arg("--output")
        .arg(output.path())
        .output()
        .unwrap();
    let (tables, told) = (
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr),
    );
    assert!(run.status.success(), "{tables}\n{told}");
    for group in groups {
        let file = output.path().join(format!("{group}.md"));
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("mean nothing"), "{group}: {text}");
        assert!(text.contains("| verdict |"), "{group}: {text}");
        assert!(!text.contains("errors, the first"), "{group}: {text}");
    }
}

#[test]
fn a_peer_that_is_no_registry_fails_the_run() {
    let output = tempfile::tempdir().unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_roadstead-bench"))
        .args([
            "requests",
            "--quick",
            "--without-distribution",
            "--peer",
            "nobody=127.0.0.1:1",
        ])
        .arg("--server")
        .arg(binary::path())
        .arg("--output")
        .arg(output.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{told}");
    assert!(told.contains("cannot connect to 127.0.0.1:1"), "{told}");
}
