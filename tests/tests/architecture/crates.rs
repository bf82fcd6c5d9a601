//! Arrows between crates, as `cargo metadata` tells them. What tests alone use is not held against
//! a crate.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::{BTreeMap, BTreeSet};

/// Which of our crates each of our crates may import.
const ARROWS: &[(&str, &[&str])] = &[
    ("roadstead-oci", &[]),
    ("roadstead-config", &[]),
    ("roadstead-storage", &[]),
    (
        "roadstead-registry",
        &["roadstead-oci", "roadstead-storage"],
    ),
    ("roadstead-auth", &["roadstead-oci", "roadstead-storage"]),
    (
        "roadstead-api",
        &["roadstead-oci", "roadstead-registry", "roadstead-auth"],
    ),
    (
        "roadstead-simulation",
        &["roadstead-oci", "roadstead-registry", "roadstead-storage"],
    ),
    ("roadstead-inner-loops", &["roadstead-oci"]),
    (
        "roadstead-scale",
        &["roadstead-oci", "roadstead-registry", "roadstead-storage"],
    ),
    ("roadstead", EVERYTHING),
    ("roadstead-tests", EVERYTHING),
    ("roadstead-model", &[]),
    ("roadstead-bench", &[]),
    ("roadstead-examples", EVERYTHING),
];

const EVERYTHING: &[&str] = &[
    "roadstead-oci",
    "roadstead-config",
    "roadstead-storage",
    "roadstead-registry",
    "roadstead-auth",
    "roadstead-api",
    "roadstead",
];

/// Which of our crates may import a crate of others; crates that are not listed are free to all.
const RESERVED: &[(&str, &[&str])] = &[
    ("actix-web", &["roadstead-api"]),
    ("actix-http", &["roadstead-api"]),
    ("actix-service", &["roadstead-api"]),
    ("redb", &["roadstead-storage"]),
    ("object_store", &["roadstead-storage"]),
    ("aws-sdk-s3", &["roadstead-storage"]),
    ("serde_yaml", &["roadstead-config"]),
    (
        "clap",
        &[
            "roadstead",
            "roadstead-bench",
            "roadstead-scale",
            "roadstead-simulation",
            "roadstead-tests",
        ],
    ),
    (
        "anyhow",
        &[
            "roadstead",
            "roadstead-bench",
            "roadstead-scale",
            "roadstead-tests",
            "roadstead-examples",
        ],
    ),
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .exec()
        .expect("cargo describes the workspace")
}

fn imports(package: &Package) -> BTreeSet<&str> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .map(|dependency| dependency.name.as_str())
        .collect()
}

#[test]
fn crates_import_only_what_their_layer_may() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let Some(allowed) = allowed.get(name) else {
            wrong.push(format!("{name} is not in the table of arrows"));
            continue;
        };
        for import in imports(package) {
            if import.starts_with("roadstead") && !allowed.contains(&import) {
                wrong.push(format!("{name} imports {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_library_is_known_only_to_the_crate_whose_job_it_does() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let imports = imports(package);
        for (library, allowed) in RESERVED {
            if imports.contains(library) && !allowed.contains(&package.name.as_str()) {
                wrong.push(format!("{} imports {library}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_crate_takes_its_versions_from_the_workspace() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    for package in metadata().workspace_packages() {
        let manifest =
            std::fs::read_to_string(&package.manifest_path).expect("the manifest is there");
        let version = manifest.lines().find(|line| {
            let is_dependency = line.contains(" = ") && !line.starts_with("name");
            is_dependency && (line.contains("version = \"") || line.ends_with(".0\""))
        });
        assert_eq!(version, None, "{} below {root}", package.manifest_path);
    }
}
