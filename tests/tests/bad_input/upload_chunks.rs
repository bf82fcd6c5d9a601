//! Cases 29 to 32 and 39: chunks out of order, of the wrong size, and two at once.

use crate::refusal::{refused, refused_with_any};
use roadstead_tests::content::{INLINE_BLOB_BYTES, random_bytes, sha256};
use roadstead_tests::http::{Answer, Connection, Request};
use roadstead_tests::server::Server;
use std::sync::Barrier;

fn chunk(location: &str, range: &str, bytes: &[u8]) -> Request {
    Request::patch(location)
        .header("Content-Range", range)
        .body(bytes)
}

/// Sends a chunk that is not the next one: the answer tells where the upload is, and it goes on.
#[track_caller]
fn assert_out_of_place(
    connection: &mut Connection,
    request: &Request,
    location: &str,
    range: &str,
) {
    let answer = refused(connection, request, 416, "RANGE_INVALID");
    assert_place(&answer, location, range);
    assert_eq!(connection.upload_range(location), range);
}

#[track_caller]
fn assert_place(answer: &Answer, location: &str, range: &str) {
    assert_eq!(answer.header("location"), Some(location), "{answer:?}");
    assert_eq!(answer.header("range"), Some(range), "{answer:?}");
}

#[test]
fn case_29_a_chunk_of_another_size_than_its_range_is_refused_and_not_appended() {
    let server = Server::start();
    let mut connection = server.connect();
    let location = connection.start_upload("a");
    for (range, length) in [
        ("0-9", 9),
        ("0-9", 11),
        ("0-0", 2),
        ("0-9", 0),
        ("0-4", 40_000),
    ] {
        let bytes = random_bytes(length);
        let sized = chunk(&location, range, &bytes);
        refused(&mut connection, &sized, 400, "SIZE_INVALID");
        assert_eq!(connection.upload_range(&location), "0--1");

        // Without a length the end tells; what came before it does not count either.
        let chunked = Request::patch(&location).header("Content-Range", range);
        let chunked = chunked.chunked(&bytes, 1000);
        refused(&mut connection, &chunked, 400, "SIZE_INVALID");
        assert_eq!(connection.upload_range(&location), "0--1");
    }
    let content = random_bytes(10);
    connection
        .send(&chunk(&location, "0-9", &content))
        .expect_status(202);
    connection
        .close_upload(&location, &sha256(&content))
        .expect_status(201);
}

#[test]
fn case_30_a_malformed_content_range_is_refused_without_harm() {
    let server = Server::start();
    let mut connection = server.connect();
    let location = connection.start_upload("a");
    let reversed = chunk(&location, "5-2", b"abcd");
    assert_out_of_place(&mut connection, &reversed, &location, "0--1");
    for range in [
        "a-b",
        "-1-5",
        "0-18446744073709551616",
        "18446744073709551615-18446744073709551615",
        "0-18446744073709551615",
        "0",
        "-",
        "0-",
        "-4",
        "0--1",
        "0-3-5",
        "+0-3",
        "0 - 3",
        "0-3,4-7",
        "0x0-0x3",
        "items 0-3/4",
        "",
    ] {
        let request = chunk(&location, range, b"abcd");
        refused_with_any(&mut connection, &request, &[400, 416]);
        assert_eq!(connection.upload_range(&location), "0--1", "{range}");
    }
}

#[test]
fn case_30_a_content_range_with_a_unit_is_tolerated() {
    let server = Server::start();
    let mut connection = server.connect();
    for range in ["bytes 0-3/4", "bytes 0-3/*"] {
        let location = connection.start_upload("a");
        let answer = connection.send(&chunk(&location, range, b"abcd"));
        if answer.status == 202 {
            assert_eq!(answer.header("range"), Some("0-3"), "{range}");
        } else {
            assert!(matches!(answer.status, 400 | 416), "{answer:?}");
            answer.assert_error_form();
        }
    }
}

#[test]
fn case_31_a_chunk_that_is_not_the_next_one_is_refused_and_the_upload_goes_on() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in [100, 2 * INLINE_BLOB_BYTES] {
        let content = random_bytes(2 * size);
        let (first, second) = content.split_at(size);
        let ranges = [
            format!("0-{}", size - 1),
            format!("{size}-{}", 2 * size - 1),
        ];
        let location = connection.start_upload("a");
        let gap = chunk(&location, &ranges[1], second);
        assert_out_of_place(&mut connection, &gap, &location, "0--1");
        connection
            .send(&chunk(&location, &ranges[0], first))
            .expect_status(202);

        let repeated = chunk(&location, &ranges[0], first);
        assert_out_of_place(&mut connection, &repeated, &location, &ranges[0]);
        let overlap = format!("{}-{}", size - 1, 2 * size - 2);
        let overlapping = chunk(&location, &overlap, second);
        assert_out_of_place(&mut connection, &overlapping, &location, &ranges[0]);
        let gap = format!("{}-{}", size + 1, 2 * size);
        let gap = chunk(&location, &gap, second);
        assert_out_of_place(&mut connection, &gap, &location, &ranges[0]);

        let next = connection.send(&chunk(&location, &ranges[1], second));
        next.expect_status(202);
        assert_place(&next, &location, &format!("0-{}", 2 * size - 1));
        let closed = connection.close_upload(&location, &sha256(&content));
        closed.expect_status(201);
    }
}

#[test]
fn case_32_a_closing_chunk_out_of_order_is_refused_and_the_upload_goes_on() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(200);
    let location = connection.start_upload_with("a", &content[..100]);
    let target = format!("{location}?digest={}", sha256(&content));
    let close = |range: &str| {
        Request::put(&target)
            .header("Content-Range", range)
            .body(&content[100..])
    };
    for range in ["0-99", "99-198", "101-200", "5000-5099"] {
        assert_out_of_place(&mut connection, &close(range), &location, "0-99");
    }
    let wrong_size = close("100-198");
    refused(&mut connection, &wrong_size, 400, "SIZE_INVALID");
    assert_eq!(connection.upload_range(&location), "0-99");
    connection.send(&close("100-199")).expect_status(201);
}

#[test]
fn case_39_of_two_chunks_at_once_one_wins_and_the_content_is_its_own() {
    let server = Server::start();
    for round in 0..20 {
        let size = if round % 2 == 0 { 1000 } else { 200_000 };
        let contents = [random_bytes(size), random_bytes(size)];
        let location = server.connect().start_upload("a");
        let range = format!("0-{}", size - 1);
        let barrier = Barrier::new(2);
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let writers = contents.each_ref().map(|content| {
                let request = chunk(&location, &range, content);
                let mut connection = server.connect();
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    connection.send(&request)
                })
            });
            writers
                .into_iter()
                .map(|writer| writer.join().expect("the request is answered"))
                .collect()
        });
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        let winner = statuses.iter().position(|status| *status == 202);
        let winner = winner.unwrap_or_else(|| panic!("nobody won: {answers:?}"));
        answers[1 - winner].expect_error(416, "RANGE_INVALID");

        let mut connection = server.connect();
        assert_eq!(connection.upload_range(&location), range);
        let digest = sha256(&contents[winner]);
        connection
            .close_upload(&location, &digest)
            .expect_status(201);
        let blob = connection.get(format!("/v2/a/blobs/{digest}"));
        assert!(blob.body == contents[winner], "the content is mixed");
    }
}
