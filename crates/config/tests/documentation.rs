//! `docs/configuration.md` has the table that follows from the settings.

use roadstead_config::{Config, Range, Setting, Storage, settings};
use std::path::Path;

const BEGIN: &str = "<!-- settings: begin -->\n";
const END: &str = "<!-- settings: end -->\n";

/// Makes the table from the settings.
fn table() -> String {
    let head = "| key | type | default | range | meaning |\n|---|---|---|---|---|\n".to_owned();
    std::iter::once(head)
        .chain(settings().iter().map(row))
        .collect()
}

fn row(setting: &Setting) -> String {
    let range = match setting.range() {
        Range::Any => String::new(),
        range => range.to_string(),
    };
    format!(
        "| `{}`<br>`{}` | {} | {} | {range} | {} |\n",
        setting.key(),
        setting.variable(),
        setting.kind(),
        default(setting),
        setting.meaning(),
    )
}

fn default(setting: &Setting) -> String {
    let s3 = Config {
        storage: Storage::S3(Box::default()),
        ..Config::default()
    };
    let azure = Config {
        storage: Storage::Azure(Box::default()),
        ..Config::default()
    };
    let text = setting
        .text(&Config::default())
        .or_else(|| setting.text(&s3))
        .or_else(|| setting.text(&azure));
    match text {
        Some(text) if text == "null" => "none".to_owned(),
        Some(text) if text.is_empty() => "empty".to_owned(),
        Some(text) => format!("`{text}`"),
        None => "not chosen".to_owned(),
    }
}

#[test]
fn the_documentation_has_the_table_of_all_settings() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(path).expect("docs/configuration.md is there");
    let (_, after) = text
        .split_once(BEGIN)
        .expect("the table's beginning is marked");
    let (written, _) = after.split_once(END).expect("the table's end is marked");
    let table = table();
    assert!(
        written == table,
        "docs/configuration.md differs from the settings; between its marks must stand:\n{table}"
    );
}

#[test]
fn every_setting_has_a_meaning_that_is_a_sentence() {
    for setting in settings() {
        assert!(setting.meaning().ends_with('.'), "{}", setting.key());
        assert!(
            !setting.meaning().contains('|'),
            "{} would break the table",
            setting.key()
        );
    }
}

#[test]
fn a_setting_of_the_other_driver_has_no_value() {
    let memory = Config {
        storage: Storage::Memory,
        ..Config::default()
    };
    for setting in settings() {
        let of_a_driver = setting.key().starts_with("storage.");
        let belongs = !of_a_driver || setting.key() == "storage.memory";
        assert_eq!(
            setting.text(&memory).is_some(),
            belongs,
            "{}",
            setting.key()
        );
    }
}
