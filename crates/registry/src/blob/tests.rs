//! Reads that begin on a guess where the bytes are.

use super::*;
use crate::testing::{self, Fixture, by_tag, digest_of, image, large, name, push_of};
use crate::{BlobBody, Settings};
use futures::TryStreamExt;
use roadstead_oci::Reference;
use roadstead_storage::{DataStore, RecordStore};

async fn push(registry: &Registry, content: &[u8]) -> Digest {
    testing::push_blob(registry, "a", content).await
}

async fn push_image(registry: &Registry, layer: &[u8]) -> Reference {
    push(registry, b"{}").await;
    push(registry, layer).await;
    let manifest = testing::bytes_of(&image(&[b"{}", layer]));
    let reference = by_tag("latest");
    let push = push_of("a", reference.clone(), &manifest);
    registry.manifest_put(push).await.unwrap();
    reference
}

fn has_begun(blob: &Blob) -> bool {
    blob.begun.lock().unwrap().is_some()
}

async fn bytes_of(blob: &Blob) -> Vec<u8> {
    match blob.read(0..blob.size()).await.unwrap() {
        BlobBody::Inline(bytes) => bytes.to_vec(),
        BlobBody::Stream(stream) => {
            let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
            pieces.concat()
        }
    }
}

#[tokio::test]
async fn a_replica_that_has_read_the_manifest_asks_for_link_and_bytes_together() {
    let fixture = Fixture::distant();
    let content = large(1);
    let reference = push_image(&fixture.registry, &content).await;
    let digest = digest_of(&content);

    let other = fixture.replica(Settings::default());
    let first = other.blob_open_whole(&name("a"), &digest).await.unwrap();
    assert!(!has_begun(&first), "nothing told it where the bytes are");
    assert_eq!(bytes_of(&first).await, content);

    let third = fixture.replica(Settings::default());
    third.manifest_get(&name("a"), &reference).await.unwrap();
    let told = third.blob_open_whole(&name("a"), &digest).await.unwrap();
    assert!(has_begun(&told));
    assert_eq!(bytes_of(&told).await, content);
    assert!(!has_begun(&told), "a begun read is used once");
    assert_eq!(bytes_of(&told).await, content);
}

#[tokio::test]
async fn where_reads_do_not_wait_nothing_is_guessed_and_no_record_tells_where() {
    let fixture = Fixture::new();
    let content = large(1);
    let reference = push_image(&fixture.registry, &content).await;
    let registry = &fixture.registry;
    let opened = registry
        .blob_open_whole(&name("a"), &digest_of(&content))
        .await
        .unwrap();
    assert!(!has_begun(&opened));
    let manifest = registry.manifest_get(&name("a"), &reference).await.unwrap();
    let seen = registry
        .read_manifest(&name("a"), &manifest.meta.digest)
        .await
        .unwrap();
    assert_eq!(seen.record.unwrap().locations, []);
}

#[tokio::test]
async fn a_guess_shows_nobody_what_the_link_denies() {
    let fixture = Fixture::distant();
    let content = large(1);
    push_image(&fixture.registry, &content).await;
    let digest = digest_of(&content);
    let other = fixture.replica(Settings::default());
    other.blob_delete(&name("a"), &digest).await.unwrap();

    let gone = fixture.registry.blob_open_whole(&name("a"), &digest).await;
    assert!(matches!(gone, Err(RegistryError::BlobUnknown(_))));
    let elsewhere = fixture.registry.blob_open_whole(&name("b"), &digest).await;
    assert!(matches!(elsewhere, Err(RegistryError::BlobUnknown(_))));
}

#[tokio::test]
async fn a_guess_that_is_out_of_date_is_not_read() {
    let fixture = Fixture::distant();
    let content = large(1);
    let digest = push(&fixture.registry, &content).await;
    let guess = fixture.registry.inner.locations.guess(&name("a"), &digest);
    let stale = guess.unwrap();
    // Another life of the blob, with data of its own.
    for key in [layout::blob(&digest), layout::link(&name("a"), &digest)] {
        let deleted = fixture.records.delete(&key, Condition::Any).await;
        assert!(matches!(deleted, Ok(Outcome::Applied(_))));
    }
    let other = fixture.replica(Settings::default());
    push(&other, &content).await;
    fixture.data.delete(&stale.key).await.unwrap();

    let blob = fixture
        .registry
        .blob_open_whole(&name("a"), &digest)
        .await
        .unwrap();
    assert!(!has_begun(&blob));
    assert_eq!(bytes_of(&blob).await, content);
}
