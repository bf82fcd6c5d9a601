//! Writes whose answer is lost: the store says `Unknown`, whether or not they happened.

use super::intercepted::Script;
use super::*;

struct Lossy {
    fixture: Fixture,
    script: Script,
    registry: Registry,
    bytes: Bytes,
    other_bytes: Bytes,
}

impl Lossy {
    async fn new() -> Self {
        let fixture = Fixture::new();
        let script = Script::default();
        let registry = over(&fixture, Arc::new(script.view(fixture.records.clone())));
        let bytes = prepare(&fixture.registry, &[b"config"]).await;
        let other_bytes = prepare(&fixture.registry, &[b"other"]).await;
        Self {
            fixture,
            script,
            registry,
            bytes,
            other_bytes,
        }
    }

    async fn values(&self) -> usize {
        let prefix = layout::histories(&name(REPOSITORY), &tag("latest"));
        keys(&self.fixture, &prefix).await.len()
    }
}

#[tokio::test]
async fn any_one_lost_answer_of_a_push_changes_nothing_for_the_client() {
    for fragment in [
        "/_tagged/",
        "/_manifest/",
        "/_tag/",
        "/_history/",
        "/_referrer/",
        "catalog/",
    ] {
        let lossy = Lossy::new().await;
        put(
            &lossy.fixture.registry,
            by_tag("latest"),
            &lossy.other_bytes,
        )
        .await
        .unwrap();
        let mut document = image(&[b"config"]);
        document["subject"] = descriptor(OCI_IMAGE_MANIFEST, &lossy.other_bytes);
        let bytes = bytes_of(&document);
        lossy.script.lose("put", fragment);

        put(&lossy.registry, by_tag("latest"), &bytes)
            .await
            .unwrap();

        assert!(lossy.script.is_played(), "{fragment}");
        assert_eq!(get(&lossy.registry, by_tag("latest")).await.unwrap(), bytes);
        assert_eq!(lossy.values().await, 1, "{fragment}");
        let prefix = layout::referrers(&name(REPOSITORY), &digest_of(&lossy.other_bytes));
        assert_eq!(keys(&lossy.fixture, &prefix).await.len(), 1, "{fragment}");
    }
}

#[tokio::test]
async fn any_one_lost_answer_of_a_delete_changes_nothing_for_the_client() {
    for (operation, fragment) in [
        ("put", "/_manifest/"),
        ("delete", "/_tag/"),
        ("put", "/_history/"),
        ("delete", "/_manifest/"),
    ] {
        let lossy = Lossy::new().await;
        put(&lossy.registry, by_tag("latest"), &lossy.bytes)
            .await
            .unwrap();
        lossy.script.lose(operation, fragment);

        delete(&lossy.registry, &lossy.bytes).await.unwrap();

        assert!(lossy.script.is_played(), "{operation} {fragment}");
        assert_eq!(tag_record(&lossy.fixture, "latest").await, None);
        assert_eq!(manifest_record(&lossy.fixture, &lossy.bytes).await, None);
        assert_eq!(lossy.values().await, 1);
    }
}

#[tokio::test]
async fn a_tag_that_was_set_and_replaced_before_its_answer_came_is_not_set_again() {
    let lossy = Lossy::new().await;
    lossy.script.lose("put", "/_tag/");
    let (other, bytes) = (lossy.fixture.registry.clone(), lossy.other_bytes.clone());
    // The first read of the tag is of the push's first wave, the second asks what became of it.
    lossy.script.before("get", "/_tag/", async {});
    lossy.script.before("get", "/_tag/", async move {
        put(&other, by_tag("latest"), &bytes).await.unwrap();
    });

    put(&lossy.registry, by_tag("latest"), &lossy.bytes)
        .await
        .unwrap();

    assert!(lossy.script.is_played());
    let current = get(&lossy.registry, by_tag("latest")).await.unwrap();
    assert_eq!(current, lossy.other_bytes, "a replaced value came back");
}

#[tokio::test]
async fn a_tag_that_was_never_set_is_set_after_all() {
    let lossy = Lossy::new().await;
    let (other, bytes) = (lossy.fixture.registry.clone(), lossy.other_bytes.clone());
    lossy.script.lose_after("put", "/_tag/", async move {
        put(&other, by_tag("latest"), &bytes).await.unwrap();
    });

    put(&lossy.registry, by_tag("latest"), &lossy.bytes)
        .await
        .unwrap();

    assert!(lossy.script.is_played());
    assert_eq!(
        get(&lossy.registry, by_tag("latest")).await.unwrap(),
        lossy.bytes
    );
    assert_eq!(lossy.values().await, 1);
}

#[tokio::test]
async fn a_tag_that_was_only_fenced_after_it_was_set_counts_as_set() {
    let lossy = Lossy::new().await;
    put(
        &lossy.fixture.registry,
        by_tag("latest"),
        &lossy.other_bytes,
    )
    .await
    .unwrap();
    lossy.script.lose("put", "/_tag/");
    let (other, bytes) = (lossy.fixture.registry.clone(), lossy.other_bytes.clone());
    lossy.script.before("get", "/_tag/", async {});
    lossy.script.before("get", "/_tag/", async move {
        delete(&other, &bytes).await.unwrap();
    });

    put(&lossy.registry, by_tag("latest"), &lossy.bytes)
        .await
        .unwrap();

    assert!(lossy.script.is_played());
    assert_eq!(
        get(&lossy.registry, by_tag("latest")).await.unwrap(),
        lossy.bytes
    );
    assert_eq!(lossy.values().await, 1);
}

#[tokio::test]
async fn a_delete_of_a_tag_with_a_lost_answer_spares_what_came_after() {
    let lossy = Lossy::new().await;
    put(&lossy.registry, by_tag("latest"), &lossy.bytes)
        .await
        .unwrap();
    lossy.script.take_calls();
    lossy.script.lose("delete", "/_tag/");
    let (other, bytes) = (lossy.fixture.registry.clone(), lossy.other_bytes.clone());
    lossy.script.before("get", "/_tag/", async {});
    lossy.script.before("get", "/_tag/", async move {
        put(&other, by_tag("latest"), &bytes).await.unwrap();
    });

    let repository = name(REPOSITORY);
    lossy
        .registry
        .tag_delete(&repository, &tag("latest"), "bob")
        .await
        .unwrap();

    assert!(lossy.script.is_played());
    let current = get(&lossy.registry, by_tag("latest")).await.unwrap();
    assert_eq!(current, lossy.other_bytes);
}

#[tokio::test]
async fn a_delete_of_a_tag_that_only_met_a_fence_is_sent_again() {
    let lossy = Lossy::new().await;
    put(&lossy.registry, by_tag("latest"), &lossy.other_bytes)
        .await
        .unwrap();
    put(&lossy.registry, by_tag("latest"), &lossy.bytes)
        .await
        .unwrap();
    let (other, bytes) = (lossy.fixture.registry.clone(), lossy.other_bytes.clone());
    // The tag keeps its value under another version, so the delete does not happen.
    lossy.script.lose_after("delete", "/_tag/", async move {
        delete(&other, &bytes).await.unwrap();
    });

    let repository = name(REPOSITORY);
    lossy
        .registry
        .tag_delete(&repository, &tag("latest"), "bob")
        .await
        .unwrap();

    assert!(lossy.script.is_played());
    assert_eq!(tag_record(&lossy.fixture, "latest").await, None);
}

#[tokio::test]
async fn a_mark_with_a_lost_answer_never_goes_on_with_the_next_generation() {
    let lossy = Lossy::new().await;
    put(&lossy.registry, by_tag("latest"), &lossy.bytes)
        .await
        .unwrap();
    lossy.script.lose("put", "/_manifest/");
    let (other, bytes) = (lossy.fixture.registry.clone(), lossy.bytes.clone());
    lossy.script.before("get", "/_manifest/", async {});
    lossy.script.before("get", "/_manifest/", async move {
        // Finishes the delete that is under way, and makes the next generation.
        put(&other, by_tag("latest"), &bytes).await.unwrap();
    });

    delete(&lossy.registry, &lossy.bytes).await.unwrap();

    assert!(lossy.script.is_played());
    assert_eq!(
        get(&lossy.registry, by_tag("latest")).await.unwrap(),
        lossy.bytes
    );
}
