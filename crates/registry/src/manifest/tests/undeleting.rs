//! What is retained of a deleted manifest, and how long.

use super::intercepted::Script;
use super::*;
use crate::Retention;
use crate::record::{ManifestState, RemovedRecord};
use roadstead_storage::Condition;
use std::time::Duration;

const WEEK: Duration = Duration::from_hours(7 * 24);

async fn removed_record(fixture: &Fixture, bytes: &Bytes) -> Option<RemovedRecord> {
    let key = layout::removed(&name(REPOSITORY), &digest_of(bytes));
    record_of(fixture, &key).await
}

/// Does what the collector does with each entry; returns what became of them.
async fn expire(fixture: &Fixture, registry: &Registry) -> Vec<Retention> {
    let prefix = layout::removed_all(&name(REPOSITORY));
    let page = fixture.records.list(&prefix, None, 100).await.unwrap();
    let mut ends = Vec::new();
    for entry in page.entries {
        let end = registry.expire_removed(&entry.key, entry.modified).await;
        ends.push(end.unwrap());
    }
    ends
}

#[tokio::test]
async fn the_bytes_of_a_deleted_manifest_are_retained() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put(&fixture.registry, by_tag("a"), &bytes).await.unwrap();

    delete(&fixture.registry, &bytes).await.unwrap();

    let entry = removed_record(&fixture, &bytes).await.unwrap();
    assert_eq!(entry.bytes, bytes);
    assert_eq!(entry.media_type.as_str(), OCI_IMAGE_MANIFEST);
    assert_eq!(entry.by, "bob");
    assert_eq!(entry.subject, None);
    let now = fixture.records.now().await.unwrap();
    assert_eq!(entry.at, now);
}

#[tokio::test]
async fn nothing_is_retained_where_that_is_switched_off_or_the_manifest_is_large() {
    let fixture = Fixture::with(Settings {
        deleted_retention: None,
        ..Settings::default()
    });
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put_digest(&fixture.registry, &bytes).await.unwrap();
    delete(&fixture.registry, &bytes).await.unwrap();
    assert_eq!(removed_record(&fixture, &bytes).await, None);

    let fixture = Fixture::new();
    prepare(&fixture.registry, &[b"config"]).await;
    let mut document = image(&[b"config"]);
    document["annotations"] = json!({"long": "x".repeat(200_000)});
    let large = bytes_of(&document);
    put_digest(&fixture.registry, &large).await.unwrap();
    delete(&fixture.registry, &large).await.unwrap();
    assert_eq!(manifest_record(&fixture, &large).await, None);
    assert_eq!(removed_record(&fixture, &large).await, None);
}

#[tokio::test]
async fn the_record_goes_only_after_its_bytes_are_retained() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put(&fixture.registry, by_tag("a"), &bytes).await.unwrap();
    let script = Script::default();
    let registry = over(&fixture, Arc::new(script.view(fixture.records.clone())));
    let (records, key) = (
        fixture.records.clone(),
        layout::removed(&name(REPOSITORY), &digest_of(&bytes)),
    );
    script.before("delete", "/_manifest/", async move {
        assert!(records.get(&key).await.unwrap().record.is_some());
    });
    let (records, key) = (
        fixture.records.clone(),
        layout::manifest(&name(REPOSITORY), &digest_of(&bytes)),
    );
    script.before("put", "/_removed/", async move {
        let read = records.get(&key).await.unwrap().record.unwrap();
        let record = ManifestRecord::decode(&key, &read.bytes).unwrap();
        assert_eq!(record.state, ManifestState::Deleting);
    });

    delete(&registry, &bytes).await.unwrap();

    assert!(script.is_played());
}

#[tokio::test]
async fn a_delete_that_goes_on_with_another_writes_the_entry_again() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put_digest(&fixture.registry, &bytes).await.unwrap();
    let record = manifest_record(&fixture, &bytes).await.unwrap();
    let marked = ManifestRecord {
        state: ManifestState::Deleting,
        ..record
    };
    let key = layout::manifest(&name(REPOSITORY), &digest_of(&bytes));
    let written = fixture.records.put(&key, marked.encode(), Condition::Any);
    let _ = written.await.unwrap();
    delete(&fixture.registry, &bytes).await.unwrap();
    let first = removed_record(&fixture, &bytes).await.unwrap();

    // The same deletion once more, as if the process had died before the record went.
    fixture.clock.advance(WEEK * 2);
    let written = fixture.records.put(&key, marked.encode(), Condition::Any);
    let _ = written.await.unwrap();
    delete(&fixture.registry, &bytes).await.unwrap();

    let again = removed_record(&fixture, &bytes).await.unwrap();
    assert!(again.at > first.at);
    assert_eq!(again.bytes, bytes);
}

#[tokio::test]
async fn an_entry_is_kept_for_its_time_and_goes_after_it() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put_digest(&fixture.registry, &bytes).await.unwrap();
    delete(&fixture.registry, &bytes).await.unwrap();

    let last = Duration::from_millis(1);
    fixture.clock.advance(WEEK.saturating_sub(last));
    assert_eq!(expire(&fixture, &fixture.registry).await, [Retention::Kept]);
    assert!(removed_record(&fixture, &bytes).await.is_some());

    fixture.clock.advance(last);
    assert_eq!(expire(&fixture, &fixture.registry).await, [Retention::Over]);
    assert_eq!(removed_record(&fixture, &bytes).await, None);
}

#[tokio::test]
async fn entries_go_at_once_when_retention_is_switched_off() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put_digest(&fixture.registry, &bytes).await.unwrap();
    delete(&fixture.registry, &bytes).await.unwrap();
    let off = fixture.replica(Settings {
        deleted_retention: None,
        ..Settings::default()
    });
    assert_eq!(expire(&fixture, &off).await, [Retention::Over]);
    assert_eq!(removed_record(&fixture, &bytes).await, None);
}

#[tokio::test]
async fn an_entry_that_is_written_again_does_not_go() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put_digest(&fixture.registry, &bytes).await.unwrap();
    delete(&fixture.registry, &bytes).await.unwrap();
    fixture.clock.advance(WEEK);
    put_digest(&fixture.registry, &bytes).await.unwrap();

    let again = async |script: &Script, operation| {
        let registry = over(&fixture, Arc::new(script.view(fixture.records.clone())));
        let (other, bytes) = (fixture.registry.clone(), bytes.clone());
        script.before(operation, "/_removed/", async move {
            put_digest(&other, &bytes).await.unwrap();
            delete(&other, &bytes).await.unwrap();
        });
        assert_eq!(expire(&fixture, &registry).await, [Retention::Kept]);
        assert!(script.is_played());
    };
    // After the listing and before the read; then after the read and before the removal.
    again(&Script::default(), "get").await;
    fixture.clock.advance(WEEK);
    again(&Script::default(), "delete").await;
    assert!(removed_record(&fixture, &bytes).await.is_some());
}
