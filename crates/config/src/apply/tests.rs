//! What the loader makes of files, variables and options, and what it says about mistakes.

use super::*;
use crate::LoadOptions;
use crate::{ByteSize, LocalStorage, Period, Storage};
use std::io::Write;

/// Loads a text as the file `roadstead.yaml` with an environment and options.
fn load_with(
    yaml: &str,
    variables: &[(&str, &str)],
    overrides: Vec<Override>,
) -> Result<Config, String> {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("roadstead.yaml");
    File::create(&path)
        .and_then(|mut file| file.write_all(yaml.as_bytes()))
        .expect("written");
    let options = LoadOptions {
        file: Some(&path),
        overrides,
        environment: variables.iter().copied().collect(),
    };
    let prefix = format!("{}/", folder.path().display());
    match Config::load(&options) {
        Ok(loaded) => Ok(loaded.config),
        Err(errors) => Err(errors.to_string().replace(&prefix, "")),
    }
}

fn load(yaml: &str) -> Result<Config, String> {
    load_with(yaml, &[], Vec::new())
}

fn load_environment(variables: &[(&str, &str)]) -> Result<Config, String> {
    load_with("", variables, Vec::new())
}

fn data_option(path: &str) -> Override {
    Override {
        key: "storage.local.path",
        value: path.to_owned(),
        option: "--data",
    }
}

#[test]
fn without_anything_the_defaults_hold() {
    let loaded = Config::load(&LoadOptions::default()).expect("nothing is wrong");
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.warnings.is_empty());
    assert_eq!(loaded.file, None);
}

#[test]
fn a_file_goes_over_the_defaults() {
    let config = load(
        "listen: 0.0.0.0:443\naccess: {open: true}\nstorage: {local: {path: /srv, reserve: 500MB}}\n\
         limits:\n  manifest: 2097152\nverify_reads: off\nadmin: {listen: off}\nworkers: 3\n",
    )
    .expect("is valid");
    assert_eq!(config.listen.port(), 443);
    let expected = LocalStorage {
        path: PathBuf::from("/srv"),
        reserve: ByteSize::bytes(500_000_000),
        ..LocalStorage::default()
    };
    assert_eq!(config.storage, Storage::Local(expected));
    assert_eq!(config.limits.manifest, ByteSize::mib(2));
    assert_eq!(config.limits.blob, ByteSize::tib(10));
    assert_eq!(config.verify_reads, None);
    assert_eq!(config.admin.listen, None);
    assert_eq!(config.workers.count(), 3);
}

#[test]
fn other_machines_are_let_in_by_rules_or_by_the_word_alone() {
    let listen = "listen: \"[::]:5000\"\n";
    let message = load(listen).expect_err("nothing says who may do what");
    assert!(message.contains("roadstead.yaml:1:9: listen: `[::]:5000` lets other machines in"));
    let rule = "{subjects: [authenticated], repositories: [\"**\"], actions: [pull]}";
    for (access, is_open) in [
        ("{open: true}".to_owned(), true),
        ("{open: false}".to_owned(), false),
        ("{htpasswd: /etc/htpasswd}".to_owned(), false),
        (format!("{{rules: [{rule}]}}"), false),
    ] {
        let config = load(&format!("{listen}access: {access}\n")).expect("is valid");
        assert_eq!(config.access.is_open(), is_open, "{access}");
    }
    assert!(load(&format!("access: {{open: true, rules: [{rule}]}}\n")).is_err());
    assert!(Config::default().access.is_open());
}

#[test]
fn rules_are_read_from_the_file_and_from_one_line() {
    let config = load(
        "access:\n  rules:\n    - subjects: [\"group:team-a\"]\n      repositories: [\"{user}/**\"]\n      actions: [pull]\n      effect: deny\n",
    )
    .expect("is valid");
    let [rule] = &*config.access.rules else {
        panic!("{:?}", config.access.rules);
    };
    assert_eq!(rule.repositories, ["{user}/**"]);
    assert_eq!(rule.effect.as_deref(), Some("deny"));
    let line = settings::find("access.rules").and_then(|rules| rules.text(&config));
    let again = load_environment(&[("ROADSTEAD_ACCESS__RULES", &line.expect("has a text"))]);
    assert_eq!(again.as_ref(), Ok(&config));
    assert_eq!(load(&config.effective_yaml()), Ok(config));
    let message = load("access:\n  rules:\n    - {subject: [a]}\n").expect_err("no such key");
    assert!(
        message.contains(
            "roadstead.yaml:3:8: access.rules: has a rule with the unknown key `subject`"
        ),
        "{message}"
    );
}

#[test]
fn sections_without_keys_change_nothing() {
    assert_eq!(
        load("limits:\nlog: {}\nstorage:\n  local:\n"),
        Ok(Config::default())
    );
}

#[test]
fn memory_is_chosen_with_or_without_braces() {
    for yaml in ["storage: {memory: {}}", "storage:\n  memory:\n"] {
        assert_eq!(
            load(yaml).map(|config| config.storage),
            Ok(Storage::Memory),
            "{yaml}"
        );
    }
    let config = load_environment(&[("ROADSTEAD_STORAGE__MEMORY", "{}")]);
    assert_eq!(config.map(|config| config.storage), Ok(Storage::Memory));
}

#[test]
fn the_environment_goes_over_the_file_and_options_over_both() {
    let yaml = "storage: {local: {path: /file, cache: 8MiB}}\n";
    let variables = [("ROADSTEAD_STORAGE__LOCAL__PATH", "/variable")];
    let path_of = |config: Config| match config.storage {
        Storage::Local(local) => {
            assert_eq!(local.cache, ByteSize::mib(8));
            local.path
        }
        _ => panic!("the local driver was configured"),
    };
    let of_variable = load_with(yaml, &variables, Vec::new()).map(path_of);
    assert_eq!(of_variable, Ok(PathBuf::from("/variable")));
    let of_option = load_with(yaml, &variables, vec![data_option("/option")]).map(path_of);
    assert_eq!(of_option, Ok(PathBuf::from("/option")));
}

#[test]
fn every_setting_can_be_given_by_its_variable() {
    for setting in settings::settings() {
        let Some(text) = setting.text(&Config::default()) else {
            continue;
        };
        let config = load_environment(&[(setting.variable().as_str(), text.as_str())]);
        assert_eq!(config, Ok(Config::default()), "{}", setting.variable());
    }
}

#[test]
fn the_file_may_be_named_by_a_variable() {
    let environment: Environment = [("ROADSTEAD_CONFIG", "/no/such/roadstead.yaml")]
        .into_iter()
        .collect();
    let errors = Config::load(&LoadOptions {
        environment,
        ..LoadOptions::default()
    });
    let message = errors.expect_err("there is no such file").to_string();
    assert!(
        message.starts_with("/no/such/roadstead.yaml: cannot be read: "),
        "{message}"
    );
}

#[test]
fn variables_and_files_are_put_into_values() {
    let yaml = "storage: {local: {path: '${env:HOME}/data'}}\nlimits: {manifest: '${env:SIZE}'}\n";
    let config = load_with(yaml, &[("HOME", "/home/me"), ("SIZE", "1MiB")], Vec::new());
    let config = config.expect("is valid");
    let Storage::Local(local) = config.storage else {
        panic!("the local driver was configured")
    };
    assert_eq!(local.path, PathBuf::from("/home/me/data"));
    assert_eq!(config.limits.manifest, ByteSize::mib(1));
}

#[test]
fn a_mistake_is_told_with_place_key_and_what_to_write() {
    for (yaml, expected) in [
        (
            "storage:\n  locl: {path: /x}\n",
            "roadstead.yaml:2:3: unknown key `storage.locl`; did you mean `local`?",
        ),
        (
            "storage: {local: {pth: /x}}\n",
            "roadstead.yaml:1:19: unknown key `storage.local.pth`; did you mean `path`?",
        ),
        (
            "externalURL: https://a\n",
            "roadstead.yaml:1:1: unknown key `externalURL`; did you mean `external_url`?",
        ),
        (
            "reserve: 1GiB\n",
            "roadstead.yaml:1:1: unknown key `reserve`; did you mean `storage: {local: {reserve: \
             …}}`?",
        ),
        (
            "storage.local.path: /x\n",
            "roadstead.yaml:1:1: unknown key `storage.local.path`; write it nested: \
             `storage: {local: {path: …}}`",
        ),
        (
            "log: {zzz: 1}\n",
            "roadstead.yaml:1:7: unknown key `log.zzz`; the keys of `log` are level, format",
        ),
        (
            "listen: 127.0.0.1:5000\nlisten: 127.0.0.1:5002\n",
            "roadstead.yaml:2:1: `listen` is written twice in this section",
        ),
        (
            "limits:\n  manifest: 4XB\n",
            "roadstead.yaml:2:13: limits.manifest: `4XB` has an unknown unit; the units are B, \
             KiB, MiB, GiB, TiB, PiB and KB, MB, GB, TB, PB",
        ),
        (
            "limits: {manifest: 1GiB}\n",
            "roadstead.yaml:1:20: limits.manifest: `1GiB` is out of range; it may be 64KiB to \
             64MiB",
        ),
        (
            "workers: 99999999999\n",
            "roadstead.yaml:1:10: workers: `99999999999` is out of range; it may be 1 to 512",
        ),
        (
            "timeouts: {headers: 5}\n",
            "roadstead.yaml:1:21: timeouts.headers: `5` has no unit; write 5s for seconds (or ms, \
             m, h, d)",
        ),
        (
            "storage: {local: {path: 123}}\n",
            "roadstead.yaml:1:25: storage.local.path: `123` must be text; put it in quotes",
        ),
        (
            "listen:\n",
            "roadstead.yaml:1:8: listen: has no value; remove the key to keep the default, \
             `127.0.0.1:5000`",
        ),
        (
            "listen: [a]\n",
            "roadstead.yaml:1:9: listen: takes a value (address:port), not a list",
        ),
        (
            "listen: {a: b}\n",
            "roadstead.yaml:1:9: listen: takes a value (address:port), not keys",
        ),
        (
            "admin: off\n",
            "roadstead.yaml:1:8: admin: takes keys (listen), not a value; `admin: {listen: off}` \
             switches it off",
        ),
        (
            "- listen\n",
            "roadstead.yaml:1:1: is not a map of keys and values such as `listen: 127.0.0.1:5000`",
        ),
        (
            "listen: 127.0.0.1:5001\n",
            "configuration: admin.listen: `127.0.0.1:5001` is taken by `listen`, 127.0.0.1:5001; \
             give it another port",
        ),
        (
            "listen: 127.0.0.1:80\nadmin: {listen: 127.0.0.1:80}\n",
            "roadstead.yaml:2:17: admin.listen: `127.0.0.1:80` is taken by `listen`, \
             127.0.0.1:80; give it another port",
        ),
        (
            "storage:\n  local: {path: /x}\n  memory: {}\n",
            "roadstead.yaml:3:11: storage names two drivers, `local` (roadstead.yaml:2:3) and \
             `memory`; keep one",
        ),
        (
            "limits: {manifest: '${env:NOWHERE}'}\n",
            "roadstead.yaml:1:20: limits.manifest: `${env:NOWHERE}`: the variable is not set",
        ),
    ] {
        assert_eq!(load(yaml), Err(expected.to_owned()), "{yaml}");
    }
}

#[test]
fn what_is_not_yaml_is_told_with_its_place() {
    let message = load("listen: 127.0.0.1:5000\nlimits: [\n").expect_err("is not YAML");
    assert!(message.starts_with("roadstead.yaml:3:1: "), "{message}");
    let message = load("listen: !x 1\n").expect_err("has a tag");
    assert!(message.starts_with("roadstead.yaml:1:9: "), "{message}");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let yaml = "listn: 1\nlimits: {blob: x}\n";
    let message = load_with(yaml, &[("ROADSTEAD_WORKERS", "0")], Vec::new());
    let message = message.expect_err("three things are wrong");
    let starts = [
        "roadstead.yaml:1:1: ",
        "roadstead.yaml:2:16: ",
        "environment variable ",
    ];
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines.len(), starts.len(), "{message}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
}

#[test]
fn an_unknown_variable_is_told_with_the_nearest_name() {
    for (name, advice) in [
        (
            "ROADSTEAD_STORAGE__LOCL__PATH",
            "; did you mean ROADSTEAD_STORAGE__LOCAL__PATH?",
        ),
        (
            "ROADSTEAD_STORAGE_LOCAL_PATH",
            "; did you mean ROADSTEAD_STORAGE__LOCAL__PATH?",
        ),
        ("ROADSTEAD_LISTN", "; did you mean ROADSTEAD_LISTEN?"),
        ("ROADSTEAD_QQQ", ""),
    ] {
        let expected = format!("environment variable {name}: no setting has this name{advice}");
        assert_eq!(load_environment(&[(name, "1")]), Err(expected));
    }
}

#[test]
fn a_wrong_value_of_a_variable_is_told_with_its_name() {
    let message = load_environment(&[("ROADSTEAD_LIMITS__MANIFEST", "huge")]);
    let expected = "environment variable ROADSTEAD_LIMITS__MANIFEST: limits.manifest: `huge` is \
                    not a size; write one like 4MiB, 500MB or 4194304";
    assert_eq!(message, Err(expected.to_owned()));
}

#[test]
fn a_driver_in_the_file_and_another_outside_are_two() {
    let message = load_with("storage: {memory: {}}\n", &[], vec![data_option("/x")]);
    let expected = "option --data: storage names two drivers, `memory` (roadstead.yaml:1:19) and \
                    `local`; keep one";
    assert_eq!(message, Err(expected.to_owned()));
}

#[test]
fn what_was_put_in_is_never_shown() {
    let yaml = "limits: {manifest: '${env:SECRET}'}\n";
    let message = load_with(yaml, &[("SECRET", "hunter2")], Vec::new()).expect_err("is no size");
    assert!(!message.contains("hunter2"), "{message}");
    assert!(
        message.contains("`${env:SECRET}` gives what is not a size"),
        "{message}"
    );
}

#[test]
fn a_file_that_is_none_or_too_large_is_refused() {
    let load_path = |path: &str| {
        let file = Some(Path::new(path));
        Config::load(&LoadOptions {
            file,
            ..LoadOptions::default()
        })
        .expect_err(path)
        .to_string()
    };
    assert!(load_path("/").starts_with("/: cannot be read: "));
    assert!(load_path("/dev/zero").starts_with("/dev/zero: is over 1048576 bytes"));
}

#[test]
fn the_effective_configuration_loads_as_itself() {
    let mut config = Config::default();
    assert_eq!(load(&config.effective_yaml()), Ok(config.clone()));
    config.storage = Storage::Memory;
    config.verify_reads = None;
    config.admin.listen = None;
    config.timeouts.keep_alive = Period::millis(1_500);
    assert_eq!(load(&config.effective_yaml()), Ok(config));
}
