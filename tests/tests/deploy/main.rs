//! What `deploy/` promises about other people's services, held against the code: the rights that
//! the S3 driver needs, how long lifecycle rules leave its uploads alone, and what pods of Kubernetes
//! may do.

#[cfg(feature = "helm")]
mod chart;
mod cluster_rules;
mod kubernetes;
mod lifecycle;
mod manifests;
mod permissions;

use std::path::{Path, PathBuf};

/// Returns a path of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Reads a JSON file of `deploy/`.
fn document(path: &str) -> serde_json::Value {
    let path = project("deploy").join(path);
    let text = std::fs::read_to_string(&path).expect("the file is there");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
