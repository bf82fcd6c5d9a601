//! Every example configuration loads, and `full.yaml` has every setting.

use roadstead_config::{Config, ExternalUrl, LoadOptions, Loaded, Storage, settings};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/config")
}

fn load(path: &Path) -> Loaded {
    let variables = [
        ("REGISTRY_URL", "https://registry.example.com"),
        ("AZURE_KEY", "hidden"),
        ("S3_ACCESS_KEY", "public"),
        ("S3_SECRET_KEY", "hidden"),
    ];
    let options = LoadOptions {
        file: Some(path),
        environment: variables.into_iter().collect(),
        ..LoadOptions::default()
    };
    Config::load(&options).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_example_loads() {
    let mut count = 0;
    for entry in folder().read_dir().expect("the folder is there") {
        let path = entry.expect("can be listed").path();
        assert_eq!(
            path.extension().and_then(|end| end.to_str()),
            Some("yaml"),
            "{path:?}"
        );
        load(&path);
        count += 1;
    }
    assert!(count >= 5, "only {count} examples");
}

#[test]
fn full_yaml_states_the_defaults() {
    let mut config = load(&folder().join("full.yaml")).config;
    let url = config.external_url.take();
    assert_eq!(
        url.as_ref().map(ExternalUrl::as_str),
        Some("https://registry.example.com")
    );
    assert_eq!(config, Config::default());
}

#[test]
fn full_yaml_has_every_setting() {
    let text = std::fs::read_to_string(folder().join("full.yaml")).expect("is there");
    let keys = keys(&text);
    let (_, azure) = text
        .split_once("  # azure:\n")
        .expect("Azure stands in a comment");
    for setting in settings() {
        if setting.key() == "storage.memory" {
            // Exactly one driver may be chosen, so the others stand in comments.
            assert!(text.contains("  # memory: {}\n"));
            continue;
        }
        if let Some(key) = setting.key().strip_prefix("storage.s3.") {
            assert!(text.contains(&format!("  #   {key}:")), "{key} is missing");
            continue;
        }
        if let Some(key) = setting.key().strip_prefix("storage.azure.") {
            assert!(azure.contains(&format!("  #   {key}:")), "{key} is missing");
            continue;
        }
        assert!(
            keys.iter().any(|key| key == setting.key()),
            "{} is missing",
            setting.key()
        );
    }
}

/// Returns the dotted keys of a file that is indented by two and uses no braces.
fn keys(text: &str) -> Vec<String> {
    let mut path: Vec<&str> = Vec::new();
    let mut keys = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        let Some((key, _)) = line.split_once(':') else {
            continue;
        };
        path.truncate((key.len() - key.trim_start().len()) / 2);
        path.push(key.trim_start());
        keys.push(path.join("."));
    }
    keys
}

#[test]
fn memory_yaml_chooses_the_memory_driver() {
    let loaded = load(&folder().join("memory.yaml"));
    assert_eq!(loaded.config.storage, Storage::Memory);
    assert!(!loaded.warnings.is_empty());
}
