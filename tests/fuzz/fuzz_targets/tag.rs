//! Tags and references: an accepted text is the value, and no text is both a tag and a digest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roadstead_oci::{Reference, Tag};

fuzz_target!(|text: &str| {
    let tag = Tag::parse(text);
    if let Ok(tag) = &tag {
        assert_eq!(tag.to_string(), text);
        assert!((1..=Tag::MAX_BYTES).contains(&text.len()));
        assert!(
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        );
    }
    match Reference::parse(text) {
        Ok(Reference::Tag(parsed)) => assert_eq!(Ok(parsed), tag),
        Ok(Reference::Digest(digest)) => {
            assert!(tag.is_err());
            assert_eq!(digest.to_string(), text);
        }
        Err(_) => assert!(tag.is_err()),
    }
});
