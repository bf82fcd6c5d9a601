//! Two servers and one record. Time is the runtime's, which jumps to the next timer.

use super::super::mark::{Mark, WriterId};
use super::super::watch::{Sight, Watch};
use super::super::{GuardError, Lost, WRITER_KEY, WriterGuard, wait_for_others};
use super::{Careless, ONE};
use crate::clock::{Clock, ManualClock};
use crate::decorators::fault::{Fault, FaultPlan, FaultyRecords};
use crate::{Condition, Kind, Operation, Read, Record, RecordStore, Timestamp, Version};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The clock of a runtime whose time is paused.
#[derive(Debug)]
pub(super) struct PausedClock(Instant);

impl PausedClock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

type Guard = WriterGuard<FaultyRecords<Careless>>;

/// A store as one server sees it, with faults of its own.
fn seen(store: &Careless) -> (FaultyRecords<Careless>, Arc<FaultPlan>) {
    let plan = FaultPlan::new();
    (FaultyRecords::new(store.clone(), Arc::clone(&plan)), plan)
}

async fn take(store: &Careless) -> Result<Guard, GuardError> {
    take_telling(store, &mut Vec::new()).await
}

async fn take_telling(store: &Careless, told: &mut Vec<String>) -> Result<Guard, GuardError> {
    let clock = Arc::new(PausedClock::new());
    let on_wait = |waiting: super::super::Waiting| told.push(waiting.to_string());
    WriterGuard::take(seen(store).0, clock, on_wait).await
}

fn occupant(taken: Result<Guard, GuardError>) -> Option<WriterId> {
    match taken {
        Err(GuardError::Occupied { other }) => other,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the guard was taken"),
    }
}

#[test]
fn a_writer_is_gone_after_thirty_silent_seconds_and_alive_after_two_changes() {
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let writer = WriterId::random();
    let read = |beat: u64| {
        let bytes = Mark { writer, beat }.encode().into();
        let modified = Timestamp::from_millis(0);
        Read {
            record: Some(Record { bytes, modified }),
            version: Version::nonce(u128::from(beat)),
        }
    };
    let mut watch = Watch::default();
    let unclear = |sight: Sight| match sight {
        Sight::Unclear(waiting) => waiting.silent.as_secs(),
        sight => panic!("{sight:?}"),
    };
    assert_eq!(unclear(watch.look(&read(0), clock.monotonic())), 0);
    clock.advance(Duration::from_secs(29));
    assert_eq!(unclear(watch.look(&read(0), clock.monotonic())), 29);
    assert_eq!(unclear(watch.look(&read(1), clock.monotonic())), 0);
    clock.advance(Duration::from_secs(30));
    let gone = watch.look(&read(1), clock.monotonic());
    assert_eq!(gone, Sight::Gone(Version::nonce(1)));
    let alive = watch.look(&read(2), clock.monotonic());
    assert_eq!(alive, Sight::Alive(Some(writer)));

    let absent = Read {
        record: None,
        version: Version::nonce(3),
    };
    assert_eq!(watch.look(&absent, clock.monotonic()), Sight::Free);
}

#[tokio::test(start_paused = true)]
async fn a_second_server_is_refused_while_the_first_beats_and_goes_on_after_its_release() {
    let store = Careless::new();
    let first = take(&store).await.unwrap();
    let mut told = Vec::new();
    let second = tokio::select! {
        lost = first.keep() => panic!("{lost}"),
        second = take_telling(&store, &mut told) => second,
    };
    let message = second.as_ref().unwrap_err().to_string();
    assert!(message.contains(&first.id().to_string()), "{message}");
    assert_eq!(occupant(second), Some(first.id()));
    assert!(
        told.iter()
            .any(|told| told.contains("silent for 0 s of 30 s")),
        "{told:?}"
    );

    first.release().await.unwrap();
    let before = Instant::now();
    let third = take(&store).await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(5));
    assert!(!third.lease().left().is_zero());
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_the_next_server_waits_and_says_so() {
    let store = Careless::new();
    let crashed = take(&store).await.unwrap();
    let (before, mut told) = (Instant::now(), Vec::new());
    let next = take_telling(&store, &mut told).await.unwrap();
    let waited = before.elapsed().as_secs();
    assert!((30..40).contains(&waited), "{waited}");
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains(&crashed.id().to_string()), "{told:?}");
    assert!(told[2].contains("silent for 20 s of 30 s"), "{told:?}");

    // It was only out of touch: it has not been able to write for a while, and learns the rest.
    assert!(crashed.lease().left().is_zero());
    let Lost::Taken { own, other } = crashed.keep().await else {
        panic!("the record is there");
    };
    assert_eq!((own, other), (crashed.id(), Some(next.id())));
}

#[tokio::test(start_paused = true)]
async fn of_eight_that_start_together_one_serves() {
    let store = Careless::new();
    let starts = (0..8).map(|_| async {
        let guard = take(&store).await?;
        let end = tokio::time::timeout(Duration::from_mins(5), guard.keep());
        match end.await {
            Err(_) => Ok(guard),
            Ok(lost) => panic!("{lost}"),
        }
    });
    let started = futures::future::join_all(starts).await;
    let serving: Vec<WriterId> = started.iter().flatten().map(Guard::id).collect();
    assert_eq!(serving.len(), 1);
    for other in started.into_iter().filter(Result::is_err) {
        assert_eq!(occupant(other), Some(serving[0]));
    }
}

#[tokio::test(start_paused = true)]
async fn the_lease_goes_with_the_beats() {
    let store = Careless::new();
    let (records, plan) = seen(&store);
    let guard = WriterGuard::take(records, Arc::new(PausedClock::new()), |_| {})
        .await
        .unwrap();
    let lease = guard.lease();
    let outage = async {
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert!(lease.left() >= Duration::from_secs(10), "{lease:?}");
        }
        plan.always(Operation::Put, Fault::Fail(Kind::Unavailable));
        tokio::time::sleep(Duration::from_secs(26)).await;
        assert!(lease.left().is_zero(), "nothing is known of others");
        plan.clear();
        // It does not trust the first answer.
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(lease.left().is_zero());
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(!lease.left().is_zero(), "its record is still there");
    };
    tokio::select! {
        lost = guard.keep() => panic!("{lost}"),
        () = outage => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_beat_that_finds_anything_but_its_own_record_ends_the_lease() {
    let store = Careless::new();
    let guard = take(&store).await.unwrap();
    let _ = store.put(WRITER_KEY, ONE, Condition::Any).await.unwrap();
    let lost = guard.keep().await;
    assert!(matches!(lost, Lost::Taken { other: None, .. }), "{lost}");
    assert!(guard.lease().left().is_zero());
    guard.release().await.unwrap();
    assert!(store.get(WRITER_KEY).await.unwrap().record.is_some());
    let _ = store.delete(WRITER_KEY, Condition::Any).await.unwrap();

    let guard = take(&store).await.unwrap();
    let _ = store.delete(WRITER_KEY, Condition::Any).await.unwrap();
    let lost = guard.keep().await;
    assert!(matches!(lost, Lost::Gone { .. }), "{lost}");
    assert!(guard.lease().left().is_zero());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_may_share_the_store_waits_for_a_lone_one_all_the_same() {
    let store = Careless::new();
    let clock = PausedClock::new();
    wait_for_others(&store, &clock, |_| panic!("nobody is there"))
        .await
        .unwrap();

    let lone = take(&store).await.unwrap();
    let refused = tokio::select! {
        lost = lone.keep() => panic!("{lost}"),
        waited = wait_for_others(&store, &clock, |_| {}) => waited.unwrap_err(),
    };
    assert!(matches!(refused, GuardError::Occupied { other } if other == Some(lone.id())));

    let before = Instant::now();
    wait_for_others(&store, &clock, |_| {}).await.unwrap();
    assert!(before.elapsed() >= Duration::from_secs(30));
    assert!(store.get(WRITER_KEY).await.unwrap().record.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_in_time_gives_no_guard() {
    let store = Careless::new();
    for fault in [
        Fault::Delay(Duration::from_mins(1)),
        Fault::Fail(Kind::Denied),
        Fault::UnknownUnapplied,
    ] {
        let (records, plan) = seen(&store);
        plan.once(Operation::Put, fault.clone());
        let clock = Arc::new(PausedClock::new());
        let taken = WriterGuard::take(records, clock, |_| {}).await;
        let error = taken.expect_err("the record was not written");
        assert!(matches!(error, GuardError::Storage(_)), "{fault:?}");
    }
}
