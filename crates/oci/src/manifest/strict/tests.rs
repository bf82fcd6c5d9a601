//! Tests of the scanner alone; what documents mean is tested with manifests.

use proptest::prelude::*;

use super::*;

fn scan_bytes(bytes: &[u8]) -> Result<(), ManifestError> {
    scan(text(bytes)?)
}

fn reason(document: &str) -> &'static str {
    match scan(document) {
        Err(ManifestError::Syntax { reason, .. }) => reason,
        other => panic!("{document:?} gave {other:?}"),
    }
}

#[test]
fn all_of_json_is_read() {
    for document in [
        "{}",
        " {\t\"a\"\n:\r1 } ",
        r#"{"a":[],"b":[1,-0,0.5,1e3,-1.5E-7,1E+2],"c":{"d":null,"e":true,"f":false}}"#,
        r#"{"":"","\"\\\/\b\f\n\r\t\u00e9":"\ud83d\ude00 é 😀"}"#,
        r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}"#,
        r#"{"a":1,"A":2,"annotations":{"a":"","A":""}}"#,
    ] {
        assert_eq!(scan(document), Ok(()), "{document}");
    }
}

#[test]
fn broken_json_is_refused() {
    for document in [
        "",
        " ",
        "{",
        "{}}",
        "{} {}",
        "{},",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":[1}",
        "{\"a\":]",
        "{1:2}",
        "{\"a\":tru}",
        "{\"a\":nul",
        "{\"a\":True}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{\"a\":.5}",
        "{\"a\":5.}",
        "{\"a\":+5}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":1e+}",
        "{\"a\":0x5}",
        "{\"a\":\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u+123\"}",
        "{\"a\":\"\\u12é\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\0\"}",
        "{\"a\":\"\\",
        "{/**/}",
        "{}//",
        "{\u{a0}}",
    ] {
        assert!(
            matches!(scan(document), Err(ManifestError::Syntax { .. })),
            "{document:?}"
        );
    }
}

#[test]
fn bytes_that_are_not_plain_utf8_are_refused() {
    for bytes in [
        &b"\xef\xbb\xbf{}"[..],
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\xed\xa0\x80\"}",
        b"\xff\xfe{\0}\0",
    ] {
        assert!(
            matches!(scan_bytes(bytes), Err(ManifestError::Syntax { .. })),
            "{bytes:?}"
        );
    }
}

#[test]
fn lone_surrogates_are_refused() {
    for escape in [
        r"\ud83d",
        r"\ude00",
        r"\ud83dx",
        r"\ud83d\n",
        r"\ud83dA",
        r"\ud83d\ud83d",
        r"\udfff\ud800",
    ] {
        assert_eq!(
            reason(&format!("{{\"a\":\"{escape}\"}}")),
            "lone surrogate",
            "{escape}"
        );
    }
}

#[test]
fn numbers_beyond_a_double_are_refused() {
    assert_eq!(reason(r#"{"a":1e400}"#), "number out of range");
    assert_eq!(reason(r#"{"a":[-1e309]}"#), "number out of range");
    assert_eq!(scan(r#"{"a":[1e308,1e-400,18446744073709551616]}"#), Ok(()));
}

#[test]
fn duplicate_members_are_refused_at_any_depth() {
    for document in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"c":{},"a":3}"#,
        r#"{"x":[{"y":{"a":1,"a":2}}]}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"\ud83d\ude00":1,"😀":2}"#,
        r#"{"annotations":{"k":"1","k":"2"}}"#,
        r#"{"":1,"":2}"#,
    ] {
        assert_eq!(
            reason(document),
            "duplicate member in the object that ends",
            "{document}"
        );
    }
}

#[test]
fn depth_ends_at_the_limit() {
    let nested = |depth: usize| {
        format!(
            "{{\"a\":{}{}}}",
            "[".repeat(depth - 1),
            "]".repeat(depth - 1)
        )
    };

    assert_eq!(scan(&nested(MAX_DEPTH)), Ok(()));
    assert_eq!(reason(&nested(MAX_DEPTH + 1)), "nested too deep");
    assert_eq!(
        reason(&format!("{{\"a\":{}", "[".repeat(100_000))),
        "nested too deep"
    );
    assert_eq!(reason(&"{\"a\":".repeat(1_000_000)), "nested too deep");
}

#[test]
fn the_offset_points_at_the_fault() {
    assert_eq!(scan(r#"{"a":x}"#), Err(syntax("expected a value", 5)));
    assert_eq!(scan_bytes(b"{\"\xff"), Err(syntax("invalid UTF-8", 2)));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let scalar = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    scalar.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_serde_writes_is_read(value in json()) {
        let value = serde_json::json!({ "value": value });
        prop_assert_eq!(scan(&value.to_string()), Ok(()));
        prop_assert_eq!(scan(&serde_json::to_string_pretty(&value).unwrap()), Ok(()));
    }

    #[test]
    fn whatever_is_read_serde_reads_too(document in "\\{(\"[a\\\\u01]{0,6}\"|[0-9.eE+-]{1,5}|[]\\[{},: ]|true|null){0,12}\\}") {
        if scan(&document).is_ok() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&document).is_ok(), "{}", document);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = scan_bytes(&bytes);
    }
}
