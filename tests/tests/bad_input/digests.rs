//! Cases 16 to 21: digests in paths and parameters.

use crate::refusal::{refused, refused_head, refused_with_any};
use roadstead_tests::content::{INDEX, empty_index, random_bytes, sha256, unknown_digest};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::server::Server;

/// Sends a digest to every place of a path where one belongs, and expects 400 `DIGEST_INVALID`.
#[track_caller]
fn assert_digest_is_invalid(connection: &mut Connection, digest: &str) {
    let blob = format!("/v2/a/blobs/{digest}");
    refused(connection, &Request::get(&blob), 400, "DIGEST_INVALID");
    refused(connection, &Request::delete(&blob), 400, "DIGEST_INVALID");
    refused_head(connection, &blob, 400);
    let referrers = Request::get(format!("/v2/a/referrers/{digest}"));
    refused(connection, &referrers, 400, "DIGEST_INVALID");
}

/// Sends a digest to every place where a push names one, and expects 400 `DIGEST_INVALID`. Returns
/// what the server says of it.
#[track_caller]
fn assert_push_is_refused(connection: &mut Connection, digest: &str) -> String {
    let escaped = digest.replace('+', "%2B");
    let content = random_bytes(100);
    let start = format!("/v2/a/blobs/uploads/?digest={escaped}");
    let request = Request::post(start).body(&content);
    let answer = refused(connection, &request, 400, "DIGEST_INVALID");
    let location = connection.start_upload_with("a", &content);
    let close = Request::put(format!("{location}?digest={escaped}"));
    refused(connection, &close, 400, "DIGEST_INVALID");
    // The session is kept: the digest was wrong, not the content.
    assert_eq!(connection.upload_range(&location), "0-99");
    let good = sha256(&content);
    connection.close_upload(&location, &good).expect_status(201);
    let message = answer.json()["errors"][0]["message"].to_string();
    message.to_ascii_lowercase()
}

#[test]
fn case_16_a_malformed_digest_is_refused() {
    let server = Server::start();
    let mut connection = server.connect();
    let hex = "0".repeat(64);
    for digest in [
        "sha256:abc".to_owned(),
        format!("sha256:{}", "0".repeat(63)),
        format!("sha256:{}", "0".repeat(65)),
        format!("sha256:{}", "A".repeat(64)),
        format!("sha256:{}", "g".repeat(64)),
        format!("sha512:{}", "0".repeat(64)),
        "sha256:".to_owned(),
        format!(":{hex}"),
        format!("sha256::{hex}"),
        format!("sha256:{hex}:{hex}"),
        format!("sha256:{hex}%20"),
    ] {
        assert_digest_is_invalid(&mut connection, &digest);
        assert_push_is_refused(&mut connection, &digest);
        let manifest = format!("/v2/a/manifests/{digest}");
        let manifest = Request::get(manifest);
        refused(&mut connection, &manifest, 400, "DIGEST_INVALID");
    }
    assert_digest_is_invalid(&mut connection, "sha256");
}

#[test]
fn case_16_what_has_no_colon_is_a_tag_and_no_digest() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_manifest("a", "other", &empty_index("case 16"));
    let target = Request::get("/v2/a/manifests/sha256");
    refused(&mut connection, &target, 404, "MANIFEST_UNKNOWN");
    connection.push_manifest("a", "sha256", &empty_index("case 16"));
    connection.send(&target).expect_status(200);
}

#[test]
fn case_17_an_algorithm_that_is_not_supported_is_refused_by_name() {
    let server = Server::start();
    let mut connection = server.connect();
    for digest in [
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
        &format!("sha384:{}", "0".repeat(96)),
        "foo+bar:abc",
    ] {
        let message = assert_push_is_refused(&mut connection, digest);
        assert!(message.contains("algorithm"), "{message}");
        let manifest = Request::put(format!("/v2/a/manifests/{digest}"))
            .header("Content-Type", INDEX)
            .body(empty_index("case 17").bytes);
        refused(&mut connection, &manifest, 400, "DIGEST_INVALID");
        let blob = Request::get(format!("/v2/a/blobs/{digest}"));
        refused_with_any(&mut connection, &blob, &[400, 404]);
    }
}

#[test]
fn case_18_an_algorithm_in_upper_case_is_refused() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100);
    let digest = connection.push_blob("a", &content);
    let upper = digest.replace("sha256", "SHA256");
    assert_digest_is_invalid(&mut connection, &upper);
    assert_push_is_refused(&mut connection, &upper);
}

#[test]
fn case_19_a_digest_is_never_a_path() {
    let server = Server::start();
    let mut connection = server.connect();
    let hex = "0".repeat(64);
    for digest in [
        "sha256:/../../../etc/passwd".to_owned(),
        "sha256:..%2F..%2Fetc%2Fpasswd".to_owned(),
        format!("sha256:%2F{hex}"),
        format!("sha256:{hex}/../{hex}"),
        format!("sha256:{hex}%2F"),
        "..%2F".to_owned(),
        "..".to_owned(),
    ] {
        for kind in ["blobs", "referrers", "manifests"] {
            let target = format!("/v2/a/{kind}/{digest}");
            refused_with_any(&mut connection, &Request::get(&target), &[400, 404]);
            let answer = connection.delete(&target);
            assert!(matches!(answer.status, 400 | 404 | 405), "{answer:?}");
        }
        let start = Request::post(format!("/v2/a/blobs/uploads/?digest={digest}"));
        refused(&mut connection, &start.body(b"x"), 400, "DIGEST_INVALID");
    }
}

#[test]
fn case_20_two_different_digests_are_refused() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100);
    let (right, wrong) = (sha256(&content), unknown_digest());
    for query in [
        format!("digest={right}&digest={wrong}"),
        format!("digest={wrong}&digest={right}"),
    ] {
        let start = Request::post(format!("/v2/a/blobs/uploads/?{query}")).body(&content);
        refused(&mut connection, &start, 400, "DIGEST_INVALID");
        let location = connection.start_upload_with("a", &content);
        let close = Request::put(format!("{location}?{query}"));
        refused(&mut connection, &close, 400, "DIGEST_INVALID");
    }
    for digest in [right, wrong] {
        let blob = Request::get(format!("/v2/a/blobs/{digest}"));
        refused(&mut connection, &blob, 404, "BLOB_UNKNOWN");
    }
}

#[test]
fn case_21_a_closing_request_without_a_digest_is_refused_and_the_session_kept() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100);
    let location = connection.start_upload_with("a", &content[..50]);
    for query in ["", "?", "?digest=", "?Digest=sha256:00"] {
        let close = Request::put(format!("{location}{query}")).body(&content[50..]);
        refused(&mut connection, &close, 400, "DIGEST_INVALID");
        assert_eq!(connection.upload_range(&location), "0-49");
    }
    let close = Request::put(format!("{location}?digest={}", sha256(&content)));
    let closed = connection.send(&close.body(&content[50..]));
    closed.expect_status(201);
}
