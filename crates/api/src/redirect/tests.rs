//! What stays here whatever the rules say, and the answer. The whole is tested over sockets.

use super::*;
use roadstead_oci::ByteRanges;

fn headers(pairs: &[(&HeaderName, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append((*name).clone(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn one_range_goes_along_and_nothing_else_of_a_request() {
    for (range, is_same) in [
        ("bytes=5-9", true),
        ("bytes=5-", true),
        ("bytes=-5", true),
        ("bytes=0-99999", true),
        // These are one range here once they are joined.
        ("bytes=0-5,3-9", false),
        ("bytes=0-5,800-900", false),
        ("bytes=2000-", false),
        ("bytes=9-5", false),
        ("lines=1-2", false),
        ("garbage", false),
    ] {
        let headers = headers(&[(&header::RANGE, range)]);
        let asked = ByteRanges::parse(range, 1000);
        assert_eq!(means_the_same_there(&headers, &asked), is_same, "{range}");
    }
    let twice = headers(&[(&header::RANGE, "bytes=0-1"), (&header::RANGE, "bytes=4-5")]);
    let asked = ByteRanges::parse("bytes=0-1", 1000);
    assert!(!means_the_same_there(&twice, &asked));
}

#[test]
fn a_condition_keeps_a_request_here() {
    let whole = RangeOutcome::Whole;
    assert!(means_the_same_there(&HeaderMap::new(), &whole));
    assert!(means_the_same_there(
        &headers(&[(&header::IF_NONE_MATCH, "\"other\"")]),
        &whole
    ));
    for name in &CONDITIONS {
        assert!(!means_the_same_there(&headers(&[(name, "\"x\"")]), &whole));
    }
}

#[test]
fn credentials_go_along_within_a_host_and_below_it() {
    for (ours, address, goes_along) in [
        (
            "registry.example.com",
            "https://s3.example.com/a?b=c",
            false,
        ),
        ("example.com", "https://s3.example.com/a?b=c", true),
        ("Example.com", "https://s3.example.COM/a?b=c", true),
        ("example.com", "https://badexample.com/a", false),
        ("127.0.0.1", "http://127.0.0.1:9000/images/a", true),
        ("[::1]", "http://[::1]:9000/images/a", true),
        ("10.0.0.1", "http://127.0.0.1:9000/images/a", false),
    ] {
        assert_eq!(
            takes_credentials_along(ours, address),
            goes_along,
            "{ours} {address}"
        );
    }
}

#[test]
fn an_address_is_told_to_one_client_and_never_printed() {
    let location = location("https://s3.example.com/a?X-Amz-Signature=abc").unwrap();
    assert!(!format!("{location:?}").contains("abc"));
    let digest = Digest::of(roadstead_oci::Algorithm::Sha256, b"content");
    let reply = reply(location, &digest);
    assert_eq!(reply.status(), StatusCode::TEMPORARY_REDIRECT);
    let headers = reply.headers();
    assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "no-store");
    assert_eq!(
        headers.get(&respond::DOCKER_CONTENT_DIGEST).unwrap(),
        &*digest.to_string()
    );
}

#[test]
fn an_address_that_cannot_be_a_header_is_none() {
    assert!(location("https://s3.example.com/a\r\nb").is_none());
}
