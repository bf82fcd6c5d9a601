//! Manifests, tags, referrers and the catalog over the memory driver: what clients see, what
//! storage calls it costs, and what happens when requests meet.

mod at_once;
mod counting;
mod deleting;
mod guessing;
mod history;
mod intercepted;
mod large;
mod linear;
mod lost_answers;
mod pulling;
mod pushing;
mod racing;
mod referring;
mod restoring;
mod setting_back;
mod simulation;
mod tagging;
mod undeleting;

use crate::record::{Encoded, ManifestRecord, TagRecord};
use crate::testing::{
    self, Fixture, by_tag, bytes_of, descriptor, digest_of, image, index, name, tag,
};
use crate::{
    Background, ManifestMeta, ManifestPush, Pushed, RandomIds, Registry, RegistryError, Result,
    Settings, layout,
};
use bytes::Bytes;
use roadstead_oci::{Digest, OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST, Reference};
use roadstead_storage::RecordStore;
use serde_json::{Value, json};
use std::sync::Arc;

const REPOSITORY: &str = "team/app";

/// A registry over the fixture's data and the given view of its records.
fn over(fixture: &Fixture, records: Arc<dyn RecordStore>) -> Registry {
    Registry::new(
        records,
        Arc::new(fixture.data.clone()),
        Settings::default(),
        fixture.clock.clone(),
        Arc::new(RandomIds),
        Background::new(tokio::runtime::Handle::current()),
    )
}

async fn push_blob(registry: &Registry, content: &[u8]) -> Digest {
    testing::push_blob(registry, REPOSITORY, content).await
}

/// Pushes the blobs and returns the bytes of their image.
async fn prepare(registry: &Registry, blobs: &[&[u8]]) -> Bytes {
    for blob in blobs {
        push_blob(registry, blob).await;
    }
    bytes_of(&image(blobs))
}

fn push_of(reference: Reference, bytes: &Bytes) -> ManifestPush {
    testing::push_of(REPOSITORY, reference, bytes)
}

async fn put(registry: &Registry, reference: Reference, bytes: &Bytes) -> Result<Pushed> {
    registry.manifest_put(push_of(reference, bytes)).await
}

async fn put_digest(registry: &Registry, bytes: &Bytes) -> Result<Pushed> {
    put(registry, digest_of(bytes).into(), bytes).await
}

async fn delete(registry: &Registry, bytes: &Bytes) -> Result<()> {
    registry
        .manifest_delete(&name(REPOSITORY), &digest_of(bytes), "bob")
        .await
}

/// Returns the bytes that a reference names.
async fn get(registry: &Registry, reference: Reference) -> Result<Bytes> {
    let stored = registry.manifest_get(&name(REPOSITORY), &reference).await?;
    assert_eq!(stored.meta.size, stored.bytes.len() as u64);
    Ok(stored.bytes)
}

async fn head(registry: &Registry, reference: &Reference) -> Result<ManifestMeta> {
    registry.manifest_head(&name(REPOSITORY), reference).await
}

async fn get_digest(registry: &Registry, bytes: &Bytes) -> Result<Bytes> {
    get(registry, digest_of(bytes).into()).await
}

fn is_unknown<T>(result: &Result<T>) -> bool {
    matches!(result, Err(RegistryError::ManifestUnknown(_)))
}

async fn record_of<R: Encoded>(fixture: &Fixture, key: &str) -> Option<R> {
    let read = fixture.records.get(key).await.unwrap();
    let record = read.record?;
    Some(R::decode(key, &record.bytes).unwrap())
}

async fn manifest_record(fixture: &Fixture, bytes: &Bytes) -> Option<ManifestRecord> {
    let key = layout::manifest(&name(REPOSITORY), &digest_of(bytes));
    record_of(fixture, &key).await
}

async fn tag_record(fixture: &Fixture, text: &str) -> Option<TagRecord> {
    record_of(fixture, &layout::tag(&name(REPOSITORY), &tag(text))).await
}

async fn keys(fixture: &Fixture, prefix: &str) -> Vec<String> {
    let page = fixture.records.list(prefix, None, 10_000).await.unwrap();
    page.entries.into_iter().map(|entry| entry.key).collect()
}
