//! Tests of the range of an upload chunk.

use proptest::prelude::*;

use super::*;

#[test]
fn both_forms_are_read() {
    for text in [
        "0-999",
        "bytes 0-999/*",
        "bytes 0-999/1000",
        "bytes 0-999/5000",
    ] {
        let range = ContentRange::parse(text).unwrap();
        assert_eq!(
            (range.start(), range.end(), range.len()),
            (0, 999, 1000),
            "{text}"
        );
    }
    assert_eq!(ContentRange::parse("7-7").unwrap().len(), 1);
}

#[test]
fn the_largest_range_does_not_overflow() {
    let range = ContentRange::parse("0-18446744073709551615").unwrap();

    assert_eq!(range.end(), u64::MAX);
    assert_eq!(range.len(), u64::MAX);
    assert_eq!(
        ContentRange::parse("18446744073709551615-18446744073709551615")
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn an_end_before_the_start_is_reversed() {
    assert_eq!(ContentRange::parse("5-2"), Err(ContentRangeError::Reversed));
    assert_eq!(
        ContentRange::parse("bytes 5-2/*"),
        Err(ContentRangeError::Reversed)
    );
}

#[test]
fn anything_else_is_malformed() {
    for text in [
        "",
        "-",
        "5",
        "5-",
        "-5",
        "a-b",
        "-1-5",
        "+1-5",
        "0-18446744073709551616",
        "0 - 5",
        " 0-5",
        "0-5 ",
        "0-5-6",
        "0-5/6",
        "bytes=0-5",
        "bytes 0-5",
        "bytes 0-5/",
        "bytes 0-5/x",
        "bytes 0-3/3",
        "bytes */5",
        "bytes  0-5/*",
        "Bytes 0-5/*",
        "0x0-0x5",
        "\u{0661}-\u{0662}",
        "0-5\0",
        "0–5",
    ] {
        assert_eq!(
            ContentRange::parse(text),
            Err(ContentRangeError::Malformed),
            "{text:?}"
        );
    }
}

proptest! {
    #[test]
    fn two_numbers_in_order_are_a_range(first in any::<u64>(), last in any::<u64>()) {
        let parsed = ContentRange::parse(&format!("{first}-{last}"));
        if first > last {
            prop_assert_eq!(parsed, Err(ContentRangeError::Reversed));
        } else {
            let range = parsed.unwrap();
            prop_assert_eq!((range.start(), range.end()), (first, last));
            prop_assert_eq!(range.len(), (last - first).saturating_add(1));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(bytes )?[0-9]{0,22}-?[0-9]{0,22}(/[0-9*]{0,22})?|\\PC{0,20}") {
        let _ = ContentRange::parse(&text);
    }
}
