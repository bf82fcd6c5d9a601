//! Cases 12 to 15: methods, hosts and the framing of requests.

use crate::refusal::{refused, refused_head};
use roadstead_tests::content::{empty_index, unknown_digest};
use roadstead_tests::http::Request;
use roadstead_tests::server::Server;

#[test]
fn case_12_a_wrong_method_is_told_which_are_right() {
    let server = Server::start();
    let mut connection = server.connect();
    let digest = unknown_digest();
    let upload = connection.start_upload("a");
    let manifest = "/v2/a/manifests/x";
    let blob = format!("/v2/a/blobs/{digest}");
    for (method, target, allowed) in [
        ("PATCH", manifest, "GET, HEAD, PUT, DELETE"),
        ("POST", manifest, "GET, HEAD, PUT, DELETE"),
        ("PUT", "/v2/a/tags/list", "GET, HEAD"),
        ("DELETE", "/v2/a/tags/list", "GET, HEAD"),
        ("POST", "/v2/_catalog", "GET, HEAD"),
        ("PUT", &blob, "GET, HEAD, DELETE"),
        ("PATCH", &blob, "GET, HEAD, DELETE"),
        ("GET", "/v2/a/blobs/uploads/", "POST"),
        ("PUT", "/v2/a/blobs/uploads/", "POST"),
        ("POST", &upload, "GET, HEAD, PATCH, PUT, DELETE"),
        ("POST", "/v2/", "GET, HEAD"),
        ("TRACE", "/v2/", "GET, HEAD"),
        ("TRACE", manifest, "GET, HEAD, PUT, DELETE"),
        ("OPTIONS", manifest, "GET, HEAD, PUT, DELETE"),
        ("get", "/v2/", "GET, HEAD"),
        ("BREW", "/v2/", "GET, HEAD"),
    ] {
        let request = Request::new(method, target).body(b"");
        let answer = refused(&mut connection, &request, 405, "UNSUPPORTED");
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {target}");
    }
    refused_head(&mut connection, "/v2/a/blobs/uploads/", 405);
    assert_eq!(connection.upload_range(&upload), "0--1");
}

#[test]
fn case_13_neither_host_nor_forwarding_headers_change_a_location() {
    let server = Server::start();
    let mut connection = server.connect();
    for name in ["a", "b"] {
        connection.push_manifest("a", name, &empty_index("case 13"));
    }
    let hostile = |request: Request| {
        request
            .header("Host", "evil.example:1234")
            .header("X-Forwarded-Host", "evil.example")
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-Prefix", "/evil")
            .header("X-Original-URL", "/v2/evil/tags/list")
            .header("Forwarded", "host=evil.example;proto=https")
    };
    let started = connection.send(&hostile(Request::post("/v2/a/blobs/uploads/")));
    started.expect_status(202);
    let location = started.expect_header("location");
    assert!(location.starts_with("/v2/a/blobs/uploads/"), "{location}");

    let page = connection.send(&hostile(Request::get("/v2/a/tags/list?n=1")));
    assert_eq!(page.json()["tags"], serde_json::json!(["a"]));
    let link = page.expect_header("link");
    assert_eq!(link, "</v2/a/tags/list?n=1&last=a>; rel=\"next\"");

    let manifest = empty_index("case 13 again");
    let put = Request::put("/v2/a/manifests/c")
        .header("Content-Type", manifest.media_type)
        .body(&manifest.bytes);
    let pushed = connection.send(&hostile(put));
    let expected = format!("/v2/a/manifests/{}", manifest.digest());
    assert_eq!(pushed.header("location"), Some(&*expected));
}

/// A request that hides behind another one, for a proxy that reads lengths in another way.
const HIDDEN: &str = "GET /v2/hidden/tags/list HTTP/1.1\r\nHost: registry.test\r\n\r\n";

/// Sends a head and bytes behind it on a connection of their own, and expects a refusal and the end
/// of the connection: what is behind must not be taken for a request.
#[track_caller]
fn assert_refused_and_closed(server: &Server, head: &str, behind: &str, statuses: &[u16]) {
    let mut connection = server.connect();
    connection.write(format!("{head}\r\n{behind}").as_bytes());
    let answer = connection.read_answer(false);
    assert!(statuses.contains(&answer.status), "{head}: {answer:?}");
    let rest = connection.read_to_end();
    assert!(
        rest.is_empty(),
        "{head}: {}",
        String::from_utf8_lossy(&rest)
    );
}

#[test]
fn case_14_a_body_of_unclear_length_is_refused() {
    let server = Server::start();
    let start = "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: registry.test\r\n";
    for framing in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: 4, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: five\r\n",
        "Content-Length:\r\n",
    ] {
        let head = format!("{start}{framing}");
        let behind = format!("0\r\n\r\n{HIDDEN}");
        assert_refused_and_closed(&server, &head, &behind, &[400]);
    }
    server.connect().assert_usable();
}

#[test]
fn case_15_too_many_headers_are_refused() {
    let server = Server::start();
    let with_headers = |count: usize| {
        (0..count).fold(Request::get("/v2/"), |request, number| {
            request.header(&format!("X-Header-{number}"), "x")
        })
    };
    server.connect().send(&with_headers(90)).expect_status(200);
    for count in [97, 1000] {
        let answer = server.connect().send(&with_headers(count));
        assert!(matches!(answer.status, 400 | 431), "{answer:?}");
    }
}

#[test]
fn case_15_too_long_a_head_is_refused() {
    let server = Server::start();
    let with_value = |length: usize| Request::get("/v2/").header("X-Long", "x".repeat(length));
    server
        .connect()
        .send(&with_value(60_000))
        .expect_status(200);
    let answer = server.connect().send(&with_value(140 * 1024));
    assert!(matches!(answer.status, 400 | 431), "{answer:?}");
    let answer = server.connect().send(&with_value(4 * 1024 * 1024));
    assert!(matches!(answer.status, 400 | 431), "{answer:?}");
}

#[test]
fn case_15_too_long_an_address_is_refused() {
    let server = Server::start();
    let query = "x".repeat(32 * 1024);
    let answer = server.connect().get(format!("/v2/?{query}"));
    answer.expect_status(200);
    for length in [64 * 1024, 200 * 1024] {
        let answer = server.connect().get(format!("/v2/?{}", "x".repeat(length)));
        assert!(matches!(answer.status, 400 | 414 | 431), "{answer:?}");
    }
    server.connect().assert_usable();
}
