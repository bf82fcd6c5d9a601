//! Backups: one instant, incremental, told apart when they broke off, refused when they are damaged.

mod refused;

use super::open;
use crate::clock::MachineClock;
use crate::drivers::local::{
    BackUp, BackupGuide, BackupReport, LocalSettings, LocalStore, Look, NamedObject, Restoring,
    list_backups, restore_backup, verify_backup,
};
use crate::suite::{fetch, pattern, store};
use crate::{Condition, DataKey, DataRef, DataStore, Kind, RecordStore, Result};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

type Hook = Box<dyn Fn(&str) + Send + Sync>;

/// Reads records of the form `<key> <length> <digest>`; those under `drop/` are left out.
#[derive(Default)]
struct Guide {
    /// After so many steps of work it says stop.
    stop_after: Option<u64>,
    done: AtomicU64,
    /// Is told of each step.
    on_step: Option<Hook>,
    /// Is told of each record.
    on_look: Option<Hook>,
}

impl BackupGuide for Guide {
    fn look(&self, key: &str, record: &[u8]) -> Look {
        if let Some(hook) = &self.on_look {
            hook(key);
        }
        if key.starts_with("drop/") {
            return Look::Drop;
        }
        let text = std::str::from_utf8(record).unwrap();
        let mut words = text.split(' ');
        let (Some(name), Some(length), digest) = (words.next(), words.next(), words.next()) else {
            return Look::Keep;
        };
        Look::Object(NamedObject {
            data: DataRef {
                key: DataKey::new(name),
                length: length.parse().unwrap(),
            },
            must_exist: true,
            digest: digest.map(str::to_owned),
        })
    }

    fn hashes_to(&self, digest: &str, content: &mut dyn Read) -> io::Result<bool> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        Ok(hash(&bytes) == digest)
    }

    fn begin(&self, step: &str) {
        if let Some(hook) = &self.on_step {
            hook(step);
        }
    }

    fn add(&self, done: u64) {
        self.done.fetch_add(done, Ordering::SeqCst);
    }

    fn is_stopped(&self) -> bool {
        let done = self.done.load(Ordering::SeqCst);
        self.stop_after.is_some_and(|most| done >= most)
    }
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Stores an object and a record that owns it.
async fn push(store_: &LocalStore, key: &str, bytes: Bytes) -> DataRef {
    let digest = hash(&bytes);
    let data = DataRef {
        key: store(&store_.data(), &bytes).await,
        length: bytes.len() as u64,
    };
    let record = format!("{} {} {digest}", data.key.as_str(), data.length);
    let records = store_.records();
    let put = records.put(key, record.into(), Condition::Any);
    let _ = put.await.unwrap();
    data
}

/// Deletes a record, then the object.
async fn remove(store: &LocalStore, key: &str, data: &DataRef) {
    let records = store.records();
    let removed = records.delete(key, Condition::Any);
    let _ = removed.await.unwrap();
    store.data().delete(&data.key).await.unwrap();
}

async fn back_up(store: &LocalStore, directory: &Path, guide: Guide) -> Result<BackupReport> {
    let (store, directory) = (store.clone(), directory.to_owned());
    let made = tokio::task::spawn_blocking(move || store.back_up(&directory, &guide));
    made.await.unwrap()
}

fn restoring<'a>(directory: &'a Path, folder: &'a Path) -> Restoring<'a> {
    Restoring {
        directory,
        number: None,
        folder,
        overwrite: false,
        checksum: true,
    }
}

fn open_at(folder: &Path) -> Result<LocalStore> {
    let mut settings = LocalSettings::new(folder);
    settings.reserve_bytes = 0;
    LocalStore::open(&settings, Arc::new(MachineClock::new()))
}

fn file_of(directory: &Path, data: &DataRef) -> PathBuf {
    let text = data.key.as_str();
    let folder = directory.join("data").join(&text[..2]).join(&text[2..4]);
    folder.join(text)
}

/// Reads all objects that the records of a store name.
async fn contents(store: &LocalStore) -> Vec<(String, String)> {
    let page = store.records().list("", None, 10_000).await.unwrap();
    let mut contents = Vec::new();
    for entry in page.entries {
        let read = store.records().get(&entry.key).await.unwrap();
        let look = Guide::default().look(&entry.key, &read.record.unwrap().bytes);
        let Look::Object(object) = look else { continue };
        let whole = 0..object.data.length;
        let bytes = fetch(&store.data(), &object.data.key, whole).await;
        let bytes = bytes.unwrap();
        let digest = object.digest.unwrap();
        assert_eq!(hash(&bytes), digest);
        contents.push((entry.key, digest));
    }
    contents
}

#[tokio::test]
async fn a_restored_backup_is_the_store_at_the_instant_of_the_backup() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let directory = other.path().join("backups");
    let store = open(&folder);
    let first = push(&store, "blob/1", pattern(1, 100_000)).await;
    push(&store, "blob/2", pattern(2, 70_000)).await;
    push(&store, "drop/3", pattern(3, 1000)).await;
    let deleted = push(&store, "blob/4", pattern(4, 1000)).await;
    remove(&store, "blob/4", &deleted).await;
    let before = store.records().get("blob/1").await.unwrap().record;

    let report = back_up(&store, &directory, Guide::default()).await.unwrap();

    assert_eq!((report.info.records, report.info.objects), (2, 2));
    assert_eq!(report.info.object_bytes, 170_000);
    assert_eq!(report.info.missing, [""; 0]);
    remove(&store, "blob/1", &first).await;
    push(&store, "blob/5", pattern(5, 1000)).await;
    let target = other.path().join("restored");
    restore_backup(&restoring(&directory, &target), &Guide::default()).unwrap();
    let restored = open_at(&target).unwrap();
    let keys: Vec<String> = contents(&restored)
        .await
        .into_iter()
        .map(|one| one.0)
        .collect();
    assert_eq!(keys, ["blob/1", "blob/2"]);
    // Ages count on: when a record was written is kept with it.
    let after = restored.records().get("blob/1").await.unwrap().record;
    assert_eq!(after, before);
    push(&restored, "blob/6", pattern(6, 1000)).await;
}

#[tokio::test]
async fn a_second_backup_takes_what_is_new_alone() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&folder);
    push(&store, "blob/1", pattern(1, 100_000)).await;
    let first = back_up(&store, other.path(), Guide::default())
        .await
        .unwrap();
    assert_eq!(first.new_objects, 1);
    let nothing = back_up(&store, other.path(), Guide::default())
        .await
        .unwrap();
    assert_eq!((nothing.new_objects, nothing.copied_bytes), (0, 0));
    push(&store, "blob/2", pattern(2, 100_000)).await;
    let third = back_up(&store, other.path(), Guide::default())
        .await
        .unwrap();
    assert_eq!(third.new_objects, 1);

    let listed = list_backups(other.path()).unwrap();
    let records: Vec<u64> = listed
        .iter()
        .map(|entry| entry.info.as_ref().unwrap().records)
        .collect();
    assert_eq!(records, [1, 1, 2]);
    let target = other.path().join("old");
    let old = Restoring {
        number: Some(&first.number),
        ..restoring(other.path(), &target)
    };
    assert_eq!(restore_backup(&old, &Guide::default()).unwrap(), first.info);
    assert_eq!(contents(&open_at(&target).unwrap()).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_under_pushes_and_deletes_are_whole() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&folder);
    let is_over = Arc::new(AtomicBool::new(false));
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..4_u64 {
        let (store, is_over) = (store.clone(), is_over.clone());
        workers.spawn(async move {
            let mut at = 0_u64;
            while !is_over.load(Ordering::SeqCst) {
                let key = format!("blob/{worker}/{at}");
                let data = push(&store, &key, pattern(worker, 2000)).await;
                if at.is_multiple_of(2) {
                    remove(&store, &key, &data).await;
                }
                at += 1;
            }
        });
    }
    for _ in 0..10 {
        let sure = contents_of_keys(&store).await;
        let report = back_up(&store, other.path(), Guide::default())
            .await
            .unwrap();
        assert_eq!(report.info.missing, [""; 0]);
        let number = Some(report.number.as_str());
        let checked = verify_backup(other.path(), number, true, &Guide::default()).unwrap();
        assert_eq!(checked.problems, [""; 0]);
        assert!(report.info.records >= sure as u64, "{sure}: {report:?}");
    }
    is_over.store(true, Ordering::SeqCst);
    while let Some(ended) = workers.join_next().await {
        ended.unwrap();
    }
    let target = other.path().join("restored");
    restore_backup(&restoring(other.path(), &target), &Guide::default()).unwrap();
    assert!(!contents(&open_at(&target).unwrap()).await.is_empty());
}

/// Counts the records that nobody deletes any more: every second of each worker.
async fn contents_of_keys(store: &LocalStore) -> usize {
    let page = store.records().list("", None, 10_000).await.unwrap();
    let is_kept = |key: &str| {
        let number = key
            .rsplit_once('/')
            .and_then(|(_, at)| at.parse::<u64>().ok());
        number.is_some_and(|at| at % 2 == 1)
    };
    let entries = page.entries.iter().filter(|entry| is_kept(&entry.key));
    entries.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_of_data_waits_while_the_last_objects_are_taken() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&folder);
    push(&store, "a", pattern(1, 1000)).await;
    let handle = tokio::runtime::Handle::current();
    let (late, is_last) = (
        Arc::new(std::sync::Mutex::new(None)),
        Arc::new(AtomicBool::new(false)),
    );
    let on_step: Hook = {
        let (store, handle) = (store.clone(), handle.clone());
        let (late, is_last) = (late.clone(), is_last.clone());
        Box::new(move |step| {
            if step == "data objects that are new" {
                let pushed = handle.block_on(push(&store, "b", pattern(2, 1000)));
                *late.lock().unwrap() = Some(pushed);
                is_last.store(true, Ordering::SeqCst);
            }
        })
    };
    let (ended, waits) = mpsc::channel();
    let waits = std::sync::Mutex::new(waits);
    let on_look: Hook = {
        let store = store.clone();
        Box::new(move |key| {
            if key == "a" && is_last.swap(false, Ordering::SeqCst) {
                let data = late.lock().unwrap().take().unwrap();
                let (store, ended) = (store.clone(), ended.clone());
                handle.spawn(async move {
                    remove(&store, "b", &data).await;
                    let _ = ended.send(());
                });
                // Were it not held back, it would end, and the object would be gone when it is
                // looked for.
                let in_time = waits
                    .lock()
                    .unwrap()
                    .recv_timeout(Duration::from_millis(300));
                assert!(in_time.is_err(), "the delete did not wait");
            }
        })
    };
    let guide = Guide {
        on_step: Some(on_step),
        on_look: Some(on_look),
        ..Guide::default()
    };
    let report = back_up(&store, other.path(), guide).await.unwrap();
    assert_eq!(report.info.missing, [""; 0]);
    assert_eq!(report.info.objects, 2);
}

#[tokio::test]
async fn a_backup_that_breaks_off_anywhere_is_told_apart_and_the_next_goes_on_with_its_data() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&folder);
    for at in 0..5 {
        push(&store, &format!("blob/{at}"), pattern(at, 1000)).await;
    }
    for stop_after in 0.. {
        let guide = Guide {
            stop_after: Some(stop_after),
            ..Guide::default()
        };
        let made = back_up(&store, other.path(), guide).await;
        if let Ok(report) = made {
            assert!(stop_after > 10, "{stop_after}");
            assert_eq!(report.new_objects, 0);
            break;
        }
        assert_eq!(made.unwrap_err().kind(), Kind::Unavailable);
        let entries = list_backups(other.path()).unwrap();
        assert!(entries.iter().all(|entry| entry.info.is_none()));
        assert_eq!(entries.len(), 1);
        let target = other.path().join("restored");
        let refused = restore_backup(&restoring(other.path(), &target), &Guide::default());
        assert_eq!(refused.unwrap_err().kind(), Kind::NotFound);
    }
    let target = other.path().join("restored");
    restore_backup(&restoring(other.path(), &target), &Guide::default()).unwrap();
    assert_eq!(contents(&open_at(&target).unwrap()).await.len(), 5);
}
