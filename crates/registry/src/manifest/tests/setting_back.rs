//! Tags set back to what they were.

use super::restoring::{SECOND, mortal, restore};
use super::*;
use crate::{Availability, RestorePoint, TagRestore, TagRestored};

async fn restore_tag(
    registry: &Registry,
    text: &str,
    point: RestorePoint,
    is_kept: bool,
) -> Result<TagRestored> {
    let restore = TagRestore {
        repository: name(REPOSITORY),
        tag: tag(text),
        point,
        is_kept,
        by: "carol".to_owned(),
    };
    registry.tag_restore(&restore).await
}

async fn delete_tag(fixture: &Fixture, text: &str) {
    let (repository, tag) = (name(REPOSITORY), tag(text));
    let deleted = fixture.registry.tag_delete(&repository, &tag, "bob");
    deleted.await.unwrap();
    settle().await;
    fixture.clock.advance(SECOND);
}

/// Lets the endings of history be written, by tasks of this runtime over a store in memory.
async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

/// Pushes images under one tag, a second apart.
async fn push_all(fixture: &Fixture, text: &str, configs: &[&[u8]]) -> Vec<Bytes> {
    let mut images = Vec::new();
    for config in configs {
        let bytes = prepare(&fixture.registry, &[config]).await;
        put(&fixture.registry, by_tag(text), &bytes).await.unwrap();
        settle().await;
        fixture.clock.advance(SECOND);
        images.push(bytes);
    }
    images
}

#[tokio::test]
async fn a_restore_that_died_anywhere_can_be_repeated() {
    for survives in 0.. {
        let fixture = Fixture::new();
        let images = push_all(&fixture, "latest", &[b"one", b"two"]).await;
        delete(&fixture.registry, &images[0]).await.unwrap();
        let (registry, died) = mortal(&fixture, survives);
        let has_finished = tokio::select! {
            biased;
            restored = restore_tag(&registry, "latest", RestorePoint::Last, false) => restored.is_ok(),
            () = died.notified() => false,
        };

        let named = get(&fixture.registry, by_tag("latest")).await.unwrap();
        assert!(images.contains(&named), "died before call {survives}");
        let wanted = RestorePoint::Digest(digest_of(&images[0]));
        restore_tag(&fixture.registry, "latest", wanted, false)
            .await
            .unwrap();
        assert_eq!(
            get(&fixture.registry, by_tag("latest")).await.unwrap(),
            images[0]
        );
        if has_finished {
            assert!(survives > 5, "{survives}");
            return;
        }
    }
}

#[tokio::test]
async fn a_tag_goes_back_to_its_last_value_to_a_digest_and_to_a_time() {
    let fixture = Fixture::new();
    let before_all = fixture.records.now().await.unwrap();
    fixture.clock.advance(SECOND);
    let first_at = fixture.records.now().await.unwrap();
    let images = push_all(&fixture, "latest", &[b"one", b"two", b"three"]).await;
    let digests: Vec<Digest> = images.iter().map(|bytes| digest_of(bytes)).collect();
    let registry = &fixture.registry;

    let back = restore_tag(registry, "latest", RestorePoint::Last, false);
    let back = back.await.unwrap();
    assert_eq!(
        (&back.digest, back.before.as_ref()),
        (&digests[1], Some(&digests[2]))
    );
    assert!(!back.manifest.unwrap().was_removed);
    let value = tag_record(&fixture, "latest").await.unwrap();
    assert_eq!(
        (value.digest, value.by.as_str()),
        (digests[1].clone(), "carol")
    );

    let to = RestorePoint::Digest(digests[2].clone());
    restore_tag(registry, "latest", to.clone(), false)
        .await
        .unwrap();
    assert_eq!(
        tag_record(&fixture, "latest").await.unwrap().digest,
        digests[2]
    );
    // Once more is nothing to do.
    let again = restore_tag(registry, "latest", to, false).await.unwrap();
    assert_eq!(again.manifest, None);

    let at = RestorePoint::At(first_at);
    let back = restore_tag(registry, "latest", at, false).await.unwrap();
    assert_eq!(back.digest, digests[0]);

    for point in [
        RestorePoint::At(before_all),
        RestorePoint::Digest(digest_of(b"another")),
    ] {
        let refused = restore_tag(registry, "latest", point, false).await;
        assert!(matches!(refused, Err(RegistryError::NothingToRestore(_))));
    }
    let refused = restore_tag(registry, "never", RestorePoint::Last, false).await;
    assert!(matches!(refused, Err(RegistryError::NothingToRestore(_))));
}

#[tokio::test]
async fn a_deleted_tag_is_listed_and_comes_back_with_its_deleted_manifest() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let images = push_all(&fixture, "latest", &[b"one", b"two"]).await;
    push_all(&fixture, "latest-2", &[b"three"]).await;
    push_all(&fixture, "stays", &[b"four", b"five"]).await;
    delete_tag(&fixture, "latest-2").await;
    delete(registry, &images[1]).await.unwrap();
    settle().await;
    let gone_at = fixture.records.now().await.unwrap();
    fixture.clock.advance(SECOND);

    let repository = name(REPOSITORY);
    let page = registry.deleted_tags(&repository, None, 100);
    let page = page.await.unwrap();
    let shown: Vec<_> = page.tags.iter().map(|one| one.tag.as_str()).collect();
    assert_eq!(shown, ["latest-2", "latest"]);
    assert_eq!(page.tags[0].availability, Availability::Live);
    assert!(matches!(&page.tags[1].availability, Availability::Removed { by, .. } if by == "bob"));
    assert_eq!(page.tags[1].last.was.digest, digest_of(&images[1]));

    let refused = restore_tag(registry, "latest", RestorePoint::At(gone_at), false).await;
    assert!(matches!(refused, Err(RegistryError::NothingToRestore(_))));
    let back = restore_tag(registry, "latest", RestorePoint::Last, true);
    let back = back.await.unwrap();
    assert_eq!((back.before, back.digest), (None, digest_of(&images[1])));
    assert!(back.manifest.unwrap().was_removed);
    assert_eq!(get(registry, by_tag("latest")).await.unwrap(), images[1]);
}

#[tokio::test]
async fn pages_of_deleted_tags_and_manifests_meet_each_once() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let repository = name(REPOSITORY);
    let mut deleted = Vec::new();
    for text in ["a", "a-b", "b"] {
        let configs = [text.as_bytes(), b"other", b"third"];
        let images = push_all(&fixture, text, &configs).await;
        delete_tag(&fixture, text).await;
        delete(registry, &images[0]).await.unwrap();
        deleted.push(digest_of(&images[0]));
    }
    let mut tags = Vec::new();
    let mut after = None;
    loop {
        let page = registry.deleted_tags(&repository, after.as_deref(), 2);
        let page = page.await.unwrap();
        tags.extend(page.tags.into_iter().map(|one| one.tag.to_string()));
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    tags.sort();
    assert_eq!(tags, ["a", "a-b", "b"]);

    restore(registry, &prepare(registry, &[b"a"]).await)
        .await
        .unwrap();
    let mut digests = Vec::new();
    let mut after = None;
    loop {
        let page = registry.removed_manifests(&repository, after.as_deref(), 1);
        let page = page.await.unwrap();
        digests.extend(page.manifests.into_iter().map(|one| one.digest));
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    deleted.remove(0);
    deleted.sort_by_key(ToString::to_string);
    assert_eq!(digests, deleted);
}

#[tokio::test]
async fn a_tag_that_keeps_its_digest_is_not_set_back() {
    let fixture = Fixture::new();
    let images = push_all(&fixture, "latest", &[b"one", b"two"]).await;
    let refused = restore_tag(&fixture.registry, "latest", RestorePoint::Last, true).await;
    assert!(matches!(refused, Err(RegistryError::TagKept(kept)) if kept == tag("latest")));
    assert_eq!(
        get(&fixture.registry, by_tag("latest")).await.unwrap(),
        images[1]
    );
}
