//! Tests of the repository name grammar.

use proptest::prelude::*;

use super::*;

#[test]
fn legal_names_are_read() {
    for text in [
        "a",
        "0",
        "team/app",
        "a/b/c/d/e/f",
        "a.b",
        "a_b",
        "a__b",
        "a-b",
        "a--b",
        "a-----b",
        "a.b_c__d-e---f/0.1",
        "blobs/uploads",
        "a/manifests/b",
        "tags/list",
    ] {
        assert_eq!(RepositoryName::parse(text).unwrap().as_str(), text);
    }
}

#[test]
fn names_outside_the_grammar_are_malformed() {
    for text in [
        "Foo",
        "fOo",
        "a..b",
        "a___b",
        "-a",
        "a-",
        ".a",
        "a.",
        "_a",
        "a_",
        "a._b",
        "a-_b",
        "a-.b",
        "/",
        "/a",
        "a/",
        "a//b",
        "..",
        "../..",
        "a/../b",
        "a/./b",
        "a b",
        "a%2fb",
        "a\\b",
        "a\0b",
        "a\nb",
        "é",
        "ａ",
        "cafe\u{301}",
        "😀",
        "a:b",
        "a@b",
        "_catalog",
    ] {
        assert_eq!(
            RepositoryName::parse(text),
            Err(NameError::Malformed),
            "{text:?}"
        );
    }
    assert_eq!(RepositoryName::parse(""), Err(NameError::Empty));
}

#[test]
fn length_ends_at_255_bytes() {
    assert!(RepositoryName::parse(&"a".repeat(255)).is_ok());
    assert_eq!(
        RepositoryName::parse(&"a".repeat(256)),
        Err(NameError::TooLong)
    );
}

#[test]
fn json_form_is_the_text() {
    let name = RepositoryName::parse("team/app").unwrap();

    assert_eq!(serde_json::to_string(&name).unwrap(), "\"team/app\"");
    assert_eq!(
        serde_json::from_str::<RepositoryName>("\"team/app\"").unwrap(),
        name
    );
    assert!(serde_json::from_str::<RepositoryName>("\"Team\"").is_err());
}

#[test]
fn a_map_can_be_searched_by_text() {
    let names = std::collections::BTreeSet::from([RepositoryName::parse("a/b").unwrap()]);

    assert!(names.contains("a/b"));
}

/// The grammar once more, in the slow and obvious way.
fn is_component_by_grammar(component: &str) -> bool {
    let is_word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if is_word(component) {
        return true;
    }
    (1..component.len()).any(|end| {
        let (head, rest) = component.split_at(end);
        let dashes = rest.len() - rest.trim_start_matches('-').len();
        let separators = [".", "_", "__", &rest[..dashes]];
        is_word(head)
            && separators.iter().any(|separator| {
                !separator.is_empty()
                    && rest
                        .strip_prefix(separator)
                        .is_some_and(is_component_by_grammar)
            })
    })
}

proptest! {
    #[test]
    fn the_scanner_agrees_with_the_grammar(text in "[a0._/-]{0,12}") {
        let expected = text.split('/').all(is_component_by_grammar);
        prop_assert_eq!(RepositoryName::parse(&text).is_ok(), expected, "{:?}", text);
    }

    #[test]
    fn an_accepted_text_is_the_name(text in "\\PC{0,40}") {
        if let Ok(name) = RepositoryName::parse(&text) {
            prop_assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn what_the_grammar_makes_is_accepted(
        text in "[a-z0-9]{1,9}((\\.|_|__|-{1,3})[a-z0-9]{1,9}){0,3}(/[a-z0-9]{1,9}((\\.|_|__|-{1,3})[a-z0-9]{1,9}){0,3}){0,4}"
    ) {
        prop_assert_eq!(RepositoryName::parse(&text).is_ok(), text.len() <= 255);
    }
}
