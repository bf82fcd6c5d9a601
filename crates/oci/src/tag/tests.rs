//! Tests of the tag grammar.

use proptest::prelude::*;

use super::*;
use crate::Algorithm;

#[test]
fn legal_tags_are_read() {
    for text in [
        "a",
        "A",
        "0",
        "_",
        "latest",
        "v1.0-rc_2",
        "_.-",
        "1.0",
        "sha256-abc.sig",
    ] {
        assert_eq!(Tag::parse(text).unwrap().as_str(), text);
    }
    assert!(Tag::parse(&"a".repeat(128)).is_ok());
}

#[test]
fn case_makes_another_tag() {
    assert_ne!(Tag::parse("a").unwrap(), Tag::parse("A").unwrap());
}

#[test]
fn tags_outside_the_grammar_are_refused() {
    for text in [
        ".a", "-a", "a b", "tég", "a/b", "a:b", "a+b", "a\0", "a\r\n", "..", "%2e", "😀",
    ] {
        assert_eq!(Tag::parse(text), Err(TagError::Malformed), "{text:?}");
    }
    assert_eq!(Tag::parse(""), Err(TagError::Empty));
    assert_eq!(Tag::parse(&"a".repeat(129)), Err(TagError::TooLong));
}

#[test]
fn json_form_is_the_text() {
    let tag = Tag::parse("v1").unwrap();

    assert_eq!(serde_json::to_string(&tag).unwrap(), "\"v1\"");
    assert_eq!(serde_json::from_str::<Tag>("\"v1\"").unwrap(), tag);
    assert!(serde_json::from_str::<Tag>("\"-\"").is_err());
}

#[test]
fn fallback_tags_are_cut_to_64_characters_of_hash() {
    let sha256 = Digest::of(Algorithm::Sha256, b"{}");
    let sha512 = Digest::of(Algorithm::Sha512, b"{}");

    assert_eq!(
        referrers_fallback_tag(&sha256).as_str(),
        format!("sha256-{}", sha256.hex())
    );
    assert_eq!(
        referrers_fallback_tag(&sha512).as_str(),
        format!("sha512-{}", &sha512.hex()[..64])
    );
    for digest in [sha256, sha512] {
        let tag = referrers_fallback_tag(&digest);
        assert_eq!(Tag::parse(tag.as_str()), Ok(tag));
    }
}

proptest! {
    #[test]
    fn an_accepted_text_is_the_tag(text in "\\PC{0,10}|[a-zA-Z0-9._-]{0,130}") {
        let is_legal = !text.is_empty()
            && text.len() <= 128
            && !text.starts_with(['.', '-'])
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        prop_assert_eq!(Tag::parse(&text).is_ok(), is_legal);
        if let Ok(tag) = Tag::parse(&text) {
            prop_assert_eq!(tag.to_string(), text);
        }
    }
}
