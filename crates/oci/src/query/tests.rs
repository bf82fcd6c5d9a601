//! Tests of query strings.

use proptest::prelude::*;

use super::*;

fn pairs(query: &str) -> Vec<Result<(String, String), QueryError>> {
    QueryPairs::new(query)
        .map(|pair| pair.map(|(key, value)| (key.into_owned(), value.into_owned())))
        .collect()
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with results")]
fn pair(key: &str, value: &str) -> Result<(String, String), QueryError> {
    Ok((key.to_owned(), value.to_owned()))
}

#[test]
fn pairs_are_read_in_order() {
    assert_eq!(
        pairs("n=5&last=a&n=6"),
        [pair("n", "5"), pair("last", "a"), pair("n", "6")]
    );
    assert_eq!(pairs(""), []);
    assert_eq!(
        pairs("&&a&=b&c=&d=e=f&"),
        [
            pair("a", ""),
            pair("", "b"),
            pair("c", ""),
            pair("d", "e=f")
        ]
    );
}

#[test]
fn escapes_are_decoded_once() {
    assert_eq!(pairs("digest=sha256%3Aaa"), [pair("digest", "sha256:aa")]);
    assert_eq!(pairs("a=%252F"), [pair("a", "%2F")]);
    assert_eq!(pairs("a%3Db=c%26d"), [pair("a=b", "c&d")]);
    assert_eq!(pairs("a=b+c%2Bd"), [pair("a", "b c+d")]);
    assert_eq!(pairs("a=%00%0d%0A"), [pair("a", "\0\r\n")]);
    assert_eq!(pairs("a=%C3%A9"), [pair("a", "é")]);
}

#[test]
fn broken_escapes_spoil_their_pair_alone() {
    for value in [
        "%", "%4", "%zz", "%4g", "a%", "%%41", "%+1", "%ff", "%C3", "%é",
    ] {
        assert_eq!(
            pairs(&format!("a={value}&b=c")),
            [Err(QueryError::Value("a".to_owned())), pair("b", "c")],
            "{value}"
        );
    }
    assert_eq!(pairs("%ff=a&b=c"), [Err(QueryError::Key), pair("b", "c")]);
}

#[test]
fn plain_pairs_are_not_copied() {
    let (key, value) = QueryPairs::new("last=abc").next().unwrap().unwrap();

    assert!(matches!(
        (key, value),
        (Cow::Borrowed("last"), Cow::Borrowed("abc"))
    ));
}

#[test]
fn encoded_values_are_safe_in_headers() {
    assert_eq!(encode_query_value("a-b_c.d~e"), "a-b_c.d~e");
    assert_eq!(
        encode_query_value("a b+c/é>\r\n"),
        "a%20b%2Bc%2F%C3%A9%3E%0D%0A"
    );
}

proptest! {
    #[test]
    fn any_text_survives_the_query(key in any::<String>(), value in any::<String>()) {
        let query = format!("{}={}", encode_query_value(&key), encode_query_value(&value));
        prop_assert_eq!(pairs(&query), [pair(&key, &value)]);
    }

    #[test]
    fn no_query_makes_it_panic(query in "[a%&=+0-9A-F]{0,40}|\\PC{0,40}") {
        for pair in QueryPairs::new(&query) {
            let _ = pair;
        }
    }
}
