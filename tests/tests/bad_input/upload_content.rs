//! Cases 27, 28, 40, 41, 47 and 50: what is uploaded is not what was announced, or too much.

use crate::refusal::{refused, refused_head};
use roadstead_tests::content::{INLINE_BLOB_BYTES, random_bytes, sha256};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::server::Server;
use roadstead_tests::waiting::wait_until;

/// Sizes of blobs that the server keeps in different ways: in a record, in a file.
const SIZES: [usize; 3] = [1, INLINE_BLOB_BYTES, 3 * INLINE_BLOB_BYTES + 1];

#[track_caller]
fn assert_blob_is_unknown(connection: &mut Connection, digest: &str) {
    let target = format!("/v2/a/blobs/{digest}");
    refused(connection, &Request::get(&target), 404, "BLOB_UNKNOWN");
    refused_head(connection, &target, 404);
}

#[test]
fn case_27_content_of_another_digest_is_refused_in_every_way_of_pushing() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in SIZES {
        let content = random_bytes(size);
        let promised = sha256(&random_bytes(size));

        let post = format!("/v2/a/blobs/uploads/?digest={promised}");
        let post = Request::post(post);
        let (sized, chunked) = (post.clone().body(&content), post.chunked(&content, 1000));
        refused(&mut connection, &sized, 400, "DIGEST_INVALID");
        refused(&mut connection, &chunked, 400, "DIGEST_INVALID");

        let location = connection.start_upload("a");
        let put = Request::put(format!("{location}?digest={promised}"));
        refused(&mut connection, &put.body(&content), 400, "DIGEST_INVALID");
        let gone = Request::get(&location);
        refused(&mut connection, &gone, 404, "BLOB_UPLOAD_UNKNOWN");

        let location = connection.start_upload_with("a", &content);
        let put = Request::put(format!("{location}?digest={promised}"));
        refused(&mut connection, &put, 400, "DIGEST_INVALID");
        let gone = Request::get(&location);
        refused(&mut connection, &gone, 404, "BLOB_UPLOAD_UNKNOWN");

        assert_blob_is_unknown(&mut connection, &promised);
        assert_blob_is_unknown(&mut connection, &sha256(&content));
    }
    wait_until("the refused bytes are gone from the disk", || {
        server.staged_files() == 0
    });
    assert_eq!(server.data_files().len(), 0);
}

/// Sends a request that announces more than it brings, and says that this was all.
fn send_cut(server: &Server, method: &str, target: &str, announced: usize, content: &[u8]) {
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: registry.test\r\nContent-Length: {announced}\r\n\r\n"
    );
    let mut connection = server.connect();
    connection.write(head.as_bytes());
    connection.write(content);
    connection.finish_writing();
    // Whether there still is an answer does not matter; a promise would.
    if let Ok(Some(answer)) = connection.try_read_answer(false) {
        assert!(answer.status >= 400, "{answer:?}");
    }
}

#[test]
fn case_28_a_body_that_breaks_off_commits_nothing() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in SIZES {
        let content = random_bytes(size);
        let digest = sha256(&content);
        let announced = size + 10;

        let post = format!("/v2/a/blobs/uploads/?digest={digest}");
        send_cut(&server, "POST", &post, announced, &content);
        assert_blob_is_unknown(&mut connection, &digest);

        // Of a closing request nothing counts, so that the same one can be sent again.
        let location = connection.start_upload("a");
        let put = format!("{location}?digest={digest}");
        send_cut(&server, "PUT", &put, announced, &content);
        wait_until("the upload stands where it did", || {
            connection.upload_range(&location) == "0--1"
        });
        assert_blob_is_unknown(&mut connection, &digest);
        let again = Request::put(&put).body(&content);
        connection.send(&again).expect_status(201);
        connection
            .delete(format!("/v2/a/blobs/{digest}"))
            .expect_status(202);
    }
}

#[test]
fn case_28_the_offset_after_a_cut_is_what_is_stored() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in SIZES {
        let (content, rest) = (random_bytes(size), random_bytes(10));
        let location = connection.start_upload("a");
        send_cut(&server, "PATCH", &location, size + 10, &content);
        let expected = format!("0-{}", size - 1);
        wait_until("the upload tells what came", || {
            connection.upload_range(&location) == expected
        });
        let whole = [content, rest.clone()].concat();
        let close = Request::put(format!("{location}?digest={}", sha256(&whole)));
        connection.send(&close.body(&rest)).expect_status(201);
        let blob = connection.get(format!("/v2/a/blobs/{}", sha256(&whole)));
        assert_eq!(blob.body, whole);
    }
}

#[test]
fn case_40_a_blob_over_the_limit_is_refused_and_its_bytes_are_freed() {
    let server = Server::start_with("limits: {blob: 1MiB}");
    let mut connection = server.connect();
    let content = random_bytes(1024 * 1024 + 1);
    let digest = sha256(&content);
    let allowed = connection.push_blob("a", &content[1..]);
    assert_eq!(allowed, sha256(&content[1..]));
    let files = server.data_files().len();

    let post = Request::post(format!("/v2/a/blobs/uploads/?digest={digest}"));
    for request in [post.clone().body(&content), post.chunked(&content, 65_536)] {
        let answer = server.connect().send(&request);
        answer.expect_error(413, "SIZE_INVALID");
    }
    for is_chunked in [false, true] {
        for method in ["PATCH", "PUT"] {
            let location = connection.start_upload_with("a", &content[..10]);
            let request = Request::new(method, format!("{location}?digest={digest}"));
            let request = if is_chunked {
                request.chunked(&content, 65_536)
            } else {
                request.body(&content)
            };
            server
                .connect()
                .send(&request)
                .expect_error(413, "SIZE_INVALID");
            let gone = Request::get(&location);
            refused(&mut connection, &gone, 404, "BLOB_UPLOAD_UNKNOWN");
        }
    }
    let location = connection.start_upload_with("a", &content[..1024 * 1024]);
    let one_more = Request::patch(&location).body(b"x");
    refused(&mut connection, &one_more, 413, "SIZE_INVALID");

    assert_blob_is_unknown(&mut connection, &digest);
    wait_until("the refused bytes are gone from the disk", || {
        server.staged_files() == 0
    });
    assert_eq!(server.data_files().len(), files);
}

#[test]
fn case_41_too_many_open_uploads_are_refused_until_one_ends() {
    let server = Server::start_with("limits: {uploads_per_client: 5}");
    let mut connection = server.connect();
    let content = random_bytes(100);
    let locations: Vec<String> = (0..5)
        .map(|_| connection.start_upload_with("a", &content))
        .collect();
    let start = Request::post("/v2/b/blobs/uploads/");
    refused(&mut connection, &start, 429, "TOOMANYREQUESTS");

    // What has begun can go on and end.
    let more = Request::patch(&locations[0]).body(b"more");
    connection.send(&more).expect_status(202);
    let closed = connection.close_upload(&locations[1], &sha256(&content));
    closed.expect_status(201);
    connection.send(&start).expect_status(202);
    refused(&mut connection, &start, 429, "TOOMANYREQUESTS");
    connection.delete(&locations[2]).expect_status(204);
    connection.send(&start).expect_status(202);
}

#[test]
fn case_47_an_unknown_digest_algorithm_is_refused() {
    let server = Server::start();
    let mut connection = server.connect();
    for algorithm in ["md5", "SHA256", "sha384", "", "sha256%00", "sha256:"] {
        let start = format!("/v2/a/blobs/uploads/?digest-algorithm={algorithm}");
        refused(
            &mut connection,
            &Request::post(start),
            400,
            "DIGEST_INVALID",
        );
    }
}

#[test]
fn case_50_an_encoded_body_is_never_decoded() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100);
    let digest = sha256(&content);
    let location = connection.start_upload("a");
    for encoding in ["gzip", "zstd", "deflate", "gzip, identity", "x"] {
        for (method, target) in [
            ("PATCH", location.clone()),
            ("PUT", format!("{location}?digest={digest}")),
            ("POST", format!("/v2/a/blobs/uploads/?digest={digest}")),
            ("PUT", "/v2/a/manifests/x".to_owned()),
        ] {
            let request = Request::new(method, target).header("Content-Encoding", encoding);
            refused(&mut connection, &request.body(&content), 415, "UNSUPPORTED");
        }
    }
    assert_eq!(connection.upload_range(&location), "0--1");
    assert_blob_is_unknown(&mut connection, &digest);
}
