//! What one replica does, the others show at once: each request goes to another one.

use crate::cluster::{Cluster, REPLICAS};
use roadstead_tests::content::{
    IMAGE, Manifest, empty_index, image, random_bytes, referrer, sha256,
};
use roadstead_tests::http::{Connection, Request};
use serde_json::json;

/// How often each sequence is gone through: a cache would show itself in the second round.
const ROUNDS: usize = 6;

fn digest_of_tag(connection: &mut Connection, tag: &str) -> Option<String> {
    let answer = connection.head(format!("/v2/a/manifests/{tag}"));
    if answer.status == 404 {
        return None;
    }
    answer.expect_status(200);
    Some(answer.expect_header("docker-content-digest").to_owned())
}

#[test]
fn a_tag_that_is_pushed_moved_and_deleted_here_is_so_there_at_once() {
    let cluster = Cluster::start();
    for round in 0..ROUNDS {
        let manifest = empty_index(&format!("round {round}"));
        cluster.at(round).push_manifest("a", "latest", &manifest);
        for replica in 0..REPLICAS {
            let found = digest_of_tag(&mut cluster.at(replica), "latest");
            assert_eq!(found, Some(manifest.digest()), "round {round}");
        }
        cluster.assert_content("/v2/a/manifests/latest", &manifest.bytes);
        if round % 2 == 1 {
            let delete = Request::delete("/v2/a/manifests/latest");
            cluster.at(round + 1).send(&delete).expect_status(202);
            for replica in 0..REPLICAS {
                let found = digest_of_tag(&mut cluster.at(replica), "latest");
                assert_eq!(found, None, "round {round}");
            }
            cluster.assert_gone("/v2/a/manifests/latest");
        }
    }
}

#[test]
fn a_manifest_that_is_deleted_here_is_gone_there_with_its_tags() {
    let cluster = Cluster::start();
    let manifest = empty_index("it comes back");
    let target = format!("/v2/a/manifests/{}", manifest.digest());
    for round in 0..ROUNDS {
        cluster.at(round).push_manifest("a", "one", &manifest);
        cluster.at(round + 1).push_manifest("a", "two", &manifest);
        cluster.assert_content(&target, &manifest.bytes);
        let tags = cluster.get_everywhere("/v2/a/tags/list");
        for answer in tags {
            assert_eq!(answer.json()["tags"], json!(["one", "two"]));
        }
        let delete = Request::delete(&target);
        cluster.at(round + 2).send(&delete).expect_status(202);
        cluster.assert_gone(&target);
        cluster.assert_gone("/v2/a/manifests/one");
        cluster.assert_gone("/v2/a/manifests/two");
        for answer in cluster.get_everywhere("/v2/a/tags/list") {
            assert!(!answer.json()["tags"].to_string().contains("one"));
        }
    }
}

#[test]
fn a_large_manifest_that_is_deleted_here_is_gone_there() {
    let cluster = Cluster::start();
    // Too large for its record, so its bytes are a data object.
    let document = json!({
        "schemaVersion": 2,
        "mediaType": roadstead_tests::content::INDEX,
        "manifests": [],
        "annotations": {"filler": "x".repeat(300_000)},
    });
    let manifest = Manifest::of_json(roadstead_tests::content::INDEX, &document);
    let target = format!("/v2/a/manifests/{}", manifest.digest());
    for round in 0..ROUNDS {
        cluster.at(round).push_manifest("a", "large", &manifest);
        cluster.assert_content(&target, &manifest.bytes);
        assert_eq!(cluster.inventory().objects.len(), 1);
        let delete = Request::delete(&target);
        cluster.at(round + 1).send(&delete).expect_status(202);
        cluster.assert_gone(&target);
        cluster.assert_gone("/v2/a/manifests/large");
        assert_eq!(cluster.inventory().objects.len(), 0);
    }
}

#[test]
fn a_blob_that_is_pushed_and_deleted_here_is_so_there_at_once() {
    let cluster = Cluster::start();
    // One in its record, one in an object.
    for length in [1000, 200_000] {
        let content = random_bytes(length);
        let digest = sha256(&content);
        let target = format!("/v2/a/blobs/{digest}");
        cluster.assert_gone(&target);
        for round in 0..ROUNDS {
            cluster.at(round).push_blob("a", &content);
            for replica in 0..REPLICAS {
                cluster.at(replica).head(&target).expect_status(200);
            }
            cluster.assert_content(&target, &content);
            let delete = Request::delete(&target);
            cluster.at(round + 1).send(&delete).expect_status(202);
            for replica in 0..REPLICAS {
                cluster.at(replica).head(&target).expect_status(404);
            }
            cluster.assert_gone(&target);
        }
    }
    cluster.inventory();
}

#[test]
fn a_manifest_is_refused_where_a_blob_was_never_seen_and_taken_where_another_pushed_it() {
    let cluster = Cluster::start();
    let (config, layer) = (random_bytes(300), random_bytes(100_000));
    let manifest = image(&config, &[&layer]);
    let answer = cluster.next().put_manifest("a", "1", &manifest);
    answer.expect_error(400, "MANIFEST_BLOB_UNKNOWN");
    cluster.next().push_blob("a", &config);
    let answer = cluster.next().put_manifest("a", "1", &manifest);
    answer.expect_error(400, "MANIFEST_BLOB_UNKNOWN");
    cluster.next().push_blob("a", &layer);
    cluster.next().push_manifest("a", "1", &manifest);
    for answer in cluster.get_everywhere("/v2/a/manifests/1") {
        assert_eq!(answer.expect_header("content-type"), IMAGE);
        assert_eq!(answer.body, manifest.bytes);
    }
}

#[test]
fn a_mount_goes_from_where_one_replica_pushed_to_where_another_reads() {
    let cluster = Cluster::start();
    for (length, from) in [(1000, "&from=a"), (200_000, "&from=a"), (200_001, "")] {
        let content = random_bytes(length);
        let digest = cluster.next().push_blob("a", &content);
        let mount = Request::post(format!("/v2/b/blobs/uploads/?mount={digest}{from}"));
        cluster.next().send(&mount).expect_status(201);
        let target = format!("/v2/b/blobs/{digest}");
        cluster.assert_content(&target, &content);
        // The source goes, what was mounted stays.
        let delete = Request::delete(format!("/v2/a/blobs/{digest}"));
        cluster.next().send(&delete).expect_status(202);
        cluster.assert_gone(&format!("/v2/a/blobs/{digest}"));
        cluster.assert_content(&target, &content);
        // A deleted source is none, at any replica.
        let again = Request::post(format!("/v2/c/blobs/uploads/?mount={digest}&from=a"));
        cluster.next().send(&again).expect_status(202);
    }
    cluster.inventory();
}

#[test]
fn a_referrer_that_is_pushed_and_deleted_here_is_listed_so_there_at_once() {
    let cluster = Cluster::start();
    let subject = empty_index("subject");
    cluster.next().push_manifest("a", "subject", &subject);
    let list = format!("/v2/a/referrers/{}", subject.digest());
    for round in 0..ROUNDS {
        let kind = format!("application/x-{}", round % 2);
        let signature = referrer(&subject.descriptor(), &kind, &format!("round {round}"));
        let digest = signature.digest();
        cluster.at(round).push_manifest("a", &digest, &signature);
        for answer in cluster.get_everywhere(&list) {
            let listed = answer.json()["manifests"].clone();
            assert_eq!(listed[0]["digest"], json!(digest), "round {round}");
            assert_eq!(listed[0]["artifactType"], json!(kind), "round {round}");
            assert_eq!(listed.as_array().map(Vec::len), Some(1));
        }
        let delete = Request::delete(format!("/v2/a/manifests/{digest}"));
        cluster.at(round + 1).send(&delete).expect_status(202);
        for answer in cluster.get_everywhere(&list) {
            answer.expect_status(200);
            assert_eq!(answer.json()["manifests"], json!([]), "round {round}");
        }
    }
}

#[test]
fn a_repository_is_in_every_catalog_with_its_first_manifest() {
    let cluster = Cluster::start();
    let mut names = Vec::new();
    for round in 0..ROUNDS {
        let name = format!("team/app-{round}");
        let manifest = empty_index(&name);
        cluster.at(round).push_manifest(&name, "1", &manifest);
        names.push(name);
        for answer in cluster.get_everywhere("/v2/_catalog") {
            assert_eq!(answer.json()["repositories"], json!(names));
        }
    }
}

#[test]
fn pages_of_a_list_come_from_one_replica_after_the_other() {
    let cluster = Cluster::start();
    let manifest = empty_index("many tags");
    let mut tags: Vec<String> = (0..23).map(|number| format!("v{number}")).collect();
    for tag in &tags {
        cluster.next().push_manifest("a", tag, &manifest);
    }
    tags.sort();
    let mut listed = Vec::new();
    let mut next = Some("/v2/a/tags/list?n=5".to_owned());
    while let Some(target) = next.take() {
        let answer = cluster.next().get(&target);
        let page = answer.json();
        let page = page["tags"].as_array().unwrap().iter();
        listed.extend(page.map(|tag| tag.as_str().unwrap().to_owned()));
        let link = answer.header("link");
        let link = link.and_then(|link| link.strip_prefix('<'));
        next = link.map(|link| link.split_once('>').unwrap().0.to_owned());
    }
    assert_eq!(listed, tags);
}
