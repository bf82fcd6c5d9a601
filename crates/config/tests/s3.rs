//! What the loader makes of `storage.s3`, above all of its secrets.

use roadstead_config::{Config, ConfigErrors, LoadOptions, Loaded, Storage};
use std::io::Write;

const S3: &str =
    "storage: {s3: {bucket: images, access_key: \"${env:KEY}\", secret_key: \"${env:SECRET}\"}}\n";

fn load_with(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("roadstead.yaml");
    let mut written = std::fs::File::create(&file).expect("made");
    written.write_all(text.as_bytes()).expect("written");
    Config::load(&LoadOptions {
        file: Some(&file),
        environment: variables.iter().copied().collect(),
        ..LoadOptions::default()
    })
}

#[test]
fn a_secret_is_kept_and_shown_as_a_reference_alone() {
    let variables = [("KEY", "key"), ("SECRET", "hunter2")];
    let config = load_with(S3, &variables).unwrap().config;
    assert!(!format!("{config:?}").contains("hunter2"));
    let yaml = config.effective_yaml();
    assert!(
        yaml.contains("${env:SECRET}") && !yaml.contains("hunter2"),
        "{yaml}"
    );
    assert_eq!(load_with(&yaml, &variables).unwrap().config, config);
    let Storage::S3(s3) = &config.storage else {
        panic!("{config:?}");
    };
    let secret = s3.secret_key.as_ref().unwrap();
    let environment = variables.into_iter().collect();
    assert_eq!(secret.resolve(&environment).as_deref(), Ok("hunter2"));
}

#[test]
fn a_secret_that_is_written_out_is_refused_and_not_repeated() {
    let text = S3.replace("${env:SECRET}", "hunter2");
    let message = load_with(&text, &[("KEY", "key")]).unwrap_err().to_string();
    assert!(message.contains("put it in as ${env:NAME}"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn a_secret_whose_variable_is_not_set_is_found_at_once() {
    let message = load_with(S3, &[("KEY", "key")]).unwrap_err().to_string();
    assert!(
        message.contains("`${env:SECRET}`: the variable is not set"),
        "{message}"
    );
}

#[test]
fn a_variable_that_is_the_secret_becomes_a_reference_to_itself() {
    let variables = [
        ("ROADSTEAD_STORAGE__S3__BUCKET", "images"),
        ("ROADSTEAD_STORAGE__S3__ACCESS_KEY", "key"),
        ("ROADSTEAD_STORAGE__S3__SECRET_KEY", "hunter2"),
    ];
    let yaml = load_with("", &variables).unwrap().config.effective_yaml();
    assert!(
        yaml.contains("${env:ROADSTEAD_STORAGE__S3__SECRET_KEY}"),
        "{yaml}"
    );
    assert!(!yaml.contains("hunter2"), "{yaml}");
}

#[test]
fn what_contradicts_itself_in_the_s3_driver_is_found() {
    for (text, part) in [
        ("{prefix: x}", "storage.s3.bucket: is missing"),
        (
            "{bucket: a, access_key: x}",
            "storage.s3.secret_key: is missing beside access_key",
        ),
        ("{bucket: a, endpoint: s3.example.com}", "is not a URL"),
        ("{bucket: a, kms_key: x}", "needs `encryption: kms`"),
        ("{bucket: a, part_size: 200MiB}", "is less than two parts"),
        ("{bucket: a, part_size: 1MiB}", "is out of range"),
        ("{bucket: a, call_timeout: 16m}", "is out of range"),
        (
            "{bucket: a, profile: p, access_key: x, secret_key: \"${env:S}\"}",
            "takes the place",
        ),
    ] {
        let text = format!("storage: {{s3: {text}}}\n");
        let message = load_with(&text, &[("S", "s")]).unwrap_err().to_string();
        assert!(message.contains(part), "{text}: {message}");
    }
}
