//! Mounting blobs of other repositories.

use roadstead_tests::content::{random_bytes, sha512, unknown_digest};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::server::Server;

fn mount(
    connection: &mut Connection,
    repository: &str,
    query: &str,
) -> roadstead_tests::http::Answer {
    let target = format!("/v2/{repository}/blobs/uploads/?{query}");
    connection.send(&Request::post(target))
}

#[track_caller]
fn assert_mounts(
    connection: &mut Connection,
    repository: &str,
    query: &str,
    digest: &str,
    content: &[u8],
) {
    let answer = mount(connection, repository, query);
    answer.expect_status(201);
    let location = format!("/v2/{repository}/blobs/{digest}");
    assert_eq!(answer.header("location"), Some(&*location), "{query}");
    assert_eq!(answer.header("docker-content-digest"), Some(digest));
    assert_eq!(answer.header("content-length"), Some("0"));
    let blob = connection.get(&location);
    assert!(blob.body == content, "{blob:?}");
}

#[test]
fn a_blob_is_mounted_from_the_repository_that_is_named() {
    let server = Server::start();
    let mut connection = server.connect();
    for length in [100, 100_000] {
        let content = random_bytes(length);
        let digest = connection.push_blob("base/image", &content);
        let escaped = digest.replace(':', "%3A");
        for (number, query) in [
            format!("mount={digest}&from=base/image"),
            format!("from=base%2Fimage&mount={escaped}"),
            format!("mount={digest}&from=base/image&origin=registry.example&ns=x"),
        ]
        .iter()
        .enumerate()
        {
            let target = format!("target/{length}/{number}");
            assert_mounts(&mut connection, &target, query, &digest, &content);
            // A second time is as good.
            assert_mounts(&mut connection, &target, query, &digest, &content);
        }
        let own = format!("mount={digest}&from=base/image");
        assert_mounts(&mut connection, "base/image", &own, &digest, &content);
    }
}

#[test]
fn a_blob_is_mounted_from_wherever_it_is() {
    let server = Server::start();
    let mut connection = server.connect();
    for length in [100, 100_000] {
        let content = random_bytes(length);
        let digest = connection.push_blob("anywhere", &content);
        let query = format!("mount={digest}");
        let target = format!("target/{length}");
        assert_mounts(&mut connection, &target, &query, &digest, &content);
        assert_mounts(&mut connection, "anywhere", &query, &digest, &content);
    }
    let unknown = format!("mount={}", unknown_digest());
    mount(&mut connection, "target", &unknown).expect_status(202);
}

#[test]
fn a_blob_is_mounted_by_sha512() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100_000);
    let digest = sha512(&content);
    let post = format!("/v2/source/blobs/uploads/?digest={digest}");
    connection
        .send(&Request::post(post).body(&content))
        .expect_status(201);
    let query = format!("mount={digest}&from=source");
    assert_mounts(&mut connection, "target", &query, &digest, &content);
    // By sha256 nobody knows it.
    let other = format!(
        "mount={}&from=source",
        roadstead_tests::content::sha256(&content)
    );
    mount(&mut connection, "target", &other).expect_status(202);
}

#[test]
fn a_mounted_blob_outlives_its_source() {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(100_000);
    let digest = connection.push_blob("source", &content);
    let query = format!("mount={digest}&from=source");
    assert_mounts(&mut connection, "target", &query, &digest, &content);
    connection
        .delete(format!("/v2/source/blobs/{digest}"))
        .expect_status(202);
    let blob = connection.get(format!("/v2/target/blobs/{digest}"));
    assert!(blob.body == content, "{blob:?}");
    // What was deleted is nothing to mount from.
    mount(&mut connection, "third", &query).expect_status(202);
}
