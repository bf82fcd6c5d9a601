//! Finds the `roadstead` binary that belongs to this test run, and builds it when it is missing or
//! older than its sources.
//!
//! `SERVER_BINARY` names another one, as it does for the scripts.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// Returns the path of the binary. The first call may build it, which takes a while.
#[must_use]
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        if let Some(given) = std::env::var_os("SERVER_BINARY") {
            return PathBuf::from(given);
        }
        let folder = profile_folder();
        let binary = folder.join("roadstead");
        if !is_up_to_date(&binary) {
            build(&folder);
        }
        assert!(
            binary.is_file(),
            "there is no server at {}; build it with `cargo build -p roadstead`, or name it in \
             SERVER_BINARY",
            binary.display()
        );
        binary
    })
}

/// Returns the folder that cargo puts binaries of this test's profile in.
fn profile_folder() -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a path");
    let mut folder = own.parent().expect("a program lies in a folder");
    if folder.ends_with("deps") {
        folder = folder.parent().expect("deps lies in the profile's folder");
    }
    folder.to_owned()
}

/// Holds the binary against the sources that cargo notes beside it.
fn is_up_to_date(binary: &Path) -> bool {
    let modified = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    let Some(built) = modified(binary) else {
        return false;
    };
    let Ok(note) = std::fs::read_to_string(binary.with_extension("d")) else {
        return false;
    };
    let Some((_, sources)) = note.split_once(": ") else {
        return false;
    };
    sources
        .split_whitespace()
        .all(|source| modified(Path::new(source)).is_some_and(|changed| changed <= built))
}

fn build(folder: &Path) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "roadstead"]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo can be started");
    assert!(
        status.success(),
        "the server does not build; `cargo build -p roadstead` tells why"
    );
}
