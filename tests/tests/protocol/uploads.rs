//! Pushing blobs in every way there is.

use roadstead_tests::content::{INLINE_BLOB_BYTES, random_bytes, sha256};
use roadstead_tests::http::{Answer, Connection, Request};
use roadstead_tests::server::Server;

const SIZES: [usize; 4] = [1, 2, INLINE_BLOB_BYTES, 300_000];

/// Checks what tells where an upload is, and returns its location.
#[track_caller]
fn location(answer: &Answer, status: u16, range: &str) -> String {
    answer.expect_status(status);
    answer.assert_headers_of_the_api();
    assert_eq!(answer.header("range"), Some(range), "{answer:?}");
    let location = answer.expect_header("location");
    let id = location
        .strip_prefix("/v2/team/app/blobs/uploads/")
        .unwrap_or_else(|| panic!("{location}"));
    assert!(id.len() >= 32, "{id} can be guessed");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    assert!(id.bytes().all(is_plain), "{id} needs escapes");
    assert_eq!(answer.header("docker-upload-uuid"), Some(id));
    if status == 202 {
        assert_eq!(answer.header("content-length"), Some("0"));
    }
    location.to_owned()
}

#[track_caller]
fn assert_created(connection: &mut Connection, answer: &Answer, content: &[u8]) {
    answer.expect_status(201);
    let digest = sha256(content);
    let named = answer.header("docker-content-digest");
    assert_eq!(named, Some(&*digest));
    let expected = format!("/v2/team/app/blobs/{digest}");
    assert_eq!(answer.header("location"), Some(&*expected));
    assert_eq!(answer.header("content-length"), Some("0"));
    // docker looks at once.
    let length = content.len().to_string();
    let head = connection.head(&expected);
    assert_eq!(head.header("content-length"), Some(&*length));
    let blob = connection.get(&expected);
    assert!(blob.body == content, "{blob:?}");
}

fn start(connection: &mut Connection) -> String {
    let answer = connection.send(&Request::post("/v2/team/app/blobs/uploads/"));
    location(&answer, 202, "0-0")
}

#[test]
fn an_upload_begins_whatever_is_sent_along() {
    let server = Server::start();
    let mut connection = server.connect();
    let uploads = "/v2/team/app/blobs/uploads/";
    for request in [
        Request::post(uploads),
        Request::new("POST", uploads),
        Request::new("POST", uploads).chunked(b"", 1),
        Request::post(uploads).header("Content-Type", "application/json"),
        Request::post("/v2/team/app/blobs/uploads"),
        Request::post("/v2/team/app/blobs/uploads/?ns=docker.io&x=%zz"),
    ] {
        let answer = connection.send(&request);
        let location = location(&answer, 202, "0-0");
        assert_eq!(connection.upload_range(&location), "0--1");
    }
}

#[test]
fn a_blob_goes_up_in_one_request() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in SIZES {
        for is_chunked in [false, true] {
            let content = random_bytes(size);
            let digest = sha256(&content).replace(':', "%3A");
            let post = Request::post(format!("/v2/team/app/blobs/uploads/?digest={digest}"));
            let post = if is_chunked {
                post.chunked(&content, 1000)
            } else {
                post.body(&content)
            };
            let answer = connection.send(&post);
            assert_created(&mut connection, &answer, &content);
        }
    }
}

#[test]
fn a_digest_without_a_body_begins_an_upload() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100);
    let digest = sha256(&content);
    let post = Request::post(format!("/v2/team/app/blobs/uploads/?digest={digest}"));
    let answer = connection.send(&post);
    let location = location(&answer, 202, "0-0");
    let close = Request::put(format!("{location}?digest={digest}")).body(&content);
    let answer = connection.send(&close);
    assert_created(&mut connection, &answer, &content);
}

#[test]
fn a_blob_goes_up_in_the_closing_request() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in SIZES {
        for is_chunked in [false, true] {
            let content = random_bytes(size);
            let location = start(&mut connection);
            let close = Request::put(format!("{location}?digest={}", sha256(&content)));
            let close = if is_chunked {
                close.chunked(&content, 1000)
            } else {
                close.body(&content)
            };
            let answer = connection.send(&close);
            assert_created(&mut connection, &answer, &content);
        }
    }
}

#[test]
fn an_empty_blob_goes_up_in_every_way() {
    let server = Server::start();
    let mut connection = server.connect();
    let digest = sha256(b"");
    let location = start(&mut connection);
    let close = Request::put(format!("{location}?digest={digest}"));
    let answer = connection.send(&close);
    assert_created(&mut connection, &answer, b"");
    let location = start(&mut connection);
    let close = Request::put(format!("{location}?digest={digest}"));
    let answer = connection.send(&close.chunked(b"", 1));
    assert_created(&mut connection, &answer, b"");
    let post = Request::post(format!("/v2/team/app/blobs/uploads/?digest={digest}"));
    let answer = connection.send(&post);
    assert_created(&mut connection, &answer, b"");
    let location = start(&mut connection);
    let answer = connection.send(&Request::patch(&location));
    // docker wants an end that is not below the start.
    self::location(&answer, 202, "0-0");
    assert_eq!(connection.upload_range(&location), "0--1");
    let answer = connection.close_upload(&location, &digest);
    assert_created(&mut connection, &answer, b"");
}

#[test]
fn a_blob_is_streamed_in_requests_without_a_range() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in SIZES {
        let content = random_bytes(3 * size);
        let location = start(&mut connection);
        for (number, part) in content.chunks(size).enumerate() {
            let patch = Request::patch(&location);
            let patch = if number == 1 {
                patch.chunked(part, 777)
            } else {
                patch.body(part)
            };
            let answer = connection.send(&patch);
            let range = format!("0-{}", (number + 1) * size - 1);
            assert_eq!(self::location(&answer, 202, &range), location);
            assert_eq!(connection.upload_range(&location), range);
        }
        let answer = connection.close_upload(&location, &sha256(&content));
        assert_created(&mut connection, &answer, &content);
    }
}

#[test]
fn a_blob_goes_up_in_chunks_the_last_with_the_closing_request() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in SIZES {
        for last_closes in [false, true] {
            let content = random_bytes(3 * size);
            let location = start(&mut connection);
            let target = format!("{location}?digest={}", sha256(&content));
            let mut answer = None;
            for (number, part) in content.chunks(size).enumerate() {
                let range = format!("{}-{}", number * size, (number + 1) * size - 1);
                if number == 2 && last_closes {
                    let put = Request::put(&target).header("Content-Range", &range);
                    answer = Some(connection.send(&put.body(part)));
                } else {
                    let patch = Request::patch(&location).header("Content-Range", &range);
                    let sent = connection.send(&patch.body(part));
                    let range = format!("0-{}", (number + 1) * size - 1);
                    self::location(&sent, 202, &range);
                }
            }
            let answer = answer.unwrap_or_else(|| connection.send(&Request::put(&target)));
            assert_created(&mut connection, &answer, &content);
        }
    }
}

#[test]
fn an_old_location_stays_valid() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(42);
    let first = start(&mut connection);
    let chunk = |range: &str, bytes: &[u8]| {
        Request::patch(&first)
            .header("Content-Range", range)
            .body(bytes)
    };
    let answer = connection.send(&chunk("0-20", &content[..21]));
    location(&answer, 202, "0-20");
    let repeated = connection.send(&chunk("0-20", &content[..21]));
    repeated.expect_error(416, "RANGE_INVALID");
    let stale = connection.get(&first);
    location(&stale, 204, "0-20");
    let answer = connection.send(&chunk("21-41", &content[21..]));
    location(&answer, 202, "0-41");
    let answer = connection.close_upload(&first, &sha256(&content));
    assert_created(&mut connection, &answer, &content);
}

#[test]
fn asking_after_an_upload_ignores_what_does_not_matter() {
    let server = Server::start();
    let mut connection = server.connect();
    let location = start(&mut connection);
    connection
        .send(&Request::patch(&location).body(b"abc"))
        .expect_status(202);
    for query in [
        "?digest=sha256%3Aaa",
        "?digest=bad",
        "?_state=x",
        "?a&b=%zz",
    ] {
        let answer = connection.get(format!("{location}{query}"));
        self::location(&answer, 204, "0-2");
    }
}

#[test]
fn a_closing_request_may_come_with_other_parameters_in_any_order() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100);
    let digest = sha256(&content).replace(':', "%3A");
    for query in [
        format!("?digest={digest}&_state=abc"),
        format!("?_state=abc&digest={digest}&ns=docker.io"),
        format!("?digest={digest}&digest={digest}"),
    ] {
        let location = start(&mut connection);
        let put = Request::put(format!("{location}{query}")).body(&content);
        let answer = connection.send(&put);
        assert_created(&mut connection, &answer, &content);
    }
}

#[test]
fn a_cancelled_upload_is_over() {
    let server = Server::start();
    let mut connection = server.connect();
    let location = start(&mut connection);
    let large = random_bytes(300_000);
    connection
        .send(&Request::patch(&location).body(&large))
        .expect_status(202);
    connection.delete(&location).expect_status(204);
    for request in [Request::get(&location), Request::delete(&location)] {
        connection
            .send(&request)
            .expect_error(404, "BLOB_UPLOAD_UNKNOWN");
    }
    assert_eq!(server.staged_files(), 0);
}

#[test]
fn a_repeated_push_of_the_same_blob_is_the_same_success() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in SIZES {
        let content = random_bytes(size);
        let digest = sha256(&content);
        for _ in 0..3 {
            let post = Request::post(format!("/v2/team/app/blobs/uploads/?digest={digest}"));
            let answer = connection.send(&post.body(&content));
            assert_created(&mut connection, &answer, &content);
        }
    }
    assert_eq!(
        server.data_files().len(),
        1,
        "the one large blob is kept once"
    );
}
