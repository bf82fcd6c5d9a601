//! Tags: moved, deleted, listed.

use super::*;

async fn listed(registry: &Registry, after: Option<&str>, limit: usize) -> (Vec<String>, bool) {
    let repository = name(REPOSITORY);
    let page = registry.tags(&repository, after, limit).await.unwrap();
    (page.tags, page.more)
}

#[tokio::test]
async fn a_tag_moves_to_what_was_pushed_last() {
    let fixture = Fixture::new();
    let old = prepare(&fixture.registry, &[b"old"]).await;
    let new = prepare(&fixture.registry, &[b"new"]).await;

    put(&fixture.registry, by_tag("latest"), &old)
        .await
        .unwrap();
    put(&fixture.registry, by_tag("latest"), &new)
        .await
        .unwrap();

    assert_eq!(get(&fixture.registry, by_tag("latest")).await.unwrap(), new);
    assert_eq!(get_digest(&fixture.registry, &old).await.unwrap(), old);
}

#[tokio::test]
async fn deleting_a_tag_leaves_its_manifest_and_other_tags() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put(&fixture.registry, by_tag("one"), &bytes).await.unwrap();
    put(&fixture.registry, by_tag("two"), &bytes).await.unwrap();
    let repository = name(REPOSITORY);

    fixture
        .registry
        .tag_delete(&repository, &tag("one"), "bob")
        .await
        .unwrap();

    let again = fixture
        .registry
        .tag_delete(&repository, &tag("one"), "bob")
        .await;
    assert!(is_unknown(&again));
    assert!(is_unknown(&get(&fixture.registry, by_tag("one")).await));
    assert_eq!(get(&fixture.registry, by_tag("two")).await.unwrap(), bytes);
    assert_eq!(get_digest(&fixture.registry, &bytes).await.unwrap(), bytes);
    assert_eq!(listed(&fixture.registry, None, 10).await.0, ["two"]);
}

#[tokio::test]
async fn a_deleted_tag_can_be_pushed_again() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    for _ in 0..3 {
        put(&fixture.registry, by_tag("latest"), &bytes)
            .await
            .unwrap();
        assert_eq!(
            get(&fixture.registry, by_tag("latest")).await.unwrap(),
            bytes
        );
        let repository = name(REPOSITORY);
        fixture
            .registry
            .tag_delete(&repository, &tag("latest"), "bob")
            .await
            .unwrap();
        assert!(is_unknown(&get(&fixture.registry, by_tag("latest")).await));
    }
}

#[tokio::test]
async fn tags_are_listed_in_byte_order_page_by_page() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    let mut push = push_of(digest_of(&bytes).into(), &bytes);
    push.tags = ["1-alpine", "b", "1", "_x", "B", "1.0"].map(tag).into();
    fixture.registry.manifest_put(push).await.unwrap();
    let registry = &fixture.registry;

    let all = listed(registry, None, 100).await;
    assert_eq!(all.0, ["1", "1-alpine", "1.0", "B", "_x", "b"]);
    assert!(!all.1);
    assert_eq!(
        listed(registry, None, 2).await,
        (vec!["1".into(), "1-alpine".into()], true)
    );
    assert_eq!(
        listed(registry, Some("1-alpine"), 2).await,
        (vec!["1.0".into(), "B".into()], true)
    );
    // The place to go on from need not be a tag.
    assert_eq!(
        listed(registry, Some("1/not a tag"), 1).await,
        (vec!["B".into()], true)
    );
    assert_eq!(
        listed(registry, Some("B"), 2).await,
        (vec!["_x".into(), "b".into()], false)
    );
    assert_eq!(listed(registry, Some("zzz"), 2).await, (vec![], false));
    assert_eq!(listed(registry, None, 0).await, (vec![], false));
    assert_eq!(listed(registry, None, usize::MAX).await.0.len(), 6);
}

#[tokio::test]
async fn tags_of_a_repository_do_not_show_in_another() {
    let fixture = Fixture::new();
    let empty = bytes_of(&index(&[]));
    for repository in ["a", "a/b", "ab"] {
        let mut push = push_of(by_tag(&repository.replace('/', "_")), &empty);
        push.repository = name(repository);
        fixture.registry.manifest_put(push).await.unwrap();
    }
    let page = fixture.registry.tags(&name("a"), None, 10).await.unwrap();
    assert_eq!(page.tags, ["a"]);
}

#[tokio::test]
async fn a_kept_tag_is_made_and_not_given_another_digest() {
    let fixture = Fixture::new();
    let old = prepare(&fixture.registry, &[b"old"]).await;
    let new = prepare(&fixture.registry, &[b"new"]).await;
    let keep = async |bytes: &Bytes| {
        let push = ManifestPush {
            kept_tags: vec![tag("v1")],
            ..push_of(by_tag("v1"), bytes)
        };
        fixture.registry.manifest_put(push).await
    };

    keep(&old).await.unwrap();
    keep(&old).await.unwrap();
    let refused = keep(&new).await;

    assert!(matches!(refused, Err(RegistryError::TagKept(_))));
    assert_eq!(get(&fixture.registry, by_tag("v1")).await.unwrap(), old);
    assert!(is_unknown(&get_digest(&fixture.registry, &new).await));
}
