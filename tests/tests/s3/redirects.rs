//! Pulls that the real binary sends to the bucket, followed there as clients follow.

use crate::fixture::BUCKET;
use roadstead_tests::content::{INLINE_BLOB_BYTES, random_bytes, sha256};
use roadstead_tests::http::{Answer, Connection, Request};
use roadstead_tests::s3_fake::{FakeOptions, S3Fake, S3Operation};
use roadstead_tests::server::Server;
use std::io::Write;
use std::net::SocketAddr;
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;

/// Larger than what `redirect.least_size` is set to here.
const LARGE: usize = 200_000;

/// A server over a fake bucket. The fake lives on threads of its own, so that tests may wait.
struct Fixture {
    server: Server,
    fake: S3Fake,
    _runtime: Runtime,
}

impl Fixture {
    fn start() -> Self {
        Self::start_with(true, "least_size: 100KB")
    }

    fn start_with(is_on: bool, redirect: &str) -> Self {
        Self::start_behind("", is_on, redirect)
    }

    fn start_behind(proxies: &str, is_on: bool, redirect: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let fake = runtime
            .block_on(S3Fake::start(FakeOptions::default()))
            .unwrap();
        let FakeOptions {
            access_key,
            secret_key,
            ..
        } = fake.options();
        let mut secret = NamedTempFile::new().unwrap();
        secret.write_all(secret_key.as_bytes()).unwrap();
        let yaml = format!(
            "storage: {{s3: {{bucket: {BUCKET}, prefix: r, endpoint: \"{}\", path_style: true, \
             access_key: {access_key}, secret_key: '${{file:{}}}', redirect: {is_on}}}}}\n\
             trusted_proxies: [{proxies}]\nredirect: {{{redirect}}}\n",
            fake.endpoint(),
            secret.path().display(),
        );
        let server = Server::start_with(&yaml);
        Self {
            server,
            fake,
            _runtime: runtime,
        }
    }

    fn push(&self, content: &[u8]) -> String {
        let digest = self.server.connect().push_blob("a", content);
        format!("/v2/a/blobs/{digest}")
    }

    fn get(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(target);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        self.server.connect().send(&request)
    }

    /// Sends the request again where the answer points, as clients do.
    fn follow(&self, answer: &Answer, headers: &[(&str, &str)]) -> Answer {
        answer.expect_status(307);
        let location = answer.expect_header("location");
        let target = location.strip_prefix(&self.fake.endpoint()).unwrap();
        let host = self.fake.endpoint().replace("http://", "");
        let mut request = Request::get(target).header("Host", &host);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let address: SocketAddr = host.parse().unwrap();
        Connection::open(address).send(&request)
    }
}

#[test]
fn a_large_blob_is_fetched_from_the_bucket() {
    let fixture = Fixture::start();
    let content = random_bytes(LARGE);
    let target = fixture.push(&content);
    let reads = fixture.fake.counts().of(S3Operation::GetObject);
    let answer = fixture.get(&target, &[]);
    answer.expect_status(307);
    answer.assert_headers_of_the_api();
    let digest = sha256(&content);
    assert_eq!(answer.expect_header("docker-content-digest"), digest);
    assert_eq!(answer.expect_header("cache-control"), "no-store");
    assert_eq!(answer.expect_header("content-length"), "0");
    assert!(answer.body.is_empty());
    // What is not signed may differ: a client adds its own headers, above all the range.
    let location = answer.expect_header("location");
    assert!(location.contains("X-Amz-SignedHeaders=host&"), "{location}");
    assert!(location.contains("X-Amz-Expires=600&"), "{location}");
    // The record of who may see the blob was read, the blob was not.
    let read = fixture.fake.counts().of(S3Operation::GetObject) - reads;
    assert!(read <= 1, "{read} objects were read");
    let there = fixture.follow(&answer, &[]);
    there.expect_status(200);
    assert!(there.body == content, "the content differs");
}

#[test]
fn a_range_goes_along_to_the_bucket() {
    let fixture = Fixture::start();
    let content = random_bytes(LARGE);
    let target = fixture.push(&content);
    for (range, expected) in [
        ("bytes=500-1499", &content[500..1500]),
        ("bytes=150000-", &content[150_000..]),
        ("bytes=-7", &content[LARGE - 7..]),
    ] {
        let headers = [("Range", range)];
        let there = fixture.follow(&fixture.get(&target, &headers), &headers);
        there.expect_status(206);
        assert!(there.body == expected, "{range} differs");
    }
}

#[test]
fn what_the_bucket_would_read_otherwise_is_answered_here() {
    let fixture = Fixture::start();
    let content = random_bytes(LARGE);
    let target = fixture.push(&content);
    let digest = sha256(&content);
    let beyond = format!("bytes={LARGE}-");
    let tag = format!("\"{digest}\"");
    for (name, value, status) in [
        ("Range", "bytes=0-9,100-109", 206),
        ("Range", &*beyond, 416),
        ("Range", "bytes=9-5", 416),
        ("Range", "lines=1-2", 200),
        ("If-None-Match", &*tag, 304),
        ("If-None-Match", "\"other\"", 307),
        ("If-Match", &*tag, 200),
    ] {
        let answer = fixture.get(&target, &[(name, value)]);
        assert_eq!(answer.status, status, "{name}: {value}");
    }
    let resumed = fixture.get(&target, &[("Range", "bytes=5-"), ("If-Range", &tag)]);
    resumed.expect_status(206);
    assert!(resumed.body == content[5..], "the content differs");
}

#[test]
fn a_head_is_answered_here() {
    let fixture = Fixture::start();
    let target = fixture.push(&random_bytes(LARGE));
    let head = fixture.server.connect().head(&target);
    head.expect_status(200);
    assert_eq!(head.expect_header("content-length"), LARGE.to_string());
}

#[test]
fn small_blobs_are_served_here() {
    let fixture = Fixture::start();
    for size in [0, 1, INLINE_BLOB_BYTES, 99_999] {
        let content = random_bytes(size);
        let answer = fixture.get(&fixture.push(&content), &[]);
        answer.expect_status(200);
        assert!(answer.body == content, "{size} bytes differ");
    }
    let least = fixture.push(&random_bytes(100_000));
    fixture.get(&least, &[]).expect_status(307);
}

#[test]
fn content_of_a_record_has_no_address_however_low_the_least_size() {
    let fixture = Fixture::start_with(true, "least_size: 0");
    for size in [0, 1, INLINE_BLOB_BYTES] {
        let content = random_bytes(size);
        let answer = fixture.get(&fixture.push(&content), &[]);
        answer.expect_status(200);
        assert!(answer.body == content, "{size} bytes differ");
    }
    let first_object = fixture.push(&random_bytes(INLINE_BLOB_BYTES + 1));
    fixture.get(&first_object, &[]).expect_status(307);
}

#[test]
fn only_clients_of_the_networks_are_sent_away() {
    for (rules, status) in [
        ("networks: [10.0.0.0/8]", 200),
        ("networks: []", 200),
        ("networks: [127.0.0.0/8, '::1']", 307),
        ("except: [127.0.0.1]", 200),
        ("networks: [127.0.0.0/8], except: [127.0.0.2]", 307),
    ] {
        let fixture = Fixture::start_with(true, &format!("least_size: 100KB, {rules}"));
        let target = fixture.push(&random_bytes(LARGE));
        assert_eq!(fixture.get(&target, &[]).status, status, "{rules}");
    }
}

#[test]
fn a_load_balancer_says_where_a_client_is_and_nobody_else_does() {
    let rules = "least_size: 100KB, networks: [192.0.2.0/24]";
    for (proxies, status) in [("127.0.0.1", 307), ("127.0.0.2", 200)] {
        let fixture = Fixture::start_behind(proxies, true, rules);
        let target = fixture.push(&random_bytes(LARGE));
        let client = ("X-Forwarded-For", "198.51.100.1, 192.0.2.7");
        assert_eq!(fixture.get(&target, &[client]).status, status, "{proxies}");
        fixture.get(&target, &[]).expect_status(200);
    }
}

#[test]
fn nobody_is_sent_away_unless_the_driver_is_told_to() {
    let fixture = Fixture::start_with(false, "least_size: 0");
    let target = fixture.push(&random_bytes(LARGE));
    fixture.get(&target, &[]).expect_status(200);
}

#[test]
fn a_blob_of_another_repository_has_no_address() {
    let fixture = Fixture::start();
    let content = random_bytes(LARGE);
    let target = fixture.push(&content);
    let elsewhere = target.replace("/v2/a/", "/v2/b/");
    let answer = fixture.get(&elsewhere, &[]);
    answer.expect_error(404, "BLOB_UNKNOWN");
    assert_eq!(answer.header("location"), None);
    fixture.server.connect().delete(&target).expect_status(202);
    let deleted = fixture.get(&target, &[]);
    deleted.expect_error(404, "BLOB_UNKNOWN");
}

#[test]
fn a_client_that_would_show_the_bucket_its_credentials_is_served_here() {
    let fixture = Fixture::start();
    let target = fixture.push(&random_bytes(LARGE));
    let credentials = ("Authorization", "Basic bWU6c2VjcmV0");
    // Go's client takes them to the same host at another port.
    let same_host = fixture.get(&target, &[("Host", "127.0.0.1:5000"), credentials]);
    same_host.expect_status(200);
    let other_host = fixture.get(&target, &[credentials]);
    other_host.expect_status(307);
}

#[test]
fn no_address_is_logged() {
    let fixture = Fixture::start();
    let target = fixture.push(&random_bytes(LARGE));
    let answer = fixture.get(&target, &[]);
    answer.expect_status(307);
    let id = answer.expect_header("x-request-id");
    let line = fixture.server.log().wait_for_request(id);
    assert_eq!(line["status"], 307);
    for line in fixture.server.log().lines() {
        assert!(!line.contains("X-Amz-"), "{line}");
    }
}
