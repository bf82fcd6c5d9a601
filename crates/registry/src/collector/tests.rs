//! The collector over the memory driver: what goes, what stays, and what happens in between.

mod crashing;
mod policy;
mod racing;
mod scanning;

use super::{CollectorOptions, CollectorReport};
use crate::progress::Progress;
use crate::record::{BlobRecord, BlobState, Encoded, LinkRecord, LinkState};
use crate::testing::{
    Fixture, by_tag, bytes_of, descriptor, digest_of, image, index, large, name, push_blob,
    push_of, tag,
};
use crate::{BlobBody, Registry, RegistryError, Result, Settings, layout};
use bytes::Bytes;
use futures::TryStreamExt;
use roadstead_oci::{Digest, OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST, Reference};
use roadstead_storage::RecordStore;
use serde_json::json;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
/// More than the grace.
const GRACE: Duration = Duration::from_hours(25);
/// More than the condemned age.
const AGE: Duration = Duration::from_mins(61);

async fn try_to_collect(registry: &Registry, dry_run: bool) -> Result<CollectorReport> {
    let options = CollectorOptions {
        dry_run,
        unpaced: true,
    };
    registry.collect(options, &Progress::default()).await
}

async fn collect(registry: &Registry) -> CollectorReport {
    try_to_collect(registry, false)
        .await
        .expect("a pass comes to its end")
}

async fn delete_manifest(fixture: &Fixture, repository: &str, digest: &Digest) {
    fixture
        .registry
        .manifest_delete(&name(repository), digest, "bob")
        .await
        .unwrap();
}

/// Lets passes go by, each long enough after the other, until one finds nothing to do.
async fn collect_all(fixture: &Fixture) {
    fixture.clock.advance(GRACE);
    for _ in 0..12 {
        let report = collect(&fixture.registry).await;
        fixture.clock.advance(AGE);
        if report.is_idle() && report.bytes_condemned == 0 && report.level_links.waiting == 0 {
            return;
        }
    }
    panic!("the collector comes to no end");
}

async fn put(
    registry: &Registry,
    repository: &str,
    reference: Reference,
    bytes: &Bytes,
) -> Result<Digest> {
    let push = push_of(repository, reference, bytes);
    Ok(registry.manifest_put(push).await?.digest)
}

/// Pushes blobs and the image of them.
async fn push_image(
    registry: &Registry,
    repository: &str,
    reference: &str,
    blobs: &[&[u8]],
) -> Bytes {
    for blob in blobs {
        push_blob(registry, repository, blob).await;
    }
    let bytes = bytes_of(&image(blobs));
    put(registry, repository, by_tag(reference), &bytes)
        .await
        .unwrap();
    bytes
}

async fn read(registry: &Registry, repository: &str, digest: &Digest) -> Result<Vec<u8>> {
    let blob = registry.blob_open(&name(repository), digest).await?;
    match blob.read(0..blob.size()).await? {
        BlobBody::Inline(bytes) => Ok(bytes.to_vec()),
        BlobBody::Stream(mut stream) => {
            let mut content = Vec::new();
            while let Some(block) = stream.try_next().await? {
                content.extend_from_slice(&block);
            }
            Ok(content)
        }
    }
}

async fn record<R: Encoded>(fixture: &Fixture, key: &str) -> Option<R> {
    let record = fixture.records.get(key).await.unwrap().record?;
    Some(R::decode(key, &record.bytes).unwrap())
}

async fn blob_state(fixture: &Fixture, digest: &Digest) -> Option<BlobState> {
    let blob = record::<BlobRecord>(fixture, &layout::blob(digest)).await;
    blob.map(|blob| blob.state)
}

async fn link_state(fixture: &Fixture, repository: &str, digest: &Digest) -> Option<LinkState> {
    let key = layout::link(&name(repository), digest);
    let link = record::<LinkRecord>(fixture, &key).await;
    link.map(|link| link.state)
}

async fn keys(fixture: &Fixture, prefix: &str) -> Vec<String> {
    let page = fixture.records.list(prefix, None, 10_000).await.unwrap();
    page.entries.into_iter().map(|entry| entry.key).collect()
}

#[tokio::test]
async fn a_blob_that_no_manifest_names_goes_after_grace_and_condemned_age() {
    let fixture = Fixture::new();
    for content in [large(1), b"small".to_vec()] {
        let digest = push_blob(&fixture.registry, "a", &content).await;
        fixture.clock.advance(23 * HOUR);
        assert!(collect(&fixture.registry).await.is_idle());
        fixture.clock.advance(2 * HOUR);
        assert_eq!(collect(&fixture.registry).await.level_links.condemned, 1);
        // Readable while it waits.
        assert_eq!(
            read(&fixture.registry, "a", &digest).await.unwrap(),
            content
        );
        fixture.clock.advance(Duration::from_mins(59));
        assert_eq!(collect(&fixture.registry).await.level_links.waiting, 1);
        fixture.clock.advance(Duration::from_mins(2));
        let report = collect(&fixture.registry).await;
        assert_eq!(report.level_links.killed, 1);
        assert_eq!(report.level_blobs.condemned, 1);
        assert_eq!(report.bytes_condemned, content.len() as u64);
        assert_eq!(
            blob_state(&fixture, &digest).await,
            Some(BlobState::Condemned)
        );
        fixture.clock.advance(AGE);
        let report = collect(&fixture.registry).await;
        assert_eq!(report.level_blobs.killed, 1);
        assert_eq!(report.bytes_freed, content.len() as u64);
        assert_eq!(blob_state(&fixture, &digest).await, None);
        assert_eq!(fixture.data.object_count(), 0, "its data is gone");
        assert_eq!(keys(&fixture, layout::CONDEMNED).await, [""; 0]);
    }
}

#[tokio::test]
async fn what_a_manifest_names_stays_and_goes_once_the_manifest_is_deleted() {
    let fixture = Fixture::new();
    let (config, layer) = (b"config".to_vec(), large(2));
    let bytes = push_image(&fixture.registry, "a/b", "latest", &[&config, &layer]).await;
    collect_all(&fixture).await;
    collect_all(&fixture).await;
    assert_eq!(
        read(&fixture.registry, "a/b", &digest_of(&layer))
            .await
            .unwrap(),
        layer
    );
    delete_manifest(&fixture, "a/b", &digest_of(&bytes)).await;
    fixture.clock.advance(Duration::from_hours(24 * 30));
    collect_all(&fixture).await;
    for prefix in [
        layout::BLOBS,
        layout::LINKS,
        layout::CONDEMNED,
        layout::REFERENCES,
    ] {
        assert_eq!(keys(&fixture, prefix).await, [""; 0], "{prefix}");
    }
    assert_eq!(fixture.data.object_count(), 0);
}

#[tokio::test]
async fn a_blob_stays_while_one_of_two_repositories_needs_it() {
    let fixture = Fixture::new();
    let layer = large(3);
    push_image(&fixture.registry, "a", "latest", &[b"config", &layer]).await;
    push_blob(&fixture.registry, "b", &layer).await;
    collect_all(&fixture).await;
    let digest = digest_of(&layer);
    assert_eq!(link_state(&fixture, "b", &digest).await, None);
    assert_eq!(read(&fixture.registry, "a", &digest).await.unwrap(), layer);
    assert_eq!(blob_state(&fixture, &digest).await, Some(BlobState::Live));
}

#[tokio::test]
async fn a_deleted_blob_goes_after_the_condemned_age_alone() {
    let fixture = Fixture::new();
    let digest = push_blob(&fixture.registry, "a", &large(4)).await;
    fixture
        .registry
        .blob_delete(&name("a"), &digest)
        .await
        .unwrap();
    assert_eq!(collect(&fixture.registry).await.level_links.waiting, 1);
    fixture.clock.advance(AGE);
    assert_eq!(collect(&fixture.registry).await.level_links.killed, 1);
    collect_all(&fixture).await;
    assert_eq!(fixture.data.object_count(), 0);
}

#[tokio::test]
async fn a_deleted_blob_that_a_manifest_names_comes_back() {
    let fixture = Fixture::new();
    let layer = large(5);
    push_image(&fixture.registry, "a", "latest", &[b"config", &layer]).await;
    let digest = digest_of(&layer);
    fixture
        .registry
        .blob_delete(&name("a"), &digest)
        .await
        .unwrap();
    assert!(read(&fixture.registry, "a", &digest).await.is_err());
    fixture.clock.advance(AGE);
    assert_eq!(collect(&fixture.registry).await.level_links.revived, 1);
    assert_eq!(read(&fixture.registry, "a", &digest).await.unwrap(), layer);
    assert_eq!(keys(&fixture, layout::CONDEMNED).await, [""; 0]);
}

#[tokio::test]
async fn a_digest_that_was_collected_can_be_pushed_again() {
    let fixture = Fixture::new();
    let layer = large(6);
    for _ in 0..2 {
        let digest = push_blob(&fixture.registry, "a", &layer).await;
        assert_eq!(read(&fixture.registry, "a", &digest).await.unwrap(), layer);
        collect_all(&fixture).await;
        let gone = read(&fixture.registry, "a", &digest).await;
        assert!(matches!(gone, Err(RegistryError::BlobUnknown(_))));
    }
}

#[tokio::test]
async fn rotten_content_that_nobody_needs_goes_too() {
    let fixture = Fixture::new();
    let digest = push_blob(&fixture.registry, "a", &large(7)).await;
    let blob = record::<BlobRecord>(&fixture, &layout::blob(&digest)).await;
    let data = blob.unwrap().content.data().unwrap().clone();
    fixture
        .registry
        .quarantine(&name("a"), &digest, &data)
        .await;
    assert_eq!(
        link_state(&fixture, "a", &digest).await,
        Some(LinkState::Rotten)
    );
    collect_all(&fixture).await;
    assert_eq!(blob_state(&fixture, &digest).await, None);
    assert_eq!(fixture.data.object_count(), 0);
}

#[tokio::test]
async fn a_dry_run_tells_and_changes_nothing() {
    let fixture = Fixture::new();
    let digest = push_blob(&fixture.registry, "a", &large(8)).await;
    fixture.clock.advance(GRACE);
    let dry = async || try_to_collect(&fixture.registry, true).await.unwrap();
    assert_eq!(dry().await.level_links.condemned, 1);
    assert_eq!(
        link_state(&fixture, "a", &digest).await,
        Some(LinkState::Live)
    );
    collect(&fixture.registry).await;
    fixture.clock.advance(AGE);
    assert_eq!(dry().await.level_links.killed, 1);
    assert_eq!(
        link_state(&fixture, "a", &digest).await,
        Some(LinkState::Condemned)
    );
}

#[tokio::test]
async fn the_status_tells_what_is_condemned_and_when_it_comes_back() {
    let fixture = Fixture::new();
    push_blob(&fixture.registry, "a", &large(9)).await;
    let status = fixture.registry.collector_status().await.unwrap();
    assert_eq!((status.last, status.is_running), (None, false));
    fixture.clock.advance(GRACE);
    collect(&fixture.registry).await;
    fixture.clock.advance(Duration::from_mins(10));
    let status = fixture.registry.collector_status().await.unwrap();
    assert!(status.last.is_some());
    let [links] = &status.condemned[..] else {
        panic!("only links are condemned: {status:?}");
    };
    assert_eq!((links.level.as_str(), links.records), ("links", 1));
    assert_eq!(links.bytes, 200_000);
    assert_eq!(links.first_due.since(links.since), HOUR);
    assert_eq!(status.now.since(links.since), Duration::from_mins(10));
}

#[tokio::test]
async fn one_pass_at_a_time_is_made_and_a_dead_one_is_not_waited_for_long() {
    let fixture = Fixture::new();
    let lease = fixture.registry.take_collector_lease().await.unwrap();
    let other = fixture.replica(Settings::default());
    let busy = try_to_collect(&other, false).await;
    assert!(matches!(busy, Err(RegistryError::CollectorBusy)));
    assert!(
        fixture
            .registry
            .collector_status()
            .await
            .unwrap()
            .is_running
    );
    drop(lease);
    fixture.clock.advance(Duration::from_mins(3));
    assert!(try_to_collect(&other, false).await.is_ok());
    assert!(
        !fixture
            .registry
            .collector_status()
            .await
            .unwrap()
            .is_running
    );
    assert_eq!(keys(&fixture, layout::COLLECTOR_LEASE).await, [""; 0]);
}
