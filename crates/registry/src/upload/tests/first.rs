//! The first writer of a session, whose upload and epoch POST has kept for it.

use super::{OWNER, patch, put, read, start};
use crate::record::SessionRecord;
use crate::testing::{Fixture, digest_of, large, name};
use crate::{Registry, RegistryError, Settings, UploadId, UploadWriter, layout};
use bytes::Bytes;
use roadstead_storage::Version;

async fn version_of(registry: &Registry, id: UploadId) -> Version {
    let seen = registry.read::<SessionRecord>(&layout::upload(&id)).await;
    seen.expect("the store answers").version
}

async fn open(registry: &Registry, id: UploadId) -> UploadWriter {
    let repository = name("a/b");
    let opened = registry.upload_append(&repository, OWNER, id, None, None);
    opened.await.expect("the session is open")
}

#[tokio::test]
async fn the_first_writer_of_many_bytes_leaves_the_record_alone_and_later_ones_do_not() {
    let fixture = Fixture::new();
    let id = start(&fixture.registry).await;
    let started = version_of(&fixture.registry, id).await;
    let mut first = open(&fixture.registry, id).await;
    first.write(large(1).into()).await.expect("taken");
    assert_eq!(version_of(&fixture.registry, id).await, started);
    let mut second = open(&fixture.registry, id).await;
    second.write(large(2).into()).await.expect("taken");
    assert_ne!(version_of(&fixture.registry, id).await, started);
    let late = first.suspend().await;
    assert!(
        matches!(late, Err(RegistryError::UploadOutOfOrder { .. })),
        "{late:?}"
    );
    second.suspend().await.expect("kept");
    let digest = digest_of(&large(2));
    put(&fixture.registry, id, &digest, b"").await.expect("201");
    assert_eq!(read(&fixture.registry, &digest).await.unwrap(), large(2));
}

#[tokio::test]
async fn few_bytes_stay_in_the_record_however_many_requests_bring_them() {
    let fixture = Fixture::new();
    let id = start(&fixture.registry).await;
    for piece in [&b"one "[..], b"two ", b""] {
        patch(&fixture.registry, id, piece).await;
    }
    let digest = digest_of(b"one two three");
    put(&fixture.registry, id, &digest, b"three")
        .await
        .expect("201");
    assert_eq!(fixture.data.object_count(), 0);
    assert_eq!(fixture.data.upload_count(), 0);
}

#[tokio::test]
async fn few_bytes_and_then_many_make_one_blob() {
    let fixture = Fixture::new();
    let id = start(&fixture.registry).await;
    patch(&fixture.registry, id, b"few").await;
    let before = version_of(&fixture.registry, id).await;
    let mut writer = open(&fixture.registry, id).await;
    writer.write(large(3).into()).await.expect("taken");
    assert_eq!(version_of(&fixture.registry, id).await, before);
    writer.suspend().await.expect("kept");
    let content = [&b"few"[..], &large(3)].concat();
    let digest = digest_of(&content);
    put(&fixture.registry, id, &digest, b"").await.expect("201");
    assert_eq!(read(&fixture.registry, &digest).await.unwrap(), content);
    assert_eq!(fixture.data.object_count(), 1);
}

#[tokio::test]
async fn a_request_beside_the_first_writer_becomes_one_by_the_record() {
    let fixture = Fixture::new();
    let id = start(&fixture.registry).await;
    // It has the right and keeps its bytes in memory so far.
    let mut first = open(&fixture.registry, id).await;
    first
        .write(Bytes::from_static(b"few"))
        .await
        .expect("taken");
    let mut second = open(&fixture.registry, id).await;
    second
        .write(Bytes::from_static(b"other"))
        .await
        .expect("taken");
    assert_eq!(second.suspend().await.expect("kept"), 5);
    let late = first.suspend().await;
    assert!(
        matches!(late, Err(RegistryError::UploadOutOfOrder { offset: 5 })),
        "{late:?}"
    );
    // The right is not given to anybody, now that the record has had another writer.
    let before = version_of(&fixture.registry, id).await;
    let mut third = open(&fixture.registry, id).await;
    third.write(large(4).into()).await.expect("taken");
    assert_ne!(version_of(&fixture.registry, id).await, before);
    third.suspend().await.expect("kept");
    let content = [&b"other"[..], &large(4)].concat();
    let digest = digest_of(&content);
    put(&fixture.registry, id, &digest, b"").await.expect("201");
    assert_eq!(read(&fixture.registry, &digest).await.unwrap(), content);
}

#[tokio::test]
async fn a_session_of_another_replica_is_gone_on_with_by_its_record() {
    let fixture = Fixture::new();
    let id = start(&fixture.registry).await;
    let other = fixture.replica(Settings::default());
    let started = version_of(&other, id).await;
    let mut second = open(&other, id).await;
    second.write(large(5).into()).await.expect("taken");
    assert_ne!(version_of(&other, id).await, started);
    // Its first writer comes, and finds that it is not that any more.
    let mut late = open(&fixture.registry, id).await;
    late.write(large(6).into()).await.expect("taken");
    let fenced = second.suspend().await;
    assert!(
        matches!(fenced, Err(RegistryError::UploadOutOfOrder { .. })),
        "{fenced:?}"
    );
    late.suspend().await.expect("kept");
    let digest = digest_of(&large(6));
    put(&other, id, &digest, b"").await.expect("201");
    assert_eq!(read(&other, &digest).await.unwrap(), large(6));
}

#[tokio::test]
async fn a_session_that_is_cancelled_before_its_first_writer_began_leaves_nothing() {
    let fixture = Fixture::new();
    let id = start(&fixture.registry).await;
    let mut first = open(&fixture.registry, id).await;
    let repository = name("a/b");
    let cancelled = fixture.registry.upload_cancel(&repository, OWNER, id);
    cancelled.await.expect("204");
    let late = first.write(large(7).into()).await;
    assert!(
        matches!(late, Err(RegistryError::UploadUnknown)),
        "{late:?}"
    );
    drop(first);
    fixture.registry.inner.background.shutdown().await;
    assert_eq!(fixture.data.object_count(), 0);
    assert_eq!(fixture.data.upload_count(), 0);
}
