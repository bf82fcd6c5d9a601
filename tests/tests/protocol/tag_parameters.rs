//! Setting tags together with a manifest, by its digest.

use roadstead_tests::content::{INDEX, empty_index, sha512};
use roadstead_tests::http::Request;
use roadstead_tests::server::Server;
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn several_tags_are_set_at_once_and_named_in_the_answer() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("tags");
    for digest in [manifest.digest(), sha512(&manifest.bytes)] {
        let tags = [
            "1", "1.2", "1.2.3", "latest", "b", "c", "d", "e", "f", "g", "h", "A_b-c.d",
        ];
        let query: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
        let target = format!("/v2/a/manifests/{digest}?{}", query.join("&"));
        let put = Request::put(target).header("Content-Type", INDEX);
        let answer = connection.send(&put.body(&manifest.bytes));
        answer.expect_status(201);
        let named = answer.header("docker-content-digest");
        assert_eq!(named, Some(&*digest));
        let listed = answer.headers.iter().filter(|(name, _)| name == "oci-tag");
        let listed: BTreeSet<&str> = listed.flat_map(|(_, value)| value.split(", ")).collect();
        assert_eq!(listed, BTreeSet::from(tags));
        for tag in tags {
            let tagged = connection.get(format!("/v2/a/manifests/{tag}"));
            assert_eq!(tagged.body, manifest.bytes);
            let named = tagged.header("docker-content-digest");
            assert_eq!(named, Some(&*digest), "{tag}");
        }
    }
}

#[test]
fn a_push_without_tags_names_none_and_keeps_those_that_are_there() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("tags");
    connection.push_manifest("a", &format!("{}?tag=kept", manifest.digest()), &manifest);
    let answer = connection.put_manifest("a", &manifest.digest(), &manifest);
    answer.expect_status(201);
    assert_eq!(answer.header("oci-tag"), None);
    let list = connection.get("/v2/a/tags/list").json();
    assert_eq!(list["tags"], json!(["kept"]));
}

#[test]
fn a_digest_beside_a_tag_must_be_that_of_the_content() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("digest");
    for digest in [manifest.digest(), sha512(&manifest.bytes)] {
        let reference = format!("tag?digest={}", digest.replace(':', "%3A"));
        connection.push_manifest("a", &reference, &manifest);
    }
    let other = format!("other?digest={}", empty_index("other").digest());
    let refusal = connection.put_manifest("a", &other, &manifest);
    refusal.expect_error(400, "DIGEST_INVALID");
    connection
        .get("/v2/a/manifests/other")
        .expect_error(404, "MANIFEST_UNKNOWN");
}
