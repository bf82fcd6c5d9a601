//! The suite over a store that looks at no condition, and what only a lone writer must do.

mod guard;

use super::lease::Lease;
use super::{ATTEMPTS, SingleWriter};
use crate::clock::{Clock, MachineClock, ManualClock};
use crate::decorators::fault::{Fault, FaultPlan, FaultyRecords, Gate};
use crate::drivers::memory::{MemoryData, MemoryRecords};
use crate::suite::{Subject, applied};
use crate::{
    Condition, Kind, Operation, Outcome, Page, Read, RecordStore, Result, Timestamp, Version,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use std::sync::Arc;
use std::time::Duration;

const ONE: Bytes = Bytes::from_static(b"one");
const TWO: Bytes = Bytes::from_static(b"two");

fn clock() -> Arc<dyn Clock> {
    Arc::new(MachineClock::new())
}

/// A store that does every write, whatever its condition, and lets others run before.
#[derive(Clone, Debug)]
struct Careless(MemoryRecords);

impl Careless {
    fn new() -> Self {
        Self(MemoryRecords::new(clock()))
    }
}

#[async_trait]
impl RecordStore for Careless {
    async fn get(&self, key: &str) -> Result<Read> {
        let read = self.0.get(key).await;
        tokio::task::yield_now().await;
        read
    }

    async fn put(&self, key: &str, bytes: Bytes, _condition: Condition) -> Result<Outcome> {
        tokio::task::yield_now().await;
        self.0.put(key, bytes, Condition::Any).await
    }

    async fn delete(&self, key: &str, _condition: Condition) -> Result<Outcome> {
        tokio::task::yield_now().await;
        self.0.delete(key, Condition::Any).await
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        self.0.list(prefix, start_after, limit).await
    }

    async fn now(&self) -> Result<Timestamp> {
        self.0.now().await
    }
}

fn alone<S: RecordStore>(records: S) -> SingleWriter<S> {
    SingleWriter::new(records, Lease::unlimited(clock()))
}

fn subject(records: Careless, data: MemoryData) -> Subject {
    let single = Arc::new(alone(records.clone()));
    let restart = {
        let data = data.clone();
        move || async move { subject(records, data) }.boxed()
    };
    Subject::new(single, Arc::new(data), restart)
}

crate::driver_suite!(without_conditions, || async {
    subject(Careless::new(), MemoryData::new(clock()))
});

fn faulty() -> (SingleWriter<FaultyRecords<Careless>>, Arc<FaultPlan>) {
    let plan = FaultPlan::new();
    let records = FaultyRecords::new(Careless::new(), Arc::clone(&plan));
    (alone(records), plan)
}

async fn held(records: &impl RecordStore, key: &str) -> (Option<Bytes>, Version) {
    let read = records.get(key).await.unwrap();
    (read.record.map(|record| record.bytes), read.version)
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_recognised() {
    let (records, plan) = faulty();
    plan.once(Operation::Put, Fault::UnknownApplied);
    let version = applied(records.put("key", ONE, Condition::Absent).await.unwrap());
    assert_eq!(held(&records, "key").await, (Some(ONE), version.clone()));

    plan.once(Operation::Delete, Fault::UnknownApplied);
    let condition = Condition::Matches(version);
    let version = applied(records.delete("key", condition).await.unwrap());
    assert_eq!(held(&records, "key").await, (None, version));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_lost_is_sent_again() {
    let (records, plan) = faulty();
    for _ in 1..ATTEMPTS {
        plan.once(Operation::Put, Fault::UnknownUnapplied);
    }
    let version = applied(records.put("key", ONE, Condition::Absent).await.unwrap());
    assert_eq!(held(&records, "key").await, (Some(ONE), version));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_lost_every_time_is_an_error_and_no_conflict() {
    let (records, plan) = faulty();
    plan.always(Operation::Put, Fault::UnknownUnapplied);
    let error = records
        .put("key", ONE, Condition::Absent)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(held(&records, "key").await, (None, Version::NEVER));
}

#[tokio::test]
async fn an_unconditional_write_is_never_sent_twice() {
    let (records, plan) = faulty();
    plan.once(Operation::Put, Fault::UnknownUnapplied);
    let outcome = records.put("key", ONE, Condition::Any).await.unwrap();
    assert_eq!(outcome, Outcome::Unknown);
    assert_eq!(held(&records, "key").await, (None, Version::NEVER));
}

#[tokio::test]
async fn a_write_is_not_overtaken_when_its_caller_goes_away() {
    let (records, plan) = faulty();
    let gate = Gate::new();
    plan.once(Operation::Put, Fault::HoldRequest(gate.clone()));
    {
        let write = records.put("key", ONE, Condition::Absent);
        tokio::select! {
            _ = write => panic!("the gate is closed"),
            () = gate.reached() => {}
        }
    }
    let next = records.put("key", TWO, Condition::Absent);
    let opening = async { gate.open() };
    let (next, ()) = tokio::join!(next, opening);
    assert_eq!(next.unwrap(), Outcome::Conflict);
    assert_eq!(held(&records, "key").await.0, Some(ONE));
}

#[tokio::test]
async fn nothing_is_written_once_the_lease_is_over() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    let lease = Lease::over(clock.clone());
    let records = SingleWriter::new(Careless::new(), lease.clone());
    let error = records.put("key", ONE, Condition::Any).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.to_string().contains("it alone writes"), "{error}");

    lease.extend(Duration::from_secs(10));
    applied(records.put("key", ONE, Condition::Any).await.unwrap());
    clock.advance(Duration::from_secs(10));
    let error = records.delete("key", Condition::Any).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(held(&records, "key").await.0, Some(ONE));
}

#[tokio::test(start_paused = true)]
async fn a_write_under_way_is_cut_when_the_lease_ends() {
    let plan = FaultPlan::new();
    plan.once(Operation::Put, Fault::Delay(Duration::from_mins(1)));
    let lease = Lease::over(Arc::new(guard::PausedClock::new()));
    lease.extend(Duration::from_secs(20));
    let inner = FaultyRecords::new(Careless::new(), plan);
    let records = SingleWriter::new(inner, lease);
    let error = records.put("key", ONE, Condition::Any).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(held(&records, "key").await, (None, Version::NEVER));
}

#[tokio::test]
async fn quiescing_waits_for_writes_under_way_and_refuses_later_ones() {
    let (records, plan) = faulty();
    let gate = Gate::new();
    plan.once(Operation::Put, Fault::HoldRequest(gate.clone()));
    let write = records.put("key", ONE, Condition::Any);
    let quiet = async {
        gate.reached().await;
        let mut quiet = std::pin::pin!(records.quiesce());
        assert!(futures::poll!(&mut quiet).is_pending());
        gate.open();
        quiet.await;
        records.put("key", TWO, Condition::Any).await.unwrap_err()
    };
    let (written, refused) = tokio::join!(write, quiet);
    applied(written.unwrap());
    assert_eq!(refused.kind(), Kind::Unavailable);
    assert_eq!(held(&records, "key").await.0, Some(ONE));
}
