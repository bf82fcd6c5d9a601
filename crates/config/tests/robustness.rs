//! Whatever is in the file or the environment, loading answers and never panics; and what is
//! valid survives being printed and loaded again.

use proptest::prelude::*;
use roadstead_config::{Config, Environment, LoadOptions, settings};
use std::io::Write;

fn load(yaml: &[u8], environment: Environment) -> Result<Config, String> {
    let mut file = tempfile::NamedTempFile::new().expect("temporary file");
    file.write_all(yaml).expect("written");
    let options = LoadOptions {
        file: Some(file.path()),
        environment,
        ..LoadOptions::default()
    };
    match Config::load(&options) {
        Ok(loaded) => Ok(loaded.config),
        Err(errors) => Err(errors.to_string()),
    }
}

/// A piece of YAML that is more likely than chance to mean something here.
fn piece() -> impl Strategy<Value = String> {
    let words: Vec<&'static str> = settings()
        .iter()
        .flat_map(|setting| setting.key().split('.'))
        .chain([
            ": ",
            ":\n",
            "\n",
            "  ",
            "    ",
            "{",
            "}",
            "[",
            "]",
            ", ",
            "- ",
            "&a ",
            "*a",
            "!t ",
            "<<: ",
            "'",
            "\"",
            "#",
            "---\n",
            "? ",
            "| ",
            "${env:A}",
            "${file:/}",
            "${",
            "off",
            "auto",
            "null",
            "4MiB",
            "30s",
            "-1",
            "1e999",
            "0x10",
            "127.0.0.1:5000",
            "\t",
            "\u{feff}",
        ])
        .collect();
    prop_oneof![4 => proptest::sample::select(words).prop_map(str::to_owned), 1 => ".{0,4}"]
}

/// A valid value for each setting that has more than one spelling.
fn valid() -> impl Strategy<Value = Vec<(String, String)>> {
    let port = 1024_u16..60000;
    let local = (
        0_u64..1 << 40,
        1_u64..65536,
        "[a-z~'\"# :{}-][a-z0-9 :#'\"-]{0,12}",
    );
    let sizes = (64_u64..=65536, 1_u64..1 << 20, 1_u32..=1_000_000);
    let times = (
        1000_u64..=60_000,
        prop_oneof![Just("off".to_owned()), Just("90m".to_owned())],
    );
    (port, local, sizes, times, any::<bool>()).prop_map(
        |(port, (reserve, cache, path), (manifest, blob, uploads), (headers, reads), sparse)| {
            let path = path.replace('$', "_");
            vec![
                ("listen".to_owned(), format!("127.0.0.1:{port}")),
                ("admin.listen".to_owned(), format!("127.0.0.1:{}", port + 1)),
                ("storage.local.path".to_owned(), path),
                ("storage.local.reserve".to_owned(), format!("{reserve}B")),
                ("storage.local.cache".to_owned(), format!("{cache}MiB")),
                ("limits.manifest".to_owned(), format!("{manifest}KiB")),
                ("limits.blob".to_owned(), format!("{blob}MiB")),
                ("limits.uploads_per_client".to_owned(), uploads.to_string()),
                ("timeouts.headers".to_owned(), format!("{headers}ms")),
                ("verify_reads".to_owned(), reads),
                ("manifests.sparse".to_owned(), sparse.to_string()),
            ]
        },
    )
}

fn environment_of(values: &[(String, String)]) -> Environment {
    let variable_of = |key: &str| {
        let setting = settings().iter().find(|setting| setting.key() == key);
        setting.expect("is a setting").variable()
    };
    values
        .iter()
        .map(|(key, value)| (variable_of(key), value.clone()))
        .collect()
}

proptest! {
    #[test]
    fn any_bytes_are_answered(yaml in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = load(&yaml, Environment::default());
    }

    #[test]
    fn any_pieces_of_yaml_are_answered(pieces in proptest::collection::vec(piece(), 0..30)) {
        let yaml = pieces.concat();
        let environment = [("A", "x")].into_iter().collect();
        if let Err(message) = load(yaml.as_bytes(), environment) {
            prop_assert!(!message.is_empty());
        }
    }

    #[test]
    fn any_variables_are_answered(name in "[A-Z_]{0,20}", value in ".{0,30}") {
        let environment = [(format!("ROADSTEAD_{name}"), value)].into_iter().collect();
        let _ = load(b"", environment);
    }

    #[test]
    fn any_value_of_any_setting_is_answered(
        index in 0..settings().len(),
        value in "(\\$\\{(env|file):)?.{0,20}",
    ) {
        let Some(setting) = settings().get(index) else { return Ok(()) };
        let environment = [(setting.variable(), value)].into_iter().collect();
        if let Ok(config) = load(b"", environment) {
            prop_assert!(config.validate().is_ok());
        }
    }

    #[test]
    fn a_valid_configuration_prints_as_what_loads_as_itself(values in valid()) {
        let config = load(b"", environment_of(&values)).map_err(TestCaseError::fail)?;
        let again = load(config.effective_yaml().as_bytes(), Environment::default());
        prop_assert_eq!(again, Ok(config));
    }
}

#[test]
fn deep_nesting_and_many_aliases_are_answered() {
    let deep = "[".repeat(100_000);
    assert!(load(deep.as_bytes(), Environment::default()).is_err());
    let mut lines = vec!["a: &a [x, x, x, x, x, x, x, x]\n".to_owned()];
    for (this, last) in ('b'..='z').zip('a'..) {
        lines.push(format!(
            "{this}: &{this} [*{last}, *{last}, *{last}, *{last}, *{last}]\n"
        ));
    }
    let bomb = lines.concat();
    assert!(load(bomb.as_bytes(), Environment::default()).is_err());
}
