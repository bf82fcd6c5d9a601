//! What outlives the process: uploads that were cut by a kill, and everything that was acknowledged.

use roadstead_tests::content::{INLINE_BLOB_BYTES, random_bytes, referrer, sha256, sha512};
use roadstead_tests::http::Request;
use roadstead_tests::server::Server;
use roadstead_tests::waiting::wait_until;
use serde_json::json;

#[test]
fn an_upload_that_was_killed_midway_goes_on_from_where_it_stands() {
    let mut server = Server::start();
    let content = random_bytes(20_000_000);
    for digest in [sha256(&content), sha512(&content)] {
        let (acknowledged, sent) = (1_000_000, 12_000_000);
        let location = server
            .connect()
            .start_upload_with("a", &content[..acknowledged]);
        let mut connection = server.connect();
        let head = format!(
            "PATCH {location} HTTP/1.1\r\nHost: registry.test\r\nContent-Length: 19000000\r\n\r\n"
        );
        connection.write(head.as_bytes());
        connection.write(&content[acknowledged..sent]);
        // Some of it has arrived when the staging file has grown.
        wait_until("bytes of the request are on the disk", || {
            server.staged_bytes() > acknowledged as u64
        });
        server.kill();
        server.start_again();

        let mut connection = server.connect();
        let range = connection.upload_range(&location);
        let last: usize = range
            .strip_prefix("0-")
            .and_then(|last| last.parse().ok())
            .unwrap_or_else(|| panic!("{range}"));
        let offset = last + 1;
        assert!((acknowledged..=sent).contains(&offset), "{range}");
        let rest = format!("{offset}-{}", content.len() - 1);
        let patch = Request::patch(&location)
            .header("Content-Range", rest)
            .body(&content[offset..]);
        let patched = connection.send(&patch);
        patched.expect_status(202);
        let whole = format!("0-{}", content.len() - 1);
        assert_eq!(patched.header("range"), Some(&*whole));
        connection
            .close_upload(&location, &digest)
            .expect_status(201);
        let blob = connection.get(format!("/v2/a/blobs/{digest}"));
        assert!(blob.body == content, "{blob:?}");
        let blob = format!("/v2/a/blobs/{digest}");
        connection.delete(blob).expect_status(202);
    }
}

#[test]
fn small_uploads_go_on_after_a_kill_too() {
    let mut server = Server::start();
    let sizes = [0, 10, INLINE_BLOB_BYTES - 1, INLINE_BLOB_BYTES + 1];
    let uploads: Vec<(String, Vec<u8>)> = sizes
        .iter()
        .map(|&size| {
            let content = random_bytes(size + 100);
            let mut connection = server.connect();
            let location = connection.start_upload("a");
            let patch = Request::patch(&location).body(&content[..size]);
            connection.send(&patch).expect_status(202);
            (location, content)
        })
        .collect();
    server.kill();
    server.start_again();
    for (location, content) in uploads {
        let mut connection = server.connect();
        let size = content.len() - 100;
        let expected = if size == 0 {
            "0--1".to_owned()
        } else {
            format!("0-{}", size - 1)
        };
        assert_eq!(connection.upload_range(&location), expected);
        let digest = sha256(&content);
        let close = Request::put(format!("{location}?digest={digest}"));
        connection
            .send(&close.body(&content[size..]))
            .expect_status(201);
        let blob = connection.get(format!("/v2/a/blobs/{digest}"));
        assert!(blob.body == content, "{blob:?}");
    }
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let mut server = Server::start();
    let mut connection = server.connect();
    let image = connection.push_image("team/app", "1.0");
    let large = random_bytes(500_000);
    let large_digest = connection.push_blob("team/app", &large);
    let signature = referrer(&image.manifest.descriptor(), "application/x-sig", "s");
    connection.push_manifest("team/app", "signed", &signature);
    connection.push_manifest("team/app", "gone", &signature);
    connection
        .delete("/v2/team/app/manifests/gone")
        .expect_status(202);
    server.kill();
    server.start_again();

    let mut connection = server.connect();
    let tags = connection.get("/v2/team/app/tags/list").json();
    assert_eq!(tags["tags"], json!(["1.0", "signed"]));
    let manifest = connection.get("/v2/team/app/manifests/1.0");
    assert_eq!(manifest.body, image.manifest.bytes);
    for (digest, content) in [
        (sha256(&image.config), &image.config),
        (sha256(&image.layer), &image.layer),
        (large_digest, &large),
    ] {
        let blob = connection.get(format!("/v2/team/app/blobs/{digest}"));
        assert!(blob.body == *content, "{blob:?}");
    }
    let target = format!("/v2/team/app/referrers/{}", image.manifest.digest());
    let referrers = connection.get(target).json();
    assert_eq!(
        referrers["manifests"][0]["digest"],
        json!(signature.digest())
    );
    let catalog = connection.get("/v2/_catalog").json();
    assert_eq!(catalog, json!({"repositories": ["team/app"]}));
}

#[test]
fn a_closing_request_is_repeated_across_a_restart() {
    let mut server = Server::start();
    let content = random_bytes(100_000);
    let digest = sha256(&content);
    let location = server.connect().start_upload("a");
    let close = Request::put(format!("{location}?digest={digest}")).body(&content);
    server.connect().send(&close).expect_status(201);
    server.kill();
    server.start_again();
    let again = server.connect().send(&close);
    assert!(matches!(again.status, 201 | 404), "{again:?}");
    let blob = server.connect().get(format!("/v2/a/blobs/{digest}"));
    assert!(blob.body == content, "{blob:?}");
}
