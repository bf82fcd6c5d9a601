//! Parts of blobs: single ranges, several at once, and conditions on them.

use roadstead_tests::content::{INLINE_BLOB_BYTES, random_bytes};
use roadstead_tests::http::{Answer, Connection, Request};
use roadstead_tests::server::Server;
use std::ops::RangeInclusive;

/// Sizes of blobs that the server keeps in different ways: in a record, in a file.
const SIZES: [usize; 2] = [10_000, 10 * INLINE_BLOB_BYTES];

fn get_range(connection: &mut Connection, target: &str, range: &str) -> Answer {
    connection.send(&Request::get(target).header("Range", range))
}

fn push(connection: &mut Connection, content: &[u8]) -> String {
    let digest = connection.push_blob("a", content);
    format!("/v2/a/blobs/{digest}")
}

#[test]
fn a_single_range_gives_these_bytes_and_says_which() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in SIZES {
        let content = random_bytes(size);
        let target = push(&mut connection, &content);
        let last = size - 1;
        for (range, expected) in [
            ("bytes=0-0", 0..=0),
            ("bytes=500-1499", 500..=1499),
            ("bytes=500-", 500..=last),
            ("bytes=-500", size - 500..=last),
            (&format!("bytes={last}-"), last..=last),
            // Beyond the end is cut, as is one byte too far, which regclient asks for.
            (&format!("bytes=2000-{}", 2 * size), 2000..=last),
            (&format!("bytes=0-{size}"), 0..=last),
            (&format!("bytes=-{}", 2 * size), 0..=last),
            ("bytes=0-18446744073709551616", 0..=last),
            ("BYTES=1-2", 1..=2),
            ("bytes= 1-2 ", 1..=2),
        ] {
            let answer = get_range(&mut connection, &target, range);
            answer.expect_status(206);
            let (start, end) = (*expected.start(), *expected.end());
            let content_range = format!("bytes {start}-{end}/{size}");
            assert_eq!(answer.header("content-range"), Some(&*content_range));
            assert!(answer.body == content[expected], "{range}");
            assert!(answer.header("docker-content-digest").is_some());
            assert_eq!(answer.header("accept-ranges"), Some("bytes"));
        }
    }
}

#[test]
fn an_empty_blob_has_no_ranges() {
    let server = Server::start();
    let mut connection = server.connect();
    let target = push(&mut connection, b"");
    for range in ["bytes=0-", "bytes=0-0", "bytes=5-9"] {
        let answer = get_range(&mut connection, &target, range);
        answer.expect_error(416, "RANGE_INVALID");
        assert_eq!(answer.header("content-range"), Some("bytes */0"));
    }
    let suffix = get_range(&mut connection, &target, "bytes=-5");
    assert!(matches!(suffix.status, 200 | 416), "{suffix:?}");
}

/// Takes a multipart answer apart: the ranges and the bytes of each.
fn parts(answer: &Answer) -> Vec<(RangeInclusive<usize>, Vec<u8>)> {
    answer.expect_status(206);
    let kind = answer.expect_header("content-type");
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap_or_else(|| panic!("{kind}"));
    let mut rest = &answer.body[..];
    let mut parts = Vec::new();
    let mut delimiter = format!("--{boundary}\r\n");
    while let Some(part) = rest.strip_prefix(delimiter.as_bytes()) {
        let head_end = part
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("a part has a head");
        let head = String::from_utf8_lossy(&part[..head_end]);
        let range = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Range: bytes "))
            .and_then(|range| range.split_once('/')?.0.split_once('-'))
            .unwrap_or_else(|| panic!("{head}"));
        assert!(head.contains("Content-Type: application/octet-stream"));
        let number = |text: &str| -> usize { text.parse().expect("a range has numbers") };
        let range = number(range.0)..=number(range.1);
        let length = range.end() - range.start() + 1;
        let body = &part[head_end + 4..];
        parts.push((range, body[..length].to_vec()));
        rest = &body[length..];
        delimiter = format!("\r\n--{boundary}\r\n");
    }
    assert_eq!(rest, format!("\r\n--{boundary}--\r\n").as_bytes());
    parts
}

#[test]
fn several_ranges_come_as_parts_in_the_order_they_were_asked_for() {
    let server = Server::start();
    let mut connection = server.connect();
    for size in SIZES {
        let content = random_bytes(size);
        let target = push(&mut connection, &content);
        let last = size - 1;
        for (range, expected) in [
            ("bytes=0-9,100-199", vec![0..=9, 100..=199]),
            (
                "bytes=5000-5999, 0-0 ,-1",
                vec![5000..=5999, 0..=0, last..=last],
            ),
            ("bytes=0-9,20-29,999999999-", vec![0..=9, 20..=29]),
            // Neighbours stay apart: podman reads one part for each.
            ("bytes=0-9,10-19", vec![0..=9, 10..=19]),
            ("bytes=0-99,50-149,1000-1009", vec![0..=149, 1000..=1009]),
        ] {
            let answer = get_range(&mut connection, &target, range);
            let parts = parts(&answer);
            let ranges: Vec<_> = parts.iter().map(|(range, _)| range.clone()).collect();
            assert_eq!(ranges, expected, "{range}");
            for (range, bytes) in parts {
                assert!(bytes == content[range.clone()], "{range:?}");
            }
            connection.assert_usable();
        }
    }
}

#[test]
fn several_ranges_that_are_one_come_as_one() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(SIZES[1]);
    let target = push(&mut connection, &content);
    for range in [
        "bytes=0-99,50-199",
        "bytes=0-199,50-60",
        "bytes=0-199,999999999-",
    ] {
        let answer = get_range(&mut connection, &target, range);
        answer.expect_status(206);
        let expected = format!("bytes 0-199/{}", content.len());
        assert_eq!(answer.header("content-range"), Some(&*expected), "{range}");
        assert_eq!(answer.body, &content[..200]);
    }
    let none = get_range(&mut connection, &target, "bytes=999999998-,999999999-");
    none.expect_error(416, "RANGE_INVALID");
}

#[test]
fn hundreds_of_ranges_are_answered_one_by_one() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(1_000_000);
    let target = push(&mut connection, &content);
    let ranges: Vec<String> = (0..500)
        .map(|number| format!("{}-{}", number * 2000, number * 2000 + 99))
        .collect();
    let answer = get_range(
        &mut connection,
        &target,
        &format!("bytes={}", ranges.join(",")),
    );
    let parts = parts(&answer);
    assert_eq!(parts.len(), 500);
    for (range, bytes) in parts {
        assert!(bytes == content[range.clone()], "{range:?}");
    }
}

#[test]
fn a_range_of_another_version_is_not_given() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(SIZES[0]);
    let digest = connection.push_blob("a", &content);
    let target = format!("/v2/a/blobs/{digest}");
    for (validator, status) in [
        (format!("\"{digest}\""), 206),
        ("\"sha256:00\"".to_owned(), 200),
        (format!("W/\"{digest}\""), 200),
        ("Wed, 21 Oct 2015 07:28:00 GMT".to_owned(), 200),
    ] {
        let request = Request::get(&target)
            .header("Range", "bytes=0-9")
            .header("If-Range", &validator);
        let answer = connection.send(&request);
        answer.expect_status(status);
        let length = if status == 206 { 10 } else { content.len() };
        assert_eq!(answer.body.len(), length, "{validator}");
    }
    // Nothing is better than a part.
    let request = Request::get(&target)
        .header("Range", "bytes=0-9")
        .header("If-None-Match", format!("\"{digest}\""));
    connection.send(&request).expect_status(304);
}

#[test]
fn a_download_that_broke_off_is_gone_on_with() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(2_000_000);
    let target = push(&mut connection, &content);
    let mut broken = server.connect();
    broken.write(&Request::get(&target).to_bytes());
    broken.read_exactly(100_000);
    broken.reset();
    let rest = get_range(&mut connection, &target, "bytes=99000-");
    rest.expect_status(206);
    assert!(rest.body == content[99_000..], "{rest:?}");
}
