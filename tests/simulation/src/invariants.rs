//! What must hold in the store at every moment, whoever died where.

use crate::content::{Content, REPOSITORIES, TAGS, repository, tag};
use crate::promises::Promises;
use roadstead_oci::Digest;
use roadstead_registry::layout;
use roadstead_registry::record::{
    BlobRecord, BlobState, Content as Place, Encoded, LinkRecord, LinkState, ManifestRecord,
    ManifestState, TagRecord, TaggedRecord,
};
use roadstead_storage::drivers::memory::{MemoryData, MemoryRecords};
use roadstead_storage::{DataKey, DataStore, RecordStore};
use std::collections::BTreeSet;

/// The store, as nobody sees it: all at once.
pub(crate) struct Store<'a> {
    pub(crate) records: &'a MemoryRecords,
    pub(crate) data: &'a MemoryData,
}

impl Store<'_> {
    pub(crate) async fn read<R: Encoded>(&self, key: &str) -> Option<R> {
        let read = self.records.get(key).await.expect("memory answers");
        let record = read.record?;
        Some(R::decode(key, &record.bytes).expect("a record can be read"))
    }

    pub(crate) async fn keys(&self, prefix: &str) -> Vec<String> {
        let page = self.records.list(prefix, None, 10_000).await;
        let page = page.expect("memory answers");
        page.entries.into_iter().map(|entry| entry.key).collect()
    }

    pub(crate) async fn objects(&self) -> BTreeSet<DataKey> {
        let page = self.data.objects(None, 10_000).await;
        let page = page.expect("memory answers");
        page.objects.into_iter().map(|object| object.key).collect()
    }

    /// Whether content that readers are led to is there.
    fn has(objects: &BTreeSet<DataKey>, place: &Place) -> bool {
        place.data().is_none_or(|data| objects.contains(&data.key))
    }

    /// Checks everything.
    pub(crate) async fn check(&self, content: &Content, promises: &Promises) -> Result<(), String> {
        let objects = self.objects().await;
        for at in 0..REPOSITORIES.len() {
            self.check_tags(at).await?;
            self.check_manifests(at, content, promises).await?;
            for (digest, _) in &content.blobs {
                self.check_link(at, digest, &objects).await?;
            }
        }
        for (digest, _) in &content.blobs {
            let blob = self.read::<BlobRecord>(&layout::blob(digest)).await;
            let Some(blob) = blob else { continue };
            let is_alive = matches!(blob.state, BlobState::Live | BlobState::Condemned);
            if is_alive && !Self::has(&objects, &blob.content) {
                return Err(format!("blob {digest} is alive and its data is gone"));
            }
        }
        Ok(())
    }

    async fn check_tags(&self, at: usize) -> Result<(), String> {
        let name = repository(at);
        for tag_at in 0..TAGS.len() {
            let tag = tag(tag_at);
            let Some(value) = self.read::<TagRecord>(&layout::tag(&name, &tag)).await else {
                continue;
            };
            let key = layout::manifest(&name, &value.digest);
            let manifest = self.read::<ManifestRecord>(&key).await;
            let is_readable = manifest.is_some_and(|manifest| {
                manifest.generation == value.generation && manifest.state != ManifestState::Dead
            });
            if !is_readable {
                return Err(format!("tag {name}:{tag} names a manifest that is gone"));
            }
            let key = layout::tagged(&name, &value.digest, &tag);
            if self.read::<TaggedRecord>(&key).await.is_none() {
                return Err(format!("tag {name}:{tag} has no reverse entry"));
            }
        }
        Ok(())
    }

    async fn check_manifests(
        &self,
        at: usize,
        content: &Content,
        promises: &Promises,
    ) -> Result<(), String> {
        let name = repository(at);
        for image in &content.images {
            let key = layout::manifest(&name, &image.digest);
            let manifest = self.read::<ManifestRecord>(&key).await;
            let is_alive = manifest.is_some_and(|manifest| {
                matches!(
                    manifest.state,
                    ManifestState::Live | ManifestState::Condemned
                )
            });
            let removed = self
                .records
                .get(&layout::removed(&name, &image.digest))
                .await
                .expect("memory answers");
            if !is_alive && removed.record.is_none() {
                continue;
            }
            for &blob in &image.blobs {
                let digest = &content.blobs[blob].0;
                let link = self.read::<LinkRecord>(&layout::link(&name, digest)).await;
                let is_there = link.is_some_and(|link| {
                    matches!(link.state, LinkState::Live | LinkState::Condemned)
                });
                if !is_there && !promises.deleted_blobs.contains(&(at, blob)) {
                    let digest = &image.digest;
                    return Err(format!("manifest {name}@{digest} has lost blob {blob}"));
                }
            }
            for &child in &image.children {
                let digest = &content.images[child].digest;
                let child_key = layout::manifest(&name, digest);
                let there = self.read::<ManifestRecord>(&child_key).await;
                let is_gone = there.is_none_or(|child| child.state == ManifestState::Dead);
                let was_deleted = promises.deleted_manifests.contains(&(at, child));
                if is_alive && is_gone && !was_deleted {
                    return Err(format!("index of {name} has lost its child {digest}"));
                }
            }
        }
        Ok(())
    }

    async fn check_link(
        &self,
        at: usize,
        digest: &Digest,
        objects: &BTreeSet<DataKey>,
    ) -> Result<(), String> {
        let name = repository(at);
        let link = self.read::<LinkRecord>(&layout::link(&name, digest)).await;
        let Some(link) = link else { return Ok(()) };
        let is_alive = matches!(link.state, LinkState::Live | LinkState::Condemned);
        if is_alive && !Self::has(objects, &link.content) {
            return Err(format!(
                "link {name}@{digest} is alive and its data is gone"
            ));
        }
        Ok(())
    }
}
