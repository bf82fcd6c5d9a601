//! Proxies in front: whose forwarded headers count, and for what.

use crate::client::{Secured, TLS};
use roadstead_tests::http::{Answer, Request};
use roadstead_tests::people::{PASSWORD, add_user, basic};
use roadstead_tests::server::Server;

const RULES: &str = "\
access:
  rules:
    - {subjects: [authenticated], repositories: [\"**\"], actions: [pull, push]}
";
/// The tests connect from 127.0.0.1.
const TRUSTED: &str = "trusted_proxies: [127.0.0.1, 10.0.0.0/8]\n";
const OTHERS_TRUSTED: &str = "trusted_proxies: [127.0.0.2, 10.0.0.0/8]\n";

fn realm(answer: &Answer) -> String {
    let challenge = answer.expect_header("www-authenticate");
    let (_, rest) = challenge.split_once("realm=\"").expect("has a realm");
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn ask(server: &Server, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get("/v2/");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    server.connect().send(&request)
}

#[test]
fn a_proxy_says_by_what_address_clients_know_us() {
    let server = Server::start_with(&format!("{TRUSTED}{RULES}"));
    for (headers, expected) in [
        (&[][..], "http://registry.test/token"),
        (
            &[
                ("X-Forwarded-For", "192.0.2.7"),
                ("X-Forwarded-Proto", "https"),
            ],
            "https://registry.test/token",
        ),
        (
            &[
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Host", "images.example.com:8443"),
            ],
            "https://images.example.com:8443/token",
        ),
        (
            &[(
                "Forwarded",
                "for=192.0.2.7;proto=https;host=images.example.com",
            )],
            "https://images.example.com/token",
        ),
        // What cannot be a host is none, so nothing gets into the header beside it.
        (
            &[
                ("X-Forwarded-Host", "a\",error=\"x"),
                ("X-Forwarded-Proto", "https\""),
            ],
            "http://registry.test/token",
        ),
    ] {
        let answer = ask(&server, headers);
        answer.expect_status(401);
        assert_eq!(realm(&answer), expected, "{headers:?}");
    }
}

#[test]
fn a_client_that_is_no_proxy_says_nothing_of_the_kind() {
    let server = Server::start_with(&format!("{OTHERS_TRUSTED}{RULES}"));
    let answer = ask(
        &server,
        &[
            ("X-Forwarded-For", "192.0.2.7"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "evil.test"),
            ("Forwarded", "for=192.0.2.7;proto=https;host=evil.test"),
            ("X-Request-Id", "made-up"),
        ],
    );
    assert_eq!(realm(&answer), "http://registry.test/token");
    let line = server.log().wait_for_request("made-up");
    let client = line["client"].as_str().expect("is text");
    assert!(client.starts_with("127.0.0.1:"), "{client}");
}

#[test]
fn an_external_url_goes_over_whatever_a_proxy_says() {
    let yaml = format!("{TRUSTED}external_url: https://registry.example.com\n{RULES}");
    let server = Server::start_with(&yaml);
    let told = [
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "evil.test"),
    ];
    let answer = ask(&server, &told);
    assert_eq!(realm(&answer), "https://registry.example.com/token");
}

#[test]
fn the_log_names_the_client_behind_the_proxies() {
    let server = Server::start_with(TRUSTED);
    for (id, list, expected) in [
        ("one", "192.0.2.7", "192.0.2.7"),
        ("two", "198.51.100.1, 192.0.2.7, 10.0.0.3", "192.0.2.7"),
        ("three", "garbage", "127.0.0.1:"),
    ] {
        let headers = [("X-Forwarded-For", list), ("X-Request-Id", id)];
        ask(&server, &headers).expect_status(200);
        let line = server.log().wait_for_request(id);
        let client = line["client"].as_str().expect("is text");
        assert!(client.starts_with(expected), "{list}: {client}");
    }
}

/// Tries a wrong password until it is not looked at any more, six times at most.
fn is_slowed(server: &Server, client: impl Fn(u8) -> String) -> bool {
    (0..7).any(|number| {
        let request = Request::get("/v2/")
            .header("Authorization", basic("ops", "wrong"))
            .header("X-Forwarded-For", client(number));
        let answer = server.connect().send(&request);
        assert!([401, 429].contains(&answer.status), "{answer:?}");
        answer.status == 429
    })
}

#[test]
fn guessing_through_a_proxy_slows_its_client_alone() {
    let server = Server::start_with(&format!("{TRUSTED}{RULES}"));
    add_user(&server, "ops", &[]);
    assert!(is_slowed(&server, |_| "198.51.100.1".to_owned()));
    // The same network, under another address that the client makes up before its own.
    assert!(is_slowed(&server, |number| format!(
        "192.0.2.{number}, 198.51.100.9"
    )));
    let right = Request::get("/v2/")
        .header("Authorization", basic("ops", PASSWORD))
        .header("X-Forwarded-For", "192.0.2.7");
    server.connect().send(&right).expect_status(200);
}

#[test]
fn guessing_under_made_up_addresses_is_slowed_all_the_same() {
    let server = Server::start_with(&format!("{OTHERS_TRUSTED}{RULES}"));
    add_user(&server, "ops", &[]);
    assert!(is_slowed(&server, |number| format!("{number}.2.3.4")));
}

fn start_upload(server: &Server, client: &str) -> u16 {
    let start = Request::post("/v2/a/blobs/uploads/").header("X-Forwarded-For", client);
    server.connect().send(&start).status
}

#[test]
fn uploads_are_counted_for_the_client_behind_the_proxy() {
    const LIMIT: &str = "limits: {uploads_per_client: 2}\n";
    let server = Server::start_with(&format!("{TRUSTED}{LIMIT}"));
    assert_eq!(start_upload(&server, "192.0.2.7"), 202);
    assert_eq!(start_upload(&server, "192.0.2.7"), 202);
    assert_eq!(start_upload(&server, "192.0.2.7"), 429);
    assert_eq!(start_upload(&server, "198.51.100.1, 192.0.2.7"), 429);
    assert_eq!(start_upload(&server, "192.0.2.8"), 202);

    let server = Server::start_with(&format!("{OTHERS_TRUSTED}{LIMIT}"));
    assert_eq!(start_upload(&server, "192.0.2.7"), 202);
    assert_eq!(start_upload(&server, "192.0.2.8"), 202);
    assert_eq!(start_upload(&server, "192.0.2.9"), 429);
}

#[test]
fn forwarded_headers_are_read_over_tls_too() {
    let secured = Secured::start_with(&format!("{TLS}{TRUSTED}{RULES}"), &[]);
    let ask = |headers: &[(&str, &str)]| {
        let request = Request::get("/v2/");
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        realm(&secured.connect().send(&request))
    };
    assert_eq!(ask(&[]), "https://registry.test/token");
    let told = [
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "inside.test"),
    ];
    assert_eq!(ask(&told), "http://inside.test/token");
}
