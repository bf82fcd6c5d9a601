//! The journal: what a start after a crash takes from it, and what it does not.

use super::{fast_folder, open, settings};
use crate::drivers::local::LocalStore;
use crate::drivers::local::disk::{Kernel, Root};
use crate::drivers::local::journal::{Cycle, Entered, Journal};
use crate::drivers::local::value::Value;
use crate::suite::{applied, pattern};
use crate::{Condition, Kind, ManualClock, RecordStore, Result, Timestamp};
use bytes::Bytes;
use rustix::fs::{Mode, OFlags};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const X: Bytes = Bytes::from_static(b"x");
const JOURNAL: &str = "records.journal";
const RECORDS: &str = "records.redb";
const BLOCK_BYTES: usize = 4096;

/// Copies what a killed server leaves: the bytes of its files, closed by nobody.
fn crash(folder: &TempDir) -> TempDir {
    let crashed = fast_folder();
    std::fs::create_dir_all(crashed.path().join("data")).unwrap();
    for name in [RECORDS, JOURNAL, "format"] {
        copy(folder, &crashed, name);
    }
    crashed
}

fn copy(from: &TempDir, to: &TempDir, name: &str) {
    std::fs::copy(file(from, name), file(to, name)).unwrap();
}

fn file(folder: &TempDir, name: &str) -> std::path::PathBuf {
    settings(folder).path.join(name)
}

#[expect(clippy::disallowed_methods, reason = "a folder that no store has open")]
fn overwrite(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

async fn put(store: &LocalStore, key: &str, value: Bytes) {
    applied(
        store
            .records()
            .put(key, value, Condition::Any)
            .await
            .unwrap(),
    );
}

async fn keys(store: &LocalStore) -> Vec<String> {
    let page = store.records().list("", None, 1000).await.unwrap();
    page.entries.into_iter().map(|entry| entry.key).collect()
}

/// A store whose record file goes to the disk only when the test lets time pass.
struct Timed {
    clock: Arc<ManualClock>,
    store: LocalStore,
    folder: TempDir,
}

impl Timed {
    fn open() -> Self {
        let folder = fast_folder();
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
        let shared = Arc::<ManualClock>::clone(&clock) as Arc<dyn crate::Clock>;
        let store = LocalStore::open(&settings(&folder), shared).unwrap();
        Self {
            clock,
            store,
            folder,
        }
    }

    /// Puts the record `last` and waits until the journal has nothing beyond the record file.
    async fn settle(&self) {
        put(&self.store, "last", X).await;
        self.clock.advance(Duration::from_secs(1));
        // The thread looks at the clock when its wait is over, half a second by its own.
        let end = std::time::Instant::now() + Duration::from_secs(30);
        while !is_in_the_record_file(&self.folder, "last").await {
            assert!(std::time::Instant::now() < end, "it is never settled");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Tells whether the record file alone has a key, opened without being read as a whole.
async fn is_in_the_record_file(folder: &TempDir, key: &str) -> bool {
    let crashed = crash(folder);
    std::fs::remove_file(file(&crashed, JOURNAL)).unwrap();
    assert!(opens_at_once(&file(&crashed, RECORDS)));
    let found = keys(&open(&crashed)).await;
    found.iter().any(|found| found == key)
}

/// Tells whether redb opens a file without reading all of it.
fn opens_at_once(file: &Path) -> bool {
    let copy = file.with_extension("copy");
    std::fs::copy(file, &copy).unwrap();
    let opened = redb::Builder::new()
        .set_repair_callback(redb::RepairSession::abort)
        .open(&copy);
    match opened {
        Ok(_) => true,
        Err(redb::DatabaseError::RepairAborted) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_start_after_a_crash_has_every_answered_write_and_reads_no_whole_file() {
    let timed = Timed::open();
    let records = timed.store.records();
    for number in 0..50 {
        put(&timed.store, &format!("k{number:02}"), X).await;
    }
    let gone = applied(records.delete("k00", Condition::Any).await.unwrap());
    let before = records.get("k01").await.unwrap();
    let crashed = crash(&timed.folder);
    assert!(opens_at_once(&file(&crashed, RECORDS)));
    assert!(!is_in_the_record_file(&timed.folder, "k49").await);

    for _ in 0..2 {
        let store = open(&crashed);
        assert_eq!(keys(&store).await.len(), 49);
        let records = store.records();
        assert_eq!(records.get("k00").await.unwrap().version, gone);
        let read = records.get("k01").await.unwrap();
        assert_eq!(read.version, before.version);
        let modified = |read: &crate::Read| read.record.as_ref().unwrap().modified;
        assert_eq!(modified(&read), modified(&before));
        assert!(records.now().await.unwrap() > modified(&before));
    }
}

#[tokio::test]
async fn the_record_file_goes_to_the_disk_when_nothing_was_written_for_a_while() {
    let timed = Timed::open();
    put(&timed.store, "a", X).await;
    put(&timed.store, "b", X).await;
    assert!(!is_in_the_record_file(&timed.folder, "b").await);
    timed.settle().await;
    put(&timed.store, "c", X).await;
    assert!(!is_in_the_record_file(&timed.folder, "c").await);
    assert_eq!(
        keys(&open(&crash(&timed.folder))).await,
        ["a", "b", "c", "last"]
    );
}

#[tokio::test]
async fn an_entry_that_is_not_whole_ends_the_journal() {
    let timed = Timed::open();
    for key in ["a", "b", "c", "d"] {
        put(&timed.store, key, X).await;
    }
    // The first went to the record file, as there was no journal beside it.
    for (entry, expected) in [(0, &["a"][..]), (1, &["a", "b"]), (2, &["a", "b", "c"])] {
        for at in [0, 4, 12, 16, 20, 51, 53, 59, 70] {
            let crashed = crash(&timed.folder);
            let path = file(&crashed, JOURNAL);
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[entry * BLOCK_BYTES + at] ^= 0x80;
            overwrite(&path, &bytes);
            match opened(&crashed).await {
                Ok(found) => assert_eq!(found, expected, "entry {entry}, byte {at}"),
                // The number of the cycle, which can never be ahead of the record file's.
                Err(error) => assert_eq!((entry, at, error.kind()), (0, 4, Kind::Corrupt)),
            }
        }
        let crashed = crash(&timed.folder);
        let path = file(&crashed, JOURNAL);
        let bytes = std::fs::read(&path).unwrap();
        overwrite(&path, &bytes[..entry * BLOCK_BYTES + 60]);
        assert_eq!(opened(&crashed).await.unwrap(), expected);
    }
}

async fn opened(folder: &TempDir) -> Result<Vec<String>> {
    let clock = Arc::new(crate::clock::MachineClock::new());
    let store = LocalStore::open(&settings(folder), clock)?;
    Ok(keys(&store).await)
}

#[tokio::test]
async fn what_is_left_of_earlier_cycles_or_made_to_look_like_an_entry_is_never_applied() {
    let timed = Timed::open();
    put(&timed.store, "first", X).await;
    for key in ["a", "b", "c"] {
        put(&timed.store, key, X).await;
    }
    let earlier = std::fs::read(file(&timed.folder, JOURNAL)).unwrap();
    for key in ["a", "b", "c"] {
        applied(
            timed
                .store
                .records()
                .delete(key, Condition::Any)
                .await
                .unwrap(),
        );
    }
    timed.settle().await;
    // A record with blocks of what once were entries, so that they lie where an entry may begin;
    // one cut makes them what follows the last whole entry.
    let copies: Vec<u8> = earlier.iter().copied().cycle().take(64 * 1024).collect();
    for shift in [0, 1] {
        put(
            &timed.store,
            "record",
            Bytes::from(copies[shift..].to_vec()),
        )
        .await;
    }
    let crashed = crash(&timed.folder);
    let path = file(&crashed, JOURNAL);
    let mut bytes = std::fs::read(&path).unwrap();
    let second = (HEADER_AND_MORE + copies.len()).next_multiple_of(BLOCK_BYTES);
    for (at, block) in earlier.chunks(BLOCK_BYTES).take(4).enumerate() {
        bytes[second + at * BLOCK_BYTES..][..BLOCK_BYTES].copy_from_slice(block);
    }
    overwrite(&path, &bytes);
    assert_eq!(opened(&crashed).await.unwrap(), ["first", "last", "record"]);
}

/// What an entry has before the value of the key `record`, in bytes.
const HEADER_AND_MORE: usize = 52 + 6 + 6 + 25;

#[tokio::test]
async fn a_journal_beside_an_older_record_file_is_told_apart() {
    let timed = Timed::open();
    put(&timed.store, "a", X).await;
    put(&timed.store, "b", X).await;
    let old = crash(&timed.folder);
    timed.settle().await;
    put(&timed.store, "c", X).await;
    copy(&timed.folder, &old, JOURNAL);
    let error = opened(&old).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    assert!(error.to_string().contains("different times"), "{error}");
}

#[tokio::test]
async fn a_full_journal_begins_anew() {
    let folder = fast_folder();
    let mut small = settings(&folder);
    small.record_cache_bytes = 1024 * 1024;
    let clock = Arc::new(crate::clock::MachineClock::new());
    let store = LocalStore::open(&small, clock).unwrap();
    let length_of = |number: u64| if number % 10 == 7 { 200_000 } else { 200 };
    for number in 0..800 {
        let value = pattern(number, length_of(number));
        put(&store, &format!("k{number:03}"), value).await;
    }
    let length = std::fs::metadata(file(&folder, JOURNAL)).unwrap().len();
    // A quarter of the room that is kept for the record file.
    assert!((400_000..=1024 * 1024).contains(&length), "{length}");
    let crashed = crash(&folder);
    assert!(opens_at_once(&file(&crashed, RECORDS)));
    let store = open(&crashed);
    assert_eq!(keys(&store).await.len(), 800);
    for number in [0, 7, 100, 707, 799] {
        let read = store.records().get(&format!("k{number:03}")).await.unwrap();
        assert_eq!(
            read.record.unwrap().bytes,
            pattern(number, length_of(number))
        );
    }
}

#[test]
fn entries_of_a_time_when_the_journal_could_be_larger_are_taken() {
    let folder = fast_folder();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let directory = rustix::fs::open(folder.path(), flags, Mode::empty()).unwrap();
    let root = Arc::new(Root::new(directory, Arc::new(Kernel)));
    let large = vec![7; 3_000_000];
    let value = Value {
        record: Some(&large),
        nonce: 1,
        modified: Timestamp::from_millis(2),
    };
    let cycle = Some(Cycle::after(None));
    let mut journal = Journal::open(Arc::clone(&root), 8_000_000).unwrap();
    journal.begin(cycle);
    let entered = journal.enter([("key", value)].into_iter()).unwrap();
    assert_eq!(entered, Entered::Durable);

    let mut journal = Journal::open(root, 1_000_000).unwrap();
    journal.begin(cycle);
    let mut found = 0;
    let replayed = journal.entries().replay(|key, there| {
        found += usize::from(key == "key" && there == value);
        Ok::<_, std::io::Error>(())
    });
    journal.go_on(replayed.unwrap());
    assert_eq!(found, 1);
    let small = Value {
        record: Some(b"x"),
        ..value
    };
    let entered = journal.enter([("other", small)].into_iter()).unwrap();
    assert_eq!(entered, Entered::NoRoom);
}
