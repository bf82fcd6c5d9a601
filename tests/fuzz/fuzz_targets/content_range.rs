//! `Content-Range` of chunks: numbers come out as they went in, and the length never overflows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roadstead_oci::{ContentRange, parse_page_size};

fuzz_target!(|text: &str| {
    if let Ok(range) = ContentRange::parse(text) {
        assert!(range.start() <= range.end());
        let length = u128::from(range.end() - range.start()) + 1;
        assert_eq!(u128::from(range.len()), length.min(u128::from(u64::MAX)));
        assert_eq!(
            ContentRange::parse(&format!("{}-{}", range.start(), range.end())),
            Ok(range)
        );
    }
    if let Ok(size) = parse_page_size(text) {
        assert_eq!(parse_page_size(&size.to_string()), Ok(size));
        assert!(text.bytes().all(|byte| byte.is_ascii_digit()));
    }
});
