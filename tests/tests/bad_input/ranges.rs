//! Cases 51 to 56: ranges and conditions.

use crate::refusal::refused;
use roadstead_tests::content::{INLINE_BLOB_BYTES, empty_index, random_bytes};
use roadstead_tests::http::{Answer, Connection, Request};
use roadstead_tests::server::Server;

const SIZES: [usize; 2] = [1000, 2 * INLINE_BLOB_BYTES];

/// Pushes a blob and returns its path.
fn push(connection: &mut Connection, content: &[u8]) -> String {
    let digest = connection.push_blob("a", content);
    format!("/v2/a/blobs/{digest}")
}

fn get_range(connection: &mut Connection, target: &str, range: &str) -> Answer {
    connection.send(&Request::get(target).header("Range", range))
}

#[test]
fn case_51_a_range_beyond_all_numbers_is_not_satisfiable() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in SIZES {
        let target = push(&mut connection, &random_bytes(size));
        for range in [
            "bytes=99999999999999999999-",
            "bytes=18446744073709551615-",
            "bytes=18446744073709551616-18446744073709551617",
            &format!("bytes={size}-"),
        ] {
            let request = Request::get(&target).header("Range", range);
            let answer = refused(&mut connection, &request, 416, "RANGE_INVALID");
            let expected = format!("bytes */{size}");
            assert_eq!(answer.header("content-range"), Some(&*expected));
        }
    }
}

#[test]
fn case_52_empty_and_reversed_ranges_are_refused_and_other_units_ignored() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in SIZES {
        let content = random_bytes(size);
        let target = push(&mut connection, &content);
        for range in ["bytes=-0", "bytes=5-2"] {
            let request = Request::get(&target).header("Range", range);
            let answer = refused(&mut connection, &request, 416, "RANGE_INVALID");
            let expected = format!("bytes */{size}");
            assert_eq!(answer.header("content-range"), Some(&*expected));
        }
        for range in [
            "bytes=abc",
            "items=0-1",
            "bytes",
            "bytes=",
            "=0-1",
            "bytes=--1",
            "",
        ] {
            let answer = get_range(&mut connection, &target, range);
            answer.expect_status(200);
            assert!(answer.body == content, "{range}");
        }
    }
}

#[test]
fn case_53_a_flood_of_ranges_is_answered_with_the_whole_or_joined() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(4 * 1024 * 1024);
    let target = push(&mut connection, &content);
    let before = server.resident_bytes();

    let tiny: Vec<String> = (0..10_000).map(|at| format!("{0}-{0}", at * 2)).collect();
    let overlapping = vec!["0-"; 10_000].join(",");
    for ranges in [tiny.join(","), overlapping] {
        let mut connection = server.connect();
        let answer = get_range(&mut connection, &target, &format!("bytes={ranges}"));
        if answer.status == 431 {
            continue;
        }
        assert!(matches!(answer.status, 200 | 206), "{answer:?}");
        assert!(answer.body.len() < 2 * content.len(), "more than twice");
    }
    // As many as are looked at, all the same: the whole must not come a thousand times.
    let overlapping = vec!["0-"; 1000].join(",");
    let answer = get_range(&mut connection, &target, &format!("bytes={overlapping}"));
    assert!(matches!(answer.status, 200 | 206), "{answer:?}");
    assert!(answer.body == content, "{answer:?}");

    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 32 * 1024 * 1024, "grew by {grown} bytes");
}

#[test]
fn case_54_the_first_and_the_last_byte_come_as_two_parts() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in SIZES {
        let content = random_bytes(size);
        let target = push(&mut connection, &content);
        let answer = get_range(&mut connection, &target, "bytes=0-0,-1");
        answer.expect_status(206);
        let kind = answer.expect_header("content-type");
        let boundary = kind.strip_prefix("multipart/byteranges; boundary=");
        let boundary = boundary.unwrap_or_else(|| panic!("{kind}"));
        let last = size - 1;
        let part = |line_break: &str, at: usize| {
            let head = format!(
                "{line_break}--{boundary}\r\nContent-Type: application/octet-stream\r\n\
                 Content-Range: bytes {at}-{at}/{size}\r\n\r\n"
            );
            [head.as_bytes(), &content[at..=at]].concat()
        };
        let end = format!("\r\n--{boundary}--\r\n");
        let expected = [part("", 0), part("\r\n", last), end.into_bytes()].concat();
        assert_eq!(
            String::from_utf8_lossy(&answer.body),
            String::from_utf8_lossy(&expected)
        );
        connection.assert_usable();
    }
}

#[test]
fn case_55_a_range_of_a_manifest_or_of_a_head_is_ignored() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("case 55");
    connection.push_manifest("a", "tag", &manifest);
    let answer = get_range(&mut connection, "/v2/a/manifests/tag", "bytes=0-3");
    answer.expect_status(200);
    assert_eq!(answer.body, manifest.bytes);

    let content = random_bytes(1000);
    let target = push(&mut connection, &content);
    for range in ["bytes=0-3", "bytes=5000-", "bytes=0-0,-1"] {
        let head = connection.send(&Request::head(&target).header("Range", range));
        head.expect_status(200);
        assert_eq!(head.header("content-length"), Some("1000"), "{range}");
        connection.assert_usable();
    }
}

#[test]
fn case_56_any_entity_tag_matches_what_is_there_and_garbage_nothing() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(1000);
    let blob = push(&mut connection, &content);
    connection.push_manifest("a", "tag", &empty_index("case 56"));
    let many: Vec<String> = (0..100).map(|number| format!("\"{number}\"")).collect();
    let garbage = [
        "",
        ",,,",
        "\"",
        "W/",
        "**",
        "sha256:",
        "\u{e4}\u{f6}",
        &many.join(", "),
    ];
    for target in [&*blob, "/v2/a/manifests/tag"] {
        for method in ["GET", "HEAD"] {
            let ask = |tag: &str| Request::new(method, target).header("If-None-Match", tag);
            let answer = connection.send(&ask("*"));
            answer.expect_status(304);
            assert!(answer.header("etag").is_some(), "{answer:?}");
            for tag in garbage {
                connection.send(&ask(tag)).expect_status(200);
            }
        }
    }
    let missing = format!("/v2/a/blobs/{}", roadstead_tests::content::unknown_digest());
    let missing = Request::get(missing).header("If-None-Match", "*");
    refused(&mut connection, &missing, 404, "BLOB_UNKNOWN");
}
