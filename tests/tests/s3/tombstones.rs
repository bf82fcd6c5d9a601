//! Tombstones: what they look like, and who may sweep them.

use crate::fixture::{BUCKET, Fixture, applied};
use bytes::Bytes;
use roadstead_storage::drivers::s3::Sweep;
use roadstead_storage::{Condition, RecordStore, TOMBSTONE_AGE, Version};
use roadstead_tests::s3_fake::FakeOptions;
use std::time::Duration;

const X: Bytes = Bytes::from_static(b"x");

async fn with_tombstone(options: FakeOptions) -> Fixture {
    let fixture = Fixture::with(options, |_| {}).await;
    applied(
        fixture
            .records
            .put("live", X, Condition::Absent)
            .await
            .unwrap(),
    );
    applied(
        fixture
            .records
            .put("gone", X, Condition::Absent)
            .await
            .unwrap(),
    );
    applied(
        fixture
            .records
            .delete("gone", Condition::Any)
            .await
            .unwrap(),
    );
    fixture
}

#[tokio::test]
async fn a_tombstone_has_seventeen_bytes_and_every_one_is_another() {
    let fixture = with_tombstone(FakeOptions::default()).await;
    let name = "a/prefix/records/gone!";
    let first = fixture.fake.object(BUCKET, name).unwrap();
    assert_eq!(first.length, 17);
    applied(
        fixture
            .records
            .delete("gone", Condition::Any)
            .await
            .unwrap(),
    );
    assert_ne!(fixture.fake.object(BUCKET, name).unwrap().tag, first.tag);
}

#[tokio::test]
async fn a_sweep_removes_old_tombstones_alone() {
    let fixture = with_tombstone(FakeOptions::default()).await;
    assert!(fixture.store.deletes_by_condition().await.unwrap());
    assert_eq!(
        fixture.store.sweep_tombstones().await.unwrap(),
        Sweep::Swept(0)
    );
    fixture
        .fake
        .clock()
        .advance(TOMBSTONE_AGE + Duration::from_mins(1));
    applied(
        fixture
            .records
            .delete("young", Condition::Any)
            .await
            .unwrap(),
    );
    assert_eq!(
        fixture.store.sweep_tombstones().await.unwrap(),
        Sweep::Swept(1)
    );
    assert_eq!(
        fixture.names("records"),
        ["a/prefix/records/live!", "a/prefix/records/young!"]
    );
    assert_eq!(
        fixture.records.get("gone").await.unwrap().version,
        Version::NEVER
    );
    assert!(fixture.records.get("live").await.unwrap().record.is_some());
}

#[tokio::test]
async fn where_deletes_take_no_condition_nothing_is_swept() {
    let options = FakeOptions {
        has_conditional_delete: false,
        ..FakeOptions::default()
    };
    let fixture = with_tombstone(options).await;
    fixture.fake.clock().advance(TOMBSTONE_AGE * 2);
    assert!(!fixture.store.deletes_by_condition().await.unwrap());
    assert_eq!(
        fixture.store.sweep_tombstones().await.unwrap(),
        Sweep::Impossible
    );
    let names = fixture.names("records");
    assert!(
        names.contains(&"a/prefix/records/gone!".to_owned()),
        "{names:?}"
    );
}
