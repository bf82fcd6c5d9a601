//! Cases 33, 34 and 36 to 38: uploads that are not there, not yours, or over.

use crate::refusal::{refused, refused_head};
use roadstead_tests::content::{random_bytes, sha256};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::server::Server;

/// Sends every request about an upload, and expects 404 `BLOB_UPLOAD_UNKNOWN` each time.
#[track_caller]
fn assert_upload_is_unknown(connection: &mut Connection, location: &str) {
    let content = random_bytes(100);
    let close = format!("{location}?digest={}", sha256(&content));
    for request in [
        Request::get(location),
        Request::delete(location),
        Request::patch(location).body(&content),
        Request::patch(location).chunked(&content, 10),
        Request::patch(location)
            .header("Content-Range", "0-99")
            .body(&content),
        Request::patch(location)
            .header("Content-Range", "9-0")
            .body(&content),
        Request::put(&close).body(&content),
        Request::put(&close),
    ] {
        refused(connection, &request, 404, "BLOB_UPLOAD_UNKNOWN");
    }
    refused_head(connection, location, 404);
}

#[test]
fn case_33_an_unknown_upload_is_not_found() {
    let server = Server::start();
    let mut connection = server.connect();
    let real = connection.start_upload("a");
    let id = real.rsplit('/').next().expect("a location ends with an id");
    let random = hex::encode(random_bytes(id.len() / 2));
    for id in [
        &*random,
        "0",
        "x",
        "00000000-0000-0000-0000-000000000000",
        "not-an-id",
        "%30",
        &id.to_ascii_uppercase()[1..],
        &id[..id.len() - 1],
        &format!("{id}0"),
    ] {
        assert_upload_is_unknown(&mut connection, &format!("/v2/a/blobs/uploads/{id}"));
    }
    assert_eq!(connection.upload_range(&real), "0--1");
}

#[test]
fn case_34_an_upload_of_another_repository_is_not_found_and_not_touched() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(50);
    let location = connection.start_upload_with("team/a", &content);
    for other in ["team/b", "team", "a", "team/a/b"] {
        let foreign = location.replace("/team/a/", &format!("/{other}/"));
        assert_upload_is_unknown(&mut connection, &foreign);
    }
    assert_eq!(connection.upload_range(&location), "0-49");
    let closed = connection.close_upload(&location, &sha256(&content));
    closed.expect_status(201);
}

#[test]
fn case_36_an_upload_id_is_never_a_path() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_image("a", "tag");
    for id in [
        "..%2F..%2Fx",
        "..%2f..%2fdata",
        ".%2e",
        "%2e%2e",
        "..",
        &"a".repeat(10 * 1024),
        &"0".repeat(10 * 1024),
    ] {
        let location = format!("/v2/a/blobs/uploads/{id}");
        for request in [
            Request::get(&location),
            Request::delete(&location),
            Request::patch(&location).body(b"x"),
        ] {
            let answer = connection.send(&request);
            assert!(matches!(answer.status, 400 | 404), "{answer:?}");
            answer.assert_error_form();
        }
    }
    let long = format!("/v2/a/blobs/uploads/{}", "a".repeat(10 * 1024));
    assert_upload_is_unknown(&mut connection, &long);
    let dots = Request::get("/v2/a/blobs/uploads/../../x");
    let answer = connection.send(&dots);
    assert!(matches!(answer.status, 400 | 404), "{answer:?}");
}

#[test]
fn case_37_a_cancelled_upload_is_not_found() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in [0, 100, 100_000] {
        let location = connection.start_upload("a");
        if size > 0 {
            let request = Request::patch(&location).body(random_bytes(size));
            connection.send(&request).expect_status(202);
        }
        connection.delete(&location).expect_status(204);
        assert_upload_is_unknown(&mut connection, &location);
    }
    assert_eq!(server.staged_files(), 0);
}

#[test]
fn case_37_a_finished_upload_takes_nothing_more() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100);
    let location = connection.start_upload_with("a", &content);
    connection
        .close_upload(&location, &sha256(&content))
        .expect_status(201);
    assert_upload_is_unknown(&mut connection, &location);
}

#[test]
fn case_38_the_same_closing_request_again_is_the_same_success() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in [100, 100_000] {
        let content = random_bytes(size);
        let digest = sha256(&content);
        let location = connection.start_upload("a");
        let close = Request::put(format!("{location}?digest={digest}")).body(&content);
        let first = connection.send(&close);
        for _ in 0..2 {
            let again = connection.send(&close);
            again.expect_status(201);
            assert_eq!(again.header("location"), first.header("location"));
            let named = again.header("docker-content-digest");
            assert_eq!(named, Some(&*digest));
        }
        // Another digest was not what was finished.
        let other = random_bytes(size);
        let target = format!("{location}?digest={}", sha256(&other));
        let request = Request::put(target).body(&other);
        refused(&mut connection, &request, 404, "BLOB_UPLOAD_UNKNOWN");
        let blob = connection.get(format!("/v2/a/blobs/{digest}"));
        assert!(blob.body == content, "the blob has changed");
    }
}
