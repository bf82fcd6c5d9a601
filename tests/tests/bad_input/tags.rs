//! Cases 22 to 26: tags in paths and parameters.

use crate::refusal::{refused, refused_head, refused_with_any};
use roadstead_tests::content::{INDEX, Manifest, empty_index};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::server::Server;
use serde_json::json;

fn put(reference: &str, manifest: &Manifest) -> Request {
    Request::put(format!("/v2/a/manifests/{reference}"))
        .header("Content-Type", INDEX)
        .body(&manifest.bytes)
}

#[track_caller]
fn assert_nothing_is_stored(connection: &mut Connection, manifest: &Manifest) {
    let stored = Request::get(format!("/v2/a/manifests/{}", manifest.digest()));
    let answer = refused_with_any(connection, &stored, &[404]);
    assert!(matches!(
        &*answer.code(),
        "MANIFEST_UNKNOWN" | "NAME_UNKNOWN"
    ));
    let tags = Request::get("/v2/a/tags/list");
    refused(connection, &tags, 404, "NAME_UNKNOWN");
}

#[test]
fn case_22_what_is_no_tag_can_be_neither_pushed_nor_found() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("case 22");
    for tag in [
        &"a".repeat(129),
        ".a",
        "-a",
        "a%20b",
        "t%C3%A9g",
        "a%2Bb",
        "a@b",
        "%2e%2e",
        "%40",
        ".INVALID_MANIFEST_NAME",
    ] {
        refused(
            &mut connection,
            &put(tag, &manifest),
            400,
            "MANIFEST_INVALID",
        );
        let target = format!("/v2/a/manifests/{tag}");
        let (get, delete) = (Request::get(&target), Request::delete(&target));
        refused(&mut connection, &get, 404, "MANIFEST_UNKNOWN");
        refused(&mut connection, &delete, 404, "MANIFEST_UNKNOWN");
        refused_head(&mut connection, &target, 404);
    }
    for no_tag in ["a/b", "", "a%2Fb"] {
        refused_with_any(&mut connection, &put(no_tag, &manifest), &[400, 404]);
        let get = Request::get(format!("/v2/a/manifests/{no_tag}"));
        refused_with_any(&mut connection, &get, &[400, 404]);
    }
    assert_nothing_is_stored(&mut connection, &manifest);
}

#[test]
fn case_23_tags_of_128_characters_and_of_either_case_are_kept_apart() {
    let server = Server::start();
    let mut connection = server.connect();
    let long = "x".repeat(128);
    let tags = ["LATEST", "Latest", "latest", &*long];
    for tag in tags {
        connection.push_manifest("a", tag, &empty_index(tag));
    }
    for tag in tags {
        let manifest = connection.get(format!("/v2/a/manifests/{tag}"));
        assert_eq!(manifest.body, empty_index(tag).bytes);
    }
    let list = connection.get("/v2/a/tags/list").json();
    assert_eq!(list["tags"], json!(tags));
    connection
        .delete("/v2/a/manifests/Latest")
        .expect_status(202);
    connection.get("/v2/a/manifests/Latest").expect_status(404);
    connection.get("/v2/a/manifests/latest").expect_status(200);
}

#[test]
fn case_24_one_bad_tag_among_good_ones_sets_none() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("case 24");
    for query in [
        "tag=good&tag=.bad",
        "tag=.bad&tag=good",
        "tag=good&tag=",
        "tag=good&tag=a%2Fb",
        "tag=good&tag=a%0d%0ab",
        "tag=good&tag=%zz",
    ] {
        let reference = format!("{}?{query}", manifest.digest());
        let put = put(&reference, &manifest);
        refused(&mut connection, &put, 400, "MANIFEST_INVALID");
        assert_nothing_is_stored(&mut connection, &manifest);
    }
}

#[test]
fn case_25_a_thousand_tags_are_too_many_and_set_none() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("case 25");
    let tags: Vec<String> = (0..1000).map(|number| format!("tag=t{number}")).collect();
    let reference = format!("{}?{}", manifest.digest(), tags.join("&"));
    let put = put(&reference, &manifest);
    refused_with_any(&mut connection, &put, &[400, 414]);
    assert_nothing_is_stored(&mut connection, &manifest);
}

#[test]
fn case_25_the_same_tag_a_thousand_times_is_one_tag() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("case 25");
    let tags = vec!["tag=same"; 1000].join("&");
    let reference = format!("{}?{tags}", manifest.digest());
    let answer = connection.send(&put(&reference, &manifest));
    answer.expect_status(201);
    assert_eq!(answer.header("oci-tag"), Some("same"));
    let list = connection.get("/v2/a/tags/list").json();
    assert_eq!(list["tags"], json!(["same"]));
}

#[test]
fn case_26_tags_beside_a_tag_are_refused() {
    let server = Server::start();
    let mut connection = server.connect();
    let manifest = empty_index("case 26");
    let put = put("one?tag=two", &manifest);
    refused_with_any(&mut connection, &put, &[400]);
    assert_nothing_is_stored(&mut connection, &manifest);
}
