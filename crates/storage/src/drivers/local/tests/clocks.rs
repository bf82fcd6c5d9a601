//! The machine's clock jumps; the store's does not.

use super::{fast_folder, settings};
use crate::clock::Clock;
use crate::drivers::local::LocalStore;
use crate::suite::{applied, pattern};
use crate::{Condition, DataStore, RecordStore, TOMBSTONE_AGE, Timestamp, UploadHint, Version};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

const X: Bytes = Bytes::from_static(b"x");
const DAY: Duration = Duration::from_hours(24);
const SECOND: Duration = Duration::from_secs(1);
/// Some day in 2026.
const START: u64 = 1_790_000_000_000;

/// A clock with two hands: the wall clock may be set, the monotonic one goes on.
#[derive(Debug)]
struct Hands {
    wall: AtomicU64,
    monotonic: AtomicU64,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

impl Hands {
    fn new(wall: u64) -> Arc<Self> {
        Arc::new(Self {
            wall: AtomicU64::new(wall),
            monotonic: AtomicU64::new(7),
        })
    }

    fn pass(&self, duration: Duration) {
        self.wall.fetch_add(millis(duration), Ordering::SeqCst);
        self.monotonic.fetch_add(millis(duration), Ordering::SeqCst);
    }

    fn jump_ahead(&self, duration: Duration) {
        self.wall.fetch_add(millis(duration), Ordering::SeqCst);
    }

    fn jump_back(&self, duration: Duration) {
        self.wall.fetch_sub(millis(duration), Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.monotonic.load(Ordering::SeqCst))
    }
}

fn open(folder: &TempDir, clock: &Arc<Hands>) -> LocalStore {
    LocalStore::open(&settings(folder), Arc::clone(clock) as Arc<dyn Clock>).unwrap()
}

async fn modified(store: &LocalStore, key: &str) -> Timestamp {
    let read = store.records().get(key).await.unwrap();
    read.record.unwrap().modified
}

#[tokio::test]
async fn the_stores_time_passes_as_it_should_while_the_machines_jumps() {
    let folder = fast_folder();
    let clock = Hands::new(START);
    let store = open(&folder, &clock);
    let records = store.records();
    let mut expected = Timestamp::from_millis(START);
    for (number, jump) in [10, -20, 3000, -2990].into_iter().enumerate() {
        assert_eq!(records.now().await.unwrap(), expected);
        if jump > 0 {
            clock.jump_ahead(DAY * u32::try_from(jump).unwrap());
        } else {
            clock.jump_back(DAY * u32::try_from(-jump).unwrap());
        }
        assert_eq!(records.now().await.unwrap(), expected);
        clock.pass(SECOND * 20);
        expected = expected.plus(SECOND * 20);
        let key = format!("k{number}");
        applied(records.put(&key, X, Condition::Any).await.unwrap());
        assert_eq!(modified(&store, &key).await, expected);
    }
}

#[tokio::test]
async fn a_jump_ahead_sweeps_no_tombstone_before_its_time() {
    let folder = fast_folder();
    let clock = Hands::new(START);
    let store = open(&folder, &clock);
    let records = store.records();
    let tombstone = applied(records.delete("key", Condition::Any).await.unwrap());
    clock.jump_ahead(DAY * 100);
    clock.pass(Duration::from_mins(1));
    applied(records.put("other", X, Condition::Any).await.unwrap());
    assert_eq!(records.get("key").await.unwrap().version, tombstone);

    clock.jump_back(DAY * 300);
    clock.pass(TOMBSTONE_AGE);
    applied(records.put("other", X, Condition::Any).await.unwrap());
    assert_eq!(records.get("key").await.unwrap().version, Version::NEVER);
}

#[tokio::test]
async fn the_stores_time_does_not_go_back_over_a_restart() {
    let folder = fast_folder();
    let clock = Hands::new(START);
    let mut last = Timestamp::default();
    // Within a second, after it, and far apart.
    for pause in [0, 999, 1, 500, 5000, 10, 100_000] {
        let store = open(&folder, &clock);
        let records = store.records();
        clock.pass(Duration::from_millis(pause));
        assert!(records.now().await.unwrap() >= last);
        applied(records.put("key", X, Condition::Any).await.unwrap());
        last = modified(&store, "key").await;
        clock.pass(Duration::from_millis(pause / 2));
        applied(records.put("key", X, Condition::Any).await.unwrap());
        last = modified(&store, "key").await.max(last);
        clock.jump_back(DAY);
    }
    // It is not ahead by more than a second for each of the restarts.
    assert!(last.since(Timestamp::from_millis(START)) < Duration::from_mins(3));
}

#[tokio::test]
async fn a_start_takes_over_a_machines_clock_that_is_ahead() {
    let folder = fast_folder();
    let clock = Hands::new(START);
    let store = open(&folder, &clock);
    applied(store.records().put("key", X, Condition::Any).await.unwrap());
    clock.jump_ahead(DAY);
    assert_eq!(
        store.records().now().await.unwrap(),
        Timestamp::from_millis(START)
    );
    drop(store);
    let store = open(&folder, &clock);
    assert_eq!(store.records().now().await.unwrap(), clock.now());
}

#[tokio::test]
async fn an_upload_whose_file_looks_old_is_not_swept_before_its_time() {
    let folder = fast_folder();
    let clock = Hands::new(START);
    let data = open(&folder, &clock).data();
    let mut upload = data.begin(UploadHint::default()).await.unwrap();
    data.reserve(&mut upload);
    data.append(&mut upload, pattern(1, 1000)).await.unwrap();
    data.checkpoint(&mut upload).await.unwrap();
    // As if the machine's clock had been ten days back when it was written.
    let name = upload.state().key.as_str();
    let file = folder.path().join("data/uploads").join(name);
    let file = std::fs::File::options().write(true).open(file).unwrap();
    let wrong = Timestamp::from_millis(START).minus(DAY * 10);
    let wrong: SystemTime = wrong.to_system_time();
    file.set_modified(wrong).unwrap();

    let eight_days = |now: Timestamp| now.minus(DAY * 8);
    assert!(
        data.uploads(eight_days(clock.now()), 10)
            .await
            .unwrap()
            .is_empty()
    );
    clock.pass(DAY * 9);
    let old = data.uploads(eight_days(clock.now()), 10).await.unwrap();
    assert_eq!(old.len(), 1);
}
