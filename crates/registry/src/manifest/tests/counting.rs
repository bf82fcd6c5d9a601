//! The calls to storage that each operation costs: the figures of the storage contract.

use super::intercepted::Script;
use super::*;
use crate::ReferrersQuery;

const BLOBS: [&[u8]; 4] = [b"config", b"layer 1", b"layer 2", b"layer 3"];

struct Counted {
    fixture: Fixture,
    script: Script,
    registry: Registry,
    bytes: Bytes,
}

impl Counted {
    /// Blobs were pushed through another replica, so this one knows nothing.
    async fn new() -> Self {
        let fixture = Fixture::new();
        let script = Script::default();
        let registry = over(&fixture, Arc::new(script.view(fixture.records.clone())));
        let bytes = prepare(&fixture.registry, &BLOBS).await;
        Self {
            fixture,
            script,
            registry,
            bytes,
        }
    }

    /// Returns how many calls there were since the last time, and asserts their number by kind.
    #[track_caller]
    fn assert_calls(&self, expected: &[(&str, &str, usize)]) {
        let calls = self.script.take_calls();
        let total: usize = expected.iter().map(|(.., count)| count).sum();
        assert_eq!(calls.len(), total, "{calls:#?}");
        for (operation, fragment, count) in expected {
            let found = calls.iter().filter(|call| call.is(operation, fragment));
            assert_eq!(found.count(), *count, "{operation} {fragment}: {calls:#?}");
        }
    }
}

#[tokio::test]
async fn a_cold_push_by_tag_costs_n_and_five() {
    let counted = Counted::new().await;
    put(&counted.registry, by_tag("latest"), &counted.bytes)
        .await
        .unwrap();
    counted.assert_calls(&[
        ("get", "link/", 4),
        ("put", "/_tagged/", 1),
        ("get", "/_tag/", 1),
        ("put", "/_manifest/", 1),
        ("put", "/_tag/", 1),
        ("put", "catalog/", 1),
    ]);
}

#[tokio::test]
async fn a_push_after_head_reads_no_link() {
    let counted = Counted::new().await;
    for blob in BLOBS {
        let (repository, digest) = (name(REPOSITORY), digest_of(blob));
        counted
            .registry
            .blob_head(&repository, &digest)
            .await
            .unwrap();
    }
    counted.script.take_calls();
    put(&counted.registry, by_tag("latest"), &counted.bytes)
        .await
        .unwrap();
    counted.assert_calls(&[
        ("put", "/_tagged/", 1),
        ("get", "/_tag/", 1),
        ("put", "/_manifest/", 1),
        ("put", "/_tag/", 1),
        ("put", "catalog/", 1),
    ]);
}

#[tokio::test]
async fn a_push_that_replaces_a_value_costs_one_more() {
    let counted = Counted::new().await;
    let old = bytes_of(&index(&[]));
    put(&counted.fixture.registry, by_tag("latest"), &old)
        .await
        .unwrap();
    put(&counted.registry, by_tag("latest"), &counted.bytes)
        .await
        .unwrap();
    // How the old value ended is told later, in the background.
    counted.assert_calls(&[
        ("get", "link/", 4),
        ("put", "/_tagged/", 1),
        ("get", "/_tag/", 1),
        ("put", "/_manifest/", 1),
        ("put", "/_history/", 1),
        ("put", "/_tag/", 1),
        ("put", "catalog/", 1),
    ]);
}

#[tokio::test]
async fn a_push_by_digest_costs_n_and_two() {
    let counted = Counted::new().await;
    put_digest(&counted.registry, &counted.bytes).await.unwrap();
    counted.assert_calls(&[
        ("get", "link/", 4),
        ("put", "/_manifest/", 1),
        ("put", "catalog/", 1),
    ]);
}

#[tokio::test]
async fn a_push_of_what_is_there_writes_no_tag() {
    let counted = Counted::new().await;
    put(&counted.registry, by_tag("latest"), &counted.bytes)
        .await
        .unwrap();
    counted.script.take_calls();
    put(&counted.registry, by_tag("latest"), &counted.bytes)
        .await
        .unwrap();
    counted.assert_calls(&[
        ("put", "/_tagged/", 1),
        ("get", "/_tag/", 1),
        ("put", "/_manifest/", 1),
        ("get", "/_manifest/", 1),
        ("put", "catalog/", 1),
    ]);
}

#[tokio::test]
async fn each_further_tag_costs_three() {
    let counted = Counted::new().await;
    let mut push = push_of(digest_of(&counted.bytes).into(), &counted.bytes);
    push.tags = ["a", "b", "c"].map(tag).into();
    counted.registry.manifest_put(push).await.unwrap();
    counted.assert_calls(&[
        ("get", "link/", 4),
        ("put", "/_tagged/", 3),
        ("get", "/_tag/", 3),
        ("put", "/_manifest/", 1),
        ("put", "/_tag/", 3),
        ("put", "catalog/", 1),
    ]);
}

#[tokio::test]
async fn reading_costs_one_call_and_by_tag_two() {
    let counted = Counted::new().await;
    put(&counted.registry, by_tag("latest"), &counted.bytes)
        .await
        .unwrap();
    counted.script.take_calls();

    get(&counted.registry, by_tag("latest")).await.unwrap();
    counted.assert_calls(&[("get", "/_tag/", 1), ("get", "/_manifest/", 1)]);
    get_digest(&counted.registry, &counted.bytes).await.unwrap();
    counted.assert_calls(&[("get", "/_manifest/", 1)]);
    let repository = name(REPOSITORY);
    let latest = by_tag("latest");
    counted
        .registry
        .manifest_head(&repository, &latest)
        .await
        .unwrap();
    counted.assert_calls(&[("get", "/_tag/", 1)]);
    let digest = digest_of(&counted.bytes).into();
    counted
        .registry
        .manifest_head(&repository, &digest)
        .await
        .unwrap();
    counted.assert_calls(&[("get", "/_manifest/", 1)]);
    let missing = counted
        .registry
        .manifest_head(&repository, &by_tag("none"))
        .await;
    assert!(is_unknown(&missing));
    counted.assert_calls(&[("get", "/_tag/", 1), ("get", "catalog/", 1)]);
}

#[tokio::test]
async fn a_page_of_tags_or_of_the_catalog_costs_one_listing() {
    let counted = Counted::new().await;
    put(&counted.registry, by_tag("latest"), &counted.bytes)
        .await
        .unwrap();
    counted.script.take_calls();
    counted
        .registry
        .tags(&name(REPOSITORY), None, 100)
        .await
        .unwrap();
    counted.assert_calls(&[("list", "/_tag/", 1)]);
    counted.registry.catalog(None, 100).await.unwrap();
    counted.assert_calls(&[("list", "catalog/", 1)]);
}

#[tokio::test]
async fn referrers_cost_one_listing_and_a_read_of_each_that_is_new() {
    let counted = Counted::new().await;
    let subject = digest_of(&counted.bytes);
    let mut referrers = Vec::new();
    for at in 0..5 {
        let mut document = image(&BLOBS);
        document["subject"] = descriptor(OCI_IMAGE_MANIFEST, &counted.bytes);
        document["annotations"] = json!({"at": at.to_string()});
        let bytes = bytes_of(&document);
        put_digest(&counted.fixture.registry, &bytes).await.unwrap();
        referrers.push(bytes);
    }
    let list = async || {
        let query = ReferrersQuery {
            artifact_types: &[],
            after: None,
            limit: None,
            max_bytes: 4 << 20,
        };
        let repository = name(REPOSITORY);
        let page = counted
            .registry
            .referrers(&repository, &subject, query)
            .await;
        page.unwrap().descriptors.len()
    };

    assert_eq!(list().await, 5);
    counted.assert_calls(&[("list", "/_referrer/", 1), ("get", "/_referrer/", 5)]);
    assert_eq!(list().await, 5);
    counted.assert_calls(&[("list", "/_referrer/", 1)]);
    counted
        .fixture
        .clock
        .advance(std::time::Duration::from_secs(1));
    delete(&counted.fixture.registry, &referrers[0])
        .await
        .unwrap();
    delete(&counted.fixture.registry, &referrers[1])
        .await
        .unwrap();
    put_digest(&counted.fixture.registry, &referrers[1])
        .await
        .unwrap();
    assert_eq!(list().await, 4);
    counted.assert_calls(&[("list", "/_referrer/", 1), ("get", "/_referrer/", 1)]);
}

#[tokio::test]
async fn a_push_with_a_subject_costs_two_more() {
    let counted = Counted::new().await;
    let mut document = image(&BLOBS);
    document["subject"] = descriptor(OCI_IMAGE_MANIFEST, b"subject");
    put_digest(&counted.registry, &bytes_of(&document))
        .await
        .unwrap();
    counted.assert_calls(&[
        ("get", "link/", 4),
        ("get", "/_referrer/", 1),
        ("put", "/_manifest/", 1),
        ("put", "/_referrer/", 1),
        ("put", "catalog/", 1),
    ]);
}

#[tokio::test]
async fn a_delete_costs_one_more_for_what_it_retains() {
    let counted = Counted::new().await;
    put(&counted.registry, by_tag("latest"), &counted.bytes)
        .await
        .unwrap();
    counted.script.take_calls();
    delete(&counted.registry, &counted.bytes).await.unwrap();
    counted.assert_calls(&[
        ("get", "/_manifest/", 1),
        ("put", "/_manifest/", 1),
        ("list", "/_tagged/", 1),
        ("get", "/_tag/", 1),
        ("put", "/_history/", 1),
        ("delete", "/_tag/", 1),
        ("put", "/_removed/", 1),
        ("delete", "/_manifest/", 1),
    ]);
}

#[tokio::test]
async fn an_entry_of_a_deleted_manifest_costs_nothing_until_its_time_is_over() {
    let counted = Counted::new().await;
    put_digest(&counted.registry, &counted.bytes).await.unwrap();
    delete(&counted.registry, &counted.bytes).await.unwrap();
    let prefix = layout::removed_all(&name(REPOSITORY));
    let page = counted.fixture.records.list(&prefix, None, 10);
    let entry = page.await.unwrap().entries.remove(0);
    counted.script.take_calls();
    let expire = || counted.registry.expire_removed(&entry.key, entry.modified);
    expire().await.unwrap();
    counted.assert_calls(&[]);
    counted
        .fixture
        .clock
        .advance(std::time::Duration::from_hours(7 * 24));
    expire().await.unwrap();
    counted.assert_calls(&[("get", "/_removed/", 1), ("delete", "/_removed/", 1)]);
}
