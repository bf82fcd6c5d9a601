//! Query strings: pairs that are read and encoded again are the same pairs, and the encoded form is plain ASCII.
#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use roadstead_oci::{QueryPairs, encode_query_value};

fuzz_target!(|query: &str| {
    let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = QueryPairs::new(query).flatten().collect();
    let mut encoded = String::new();
    for (key, value) in &pairs {
        encoded.push_str(&format!(
            "{}={}&",
            encode_query_value(key),
            encode_query_value(value)
        ));
    }
    assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()));
    let again: Vec<_> = QueryPairs::new(&encoded)
        .collect::<Result<_, _>>()
        .expect("what was encoded decodes");
    assert_eq!(pairs, again);
    assert!(QueryPairs::new(query).count() <= query.matches('&').count() + 1);
});
