//! The scrub on a store with damage: what it finds, when, and who goes on with it.

use super::*;
use crate::testing::{self, Fixture, by_tag, bytes_of, digest_of, image, large, name, push_of};
use crate::{RandomIds, RegistryError};
use bytes::Bytes;
use serde_json::json;

const PERIOD: Duration = Duration::from_hours(30 * 24);

async fn push_blob(registry: &Registry, content: &[u8]) -> Digest {
    testing::push_blob(registry, "a", content).await
}

async fn push_long_manifest(registry: &Registry) -> Bytes {
    push_blob(registry, b"{}").await;
    let mut document = image(&[b"{}"]);
    document["annotations"] = json!({"long": "x".repeat(crate::INLINE_MANIFEST_BYTES)});
    let bytes = bytes_of(&document);
    let push = push_of("a", by_tag("long"), &bytes);
    registry.manifest_put(push).await.unwrap();
    bytes
}

async fn scrub(registry: &Registry, holder: Nonce) {
    let mut pace = Pace::new(None);
    registry.scrub(holder, PERIOD, &mut pace).await.unwrap();
}

async fn pass(registry: &Registry) -> ScrubPass {
    registry.scrub_status().await.unwrap().unwrap().pass
}

async fn corrupt_blob(fixture: &Fixture, digest: &Digest) {
    let blob: Option<BlobRecord> = fixture
        .registry
        .read(&layout::blob(digest))
        .await
        .unwrap()
        .record;
    let blob = blob.unwrap();
    fixture
        .data
        .corrupt(&blob.content.data().unwrap().key, 150_000);
}

#[tokio::test]
async fn a_pass_takes_its_period_and_finds_what_rotted() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let mut digests = Vec::new();
    for seed in 0..20 {
        digests.push(push_blob(registry, &large(seed)).await);
    }
    digests.sort_by_key(Digest::hex);
    let rotten = &digests[10];
    corrupt_blob(&fixture, rotten).await;
    let holder = registry.nonce();
    scrub(registry, holder).await;
    assert!(
        pass(registry).await.checked < 20,
        "it is not all due at once"
    );
    let mut days = 0;
    while pass(registry).await.ended.is_none() {
        fixture.clock.advance(Duration::from_hours(24));
        days += 1;
        scrub(registry, holder).await;
    }
    assert!((24..=28).contains(&days), "{days} days");
    let ended = pass(registry).await;
    assert_eq!((ended.checked, ended.damaged), (20, 1));
    assert_eq!(ended.bytes, 20 * 200_000);
    assert_eq!(registry.scrub_counts().damaged, 1);
    for digest in &digests {
        let head = registry.blob_head(&name("a"), digest).await;
        let is_rotten = matches!(head, Err(RegistryError::BlobUnknown(_)));
        assert_eq!(is_rotten, digest == rotten);
    }
    let open = registry.blob_open(&name("a"), rotten).await;
    assert!(matches!(open, Err(RegistryError::BlobRotten(_))));

    // The next pass begins when the period is over, and meets what a push has healed.
    let healed = (0..20)
        .map(large)
        .find(|content| digest_of(content) == *rotten);
    push_blob(registry, &healed.unwrap()).await;
    fixture.clock.advance(Duration::from_hours(30 * 24));
    scrub(registry, holder).await;
    assert!(pass(registry).await.ended.is_none());
    fixture.clock.advance(PERIOD);
    scrub(registry, holder).await;
    let ended = pass(registry).await;
    assert_eq!((ended.checked, ended.damaged), (20, 0));
    let status = registry.scrub_status().await.unwrap().unwrap();
    assert_eq!(status.before.unwrap().damaged, 1);
}

#[tokio::test]
async fn a_large_manifest_that_rotted_is_quarantined() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let bytes = push_long_manifest(registry).await;
    let key = layout::manifest(&name("a"), &digest_of(&bytes));
    let record: Option<ManifestRecord> = registry.read(&key).await.unwrap().record;
    let record = record.unwrap();
    fixture
        .data
        .corrupt(&record.content.data().unwrap().key, 1000);
    let holder = registry.nonce();
    scrub(registry, holder).await;
    fixture.clock.advance(PERIOD);
    scrub(registry, holder).await;
    let ended = pass(registry).await;
    assert_eq!((ended.checked, ended.damaged), (2, 1));
    let reference = digest_of(&bytes).into();
    let head = registry.manifest_head(&name("a"), &reference).await;
    assert!(
        matches!(head, Err(RegistryError::ManifestUnknown(_))),
        "{head:?}"
    );
}

#[tokio::test]
async fn another_process_goes_on_where_one_stopped_once_the_lease_is_over() {
    let fixture = Fixture::new();
    for seed in 0..20 {
        push_blob(&fixture.registry, &large(seed)).await;
    }
    let (first, second) = (Nonce::draw(&RandomIds), Nonce::draw(&RandomIds));
    scrub(&fixture.registry, first).await;
    fixture.clock.advance(PERIOD / 2);
    scrub(&fixture.registry, first).await;
    let before = pass(&fixture.registry).await;
    assert!((5..15).contains(&before.checked), "{before:?}");

    let replica = fixture.replica(crate::Settings::default());
    fixture.clock.advance(LEASE);
    let held = fixture
        .registry
        .read::<ScrubRecord>(layout::SCRUB)
        .await
        .unwrap();
    assert_eq!(held.record.unwrap().holder, first);
    scrub(&replica, second).await;
    let record = replica.read::<ScrubRecord>(layout::SCRUB).await.unwrap();
    assert_eq!(record.record.unwrap().holder, second);
    // Now it is the second one's.
    fixture.clock.advance(LEASE / 2);
    scrub(&fixture.registry, first).await;
    let record = replica.read::<ScrubRecord>(layout::SCRUB).await.unwrap();
    assert_eq!(record.record.unwrap().holder, second);
    fixture.clock.advance(PERIOD);
    scrub(&replica, second).await;
    let ended = pass(&replica).await;
    assert_eq!(ended.checked, 20, "nothing is hashed twice");
    assert_eq!(ended.started, before.started);
    assert!(replica.scrub_counts().checked < 20);
}

#[test]
fn keys_are_reached_in_their_order() {
    let hex = |first: char| format!("{first}{}", "0".repeat(63));
    let places = [
        (format!("blob/sha256/{}", hex('0')), 0),
        (format!("blob/sha256/{}", hex('8')), 450),
        (format!("blob/sha256/{}", "f".repeat(64)), 899),
        (format!("blob/sha512/{}", "8".repeat(128)), 926),
        ("repo/a/_manifest/sha256/x".to_owned(), 950),
    ];
    for (key, expected) in places {
        assert_eq!(permille(&key), expected, "{key}");
    }
}

#[tokio::test]
async fn a_check_knows_the_record_of_the_scrub() {
    let fixture = Fixture::new();
    scrub(&fixture.registry, fixture.registry.nonce()).await;
    let checking = fixture
        .registry
        .fsck(crate::FsckOptions::default(), crate::Progress::default());
    let report = checking.await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.records["scrub"], 1);
}
