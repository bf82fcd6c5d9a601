//! A store that is whole, and hands to damage it.

use crate::fsck::{FsckOptions, FsckReport};
use crate::record::{Content, Encoded};
use crate::testing::{
    self, Fixture, by_tag, bytes_of, descriptor, digest_of, image, index, large, name, push_of,
};
use crate::{INLINE_MANIFEST_BYTES, Progress, Registry, Result, layout};
use bytes::Bytes;
use roadstead_oci::{Digest, OCI_IMAGE_MANIFEST, Reference};
use roadstead_storage::{Condition, DataKey, DataRef, DataStore, Outcome, RecordStore, UploadHint};
use serde_json::json;
use std::time::Duration;

pub(super) const REPOSITORY: &str = "team/app";

/// A store with an image of one small and one large blob under the tag `latest`, an index of it under
/// `index`, a referrer of it, and a manifest too large for its record under `long`. Nothing is young.
pub(super) struct Store {
    pub(super) fixture: Fixture,
    pub(super) layer: Vec<u8>,
    pub(super) image: Bytes,
    pub(super) index: Bytes,
    pub(super) referrer: Bytes,
    pub(super) long: Bytes,
}

impl Store {
    pub(super) async fn new() -> Self {
        let fixture = Fixture::new();
        let layer = large(3);
        let registry = &fixture.registry;
        push_blob(registry, b"config").await;
        push_blob(registry, &layer).await;
        let image = bytes_of(&image(&[b"config", &layer]));
        push(registry, by_tag("latest"), &image).await.unwrap();
        let index = bytes_of(&index(&[&image]));
        push(registry, by_tag("index"), &index).await.unwrap();
        let mut signature = testing::image(&[b"config"]);
        signature["subject"] = descriptor(OCI_IMAGE_MANIFEST, &image);
        let referrer = bytes_of(&signature);
        push(registry, digest_of(&referrer).into(), &referrer)
            .await
            .unwrap();
        let mut long = testing::image(&[b"config"]);
        long["annotations"] = json!({"long": "x".repeat(INLINE_MANIFEST_BYTES)});
        let long = bytes_of(&long);
        push(registry, by_tag("long"), &long).await.unwrap();
        fixture.registry.inner.background.wait_until_idle().await;
        fixture.clock.advance(Duration::from_hours(48));
        let store = Self {
            fixture,
            layer,
            image,
            index,
            referrer,
            long,
        };
        let report = store.check().await;
        assert_eq!(report.problems.len(), 0, "{report:?}");
        assert_eq!(report.objects, 2);
        store
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.fixture.registry
    }

    pub(super) async fn check(&self) -> FsckReport {
        self.run(FsckOptions::default()).await
    }

    pub(super) async fn checksum(&self) -> FsckReport {
        self.run(FsckOptions {
            checksum: true,
            ..FsckOptions::default()
        })
        .await
    }

    /// Repairs, and sees that this is told.
    pub(super) async fn repair(&self) -> FsckReport {
        self.run(FsckOptions {
            repair: true,
            checksum: true,
            rate_bytes: None,
        })
        .await
    }

    async fn run(&self, options: FsckOptions) -> FsckReport {
        let checking = self.registry().fsck(options, Progress::default());
        checking.await.unwrap()
    }

    /// Asserts that a check finds this problem alone and changes nothing, that a repair mends it, and
    /// that nothing is found after it.
    pub(super) async fn assert_mended(&self, problem: &str) {
        for _ in 0..2 {
            let report = self.checksum().await;
            assert_eq!(problems(&report), [problem], "{report:?}");
            assert_eq!(report.repaired, 0);
        }
        let report = self.repair().await;
        assert_eq!(problems(&report), [problem]);
        assert_eq!(report.repaired, 1, "{report:?}");
        assert!(report.findings[0].repaired.is_some());
        let report = self.checksum().await;
        assert_eq!(problems(&report).len(), 0, "{report:?}");
    }

    /// Asserts that this problem alone is found, and that a repair leaves it.
    pub(super) async fn assert_told(&self, problem: &str) {
        let report = self.checksum().await;
        assert_eq!(problems(&report), [problem], "{report:?}");
        let report = self.repair().await;
        assert_eq!(report.repaired, 0, "{report:?}");
        assert_eq!(problems(&self.checksum().await), [problem]);
    }

    pub(super) async fn remove(&self, key: &str) {
        let removed = self.fixture.records.delete(key, Condition::Any).await;
        assert!(matches!(removed, Ok(Outcome::Applied(_))));
    }

    pub(super) async fn put(&self, key: &str, bytes: Bytes) {
        let put = self.fixture.records.put(key, bytes, Condition::Any).await;
        assert!(matches!(put, Ok(Outcome::Applied(_))));
    }

    pub(super) async fn get<R: Encoded>(&self, key: &str) -> R {
        let read = self.fixture.records.get(key).await.unwrap();
        R::decode(key, &read.record.unwrap().bytes).unwrap()
    }

    /// Changes a record, and lets an hour and a day go by.
    pub(super) async fn change<R: Encoded>(&self, key: &str, change: impl FnOnce(R) -> R) {
        let changed = change(self.get(key).await);
        self.put(key, changed.encode()).await;
        self.age();
    }

    pub(super) fn age(&self) {
        self.fixture.clock.advance(Duration::from_hours(25));
    }

    pub(super) async fn store_data(&self, bytes: &[u8]) -> DataRef {
        let data = &self.fixture.data;
        let mut upload = data.begin(UploadHint::default()).await.unwrap();
        data.reserve(&mut upload);
        data.append(&mut upload, Bytes::copy_from_slice(bytes))
            .await
            .unwrap();
        data.finish(upload).await.unwrap()
    }

    pub(super) async fn is_stored(&self, key: &DataKey) -> bool {
        self.fixture.data.read(key, 0..1).await.is_ok()
    }

    pub(super) fn layer_digest(&self) -> Digest {
        digest_of(&self.layer)
    }
}

/// The problems of a report, each as often as it was found.
pub(super) fn problems(report: &FsckReport) -> Vec<&str> {
    report
        .findings
        .iter()
        .map(|finding| finding.problem.as_str())
        .collect()
}

pub(super) fn data_of(content: &Content) -> DataRef {
    content.data().unwrap().clone()
}

pub(super) fn manifest_key(bytes: &Bytes) -> String {
    layout::manifest(&name(REPOSITORY), &digest_of(bytes))
}

pub(super) async fn push_blob(registry: &Registry, content: &[u8]) {
    testing::push_blob(registry, REPOSITORY, content).await;
}

pub(super) async fn push(registry: &Registry, reference: Reference, bytes: &Bytes) -> Result<()> {
    let push = push_of(REPOSITORY, reference, bytes);
    registry.manifest_put(push).await.map(|_| ())
}
