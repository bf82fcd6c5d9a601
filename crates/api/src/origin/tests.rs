//! Tests of whom is believed about what.

use super::*;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::TestRequest;

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";
const FORWARDED: &str = "forwarded";

fn origin(peer: &str, headers: &[(&str, &str)]) -> Origin {
    let mut request = TestRequest::default().peer_addr(SocketAddr::new(peer.parse().unwrap(), 9));
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request = request.append_header((name, HeaderValue::from_str(value).unwrap()));
    }
    let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
    TrustedProxies::new(proxies.to_vec()).origin(&request.to_http_request())
}

fn client(peer: &str, headers: &[(&str, &str)]) -> Option<String> {
    origin(peer, headers)
        .client()
        .map(|address| address.to_string())
}

fn by_list(peer: &str, lines: &[&str]) -> Option<String> {
    let headers: Vec<_> = lines.iter().map(|line| (FOR, *line)).collect();
    client(peer, &headers)
}

#[test]
fn a_proxy_is_believed_about_its_peer() {
    for (peer, lines, expected) in [
        ("10.0.0.1", &["192.0.2.7"][..], "192.0.2.7"),
        ("::ffff:10.0.0.1", &["::ffff:192.0.2.7"], "192.0.2.7"),
        ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", &["192.0.2.7:1234"], "192.0.2.7"),
        ("10.0.0.1", &["[2001:db8::7]:1234"], "2001:db8::7"),
        ("10.0.0.1", &["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        ("10.0.0.1", &["192.0.2.7", "10.0.0.2,10.0.0.3"], "192.0.2.7"),
        // Without a word about a client the proxy itself is one.
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["10.0.0.2"], "10.0.0.2"),
    ] {
        assert_eq!(by_list(peer, lines).as_deref(), Some(expected), "{lines:?}");
    }
}

#[test]
fn what_a_client_makes_up_counts_for_nothing() {
    for (peer, lines, expected) in [
        ("192.0.2.7", &["198.51.100.1"][..], "192.0.2.7"),
        ("10.0.0.1", &["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", &["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", &["garbage,, 192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", &["10.0.0.9, 192.0.2.7"], "192.0.2.7"),
    ] {
        assert_eq!(by_list(peer, lines).as_deref(), Some(expected), "{lines:?}");
    }
}

#[test]
fn a_client_that_a_proxy_does_not_name_is_unknown_and_counts_as_the_proxy() {
    for line in ["unknown", "", "192.0.2.7 192.0.2.8", "192.0.2.7,", "\u{e9}"] {
        let origin = origin("10.0.0.1", &[(FOR, line)]);
        assert_eq!(origin.client(), None, "{line:?}");
        assert_eq!(origin.address().to_string(), "10.0.0.1", "{line:?}");
    }
    let origin = origin("10.0.0.1", &[(FOR, "unknown, 10.0.0.2")]);
    assert_eq!(origin.address().to_string(), "10.0.0.2");
}

#[test]
fn the_standard_header_is_read_as_the_other() {
    for (peer, line, expected) in [
        ("10.0.0.1", "for=192.0.2.7", Some("192.0.2.7")),
        (
            "10.0.0.1",
            "FOR=\"192.0.2.7:80\";proto=https",
            Some("192.0.2.7"),
        ),
        ("10.0.0.1", "for=\"[2001:db8::7]\"", Some("2001:db8::7")),
        (
            "10.0.0.1",
            "for=\"[2001:db8::7]:4711\"",
            Some("2001:db8::7"),
        ),
        (
            "10.0.0.1",
            "for=198.51.100.1, for=192.0.2.7",
            Some("192.0.2.7"),
        ),
        (
            "10.0.0.1",
            "for=192.0.2.7;by=10.0.0.2, for=10.0.0.2",
            Some("192.0.2.7"),
        ),
        (
            "10.0.0.1",
            "for=192.0.2.7;ext=\"a,b;c=d\"",
            Some("192.0.2.7"),
        ),
        ("192.0.2.8", "for=198.51.100.1", Some("192.0.2.8")),
        ("10.0.0.1", "for=unknown", None),
        ("10.0.0.1", "for=_hidden", None),
        ("10.0.0.1", "proto=https", None),
        ("10.0.0.1", "for=192.0.2.7;for=192.0.2.8", None),
        ("10.0.0.1", "for=\"192.0.2.7", None),
        ("10.0.0.1", "for=\"192.0.2.7\\\"\"", None),
        ("10.0.0.1", "for=[192.0.2.7]", None),
        ("10.0.0.1", "192.0.2.7", None),
        ("10.0.0.1", "", None),
    ] {
        let found = client(peer, &[(FORWARDED, line)]);
        assert_eq!(found.as_deref(), expected, "{line}");
    }
}

#[test]
fn quotes_that_a_client_leaves_open_do_not_swallow_what_a_proxy_says() {
    let lines = [(FORWARDED, "for=\"x"), (FORWARDED, "for=192.0.2.7")];
    assert_eq!(client("10.0.0.1", &lines).as_deref(), Some("192.0.2.7"));
    // In one line they do, and then nothing is known.
    let line = [(FORWARDED, "for=\"x, for=192.0.2.7")];
    assert_eq!(client("10.0.0.1", &line), None);
}

#[test]
fn two_headers_that_say_different_things_tell_nothing() {
    let both = |one, other| origin("10.0.0.1", &[(FOR, one), (FORWARDED, other)]);
    let same = both("192.0.2.7", "for=192.0.2.7");
    assert_eq!(same.client(), Some("192.0.2.7".parse().unwrap()));
    for (one, other) in [
        ("192.0.2.7", "for=198.51.100.1"),
        ("192.0.2.7", "for=unknown"),
        ("garbage", "for=192.0.2.7"),
    ] {
        let origin = both(one, other);
        assert_eq!(origin.client(), None, "{one} {other}");
        assert_eq!(origin.address().to_string(), "10.0.0.1", "{one} {other}");
    }
}

#[test]
fn scheme_and_host_are_those_that_the_outermost_proxy_was_asked_with() {
    for (headers, scheme, host) in [
        (
            &[(PROTO, "https"), (HOST, "a.test")][..],
            Some("https"),
            Some("a.test"),
        ),
        (&[(FOR, "192.0.2.7"), (PROTO, "HTTPS")], Some("https"), None),
        (
            &[(FOR, "192.0.2.7"), (PROTO, "gopher"), (HOST, "a b")],
            None,
            None,
        ),
        // One value for each proxy, and one for all.
        (
            &[(FOR, "192.0.2.7, 10.0.0.2"), (PROTO, "https, http")],
            Some("https"),
            None,
        ),
        (
            &[(FOR, "192.0.2.7, 10.0.0.2"), (PROTO, "https")],
            Some("https"),
            None,
        ),
        // The client's own value stands before that of the proxy.
        (
            &[(FOR, "192.0.2.7"), (PROTO, "http, https")],
            Some("https"),
            None,
        ),
        (
            &[(FOR, "198.51.100.1, 192.0.2.7"), (PROTO, "http, https")],
            Some("https"),
            None,
        ),
        (
            &[(
                FORWARDED,
                "for=192.0.2.7;proto=https;host=\"a.test:8443\", for=10.0.0.2;proto=http",
            )],
            Some("https"),
            Some("a.test:8443"),
        ),
        (
            &[(
                FORWARDED,
                "for=198.51.100.1;host=b.test, for=192.0.2.7;host=a.test",
            )],
            None,
            Some("a.test"),
        ),
        (
            &[
                (FOR, "192.0.2.7"),
                (PROTO, "https"),
                (FORWARDED, "for=192.0.2.7;proto=http"),
            ],
            None,
            None,
        ),
    ] {
        let origin = origin("10.0.0.1", headers);
        assert_eq!(origin.scheme(), scheme, "{headers:?}");
        assert_eq!(origin.host.as_deref(), host, "{headers:?}");
    }
    let direct = origin("192.0.2.7", &[(PROTO, "https"), (HOST, "a.test")]);
    assert_eq!((direct.scheme(), direct.host), (None, None));
}

#[test]
fn the_log_shows_a_port_only_where_nobody_stands_between() {
    assert_eq!(origin("192.0.2.7", &[]).to_string(), "192.0.2.7:9");
    assert_eq!(
        origin("10.0.0.1", &[(FOR, "192.0.2.7")]).to_string(),
        "192.0.2.7"
    );
}
