//! What contradicts itself in `storage.azure`.

use roadstead_config::{Config, LoadOptions};

fn mistakes(azure: &str) -> String {
    let file = tempfile::NamedTempFile::new().expect("temporary file");
    let text = format!("storage: {{azure: {azure}}}\n");
    std::io::Write::write_all(&mut file.as_file(), text.as_bytes()).expect("written");
    let options = LoadOptions {
        file: Some(file.path()),
        environment: [("KEY", "hidden")].into_iter().collect(),
        ..LoadOptions::default()
    };
    Config::load(&options).map_or_else(|errors| errors.to_string(), |_| String::new())
}

#[test]
fn a_container_and_an_account_are_all_that_must_be_said() {
    assert_eq!(mistakes("{account: example, container: images}"), "");
}

#[test]
fn what_contradicts_itself_is_found() {
    for (azure, part) in [
        ("{account: a}", "storage.azure.container: is missing"),
        ("{container: c}", "storage.azure.account: is missing"),
        (
            "{account: a, container: c, key: hunter2}",
            "put it in as ${env:NAME}",
        ),
        (
            "{account: a, container: c, key: '${env:KEY}', sas: '${env:KEY}'}",
            "stands beside another secret",
        ),
        (
            "{account: a, container: c, sas: '${env:KEY}', redirect: true}",
            "no address can be signed",
        ),
        (
            "{account: a, container: c, endpoint: example}",
            "is not a URL",
        ),
        (
            "{account: a, container: c, part_size: 200MiB}",
            "is less than two blocks",
        ),
    ] {
        let found = mistakes(azure);
        assert!(found.contains(part), "{azure}: {found}");
        assert!(
            !found.contains("hunter2") && !found.contains("hidden"),
            "{found}"
        );
    }
}
