//! The writer thread: what it gathers, what it refuses, and how it bears errors of the disk.

use super::watched::{About, Call, Fate, Watched};
use super::{open_on, settings};
use crate::drivers::local::LocalStore;
use crate::drivers::local::batch::Write;
use crate::drivers::local::database::{Published, RecordFile};
use crate::drivers::local::disk::{Disk, Root};
use crate::drivers::local::steady::SteadyClock;
use crate::drivers::local::writer::{Message, Request, Work, Writer};
use crate::suite::applied;
use crate::{
    Condition, Kind, ManualClock, Operation, Outcome, RecordStore, Result, TOMBSTONE_AGE,
    Timestamp, Version,
};
use bytes::Bytes;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::oneshot;

const X: Bytes = Bytes::from_static(b"x");

/// Gives the writer what waits, all at once, and returns what it answers and how many fsyncs it
/// took.
fn run(clock: &Arc<ManualClock>, writes: Vec<(Write, Duration)>) -> (Vec<Result<Outcome>>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let published = Arc::<Published>::default();
    let disk = Watched::new(|_| Fate::Done);
    let path = folder.path().join("store");
    std::fs::create_dir(&path).unwrap();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let directory = rustix::fs::open(&path, flags, Mode::empty()).unwrap();
    let root = Root::new(directory, Arc::<Watched>::clone(&disk) as Arc<dyn Disk>);
    let file = RecordFile::open(Arc::new(root), &path, 1024 * 1024, published).unwrap();
    let (sender, receiver) = mpsc::channel();
    let mut answers = Vec::new();
    for (write, sent) in writes {
        let (answer, outcome) = oneshot::channel();
        sender
            .send(Message::Write(Request {
                work: Work::One(write, answer),
                sent,
            }))
            .ok()
            .unwrap();
        answers.push(outcome);
    }
    let before = disk.count(Call::SyncData);
    let clock = SteadyClock::new(Arc::<ManualClock>::clone(clock), Timestamp::default());
    let mut thread = Writer::new(file, Arc::new(clock), Duration::from_mins(15));
    assert!(!thread.turn(&receiver));
    let syncs = disk.count(Call::SyncData) - before;
    let outcomes = answers
        .into_iter()
        .map(|outcome| outcome.blocking_recv().unwrap())
        .collect();
    (outcomes, syncs)
}

fn put(key: &str, condition: Condition) -> Write {
    Write {
        key: key.to_owned(),
        bytes: Some(X),
        condition,
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)))
}

#[test]
fn writes_that_wait_together_share_one_commit() {
    let one = vec![(put("key", Condition::Any), Duration::ZERO)];
    let (_, syncs_of_one) = run(&clock(), one);
    let many = (0..100).map(|number| {
        (
            put(&format!("k{number}"), Condition::Absent),
            Duration::ZERO,
        )
    });
    let (outcomes, syncs_of_many) = run(&clock(), many.collect());
    assert!(
        outcomes
            .into_iter()
            .all(|outcome| matches!(outcome, Ok(Outcome::Applied(_))))
    );
    assert_eq!(syncs_of_many, syncs_of_one);
}

#[test]
fn each_condition_is_decided_by_the_writes_before_it_in_the_batch() {
    let writes = [
        Condition::Absent,
        Condition::Absent,
        Condition::Matches(Version::NEVER),
    ];
    let writes = writes.map(|condition| (put("key", condition), Duration::ZERO));
    let (outcomes, _) = run(&clock(), writes.into());
    assert!(matches!(outcomes[0], Ok(Outcome::Applied(_))));
    assert!(matches!(outcomes[1], Ok(Outcome::Conflict)));
    assert!(matches!(outcomes[2], Ok(Outcome::Conflict)));
}

#[test]
fn a_batch_of_refusals_costs_no_fsync() {
    let stale = Condition::Matches(Version::nonce(7));
    let writes = (0..10)
        .map(|_| (put("key", stale.clone()), Duration::ZERO))
        .collect();
    let (outcomes, syncs) = run(&clock(), writes);
    assert!(
        outcomes
            .into_iter()
            .all(|outcome| matches!(outcome, Ok(Outcome::Conflict)))
    );
    assert_eq!(syncs, 0);
}

#[test]
fn a_write_that_waited_longer_than_a_request_may_live_is_not_applied() {
    let clock = clock();
    clock.advance(Duration::from_mins(16));
    let late = (put("key", Condition::Absent), Duration::from_secs(59));
    let in_time = (put("key", Condition::Absent), Duration::from_secs(61));
    let (outcomes, _) = run(&clock, vec![late, in_time]);
    assert_eq!(outcomes[0].as_ref().unwrap_err().kind(), Kind::Unavailable);
    assert!(matches!(outcomes[1], Ok(Outcome::Applied(_))));
}

#[tokio::test]
async fn a_tombstone_is_swept_once_no_request_of_its_time_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let store = LocalStore::open(&settings(&folder), Arc::<ManualClock>::clone(&clock)).unwrap();
    let records = store.records();
    let tombstone = applied(records.delete("key", Condition::Any).await.unwrap());
    applied(records.delete("again", Condition::Any).await.unwrap());
    let again = applied(records.put("again", X, Condition::Absent).await.unwrap());

    clock.advance(TOMBSTONE_AGE);
    applied(records.put("other", X, Condition::Any).await.unwrap());
    assert_eq!(records.get("key").await.unwrap().version, tombstone);

    clock.advance(Duration::from_mins(1));
    applied(records.put("other", X, Condition::Any).await.unwrap());
    assert_eq!(records.get("key").await.unwrap().version, Version::NEVER);
    assert_eq!(records.get("again").await.unwrap().version, again);
}

#[tokio::test]
async fn a_write_that_meets_the_sweep_of_its_tombstone_keeps_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let store = LocalStore::open(&settings(&folder), Arc::<ManualClock>::clone(&clock)).unwrap();
    let records = store.records();
    applied(records.delete("key", Condition::Any).await.unwrap());
    clock.advance(2 * TOMBSTONE_AGE);
    // The same commit sweeps the tombstone and writes the record.
    let version = applied(records.put("key", X, Condition::Absent).await.unwrap());
    assert_eq!(records.get("key").await.unwrap().version, version);
    clock.advance(Duration::from_mins(1));
    applied(records.put("other", X, Condition::Any).await.unwrap());
    assert_eq!(records.get("key").await.unwrap().version, version);
}

#[tokio::test]
async fn a_failed_fsync_ends_all_writing_and_no_reading() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Watched::new(|_| Fate::Done);
    let store = open_on(&folder, &disk).unwrap();
    let records = store.records();
    let before = applied(records.put("key", X, Condition::Any).await.unwrap());

    disk.set(|about| match about.call {
        Call::SyncData => Fate::Fails(Errno::IO),
        _ => Fate::Done,
    });
    let failed = records
        .put("key", Bytes::from_static(b"lost"), Condition::Any)
        .await;
    assert_eq!(failed.unwrap_err().kind(), Kind::Io);
    disk.set(|_| Fate::Done);

    let error = records.put("other", X, Condition::Any).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    assert!(
        error
            .to_string()
            .contains("earlier fsync of the record file failed"),
        "{error}"
    );
    let read = records.get("key").await.unwrap();
    assert_eq!((read.record.unwrap().bytes, read.version), (X, before));

    drop((store, records));
    let records = open_on(&folder, &disk).unwrap().records();
    applied(records.put("key", X, Condition::Any).await.unwrap());
}

/// Lets every write beyond what was ever written fail, as the holes of a file do on a full disk.
fn full_disk(written_to: u64) -> impl FnMut(&About<'_>) -> Fate {
    move |about| {
        if about.call == Call::Write && about.end > written_to {
            return Fate::Fails(Errno::NOSPC);
        }
        Fate::Done
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_until_there_is_space_again() {
    let folder = tempfile::tempdir().unwrap();
    let written_to = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&written_to);
    let disk = Watched::new(move |about| {
        if about.call == Call::Write {
            seen.fetch_max(about.end, Ordering::SeqCst);
        }
        Fate::Done
    });
    let store = open_on(&folder, &disk).unwrap();
    let records = store.records();
    applied(records.put("key", X, Condition::Any).await.unwrap());

    disk.set(full_disk(written_to.load(Ordering::SeqCst)));
    let large = Bytes::from(vec![1; 200_000]);
    for number in 0..3 {
        let error = records
            .put(&format!("k{number}"), large.clone(), Condition::Any)
            .await;
        let error = error.unwrap_err();
        assert_eq!(
            (error.kind(), error.operation()),
            (Kind::Full, Operation::Put),
            "{error}"
        );
        assert_eq!(records.get("key").await.unwrap().record.unwrap().bytes, X);
    }

    disk.set(|_| Fate::Done);
    for number in 0..3 {
        let key = format!("k{number}");
        applied(
            records
                .put(&key, large.clone(), Condition::Absent)
                .await
                .unwrap(),
        );
        assert_eq!(
            records.get(&key).await.unwrap().record.unwrap().bytes,
            large
        );
    }
}
