//! DELETE of a manifest.

use super::*;
use crate::record::ManifestState;
use crate::{Generation, YOUNG};
use roadstead_storage::Condition;
use std::time::Duration;

/// Leaves a manifest as a deleter does that died right after its mark.
async fn mark(fixture: &Fixture, bytes: &Bytes, state: ManifestState) -> Generation {
    let record = manifest_record(fixture, bytes).await.unwrap();
    let marked = ManifestRecord { state, ..record };
    let key = layout::manifest(&name(REPOSITORY), &digest_of(bytes));
    let written = fixture.records.put(&key, marked.encode(), Condition::Any);
    let _ = written.await.unwrap();
    marked.generation
}

#[tokio::test]
async fn a_manifest_goes_with_every_tag_that_names_it() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    let other = prepare(&fixture.registry, &[b"other"]).await;
    let mut push = push_of(digest_of(&bytes).into(), &bytes);
    push.tags = ["a", "b", "moved"].map(tag).into();
    fixture.registry.manifest_put(push).await.unwrap();
    put(&fixture.registry, by_tag("moved"), &other)
        .await
        .unwrap();

    delete(&fixture.registry, &bytes).await.unwrap();

    assert!(is_unknown(&get_digest(&fixture.registry, &bytes).await));
    for text in ["a", "b"] {
        assert!(is_unknown(&get(&fixture.registry, by_tag(text)).await));
    }
    assert_eq!(
        get(&fixture.registry, by_tag("moved")).await.unwrap(),
        other
    );
    assert!(is_unknown(&delete(&fixture.registry, &bytes).await));
    let repository = name(REPOSITORY);
    let page = fixture.registry.tags(&repository, None, 10).await.unwrap();
    assert_eq!(page.tags, ["moved"]);
}

#[tokio::test]
async fn tags_beyond_one_page_of_the_reverse_index_go_too() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    let mut push = push_of(digest_of(&bytes).into(), &bytes);
    push.tags = (0..1203).map(|at| tag(&format!("t{at}"))).collect();
    fixture.registry.manifest_put(push).await.unwrap();

    delete(&fixture.registry, &bytes).await.unwrap();

    let repository = name(REPOSITORY);
    let page = fixture.registry.tags(&repository, None, 10).await.unwrap();
    assert_eq!(page.tags, [""; 0]);
}

#[tokio::test]
async fn old_tags_go_without_a_fence_on_those_that_moved_on() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    let other = prepare(&fixture.registry, &[b"other"]).await;
    put(&fixture.registry, by_tag("stays"), &bytes)
        .await
        .unwrap();
    put(&fixture.registry, by_tag("moved"), &bytes)
        .await
        .unwrap();
    put(&fixture.registry, by_tag("moved"), &other)
        .await
        .unwrap();
    fixture.clock.advance(YOUNG + Duration::from_secs(1));
    let key = layout::tag(&name(REPOSITORY), &tag("moved"));
    let before = fixture.records.get(&key).await.unwrap();

    delete(&fixture.registry, &bytes).await.unwrap();

    assert_eq!(tag_record(&fixture, "stays").await, None);
    assert_eq!(fixture.records.get(&key).await.unwrap(), before);
}

#[tokio::test]
async fn a_fence_changes_the_version_of_a_tag_and_not_its_bytes() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    let other = prepare(&fixture.registry, &[b"other"]).await;
    put(&fixture.registry, by_tag("moved"), &bytes)
        .await
        .unwrap();
    put(&fixture.registry, by_tag("moved"), &other)
        .await
        .unwrap();
    let key = layout::tag(&name(REPOSITORY), &tag("moved"));
    let before = fixture.records.get(&key).await.unwrap();

    delete(&fixture.registry, &bytes).await.unwrap();

    let after = fixture.records.get(&key).await.unwrap();
    assert_ne!(after.version, before.version);
    assert_eq!(after.record.unwrap().bytes, before.record.unwrap().bytes);
}

#[tokio::test]
async fn a_manifest_that_is_being_deleted_is_still_readable() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put(&fixture.registry, by_tag("latest"), &bytes)
        .await
        .unwrap();
    for state in [ManifestState::Condemned, ManifestState::Deleting] {
        mark(&fixture, &bytes, state).await;
        assert_eq!(
            get(&fixture.registry, by_tag("latest")).await.unwrap(),
            bytes
        );
        assert_eq!(get_digest(&fixture.registry, &bytes).await.unwrap(), bytes);
    }
    mark(&fixture, &bytes, ManifestState::Dead).await;
    assert!(is_unknown(&get_digest(&fixture.registry, &bytes).await));
}

#[tokio::test]
async fn a_delete_goes_on_with_an_unfinished_one() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put(&fixture.registry, by_tag("latest"), &bytes)
        .await
        .unwrap();
    mark(&fixture, &bytes, ManifestState::Deleting).await;

    delete(&fixture.registry, &bytes).await.unwrap();

    assert_eq!(manifest_record(&fixture, &bytes).await, None);
    assert_eq!(tag_record(&fixture, "latest").await, None);
}

#[tokio::test]
async fn a_push_finishes_an_unfinished_delete_and_makes_the_manifest_anew() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put(&fixture.registry, by_tag("old"), &bytes).await.unwrap();
    let marked = mark(&fixture, &bytes, ManifestState::Deleting).await;

    put(&fixture.registry, by_tag("new"), &bytes).await.unwrap();

    let made = manifest_record(&fixture, &bytes).await.unwrap();
    assert_eq!(made.state, ManifestState::Live);
    assert_ne!(made.generation, marked);
    assert_eq!(tag_record(&fixture, "old").await, None);
    assert_eq!(get(&fixture.registry, by_tag("new")).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_push_revives_a_condemned_manifest_in_its_generation() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put_digest(&fixture.registry, &bytes).await.unwrap();
    let condemned = mark(&fixture, &bytes, ManifestState::Condemned).await;

    put(&fixture.registry, by_tag("latest"), &bytes)
        .await
        .unwrap();

    let made = manifest_record(&fixture, &bytes).await.unwrap();
    assert_eq!(
        (made.state, made.generation),
        (ManifestState::Live, condemned)
    );
}

#[tokio::test]
async fn an_index_revives_a_condemned_child_and_refuses_one_that_is_going() {
    let fixture = Fixture::new();
    let child = prepare(&fixture.registry, &[b"config"]).await;
    put_digest(&fixture.registry, &child).await.unwrap();
    let parent = bytes_of(&index(&[&child]));

    mark(&fixture, &child, ManifestState::Deleting).await;
    let refused = put_digest(&fixture.registry, &parent).await;
    assert!(
        matches!(refused, Err(RegistryError::ManifestBlobUnknown(missing)) if missing == [digest_of(&child)])
    );

    mark(&fixture, &child, ManifestState::Condemned).await;
    put_digest(&fixture.registry, &parent).await.unwrap();
    let kept = manifest_record(&fixture, &child).await.unwrap();
    assert_eq!(kept.state, ManifestState::Live);
}

#[tokio::test]
async fn a_push_touches_what_has_grown_old() {
    let fixture = Fixture::new();
    let child = prepare(&fixture.registry, &[b"config"]).await;
    put_digest(&fixture.registry, &child).await.unwrap();
    let parent = bytes_of(&index(&[&child]));
    let before = manifest_record(&fixture, &child).await.unwrap();

    put_digest(&fixture.registry, &parent).await.unwrap();
    assert_eq!(manifest_record(&fixture, &child).await.unwrap(), before);

    fixture.clock.advance(Duration::from_hours(13));
    put_digest(&fixture.registry, &parent).await.unwrap();
    let after = manifest_record(&fixture, &child).await.unwrap();
    assert_ne!(after.nonce, before.nonce);
    assert_eq!(after.generation, before.generation);
}

#[tokio::test]
async fn the_child_of_an_index_may_be_deleted_and_pushed_again() {
    let fixture = Fixture::new();
    let child = prepare(&fixture.registry, &[b"config"]).await;
    put_digest(&fixture.registry, &child).await.unwrap();
    let parent = bytes_of(&index(&[&child]));
    put(&fixture.registry, by_tag("latest"), &parent)
        .await
        .unwrap();

    delete(&fixture.registry, &child).await.unwrap();

    assert_eq!(
        get(&fixture.registry, by_tag("latest")).await.unwrap(),
        parent
    );
    assert!(is_unknown(&get_digest(&fixture.registry, &child).await));
    put_digest(&fixture.registry, &child).await.unwrap();
    assert_eq!(get_digest(&fixture.registry, &child).await.unwrap(), child);
}

#[tokio::test]
async fn a_dead_record_is_removed_by_a_delete_and_written_over_by_a_push() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put_digest(&fixture.registry, &bytes).await.unwrap();
    mark(&fixture, &bytes, ManifestState::Dead).await;
    assert!(is_unknown(&delete(&fixture.registry, &bytes).await));
    assert_eq!(manifest_record(&fixture, &bytes).await, None);

    put_digest(&fixture.registry, &bytes).await.unwrap();
    let dead = mark(&fixture, &bytes, ManifestState::Dead).await;
    put(&fixture.registry, by_tag("latest"), &bytes)
        .await
        .unwrap();
    let made = manifest_record(&fixture, &bytes).await.unwrap();
    assert_eq!(made.state, ManifestState::Live);
    assert_ne!(made.generation, dead);
}
