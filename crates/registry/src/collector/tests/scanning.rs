//! The scan of references: what it reads, what it keeps, and when it keeps everything.

use super::*;
use roadstead_storage::Condition;

/// Puts a manifest by its digest.
async fn put_digest(registry: &Registry, repository: &str, bytes: &Bytes) {
    put(registry, repository, digest_of(bytes).into(), bytes)
        .await
        .unwrap();
}

/// An image of one configuration that differs by a label.
fn labelled(config: &[u8], label: usize) -> Bytes {
    let mut image = image(&[config]);
    image["annotations"] = json!({ "label": label.to_string() });
    bytes_of(&image)
}

#[tokio::test]
async fn a_second_pass_reads_no_manifest_again() {
    let fixture = Fixture::new();
    push_blob(&fixture.registry, "a", b"config").await;
    for label in 0..20 {
        put_digest(&fixture.registry, "a", &labelled(b"config", label)).await;
    }
    fixture.clock.advance(HOUR);
    let report = collect(&fixture.registry).await;
    assert_eq!((report.manifests, report.manifests_read), (20, 20));
    fixture.clock.advance(HOUR);
    let report = collect(&fixture.registry).await;
    assert_eq!((report.manifests, report.manifests_read), (20, 0));
    put_digest(&fixture.registry, "a", &labelled(b"config", 20)).await;
    fixture.clock.advance(HOUR);
    let report = collect(&fixture.registry).await;
    assert_eq!((report.manifests, report.manifests_read), (21, 1));
}

#[tokio::test]
async fn thousands_of_manifests_are_kept_in_many_chunks_that_follow_every_change() {
    let fixture = Fixture::new();
    push_blob(&fixture.registry, "a", b"config").await;
    push_blob(&fixture.registry, "b", b"config").await;
    put_digest(&fixture.registry, "b", &labelled(b"config", 0)).await;
    let count = 2600;
    for label in 0..count {
        put_digest(&fixture.registry, "a", &labelled(b"config", label)).await;
    }
    fixture.clock.advance(HOUR);
    let report = collect(&fixture.registry).await;
    assert_eq!(report.manifests, count as u64 + 1);
    let chunks = keys(&fixture, layout::REFERENCES).await.len();
    assert!((6..=12).contains(&chunks), "{chunks}");
    for label in 0..count {
        if label % 7 != 0 {
            let digest = digest_of(&labelled(b"config", label));
            delete_manifest(&fixture, "a", &digest).await;
        }
    }
    fixture.clock.advance(HOUR);
    // Those that were deleted are retained, and read as such.
    let report = collect(&fixture.registry).await;
    assert_eq!(report.manifests, count as u64 + 1);
    fixture.clock.advance(Duration::from_hours(24 * 8));
    let report = collect(&fixture.registry).await;
    assert_eq!(report.manifests_read, 0);
    assert_eq!(report.manifests, count.div_ceil(7) as u64 + 1);
    for label in 0..count {
        put_digest(&fixture.registry, "a", &labelled(b"config", label)).await;
    }
    fixture.clock.advance(HOUR);
    let report = collect(&fixture.registry).await;
    assert_eq!(report.manifests, count as u64 + 1);
    fixture.clock.advance(HOUR);
    let report = collect(&fixture.registry).await;
    assert_eq!(
        (report.manifests, report.manifests_read),
        (count as u64 + 1, 0)
    );
    assert_eq!(report.references, count as u64 + 1);
}

#[tokio::test]
async fn a_chunk_that_cannot_be_read_is_made_again() {
    let fixture = Fixture::new();
    push_image(&fixture.registry, "a", "latest", &[b"config", b"layer"]).await;
    fixture.clock.advance(HOUR);
    collect(&fixture.registry).await;
    let chunks = keys(&fixture, layout::REFERENCES).await;
    let broken = Bytes::from_static(b"\x01\x02");
    let put = fixture.records.put(&chunks[0], broken, Condition::Any);
    let _ = put.await.unwrap();
    assert_eq!(collect(&fixture.registry).await.manifests_read, 1);
    assert_eq!(collect(&fixture.registry).await.manifests_read, 0);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_keeps_all_blobs_of_its_repository_and_no_others() {
    let fixture = Fixture::new();
    let in_a = push_blob(&fixture.registry, "a/x", &large(1)).await;
    let in_b = push_blob(&fixture.registry, "b", &large(2)).await;
    let key = layout::manifest(&name("a/x"), &digest_of(b"what it was"));
    let broken = Bytes::from_static(b"\x63some later version");
    let _ = fixture
        .records
        .put(&key, broken, Condition::Any)
        .await
        .unwrap();
    fixture.clock.advance(GRACE);
    let mut reasons = Vec::new();
    for _ in 0..5 {
        let report = collect(&fixture.registry).await;
        reasons = report.skipped;
        fixture.clock.advance(AGE);
    }
    assert!(read(&fixture.registry, "a/x", &in_a).await.is_ok());
    assert_eq!(blob_state(&fixture, &in_b).await, None);
    assert!(reasons[0].contains("version"), "{reasons:?}");
}

#[tokio::test]
async fn a_key_that_is_not_known_ends_the_pass_before_anything_goes() {
    let fixture = Fixture::new();
    let digest = push_blob(&fixture.registry, "a", &large(1)).await;
    let put = fixture.records.put(
        "repo/a/_later/x",
        Bytes::from_static(b"\x01x"),
        Condition::Any,
    );
    let _ = put.await.unwrap();
    for _ in 0..4 {
        fixture.clock.advance(GRACE);
        let error = try_to_collect(&fixture.registry, false).await.unwrap_err();
        assert!(error.to_string().contains("repo/a/_later/x"), "{error}");
    }
    assert!(read(&fixture.registry, "a", &digest).await.is_ok());
}

#[tokio::test]
async fn nothing_is_left_of_a_repository_whose_manifests_are_gone() {
    let fixture = Fixture::new();
    for repository in ["a", "a/0", "a/b", "a-b", "z"] {
        push_image(&fixture.registry, repository, "latest", &[b"config"]).await;
    }
    fixture.clock.advance(HOUR);
    assert_eq!(collect(&fixture.registry).await.repositories, 5);
    assert_eq!(keys(&fixture, layout::REFERENCES).await.len(), 5);
    let digest = digest_of(&bytes_of(&image(&[b"config"])));
    for repository in ["a", "a/b", "z"] {
        delete_manifest(&fixture, repository, &digest).await;
    }
    fixture.clock.advance(Duration::from_hours(24 * 30));
    collect_all(&fixture).await;
    assert_eq!(keys(&fixture, layout::REFERENCES).await.len(), 2);
    assert_eq!(keys(&fixture, layout::LINKS).await.len(), 2);
    // The index of tags has no entry of a tag that is gone.
    let tagged = keys(&fixture, "repo/").await;
    let tagged = tagged.iter().filter(|key| key.contains("/_tagged/"));
    assert_eq!(tagged.count(), 2);
}

#[tokio::test]
async fn a_reverse_entry_goes_when_its_tag_has_moved_on_and_stays_when_it_has_not() {
    let fixture = Fixture::new();
    push_image(&fixture.registry, "a", "latest", &[b"one"]).await;
    push_image(&fixture.registry, "a", "latest", &[b"two"]).await;
    push_image(&fixture.registry, "a", "other", &[b"one"]).await;
    let tagged = async || {
        let all = keys(&fixture, "repo/a/_tagged/").await;
        all.len()
    };
    assert_eq!(tagged().await, 3);
    collect(&fixture.registry).await;
    assert_eq!(tagged().await, 3, "they are young");
    fixture.clock.advance(GRACE);
    assert_eq!(collect(&fixture.registry).await.stale_entries, 1);
    assert_eq!(tagged().await, 2);
}

#[tokio::test]
async fn a_reverse_entry_whose_tag_may_be_on_its_way_stays_however_short_the_grace_is() {
    let fixture = Fixture::with(Settings {
        grace: Duration::from_secs(1),
        ..Settings::default()
    });
    push_image(&fixture.registry, "a", "latest", &[b"one"]).await;
    push_image(&fixture.registry, "a", "latest", &[b"two"]).await;
    fixture.clock.advance(Duration::from_mins(19));
    assert_eq!(collect(&fixture.registry).await.stale_entries, 0);
    fixture.clock.advance(HOUR);
    assert_eq!(collect(&fixture.registry).await.stale_entries, 1);
}
