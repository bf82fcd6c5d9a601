//! Level 0: manifests that a policy wants gone.

use super::*;

const KEPT: Duration = Duration::from_hours(24 * 7);

fn fixture() -> Fixture {
    let mut settings = Settings::default();
    settings.collector.untagged = Some(KEPT);
    Fixture::with(settings)
}

async fn is_there(fixture: &Fixture, bytes: &Bytes) -> bool {
    let (repository, reference) = (name("a"), digest_of(bytes).into());
    let head = fixture.registry.manifest_head(&repository, &reference);
    head.await.is_ok()
}

async fn put_digest(fixture: &Fixture, bytes: &Bytes) {
    put(&fixture.registry, "a", digest_of(bytes).into(), bytes)
        .await
        .unwrap();
}

/// Lets days go by, a pass every hour and a half.
async fn days(fixture: &Fixture, days: u32) {
    for _ in 0..days * 16 {
        fixture.clock.advance(Duration::from_mins(90));
        collect(&fixture.registry).await;
    }
}

#[tokio::test]
async fn without_a_policy_untagged_manifests_stay() {
    let fixture = Fixture::new();
    push_blob(&fixture.registry, "a", b"config").await;
    let bytes = bytes_of(&image(&[b"config"]));
    put_digest(&fixture, &bytes).await;
    days(&fixture, 30).await;
    assert!(is_there(&fixture, &bytes).await);
}

#[tokio::test]
async fn a_manifest_that_was_never_tagged_goes_when_it_is_old_enough() {
    let fixture = fixture();
    push_blob(&fixture.registry, "a", b"config").await;
    let bytes = bytes_of(&image(&[b"config"]));
    put_digest(&fixture, &bytes).await;
    days(&fixture, 6).await;
    assert!(is_there(&fixture, &bytes).await);
    days(&fixture, 3).await;
    assert!(!is_there(&fixture, &bytes).await);
    days(&fixture, 12).await;
    assert_eq!(keys(&fixture, layout::BLOBS).await, [""; 0]);
}

#[tokio::test]
async fn a_manifest_that_lost_its_tag_is_kept_so_long_from_then_on() {
    let fixture = fixture();
    let old = push_image(&fixture.registry, "a", "latest", &[b"one"]).await;
    days(&fixture, 10).await;
    let new = push_image(&fixture.registry, "a", "latest", &[b"two"]).await;
    days(&fixture, 6).await;
    assert!(is_there(&fixture, &old).await);
    days(&fixture, 4).await;
    assert!(!is_there(&fixture, &old).await);
    assert!(is_there(&fixture, &new).await);
}

#[tokio::test]
async fn a_tag_an_index_and_a_subject_keep_a_manifest() {
    let fixture = fixture();
    let tagged = push_image(&fixture.registry, "a", "latest", &[b"one"]).await;
    push_blob(&fixture.registry, "a", b"two").await;
    let child = bytes_of(&image(&[b"two"]));
    put_digest(&fixture, &child).await;
    let parent = bytes_of(&index(&[&child]));
    put(&fixture.registry, "a", by_tag("index"), &parent)
        .await
        .unwrap();
    let mut signature = image(&[b"two"]);
    signature["subject"] = descriptor(OCI_IMAGE_INDEX, &parent);
    let signature = bytes_of(&signature);
    put_digest(&fixture, &signature).await;
    days(&fixture, 20).await;
    for kept in [&tagged, &child, &parent, &signature] {
        assert!(is_there(&fixture, kept).await);
    }
    fixture
        .registry
        .tag_delete(&name("a"), &tag("index"), "bob")
        .await
        .unwrap();
    days(&fixture, 14).await;
    assert!(is_there(&fixture, &tagged).await);
    for gone in [&child, &parent, &signature] {
        assert!(!is_there(&fixture, gone).await);
    }
}

#[tokio::test]
async fn a_tag_saves_a_condemned_manifest() {
    let fixture = fixture();
    push_blob(&fixture.registry, "a", b"config").await;
    let bytes = bytes_of(&image(&[b"config"]));
    put_digest(&fixture, &bytes).await;
    fixture.clock.advance(KEPT + HOUR);
    assert_eq!(
        collect(&fixture.registry).await.level_manifests.condemned,
        1
    );
    fixture.clock.advance(AGE);
    put(&fixture.registry, "a", by_tag("latest"), &bytes)
        .await
        .unwrap();
    days(&fixture, 10).await;
    assert!(is_there(&fixture, &bytes).await);
    assert_eq!(keys(&fixture, layout::CONDEMNED).await, [""; 0]);
}

#[tokio::test]
async fn an_index_that_cannot_be_read_keeps_every_manifest_of_its_repository() {
    let fixture = fixture();
    push_blob(&fixture.registry, "a", b"config").await;
    let bytes = bytes_of(&image(&[b"config"]));
    put_digest(&fixture, &bytes).await;
    let key = layout::manifest(&name("a"), &digest_of(b"an index"));
    let broken = Bytes::from_static(b"\x02later");
    let _ = fixture
        .records
        .put(&key, broken, roadstead_storage::Condition::Any)
        .await
        .unwrap();
    days(&fixture, 20).await;
    assert!(is_there(&fixture, &bytes).await);
}

#[tokio::test]
async fn a_subject_that_is_pushed_again_finds_its_referrers() {
    let fixture = fixture();
    let subject = push_image(&fixture.registry, "a", "latest", &[b"one"]).await;
    let mut signature = image(&[b"one"]);
    signature["subject"] = descriptor(OCI_IMAGE_MANIFEST, &subject);
    let signature = bytes_of(&signature);
    put_digest(&fixture, &signature).await;
    days(&fixture, 8).await;
    delete_manifest(&fixture, "a", &digest_of(&subject)).await;
    fixture.clock.advance(GRACE);
    assert_eq!(
        collect(&fixture.registry).await.level_manifests.condemned,
        1
    );
    fixture.clock.advance(AGE);
    put(&fixture.registry, "a", by_tag("latest"), &subject)
        .await
        .unwrap();
    let key = layout::manifest(&name("a"), &digest_of(&signature));
    let state = record::<crate::record::ManifestRecord>(&fixture, &key).await;
    assert_eq!(state.unwrap().state, crate::record::ManifestState::Live);
    days(&fixture, 10).await;
    assert!(is_there(&fixture, &signature).await);
}
