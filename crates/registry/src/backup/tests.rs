//! What the records of a registry mean to a backup, over the real local driver and under work.

mod order;

use super::{BackupOptions, RecordReader};
use crate::testing::{by_tag, bytes_of, digest_of, image, large, name, push_blob, push_of};
use crate::{Background, Job, Progress, RandomIds, Registry, RegistryError, Settings, layout};
use bytes::Bytes;
use roadstead_oci::RepositoryName;
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::local::{
    LocalSettings, LocalStore, Restoring, restore_backup, verify_backup,
};
use roadstead_storage::{BackupGuide, Look, RecordStore};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const REPOSITORY: &str = "team/app";

fn open(folder: &Path) -> (LocalStore, Registry) {
    let mut settings = LocalSettings::new(folder);
    settings.reserve_bytes = 0;
    let clock = Arc::new(MachineClock::new());
    let store = LocalStore::open(&settings, clock.clone()).unwrap();
    let registry = Registry::new(
        Arc::new(store.records()),
        Arc::new(store.data()),
        Settings::default(),
        clock,
        Arc::new(RandomIds),
        Background::new(tokio::runtime::Handle::current()),
    );
    registry.set_backup(Arc::new(store.clone()));
    (store, registry)
}

fn repository() -> RepositoryName {
    name(REPOSITORY)
}

/// Pushes an image of one large blob, and of as many bytes of annotation, under a tag.
async fn push(registry: &Registry, tag: &str, seed: u8, annotation: usize) -> Bytes {
    let blob = large(seed);
    push_blob(registry, REPOSITORY, &blob).await;
    let mut document = image(&[&blob]);
    document["annotations"] = json!({"tag": tag, "long": "x".repeat(annotation)});
    let bytes = bytes_of(&document);
    let push = push_of(REPOSITORY, by_tag(tag), &bytes);
    registry.manifest_put(push).await.unwrap();
    bytes
}

async fn back_up(registry: &Registry, directory: &Path) -> roadstead_storage::BackupReport {
    let options = BackupOptions {
        directory: directory.to_owned(),
    };
    let made = registry.back_up(options, Progress::default());
    made.await.unwrap()
}

/// Asserts that a registry has an image whole.
async fn assert_whole(registry: &Registry, tag: &str, seed: u8, bytes: &Bytes) {
    let reference = by_tag(tag);
    let manifest = registry.manifest_get(&repository(), &reference).await;
    assert_eq!(manifest.unwrap().bytes, *bytes);
    let blob = large(seed);
    let found = registry.blob_open(&repository(), &digest_of(&blob)).await;
    let whole = 0..blob.len() as u64;
    let body = found.unwrap().read(whole).await.unwrap();
    let crate::BlobBody::Stream(stream) = body else {
        panic!("a large blob is no part of its record");
    };
    let read: Vec<Bytes> = futures::TryStreamExt::try_collect(stream).await.unwrap();
    assert_eq!(read.concat(), blob);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_backup_is_in_it_while_others_push_and_delete() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_store, registry) = open(&folder.path().join("data"));
    let small = push(&registry, "small", 1, 10).await;
    let long = push(&registry, "long", 2, 200_000).await;
    let is_over = AtomicBool::new(false);
    let work = async {
        let mut seed = 10;
        while !is_over.load(Ordering::SeqCst) {
            let bytes = push(&registry, "work", seed, 150_000).await;
            let digest = digest_of(&bytes);
            let repository = repository();
            let deleted = registry.manifest_delete(&repository, &digest, "bob");
            deleted.await.unwrap();
            seed = seed.checked_add(1).unwrap_or(10);
        }
    };
    let directory = other.path().join("backups");
    let backups = async {
        for _ in 0..3 {
            let report = back_up(&registry, &directory).await;
            assert_eq!(report.info.missing, [""; 0]);
            assert_eq!(report.info.unreadable, [""; 0]);
        }
        is_over.store(true, Ordering::SeqCst);
    };
    futures::join!(work, backups);

    let target = other.path().join("restored");
    let reader = RecordReader::new(Progress::default());
    let checked = verify_backup(&directory, None, true, &reader).unwrap();
    assert_eq!(checked.problems, [""; 0]);
    let restoring = Restoring {
        directory: &directory,
        number: None,
        folder: &target,
        overwrite: false,
        checksum: true,
    };
    restore_backup(&restoring, &reader).unwrap();
    let (_store, restored) = open(&target);
    assert_whole(&restored, "small", 1, &small).await;
    assert_whole(&restored, "long", 2, &long).await;
    push(&restored, "new", 3, 10).await;
}

#[tokio::test]
async fn sessions_and_jobs_are_of_this_life_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let (store, registry) = open(&folder.path().join("data"));
    push(&registry, "a", 1, 10).await;
    let algorithm = roadstead_oci::Algorithm::Sha256;
    let name = repository();
    let begun = registry.upload_start(&name, "", "client", algorithm).await;
    begun.unwrap();
    let options = BackupOptions {
        directory: folder.path().join("backups"),
    };
    registry
        .job_start(Job::Backup(options), "root")
        .await
        .unwrap();
    let reader = RecordReader::new(Progress::default());
    let page = store.records().list("", None, 1000).await.unwrap();
    let mut dropped = Vec::new();
    for entry in page.entries {
        let read = store.records().get(&entry.key).await.unwrap();
        match reader.look(&entry.key, &read.record.unwrap().bytes) {
            Look::Drop => dropped.push(entry.key),
            Look::Unreadable(reason) => panic!("{}: {reason}", entry.key),
            Look::Keep | Look::Object(_) => {}
        }
    }
    // The push of the blob may have left its session for a repeated request.
    assert!(dropped.len() >= 2, "{dropped:?}");
    let (job, sessions) = dropped.split_first().unwrap();
    assert!(job.starts_with(layout::JOBS), "{dropped:?}");
    let is_session = |key: &String| key.starts_with(layout::UPLOADS);
    assert!(sessions.iter().all(is_session), "{dropped:?}");
    let damaged = format!("blob/sha256/{}", "a".repeat(64));
    assert!(matches!(
        reader.look(&damaged, b"\x07"),
        Look::Unreadable(_)
    ));
}

#[tokio::test]
async fn a_store_that_makes_no_backups_says_so() {
    let fixture = crate::testing::Fixture::new();
    let options = BackupOptions {
        directory: "/backups".into(),
    };
    let refused = fixture.registry.back_up(options, Progress::default()).await;
    assert!(matches!(refused, Err(RegistryError::Unsupported(_))));
}
