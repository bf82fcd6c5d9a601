//! What refers to a manifest: list, filter, pages.

use roadstead_tests::content::{
    IMAGE, INDEX, Manifest, descriptor, empty_index, image_document, referrer, sha512,
};
use roadstead_tests::http::{Answer, Connection, Request};
use roadstead_tests::server::Server;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn list(connection: &mut Connection, digest: &str, query: &str) -> Answer {
    let answer = connection.get(format!("/v2/a/referrers/{digest}{query}"));
    answer.expect_status(200);
    answer.assert_headers_of_the_api();
    assert_eq!(answer.header("content-type"), Some(INDEX));
    let document = answer.json();
    assert_eq!(document["schemaVersion"], 2);
    assert_eq!(document["mediaType"], INDEX);
    answer
}

fn digests(answer: &Answer) -> BTreeSet<String> {
    let document = answer.json();
    let entries = document["manifests"].as_array().expect("there is a list");
    let digests = entries.iter().filter_map(|entry| entry["digest"].as_str());
    digests.map(str::to_owned).collect()
}

/// Pushes a manifest with a subject; the answer must name the subject.
#[track_caller]
fn push(connection: &mut Connection, reference: &str, manifest: &Manifest, subject: &str) {
    let answer = connection.put_manifest("a", reference, manifest);
    answer.expect_status(201);
    assert_eq!(answer.header("oci-subject"), Some(subject), "{answer:?}");
}

#[test]
fn entries_describe_their_manifests_exactly() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_blob("a", b"{}");
    let subject = empty_index("subject");
    connection.push_manifest("a", "subject", &subject);
    let digest = subject.digest();

    let mut typed = image_document(b"{}", &[]);
    typed["artifactType"] = json!("application/spdx+json");
    typed["subject"] = subject.descriptor();
    typed["annotations"] = json!({"org.example.key": "value, \"quoted\""});
    let mut by_config = image_document(b"{}", &[]);
    by_config["config"] = descriptor("application/x-config", b"{}");
    by_config["subject"] = subject.descriptor();
    let untyped_index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [],
        "subject": subject.descriptor(),
    });
    let manifests = [
        (
            Manifest::of_json(IMAGE, &typed),
            Some("application/spdx+json"),
        ),
        (
            Manifest::of_json(IMAGE, &by_config),
            Some("application/x-config"),
        ),
        (Manifest::of_json(INDEX, &untyped_index), None),
    ];
    for (number, (manifest, _)) in manifests.iter().enumerate() {
        push(&mut connection, &format!("t{number}"), manifest, &digest);
    }
    let found = list(&mut connection, &digest, "");
    assert_eq!(found.header("oci-filters-applied"), None);
    let document = found.json();
    let entries = document["manifests"].as_array().expect("there is a list");
    assert_eq!(entries.len(), 3);
    for (manifest, artifact_type) in &manifests {
        let mut expected = manifest.descriptor();
        if let Some(artifact_type) = artifact_type {
            expected["artifactType"] = json!(artifact_type);
        }
        let own: Value = serde_json::from_slice(&manifest.bytes).expect("is JSON");
        if let Some(annotations) = own.get("annotations") {
            expected["annotations"] = annotations.clone();
        }
        assert!(entries.contains(&expected), "{expected} in {document}");
    }
}

#[test]
fn a_filter_gives_one_type_or_several_and_says_that_it_did() {
    let server = Server::start();
    let mut connection = server.connect();
    let subject = empty_index("subject").descriptor();
    let digest = subject["digest"].as_str().expect("a digest").to_owned();
    let types = [
        "application/spdx+json",
        "application/x-two",
        "application/x-three",
    ];
    let manifests = types.map(|kind| referrer(&subject, kind, kind));
    for manifest in &manifests {
        push(&mut connection, &manifest.digest(), manifest, &digest);
    }
    for (query, expected) in [
        ("?artifactType=application%2Fspdx%2Bjson", &manifests[..1]),
        // Some clients forget to escape the plus sign.
        ("?artifactType=application/spdx+json", &manifests[..1]),
        ("?artifactType=application/x-two", &manifests[1..2]),
        (
            "?artifactType=application/x-two&artifactType=application/x-three",
            &manifests[1..],
        ),
        ("?artifactType=application/x-none", &manifests[..0]),
        ("?artifactType=application/X-TWO", &manifests[..0]),
    ] {
        let found = list(&mut connection, &digest, query);
        assert_eq!(found.header("oci-filters-applied"), Some("artifactType"));
        let expected: BTreeSet<String> = expected.iter().map(Manifest::digest).collect();
        assert_eq!(digests(&found), expected, "{query}");
    }
}

#[test]
fn pages_follow_one_another_by_their_links_filter_and_all() {
    let server = Server::start();
    let mut connection = server.connect();
    let subject = empty_index("subject").descriptor();
    let digest = subject["digest"].as_str().expect("a digest").to_owned();
    let mut expected = BTreeSet::new();
    for number in 0..30 {
        let kind = ["application/a+b", "application/c"][number % 2];
        let manifest = referrer(&subject, kind, &number.to_string());
        push(&mut connection, &manifest.digest(), &manifest, &digest);
        if number % 2 == 0 {
            expected.insert(manifest.digest());
        }
    }
    let mut target = format!("/v2/a/referrers/{digest}?n=4&artifactType=application%2Fa%2Bb");
    let mut found = Vec::new();
    loop {
        let page = connection.get(&target);
        page.expect_status(200);
        assert_eq!(page.header("oci-filters-applied"), Some("artifactType"));
        let entries = digests(&page);
        assert!(entries.len() <= 4);
        found.extend(entries);
        let Some(link) = page.header("link") else {
            break;
        };
        let next = link
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""));
        let next = next.unwrap_or_else(|| panic!("{link}"));
        assert!(next.contains("artifactType=application%2Fa%2Bb"), "{next}");
        next.clone_into(&mut target);
    }
    assert_eq!(found.len(), 15);
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn referrers_are_those_of_this_repository_and_of_this_digest() {
    let server = Server::start();
    let mut connection = server.connect();
    let subject = empty_index("subject");
    let here = referrer(&subject.descriptor(), "application/x", "here");
    push(&mut connection, "here", &here, &subject.digest());
    let mut by_sha512 = subject.descriptor();
    by_sha512["digest"] = json!(sha512(&subject.bytes));
    let other = referrer(&by_sha512, "application/x", "other");
    push(&mut connection, "other", &other, &sha512(&subject.bytes));
    let found = list(&mut connection, &subject.digest(), "");
    assert_eq!(digests(&found), BTreeSet::from([here.digest()]));
    let found = list(&mut connection, &sha512(&subject.bytes), "");
    assert_eq!(digests(&found), BTreeSet::from([other.digest()]));
    let elsewhere = connection.get(format!("/v2/b/referrers/{}", subject.digest()));
    assert_eq!(digests(&elsewhere), BTreeSet::new());
}

#[test]
fn a_referrer_pushed_twice_or_under_several_tags_is_listed_once() {
    let server = Server::start();
    let mut connection = server.connect();
    let subject = empty_index("subject");
    let manifest = referrer(&subject.descriptor(), "application/x", "once");
    for reference in ["one", "two", "one", &manifest.digest()] {
        push(&mut connection, reference, &manifest, &subject.digest());
    }
    let found = list(&mut connection, &subject.digest(), "");
    assert_eq!(found.json()["manifests"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_tag_of_the_fallback_scheme_is_an_ordinary_tag() {
    let server = Server::start();
    let mut connection = server.connect();
    let subject = empty_index("subject");
    let manifest = referrer(&subject.descriptor(), "application/x", "real");
    push(
        &mut connection,
        &manifest.digest(),
        &manifest,
        &subject.digest(),
    );
    let fallback = Manifest::of_json(
        INDEX,
        &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest.descriptor()]}),
    );
    let tag = subject.digest().replace(':', "-");
    connection.push_manifest("a", &tag, &fallback);
    let stored = connection.get(format!("/v2/a/manifests/{tag}"));
    assert_eq!(stored.body, fallback.bytes);
    // It has no subject, so it is nobody's referrer.
    let found = list(&mut connection, &subject.digest(), "");
    assert_eq!(digests(&found), BTreeSet::from([manifest.digest()]));
}

#[test]
fn the_address_that_clients_try_the_api_with_is_answered() {
    let server = Server::start();
    let mut connection = server.connect();
    let zeros = format!("sha256:{}", "0".repeat(64));
    let answer = connection.send(&Request::get(format!("/v2/nobody/referrers/{zeros}")));
    answer.expect_status(200);
    assert_eq!(digests(&answer), BTreeSet::new());
}
