//! Deleting tags, manifests and blobs, and what stays.

use roadstead_tests::content::{
    empty_index, index, random_bytes, referrer, sha256, unknown_digest,
};
use roadstead_tests::server::Server;
use serde_json::json;

#[test]
fn deleting_a_tag_takes_only_the_tag() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("tag");
    for tag in ["one", "two"] {
        connection.push_manifest("a", tag, &manifest);
    }
    let deleted = connection.delete("/v2/a/manifests/one");
    deleted.expect_status(202);
    deleted.assert_headers_of_the_api();
    connection.head("/v2/a/manifests/one").expect_status(404);
    connection.head("/v2/a/manifests/two").expect_status(200);
    let stored = format!("/v2/a/manifests/{}", manifest.digest());
    connection.head(&stored).expect_status(200);
    let again = connection.delete("/v2/a/manifests/one");
    again.expect_error(404, "MANIFEST_UNKNOWN");
    connection.delete("/v2/a/manifests/two").expect_status(202);
    // The manifest stays, and so does the repository without a tag.
    connection.head(&stored).expect_status(200);
    let list = connection.get("/v2/a/tags/list");
    list.expect_status(200);
    assert_eq!(list.json(), json!({"name": "a", "tags": []}));
}

#[test]
fn deleting_a_manifest_takes_its_tags_and_its_entry_with_its_subject() {
    let server = Server::start();
    let mut connection = server.connect();
    let subject = empty_index("subject");
    connection.push_manifest("a", "subject", &subject);
    let kind = "application/x-test";
    let signature = referrer(&subject.descriptor(), kind, "signature");
    let other = referrer(&subject.descriptor(), kind, "other");
    for tag in ["s1", "s2"] {
        connection.push_manifest("a", tag, &signature);
    }
    connection.push_manifest("a", "other", &other);
    let target = format!("/v2/a/manifests/{}", signature.digest());
    connection.delete(&target).expect_status(202);
    for gone in [&*target, "/v2/a/manifests/s1", "/v2/a/manifests/s2"] {
        connection.get(gone).expect_error(404, "MANIFEST_UNKNOWN");
        connection
            .delete(gone)
            .expect_error(404, "MANIFEST_UNKNOWN");
    }
    let list = connection.get("/v2/a/tags/list").json();
    assert_eq!(list["tags"], json!(["other", "subject"]));
    let referrers = format!("/v2/a/referrers/{}", subject.digest());
    let left = connection.get(&referrers).json();
    assert_eq!(left["manifests"].as_array().map(Vec::len), Some(1));
    assert_eq!(left["manifests"][0]["digest"], json!(other.digest()));
    // What refers to a subject outlives it.
    let subject = format!("/v2/a/manifests/{}", subject.digest());
    connection.delete(subject).expect_status(202);
    assert_eq!(connection.get(&referrers).json(), left);
    connection.get("/v2/a/manifests/other").expect_status(200);
}

#[test]
fn deleting_an_index_leaves_its_children() {
    let server = Server::start();
    let mut connection = server.connect();
    let child = connection.push_image("a", "child").manifest;
    let list = index(&[&child]);
    connection.push_manifest("a", "list", &list);
    connection
        .delete(format!("/v2/a/manifests/{}", list.digest()))
        .expect_status(202);
    connection.get("/v2/a/manifests/child").expect_status(200);
}

#[test]
fn a_deleted_manifest_can_be_pushed_again() {
    let server = Server::start();
    let mut connection = server.connect();
    for _ in 0..3 {
        let image = empty_index("again");
        connection.push_manifest("a", "tag", &image);
        connection.get("/v2/a/manifests/tag").expect_status(200);
        let target = format!("/v2/a/manifests/{}", image.digest());
        connection.delete(&target).expect_status(202);
        connection.get("/v2/a/manifests/tag").expect_status(404);
    }
}

#[test]
fn deleting_a_blob_takes_it_from_this_repository_alone() {
    let server = Server::start();
    let mut connection = server.connect();
    for length in [100, 100_000] {
        let content = random_bytes(length);
        let digest = connection.push_blob("a", &content);
        connection.push_blob("b", &content);
        let ours = format!("/v2/a/blobs/{digest}");
        connection.delete(&ours).expect_status(202);
        connection.head(&ours).expect_status(404);
        connection.get(&ours).expect_error(404, "BLOB_UNKNOWN");
        connection.delete(&ours).expect_error(404, "BLOB_UNKNOWN");
        let theirs = connection.get(format!("/v2/b/blobs/{digest}"));
        assert!(theirs.body == content, "{theirs:?}");
        connection.push_blob("a", &content);
        let back = connection.get(&ours);
        assert!(back.body == content, "{back:?}");
    }
}

#[test]
fn a_blob_that_an_image_needs_is_either_kept_or_gone_and_told_so() {
    let server = Server::start();
    let mut connection = server.connect();
    let image = connection.push_image("a", "tag");
    let target = format!("/v2/a/blobs/{}", sha256(&image.layer));
    let answer = connection.delete(&target);
    match answer.status {
        202 => connection.head(&target).expect_status(404),
        405 => {
            answer.expect_error(405, "UNSUPPORTED");
            connection.head(&target).expect_status(200);
        }
        _ => panic!("{answer:?}"),
    }
}

#[test]
fn what_is_not_there_cannot_be_deleted() {
    let server = Server::start();
    let mut connection = server.connect();
    let digest = unknown_digest();
    for target in [
        "/v2/nobody/manifests/tag",
        &format!("/v2/nobody/manifests/{digest}"),
    ] {
        let answer = connection.delete(target);
        assert!(matches!(
            &*answer.code(),
            "NAME_UNKNOWN" | "MANIFEST_UNKNOWN"
        ));
        answer.expect_status(404);
        answer.assert_error_form();
    }
    let blob = connection.delete(format!("/v2/nobody/blobs/{digest}"));
    blob.expect_status(404);
    blob.assert_error_form();
}
