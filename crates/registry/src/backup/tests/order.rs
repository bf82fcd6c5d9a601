//! In which order a bucket may be copied while servers write to it, with the collector off.
//!
//! What names something else is written after it, so it is copied before it: tags and referrer
//! entries, then manifests, then links, then blobs and the rest, and data last.

use super::{push, repository};
use crate::record::{Encoded, LinkRecord};
use crate::testing::{Fixture, by_tag, digest_of, large};
use crate::{Registry, Settings, layout};
use roadstead_oci::Digest;
use roadstead_storage::drivers::memory::MemoryRecords;
use roadstead_storage::{Condition, DataStore, RecordStore};
use std::collections::BTreeSet;

/// Whether a step copies a key.
type Step = fn(&str) -> bool;

fn is_name(key: &str) -> bool {
    key.contains("/_tag/") || key.contains("/_referrer/")
}

const RIGHT: &[Step] = &[
    |key| key.starts_with("repo/") && is_name(key),
    |key| key.starts_with("repo/") && !is_name(key),
    |key| key.starts_with("link/"),
    |key| !key.starts_with("repo/") && !key.starts_with("link/"),
];

/// As a tool does that copies everything in the order of names.
const BY_NAME: &[Step] = &[|_| true];

/// A store that a tool copies, key by key, while somebody pushes between any two of them.
struct Copying {
    fixture: Fixture,
    pushed: u8,
    records: MemoryRecords,
    data: BTreeSet<String>,
}

impl Copying {
    async fn new() -> Self {
        let fixture = Fixture::new();
        let records = MemoryRecords::new(fixture.clock.clone());
        let mut copying = Self {
            fixture,
            pushed: 0,
            records,
            data: BTreeSet::new(),
        };
        copying.push().await;
        copying.push().await;
        copying
    }

    /// Pushes an image of its own under a tag of its own, and moves a tag that all share.
    async fn push(&mut self) {
        self.pushed += 1;
        let tag = format!("t{}", self.pushed);
        push(&self.fixture.registry, &tag, self.pushed, 10).await;
        push(&self.fixture.registry, "shared", self.pushed, 20).await;
    }

    async fn copy_data(&mut self) {
        let page = self.fixture.data.objects(None, 10_000).await.unwrap();
        let keys = page.objects.into_iter();
        self.data
            .extend(keys.map(|object| object.key.as_str().to_owned()));
    }

    async fn copy_records(&mut self, steps: &[Step]) {
        for step in steps {
            // A listing shows what comes to be behind the key that it stands at.
            let mut after = None;
            while let Some(key) = self.next(after.as_deref(), *step).await {
                if self.pushed < 24 {
                    self.push().await;
                }
                let read = self.fixture.records.get(&key).await.unwrap();
                if let Some(record) = read.record {
                    let put = self.records.put(&key, record.bytes, Condition::Any);
                    let _ = put.await.unwrap();
                }
                after = Some(key);
            }
        }
    }

    async fn next(&self, after: Option<&str>, step: Step) -> Option<String> {
        let page = self.fixture.records.list("", after, 10_000).await.unwrap();
        let mut keys = page.entries.into_iter().map(|entry| entry.key);
        keys.find(|key| step(key))
    }

    /// Returns what is wrong with the tags of the copy.
    async fn broken(&self) -> Vec<String> {
        let registry = self.registry();
        let mut broken = Vec::new();
        let page = registry.tags(&repository(), None, 1000).await;
        for tag in page.map(|page| page.tags).unwrap_or_default() {
            let reference = by_tag(&tag);
            let Ok(manifest) = registry.manifest_get(&repository(), &reference).await else {
                broken.push(format!("{tag} has no manifest"));
                continue;
            };
            let blob = self.blob_of(&manifest.bytes);
            let key = layout::link(&repository(), &blob);
            let Some(link) = self.records.get(&key).await.unwrap().record else {
                broken.push(format!("{tag} has no link"));
                continue;
            };
            let link = LinkRecord::decode(&key, &link.bytes).unwrap();
            let data = link.content.data().unwrap().key.as_str();
            if !self.data.contains(data) {
                broken.push(format!("{tag} has no data"));
            }
            let blob = self.records.get(&layout::blob(&blob)).await.unwrap();
            if blob.record.is_none() {
                broken.push(format!("{tag} has no blob"));
            }
        }
        broken
    }

    fn blob_of(&self, manifest: &[u8]) -> Digest {
        let text = std::str::from_utf8(manifest).unwrap();
        let mut blobs = (1..=self.pushed).map(|seed| digest_of(&large(seed)));
        blobs
            .find(|digest| text.contains(&digest.to_string()))
            .unwrap()
    }

    fn registry(&self) -> Registry {
        self.fixture
            .replica_over(&self.records, Settings::default())
    }
}

#[tokio::test]
async fn a_copy_in_the_order_of_naming_has_every_tag_whole() {
    let mut copying = Copying::new().await;
    copying.copy_records(RIGHT).await;
    copying.copy_data().await;
    assert_eq!(copying.broken().await, [""; 0]);
    // What was there before it began is in it.
    for tag in ["t1", "t2", "shared"] {
        let reference = by_tag(tag);
        let registry = copying.registry();
        let found = registry.manifest_head(&repository(), &reference).await;
        assert!(found.is_ok(), "{tag}");
    }
}

#[tokio::test]
async fn a_copy_in_the_order_of_names_or_with_the_data_first_is_broken() {
    let mut copying = Copying::new().await;
    copying.copy_records(BY_NAME).await;
    copying.copy_data().await;
    assert!(!copying.broken().await.is_empty());

    let mut copying = Copying::new().await;
    copying.copy_data().await;
    copying.copy_records(RIGHT).await;
    let broken = copying.broken().await;
    assert!(
        broken.iter().any(|one| one.ends_with("no data")),
        "{broken:?}"
    );
}
