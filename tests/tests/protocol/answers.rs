//! What holds for every answer: headers, HEAD beside GET, request ids.

use roadstead_tests::content::{INDEX, empty_index, random_bytes, referrer};
use roadstead_tests::http::{Answer, Request};
use roadstead_tests::server::Server;
use serde_json::json;

#[test]
fn ping_says_that_this_is_a_registry_with_and_without_a_slash() {
    let server = Server::start();
    let mut connection = server.connect();
    for target in ["/v2/", "/v2"] {
        let answer = connection.get(target);
        answer.expect_status(200);
        answer.assert_headers_of_the_api();
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.json(), json!({}));
        // Clients without a login take this for an invitation to log in.
        assert_eq!(answer.header("www-authenticate"), None);
    }
}

#[test]
fn head_answers_as_get_does_without_the_body() {
    let server = Server::start();
    let mut connection = server.connect();
    let image = connection.push_image("a", "tag");
    let small = connection.push_blob("a", &random_bytes(100));
    let large = connection.push_blob("a", &random_bytes(100_000));
    let upload = connection.start_upload_with("a", b"some bytes");
    let digest = image.manifest.digest();
    let subject = image.manifest.descriptor();
    let signature = referrer(&subject, "application/x-test", "signature");
    connection.push_manifest("a", "signature", &signature);
    for target in [
        "/v2/".to_owned(),
        format!("/v2/a/blobs/{small}"),
        format!("/v2/a/blobs/{large}"),
        "/v2/a/manifests/tag".to_owned(),
        format!("/v2/a/manifests/{digest}"),
        "/v2/a/tags/list".to_owned(),
        "/v2/a/tags/list?n=1".to_owned(),
        "/v2/_catalog".to_owned(),
        format!("/v2/a/referrers/{digest}"),
        format!("/v2/a/referrers/{digest}?artifactType=application%2Fx-test"),
        upload,
        "/v2/a/manifests/missing".to_owned(),
        "/v2/nobody/tags/list".to_owned(),
        "/nowhere".to_owned(),
    ] {
        let get = connection.get(&target);
        let head = connection.head(&target);
        assert_eq!(head.status, get.status, "{target}");
        assert_eq!(comparable(&head), comparable(&get), "{target}");
        connection.assert_usable();
    }
}

/// Returns the headers but those that differ from answer to answer.
fn comparable(answer: &Answer) -> Vec<(String, String)> {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| name != "date" && name != "x-request-id");
    headers.sort();
    headers
}

#[test]
fn a_request_keeps_its_id_and_gets_one_when_it_has_none() {
    let server = Server::start();
    let mut connection = server.connect();
    let given = Request::get("/v2/").header("X-Request-Id", "build-17.4_a");
    let answer = connection.send(&given);
    assert_eq!(answer.header("x-request-id"), Some("build-17.4_a"));
    let first = connection.get("/v2/");
    let second = connection.get("/nowhere");
    let (first, second) = (
        first.expect_header("x-request-id"),
        second.expect_header("x-request-id"),
    );
    assert_ne!(first, second);
    let harmful = Request::get("/v2/").header("X-Request-Id", "a\"},{\"b");
    let answer = connection.send(&harmful);
    assert_ne!(answer.header("x-request-id"), Some("a\"},{\"b"));
}

#[test]
fn the_log_tells_each_request_in_one_line() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("log");
    let put = Request::put("/v2/team/app/manifests/1.0")
        .header("Content-Type", INDEX)
        .header("X-Request-Id", "the-push")
        .body(&manifest.bytes);
    connection.send(&put).expect_status(201);
    let line = server.log().wait_for_request("the-push");
    assert_eq!(line["method"], "PUT");
    assert_eq!(line["repository"], "team/app");
    assert_eq!(line["tag"], "1.0");
    assert_eq!(line["status"], 201);
    assert_eq!(line["bytes_in"], json!(manifest.bytes.len()));
    assert!(line["duration_us"].is_u64(), "{line}");
    let client = line["client"].as_str().expect("the line names the client");
    assert!(client.starts_with("127.0.0.1"), "{line}");
}

#[test]
fn content_is_never_encoded_for_a_client_that_would_take_it() {
    let server = Server::start();
    let mut connection = server.connect();
    let image = connection.push_image("a", "tag");
    let request =
        Request::get("/v2/a/manifests/tag").header("Accept-Encoding", "zstd, gzip, deflate, br");
    let answer = connection.send(&request);
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.body, image.manifest.bytes);
}
