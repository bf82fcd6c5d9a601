//! Reading blobs: headers, conditions, sizes, both algorithms, one repository at a time.

use roadstead_tests::content::{INLINE_BLOB_BYTES, random_bytes, sha256, sha512, unknown_digest};
use roadstead_tests::http::{Answer, Connection, Request};
use roadstead_tests::server::Server;

#[track_caller]
fn assert_blob_headers(answer: &Answer, digest: &str, length: usize) {
    answer.expect_status(200);
    answer.assert_headers_of_the_api();
    let expected = [
        ("content-length", &*length.to_string()),
        ("content-type", "application/octet-stream"),
        ("docker-content-digest", digest),
        ("accept-ranges", "bytes"),
        ("etag", &format!("\"{digest}\"")),
    ];
    for (name, value) in expected {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
    let caching = answer.expect_header("cache-control");
    assert!(caching.contains("max-age=31536000"), "{caching}");
}

#[test]
fn blobs_of_all_sizes_are_read_whole_with_their_headers() {
    let server = Server::start();
    let mut connection = server.connect();
    for length in [
        0,
        1,
        2,
        INLINE_BLOB_BYTES,
        INLINE_BLOB_BYTES + 1,
        128 * 1024,
        1_000_003,
    ] {
        let content = random_bytes(length);
        let digest = connection.push_blob("a", &content);
        let target = format!("/v2/a/blobs/{digest}");
        assert_blob_headers(&connection.head(&target), &digest, length);
        // The first whole read is hashed, later ones are not.
        for _ in 0..2 {
            let blob = connection.get(&target);
            assert_blob_headers(&blob, &digest, length);
            assert!(blob.body == content, "{blob:?}");
        }
    }
}

/// Pushes a blob under its sha512 digest, which is returned.
fn push_sha512(connection: &mut Connection, content: &[u8], start: &str) -> String {
    let digest = sha512(content);
    let started = connection.send(&Request::post(format!("/v2/a/blobs/uploads/{start}")));
    started.expect_status(202);
    let location = started.expect_header("location").to_owned();
    let patched = connection.send(&Request::patch(&location).body(content));
    patched.expect_status(202);
    let closed = connection.close_upload(&location, &digest);
    closed.expect_status(201);
    let named = closed.header("docker-content-digest");
    assert_eq!(named, Some(&*digest));
    let location = format!("/v2/a/blobs/{digest}");
    assert_eq!(closed.header("location"), Some(&*location));
    digest
}

#[test]
fn blobs_may_go_by_sha512_with_or_without_announcing_it() {
    let server = Server::start();
    let mut connection = server.connect();
    for length in [0, 100, 100_000] {
        for start in ["", "?digest-algorithm=sha512"] {
            let content = random_bytes(length);
            let digest = push_sha512(&mut connection, &content, start);
            let target = format!("/v2/a/blobs/{digest}");
            let blob = connection.get(&target);
            assert_blob_headers(&blob, &digest, length);
            assert!(blob.body == content, "{blob:?}");
            assert_blob_headers(&connection.head(&target), &digest, length);
        }
    }
    // In one request, too.
    let content = random_bytes(100_000);
    let digest = sha512(&content);
    let post = Request::post(format!("/v2/a/blobs/uploads/?digest={digest}"));
    connection.send(&post.body(&content)).expect_status(201);
    let escaped = digest.replace(':', "%3A");
    let blob = connection.get(format!("/v2/a/blobs/{escaped}"));
    assert_blob_headers(&blob, &digest, content.len());
}

#[test]
fn an_announced_algorithm_is_a_hint_and_not_a_promise() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100_000);
    let start = Request::post("/v2/a/blobs/uploads/?digest-algorithm=sha512");
    let started = connection.send(&start);
    let location = started.expect_header("location").to_owned();
    connection
        .send(&Request::patch(&location).body(&content))
        .expect_status(202);
    let digest = sha256(&content);
    connection
        .close_upload(&location, &digest)
        .expect_status(201);
    let blob = connection.get(format!("/v2/a/blobs/{digest}"));
    assert_blob_headers(&blob, &digest, content.len());
}

#[test]
fn a_client_that_has_the_blob_is_told_so() {
    let server = Server::start();
    let mut connection = server.connect();
    for length in [100, 100_000] {
        let content = random_bytes(length);
        let digest = connection.push_blob("a", &content);
        let target = format!("/v2/a/blobs/{digest}");
        for tag in [
            format!("\"{digest}\""),
            digest.clone(),
            format!("W/\"{digest}\""),
            format!("\"other\", \"{digest}\""),
        ] {
            for method in ["GET", "HEAD"] {
                let request = Request::new(method, &target).header("If-None-Match", &tag);
                let answer = connection.send(&request);
                answer.expect_status(304);
                assert_eq!(answer.header("content-length"), None, "{answer:?}");
                let etag = format!("\"{digest}\"");
                assert_eq!(answer.header("etag"), Some(&*etag));
                let named = answer.header("docker-content-digest");
                assert_eq!(named, Some(&*digest));
            }
        }
        let other = Request::get(&target).header("If-None-Match", "\"sha256:00\"");
        assert_blob_headers(&connection.send(&other), &digest, length);
    }
}

#[test]
fn a_blob_is_seen_only_in_the_repository_that_has_it() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100_000);
    let digest = connection.push_blob("team/one", &content);
    for repository in ["team/two", "team", "team/one/more"] {
        let target = format!("/v2/{repository}/blobs/{digest}");
        connection.get(&target).expect_error(404, "BLOB_UNKNOWN");
        connection.head(&target).expect_status(404);
    }
    // The same bytes by another algorithm are another blob.
    let other = format!("/v2/team/one/blobs/{}", sha512(&content));
    connection.get(other).expect_error(404, "BLOB_UNKNOWN");
    let missing = format!("/v2/team/one/blobs/{}", unknown_digest());
    connection.get(missing).expect_error(404, "BLOB_UNKNOWN");
}
