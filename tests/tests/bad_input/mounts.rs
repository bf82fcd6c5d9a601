//! Cases 42, 43 and 46: mounts that find nothing, or something that just goes away.

use crate::refusal::refused_with_any;
use roadstead_tests::content::{random_bytes, sha256, unknown_digest};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::server::Server;
use std::sync::Barrier;

fn mount(repository: &str, query: &str) -> Request {
    Request::post(format!("/v2/{repository}/blobs/uploads/?{query}"))
}

/// Expects a fresh session that works.
#[track_caller]
fn assert_begins_a_session(connection: &mut Connection, request: &Request) {
    let answer = connection.send(request);
    answer.expect_status(202);
    let location = answer.expect_header("location").to_owned();
    let content = random_bytes(100);
    let close = Request::put(format!("{location}?digest={}", sha256(&content)));
    connection.send(&close.body(&content)).expect_status(201);
}

#[test]
fn case_42_a_mount_of_no_digest_is_refused() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_image("source", "tag");
    for digest in ["bad", "", "sha256:abc", "md5:00", "sha256%00"] {
        let request = mount("target", &format!("mount={digest}&from=source"));
        let answer = connection.send(&request);
        if answer.status != 202 {
            answer.expect_error(400, "DIGEST_INVALID");
        }
        connection.assert_usable();
    }
}

#[test]
fn case_43_a_mount_that_finds_nothing_begins_a_session() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100);
    let digest = connection.push_blob("source", &content);
    let other = unknown_digest();
    for query in [
        format!("mount={other}&from=source"),
        format!("mount={digest}&from=nobody"),
        format!("mount={digest}&from=NoName"),
        format!("mount={digest}&from=.."),
        format!("mount={digest}&from="),
        format!("mount={digest}&from=%zz"),
        format!("mount={digest}&from={}", "a".repeat(300)),
        format!("mount={other}"),
    ] {
        assert_begins_a_session(&mut connection, &mount("target", &query));
    }
    let blob = Request::get(format!("/v2/target/blobs/{digest}"));
    refused_with_any(&mut connection, &blob, &[404]);
}

#[test]
fn case_46_a_mounted_blob_stays_though_its_source_goes_at_the_same_time() {
    let server = Server::start();
    let mut mounted = 0;
    for round in 0..60 {
        let size = if round % 2 == 0 { 500 } else { 50_000 };
        let content = random_bytes(size);
        let digest = server.connect().push_blob("source", &content);
        let barrier = Barrier::new(2);
        let (answer, deleted) = std::thread::scope(|scope| {
            let deleter = scope.spawn(|| {
                let mut connection = server.connect();
                barrier.wait();
                connection.delete(format!("/v2/source/blobs/{digest}"))
            });
            let mut connection = server.connect();
            barrier.wait();
            let query = format!("mount={digest}&from=source");
            let answer = connection.send(&mount("target", &query));
            (answer, deleter.join().expect("the request is answered"))
        });
        deleted.expect_status(202);
        let mut connection = server.connect();
        match answer.status {
            201 => {
                mounted += 1;
                let blob = connection.get(format!("/v2/target/blobs/{digest}"));
                assert!(blob.body == content, "{blob:?}");
            }
            202 => {}
            _ => panic!("{answer:?}"),
        }
        let gone = connection.head(format!("/v2/source/blobs/{digest}"));
        gone.expect_status(404);
    }
    assert!(mounted > 0, "the deletion always came first");
}
