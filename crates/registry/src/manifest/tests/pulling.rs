//! What readers see.

use super::*;

#[tokio::test]
async fn head_and_get_agree() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put(&fixture.registry, by_tag("latest"), &bytes)
        .await
        .unwrap();

    for reference in [by_tag("latest"), digest_of(&bytes).into()] {
        let repository = name(REPOSITORY);
        let head = fixture.registry.manifest_head(&repository, &reference);
        let head = head.await.unwrap();
        let stored = fixture.registry.manifest_get(&repository, &reference);
        assert_eq!(stored.await.unwrap().meta, head);
        assert_eq!(head.media_type, OCI_IMAGE_MANIFEST);
        assert_eq!(head.size, bytes.len() as u64);
    }
}

#[tokio::test]
async fn a_repository_is_unknown_until_its_first_manifest() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    let repository = name(REPOSITORY);
    let registry = &fixture.registry;
    let unknown = |result: &Result<()>| matches!(result, Err(RegistryError::NameUnknown(name)) if *name == repository);

    let reference = by_tag("latest");
    let head = registry.manifest_head(&repository, &reference).await;
    assert!(unknown(&head.map(|_| ())));
    assert!(unknown(&get_digest(registry, &bytes).await.map(|_| ())));
    assert!(unknown(&delete(registry, &bytes).await));
    assert!(unknown(
        &registry.tag_delete(&repository, &tag("latest"), "").await
    ));
    assert!(unknown(
        &registry.tags(&repository, None, 10).await.map(|_| ())
    ));

    put_digest(registry, &bytes).await.unwrap();
    let head = registry.manifest_head(&repository, &reference).await;
    assert!(is_unknown(&head));
    assert!(is_unknown(
        &registry.tag_delete(&repository, &tag("latest"), "").await
    ));
    assert_eq!(
        registry.tags(&repository, None, 10).await.unwrap().tags,
        [""; 0]
    );
}

#[tokio::test]
async fn the_catalog_lists_repositories_with_manifests_in_byte_order() {
    let fixture = Fixture::new();
    push_blob(&fixture.registry, b"no manifest here").await;
    let empty = bytes_of(&index(&[]));
    for repository in ["b", "a-b", "a/b", "a", "c/d/e"] {
        let mut push = push_of(by_tag("latest"), &empty);
        push.repository = name(repository);
        fixture.registry.manifest_put(push).await.unwrap();
    }

    let all = fixture.registry.catalog(None, 100).await.unwrap();
    assert_eq!(
        all.repositories,
        ["a", "a-b", "a/b", "b", "c/d/e"].map(name)
    );
    assert!(!all.more);

    let page = fixture.registry.catalog(Some("a"), 2).await.unwrap();
    assert_eq!(page.repositories, ["a-b", "a/b"].map(name));
    assert!(page.more);
    let page = fixture.registry.catalog(Some("aa"), 2).await.unwrap();
    assert_eq!(page.repositories, ["b", "c/d/e"].map(name));
    assert!(!page.more);
}
