//! Cases 66 to 68, 70, 71 and 75: manifests that name what is not there, or just goes away.

use crate::refusal::refused;
use roadstead_tests::content::{
    IMAGE, Manifest, descriptor, empty_index, image, image_document, index, random_bytes, sha256,
    unknown_digest,
};
use roadstead_tests::http::Request;
use roadstead_tests::server::Server;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Barrier;

fn put(repository: &str, reference: &str, manifest: &Manifest) -> Request {
    Request::put(format!("/v2/{repository}/manifests/{reference}"))
        .header("Content-Type", manifest.media_type)
        .body(&manifest.bytes)
}

/// Returns the digests that an error names as missing, one entry each.
fn missing(body: &Value) -> BTreeSet<String> {
    let errors = body["errors"]
        .as_array()
        .expect("there is a list of errors");
    let mut digests = BTreeSet::new();
    for error in errors {
        assert_eq!(error["code"], "MANIFEST_BLOB_UNKNOWN");
        let digest = error["detail"].as_str().expect("the detail is the digest");
        assert!(digests.insert(digest.to_owned()), "{digest} is there twice");
    }
    digests
}

#[test]
fn case_66_what_is_missing_is_named_each_in_an_entry_of_its_own() {
    let server = Server::start();
    let mut connection = server.connect();
    let (config, layers) = (random_bytes(10), [random_bytes(20), random_bytes(30)]);
    let manifest = image(&config, &[&layers[0], &layers[1]]);
    let put = put("a", "tag", &manifest);
    let mut left: BTreeSet<String> = [&config, &layers[0], &layers[1]]
        .into_iter()
        .map(|bytes| sha256(bytes))
        .collect();
    for bytes in [&config, &layers[0], &layers[1]] {
        let answer = refused(&mut connection, &put, 400, "MANIFEST_BLOB_UNKNOWN");
        assert_eq!(missing(&answer.json()), left);
        connection.get("/v2/a/manifests/tag").expect_status(404);
        connection.push_blob("a", bytes);
        left.remove(&sha256(bytes));
    }
    connection.send(&put).expect_status(201);
}

#[test]
fn case_66_a_missing_child_is_named() {
    let server = Server::start();
    let mut connection = server.connect();
    let children = [empty_index("one"), empty_index("two")];
    let list = index(&[&children[0], &children[1]]);
    connection.push_manifest("a", &children[0].digest(), &children[0]);
    let put = put("a", "list", &list);
    let answer = refused(&mut connection, &put, 400, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(
        missing(&answer.json()),
        BTreeSet::from([children[1].digest()])
    );
    connection.get("/v2/a/manifests/list").expect_status(404);
}

#[test]
fn case_67_a_layer_of_another_repository_is_missing_here() {
    let server = Server::start();
    let mut connection = server.connect();
    let (config, layer) = (random_bytes(10), random_bytes(20));
    connection.push_blob("a", &config);
    connection.push_blob("elsewhere", &layer);
    let put = put("a", "tag", &image(&config, &[&layer]));
    let answer = refused(&mut connection, &put, 400, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(missing(&answer.json()), BTreeSet::from([sha256(&layer)]));
}

#[test]
fn case_68_a_descriptor_of_another_size_is_refused() {
    let server = Server::start();
    let mut connection = server.connect();
    let (config, layer) = (random_bytes(10), random_bytes(20));
    connection.push_blob("a", &config);
    connection.push_blob("a", &layer);
    let valid = image_document(&config, &[&layer]);
    for (place, size) in [
        ("/config/size", 11),
        ("/layers/0/size", 19),
        ("/layers/0/size", 0),
    ] {
        let mut document = valid.clone();
        *document.pointer_mut(place).expect("an image has sizes") = json!(size);
        let put = put("a", "tag", &Manifest::of_json(IMAGE, &document));
        refused(&mut connection, &put, 400, "SIZE_INVALID");
        connection.get("/v2/a/manifests/tag").expect_status(404);
    }
}

#[test]
fn case_70_a_manifest_under_the_digest_of_another_is_refused() {
    let server = Server::start();
    let mut connection = server.connect();
    let (manifest, other) = (empty_index("this"), empty_index("that"));
    let put = put("a", &other.digest(), &manifest);
    refused(&mut connection, &put, 400, "DIGEST_INVALID");
    for digest in [manifest.digest(), other.digest()] {
        connection
            .get(format!("/v2/a/manifests/{digest}"))
            .expect_status(404);
    }
    let bad = Request::put("/v2/a/manifests/sha256:baddigeststring").body(&manifest.bytes);
    refused(&mut connection, &bad, 400, "DIGEST_INVALID");
}

#[test]
fn case_71_a_subject_without_a_digest_is_refused() {
    let server = Server::start();
    let mut connection = server.connect();
    let valid: Value =
        serde_json::from_slice(&empty_index("case 71").bytes).expect("an index is JSON");
    let subject = empty_index("subject").descriptor();
    for digest in ["bad", "sha256:abc", "", "sha256"] {
        let mut document = valid.clone();
        document["subject"] = subject.clone();
        document["subject"]["digest"] = json!(digest);
        let manifest = Manifest::of_json(roadstead_tests::content::INDEX, &document);
        let put = put("a", "tag", &manifest);
        refused(&mut connection, &put, 400, "MANIFEST_INVALID");
    }
    for subject in [json!("x"), json!([]), json!({}), json!(1)] {
        let mut document = valid.clone();
        document["subject"] = subject;
        let manifest = Manifest::of_json(roadstead_tests::content::INDEX, &document);
        let put = put("a", "tag", &manifest);
        refused(&mut connection, &put, 400, "MANIFEST_INVALID");
    }
    connection.get("/v2/a/manifests/tag").expect_status(404);
}

#[test]
fn case_71_a_subject_that_nobody_has_is_accepted() {
    let server = Server::start();
    let mut connection = server.connect();
    let digest = unknown_digest();
    let mut subject = descriptor(IMAGE, b"");
    subject["digest"] = json!(digest);
    let manifest = roadstead_tests::content::referrer(&subject, "application/x-test", "case 71");
    let answer = connection.send(&put("a", "tag", &manifest));
    answer.expect_status(201);
    assert_eq!(answer.header("oci-subject"), Some(&*digest));
}

#[test]
fn case_75_a_tag_never_dangles_though_a_child_goes_at_the_same_time() {
    let server = Server::start();
    for round in 0..40 {
        let mut connection = server.connect();
        let child = empty_index(&format!("child {round}"));
        connection.push_manifest("a", &child.digest(), &child);
        let list = index(&[&child]);
        let barrier = Barrier::new(2);
        let (pushed, deleted) = std::thread::scope(|scope| {
            let deleter = scope.spawn(|| {
                let mut connection = server.connect();
                barrier.wait();
                connection.delete(format!("/v2/a/manifests/{}", child.digest()))
            });
            barrier.wait();
            let pushed = connection.send(&put("a", "list", &list));
            (pushed, deleter.join().expect("the request is answered"))
        });
        deleted.expect_status(202);
        let tagged = connection.get("/v2/a/manifests/list");
        match pushed.status {
            201 => {
                tagged.expect_status(200);
                assert_eq!(tagged.body, list.bytes);
                let target = format!("/v2/a/manifests/{}", list.digest());
                connection.delete(target).expect_status(202);
            }
            400 => {
                pushed.expect_error(400, "MANIFEST_BLOB_UNKNOWN");
                tagged.expect_status(404);
            }
            _ => panic!("{pushed:?}"),
        }
    }
}

#[test]
fn case_75_a_tag_never_dangles_though_its_manifest_goes_at_the_same_time() {
    let server = Server::start();
    for round in 0..40 {
        let manifest = empty_index(&format!("manifest {round}"));
        let digest = manifest.digest();
        server.connect().push_manifest("a", &digest, &manifest);
        let barrier = Barrier::new(2);
        let pushed = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut connection = server.connect();
                barrier.wait();
                let deleted = connection.delete(format!("/v2/a/manifests/{digest}"));
                deleted.expect_status(202);
            });
            let mut connection = server.connect();
            barrier.wait();
            connection.send(&put("a", "tag", &manifest))
        });
        pushed.expect_status(201);
        let mut connection = server.connect();
        let tagged = connection.head("/v2/a/manifests/tag");
        let stored = connection.head(format!("/v2/a/manifests/{digest}"));
        assert_eq!(tagged.status, stored.status, "round {round}");
        let list = connection.get("/v2/a/tags/list").json();
        let is_listed = list["tags"] == json!(["tag"]);
        assert_eq!(is_listed, tagged.status == 200, "{list}");
    }
}
