//! Repository names: an accepted text is the name, and follows the grammar read another way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roadstead_oci::RepositoryName;

fuzz_target!(|text: &str| {
    let Ok(name) = RepositoryName::parse(text) else {
        return;
    };
    assert_eq!(name.to_string(), text);
    assert!(text.len() <= RepositoryName::MAX_BYTES);
    for component in text.split('/') {
        assert!(!component.starts_with(['.', '_', '-']) && !component.ends_with(['.', '_', '-']));
        assert!(!component.is_empty() && component != "." && component != "..");
        for separator in component.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            let is_dashes = separator.chars().all(|c| c == '-');
            assert!(
                is_dashes || [".", "_", "__"].contains(&separator),
                "{separator:?}"
            );
        }
    }
    let json = serde_json::to_string(&name).expect("a name is a string");
    assert_eq!(
        serde_json::from_str::<RepositoryName>(&json).expect("a name reads back"),
        name
    );
});
