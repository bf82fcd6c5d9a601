//! A check beside requests: what they are at work on is no finding.

use super::planting::{REPOSITORY, Store, manifest_key, push_blob};
use crate::fsck::FsckOptions;
use crate::record::{Encoded, SessionRecord, SessionState, Staged, Target};
use crate::testing::{digest_of, name, tag};
use crate::{Background, Nonce, Progress, RandomIds, Registry, Settings, UploadId, layout};
use async_trait::async_trait;
use bytes::Bytes;
use roadstead_oci::Algorithm;
use roadstead_storage::drivers::memory::MemoryRecords;
use roadstead_storage::{
    Clock, Condition, DataRef, Outcome, Page, Read, RecordStore, Result, Timestamp, UploadState,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn committing(store: &Store, data: &DataRef) -> (String, Bytes) {
    let id = UploadId::draw(&RandomIds);
    let session = SessionRecord {
        repository: name(REPOSITORY),
        owner: String::new(),
        algorithm: Algorithm::Sha256,
        epoch: 1,
        state: SessionState::Committing(Target::Blob(digest_of(b"committing"))),
        staged: Staged {
            upload: Some(UploadState {
                key: data.key.clone(),
                length: data.length,
                epoch: 1,
                driver: serde_json::Value::Null,
            }),
            ..Staged::default()
        },
        created: store.fixture.clock.now(),
        nonce: Nonce::draw(&RandomIds),
    };
    (layout::upload(&id), session.encode())
}

#[tokio::test]
async fn data_that_a_session_names_has_an_owner() {
    let store = Store::new().await;
    let data = store.store_data(b"committing").await;
    let (key, session) = committing(&store, &data);
    store.put(&key, session).await;
    store.age();
    let report = store.repair().await;
    assert!(report.problems.is_empty(), "{report:?}");
    assert!(store.is_stored(&data.key).await);
    let before = store.registry().upload_sessions(None, 10).await.unwrap();
    assert!(before.sessions.is_empty(), "it is not open");
}

#[tokio::test]
async fn data_is_deleted_only_when_nobody_names_it_at_the_second_look_either() {
    let store = Store::new().await;
    let data = store.store_data(b"committing").await;
    store.age();
    let session = committing(&store, &data);
    // Sessions were read before the catalog is.
    let when = layout::catalog(&name(REPOSITORY));
    let report = repair_while(&store, when, Vec::new(), vec![session]).await;
    assert!(report.problems.is_empty(), "{report:?}");
    assert!(store.is_stored(&data.key).await);
}

#[tokio::test]
async fn what_was_pushed_a_moment_ago_is_left_alone() {
    let store = Store::new().await;
    // As a push that was cut off between its waves leaves it.
    store.remove(&layout::catalog(&name(REPOSITORY))).await;
    let key = manifest_key(&store.referrer);
    let found = store.fixture.records.get(&key).await.unwrap();
    let entry = layout::referrer(
        &name(REPOSITORY),
        &digest_of(&store.image),
        &digest_of(&store.referrer),
    );
    store.remove(&entry).await;
    let bytes = found.record.unwrap().bytes;
    for found in [&store.image, &store.index, &store.long] {
        store
            .registry()
            .manifest_delete(&name(REPOSITORY), &digest_of(found), "")
            .await
            .unwrap();
    }
    store.put(&key, bytes).await;
    push_blob(store.registry(), b"another").await;
    let report = store.repair().await;
    assert!(report.is_clean(), "{report:?}");
    store.age();
    let report = store.check().await;
    let expected = ["missing-catalog-entry", "missing-referrer-entry"];
    assert_eq!(super::planting::problems(&report), expected);
}

/// Records of which some are deleted and put just when one of them is read.
struct Meddling {
    inner: MemoryRecords,
    when: String,
    delete: Vec<String>,
    put: Vec<(String, Bytes)>,
    has_happened: AtomicBool,
}

#[async_trait]
impl RecordStore for Meddling {
    async fn get(&self, key: &str) -> Result<Read> {
        if key == self.when && !self.has_happened.swap(true, Ordering::SeqCst) {
            for key in &self.delete {
                let _ = self.inner.delete(key, Condition::Any).await?;
            }
            for (key, bytes) in &self.put {
                let _ = self.inner.put(key, bytes.clone(), Condition::Any).await?;
            }
        }
        self.inner.get(key).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Outcome> {
        self.inner.put(key, bytes, condition).await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<Outcome> {
        self.inner.delete(key, condition).await
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        self.inner.list(prefix, start_after, limit).await
    }

    async fn now(&self) -> Result<Timestamp> {
        self.inner.now().await
    }
}

/// Repairs while records come and go just when `when` is read.
async fn repair_while(
    store: &Store,
    when: String,
    delete: Vec<String>,
    put: Vec<(String, Bytes)>,
) -> crate::FsckReport {
    let records = Meddling {
        inner: store.fixture.records.clone(),
        when,
        delete,
        put,
        has_happened: AtomicBool::new(false),
    };
    let records = Arc::new(records);
    let registry = Registry::new(
        records.clone(),
        Arc::new(store.fixture.data.clone()),
        Settings::default(),
        store.fixture.clock.clone(),
        Arc::new(RandomIds),
        Background::new(tokio::runtime::Handle::current()),
    );
    let options = FsckOptions {
        repair: true,
        ..FsckOptions::default()
    };
    let report = registry.fsck(options, Progress::default()).await.unwrap();
    assert!(records.has_happened.load(Ordering::SeqCst));
    report
}

#[tokio::test]
async fn a_tag_that_is_deleted_with_its_manifest_meanwhile_is_no_finding() {
    let store = Store::new().await;
    // The page of manifests has been read when the reverse entry of the tag is read.
    let reverse = layout::tagged(&name(REPOSITORY), &digest_of(&store.index), &tag("index"));
    let gone = vec![
        manifest_key(&store.index),
        layout::tag(&name(REPOSITORY), &tag("index")),
        reverse.clone(),
    ];
    let report = repair_while(&store, reverse, gone, Vec::new()).await;
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn a_link_that_goes_before_its_blob_meanwhile_is_no_finding() {
    let store = Store::new().await;
    push_blob(store.registry(), b"unreferenced").await;
    store.age();
    let digest = digest_of(b"unreferenced");
    let (blob, link) = (
        layout::blob(&digest),
        layout::link(&name(REPOSITORY), &digest),
    );
    let report = repair_while(&store, blob.clone(), vec![link, blob], Vec::new()).await;
    assert!(report.problems.is_empty(), "{report:?}");
}

#[tokio::test]
async fn a_check_ends_when_it_is_told_to() {
    let store = Store::new().await;
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    let checking = store
        .registry()
        .fsck(FsckOptions::default(), Progress::new(stop));
    assert!(matches!(checking.await, Err(crate::RegistryError::Stopped)));
}
