//! The suite through stores without faults, and each fault.

use super::{Fault, FaultPlan, FaultyData, FaultyRecords, Gate};
use crate::clock::{Clock, MachineClock};
use crate::drivers::memory::{MemoryData, MemoryRecords};
use crate::suite::{Subject, applied, fetch, pattern, store};
use crate::{
    Condition, DataStore, Kind, Operation, Outcome, RecordStore, Upload, UploadHint, Version,
};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::join;
use std::sync::Arc;
use std::time::Duration;

const ONE: Bytes = Bytes::from_static(b"one");
const TWO: Bytes = Bytes::from_static(b"two");

fn clock() -> Arc<dyn Clock> {
    Arc::new(MachineClock::new())
}

fn subject(records: MemoryRecords, data: MemoryData, plan: fn() -> Arc<FaultPlan>) -> Subject {
    let faulty = FaultyRecords::new(records.clone(), plan());
    let faulty_data = FaultyData::new(data.clone(), plan());
    let restart = move || async move { subject(records, data, plan) }.boxed();
    Subject::new(Arc::new(faulty), Arc::new(faulty_data), restart)
}

crate::driver_suite!(without_faults, || async {
    subject(
        MemoryRecords::new(clock()),
        MemoryData::new(clock()),
        FaultPlan::new,
    )
});

crate::driver_suite!(yielding, || async {
    subject(
        MemoryRecords::new(clock()),
        MemoryData::new(clock()),
        FaultPlan::yielding,
    )
});

fn records() -> (FaultyRecords<MemoryRecords>, MemoryRecords, Arc<FaultPlan>) {
    let (inner, plan) = (MemoryRecords::new(clock()), FaultPlan::new());
    (
        FaultyRecords::new(inner.clone(), Arc::clone(&plan)),
        inner,
        plan,
    )
}

fn data() -> (FaultyData<MemoryData>, Arc<FaultPlan>) {
    let plan = FaultPlan::new();
    (
        FaultyData::new(MemoryData::new(clock()), Arc::clone(&plan)),
        plan,
    )
}

#[tokio::test]
async fn a_failed_write_is_not_applied_and_the_next_one_is() {
    let (faulty, inner, plan) = records();
    plan.once(Operation::Put, Fault::Fail(Kind::Full));
    let error = faulty.put("key", ONE, Condition::Any).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (Kind::Full, Operation::Put)
    );
    assert_eq!(inner.get("key").await.unwrap().version, Version::NEVER);
    applied(faulty.put("key", ONE, Condition::Any).await.unwrap());
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_applied() {
    let (faulty, inner, plan) = records();
    plan.once(Operation::Put, Fault::LoseAnswer);
    let error = faulty.put("key", ONE, Condition::Absent).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(inner.get("key").await.unwrap().record.unwrap().bytes, ONE);
}

#[tokio::test]
async fn an_unknown_outcome_may_or_may_not_have_been_applied() {
    let (faulty, inner, plan) = records();
    plan.once(Operation::Put, Fault::UnknownUnapplied);
    plan.once(Operation::Put, Fault::UnknownApplied);
    assert_eq!(
        faulty.put("key", ONE, Condition::Any).await.unwrap(),
        Outcome::Unknown
    );
    assert_eq!(inner.get("key").await.unwrap().record, None);
    assert_eq!(
        faulty.put("key", TWO, Condition::Any).await.unwrap(),
        Outcome::Unknown
    );
    assert_eq!(inner.get("key").await.unwrap().record.unwrap().bytes, TWO);
}

#[tokio::test]
async fn a_held_answer_is_unknown_only_if_another_has_written_meanwhile() {
    for is_replaced in [false, true] {
        let (faulty, inner, plan) = records();
        let gate = Gate::new();
        plan.once(Operation::Put, Fault::HoldAnswer(gate.clone()));
        let other = async {
            gate.reached().await;
            assert_eq!(inner.get("key").await.unwrap().record.unwrap().bytes, ONE);
            if is_replaced {
                applied(inner.put("key", TWO, Condition::Any).await.unwrap());
            }
            gate.open();
        };
        let (outcome, ()) = join(faulty.put("key", ONE, Condition::Absent), other).await;
        let version = inner.get("key").await.unwrap().version;
        let expected = if is_replaced {
            Outcome::Unknown
        } else {
            Outcome::Applied(version)
        };
        assert_eq!(outcome.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_held_request_arrives_late() {
    let (faulty, inner, plan) = records();
    let gate = Gate::new();
    plan.once(Operation::Put, Fault::HoldRequest(gate.clone()));
    let other = async {
        gate.reached().await;
        applied(inner.put("key", TWO, Condition::Absent).await.unwrap());
        gate.open();
    };
    let (outcome, ()) = join(faulty.put("key", ONE, Condition::Absent), other).await;
    assert_eq!(outcome.unwrap(), Outcome::Conflict);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_call_is_answered_later() {
    let (faulty, _, plan) = records();
    let delay = Duration::from_secs(30);
    plan.once(Operation::Get, Fault::Delay(delay));
    let begin = tokio::time::Instant::now();
    faulty.get("key").await.unwrap();
    assert!(begin.elapsed() >= delay);
}

#[tokio::test]
async fn a_rule_waits_for_its_key_and_its_turn() {
    let (faulty, _, plan) = records();
    plan.nth_on(Operation::Get, "tag/", 1, Fault::Fail(Kind::Denied));
    faulty.get("other").await.unwrap();
    faulty.get("tag/a").await.unwrap();
    faulty.list("tag/", None, 1).await.unwrap();
    assert_eq!(faulty.get("tag/b").await.unwrap_err().kind(), Kind::Denied);
    faulty.get("tag/b").await.unwrap();

    plan.always(Operation::Now, Fault::Fail(Kind::Unavailable));
    faulty.now().await.unwrap_err();
    faulty.now().await.unwrap_err();
    plan.clear();
    faulty.now().await.unwrap();
}

#[tokio::test]
async fn random_faults_are_the_same_for_the_same_seed() {
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let (faulty, _, plan) = records();
        plan.randomly(seed, 300, vec![(Operation::Get, Fault::Fail(Kind::Io))]);
        let mut failed = Vec::new();
        for call in 0..200 {
            faulty.now().await.unwrap();
            if faulty.get("key").await.is_err() {
                failed.push(call);
            }
        }
        assert!((20..100).contains(&failed.len()), "{} of 200", failed.len());
        runs.push(failed);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn streams_are_cut_ended_or_spoiled_at_their_byte() {
    let (faulty, plan) = data();
    let bytes = pattern(1, 600_000);
    let key = store(&faulty, &bytes).await;
    for at in [0, 1, 262_143, 262_144, 262_145, 599_999] {
        plan.once(Operation::Read, Fault::CutStream(at));
        let error = fetch(&faulty, &key, 0..600_000).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);

        plan.once(Operation::Read, Fault::EndStream(at));
        let read = fetch(&faulty, &key, 0..600_000).await.unwrap();
        assert!(read == bytes[..usize::try_from(at).unwrap()]);

        plan.once(Operation::Read, Fault::SpoilByte(at));
        let read = fetch(&faulty, &key, 0..600_000).await.unwrap();
        let wrong: Vec<usize> = (0..600_000)
            .filter(|index| read[*index] != bytes[*index])
            .collect();
        assert_eq!(wrong, [usize::try_from(at).unwrap()]);
    }
}

#[tokio::test]
async fn a_finish_whose_answer_is_lost_can_be_repeated() {
    let (faulty, plan) = data();
    let mut upload = faulty.begin(UploadHint::default()).await.unwrap();
    faulty.append(&mut upload, ONE).await.unwrap();
    faulty.checkpoint(&mut upload).await.unwrap();
    let state = upload.state().clone();
    plan.once(Operation::Finish, Fault::LoseAnswer);
    assert_eq!(
        faulty.finish(upload).await.unwrap_err().kind(),
        Kind::Unavailable
    );
    let finished = faulty.finish(Upload::resume(state)).await.unwrap();
    assert_eq!(finished.length, 3);
    assert_eq!(fetch(&faulty, &finished.key, 0..3).await.unwrap(), ONE);
}
