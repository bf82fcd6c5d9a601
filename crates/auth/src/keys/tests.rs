//! Tests of signing keys: racing first starts, rotation, and how unknown keys are looked for.

use super::*;
use crate::testing::{Fixture, START, faulty};
use roadstead_storage::decorators::count::CallLog;
use roadstead_storage::decorators::fault::Fault;
use roadstead_storage::{ManualClock, Operation};

async fn open(records: &Records, clock: &Arc<ManualClock>) -> SigningKeys {
    SigningKeys::open(records.clone(), clock.clone(), KeySettings::default())
        .await
        .unwrap()
}

fn id_of(keys: &SigningKeys) -> String {
    keys.current().signing().id.clone()
}

#[tokio::test]
async fn replicas_that_start_together_end_with_one_key() {
    let (records, _plan) = faulty();
    let clock = Arc::new(ManualClock::new(START));
    let (a, b, c) = tokio::join!(
        open(&records, &clock),
        open(&records, &clock),
        open(&records, &clock)
    );
    assert_eq!(id_of(&a), id_of(&b));
    assert_eq!(id_of(&b), id_of(&c));
    let ring: KeyRing = read(&records, layout::SIGNING_KEYS).await.unwrap().unwrap();
    assert_eq!(ring.keys.len(), 1);
}

#[tokio::test]
async fn a_first_start_whose_answer_is_lost_looks_again() {
    for fault in [Fault::UnknownApplied, Fault::UnknownUnapplied] {
        let (records, plan) = faulty();
        plan.once(Operation::Put, fault);
        let keys = open(&records, &Arc::new(ManualClock::new(START))).await;
        let ring: KeyRing = read(&records, layout::SIGNING_KEYS).await.unwrap().unwrap();
        assert_eq!(ring.signing().unwrap().id, id_of(&keys));
    }
}

#[tokio::test]
async fn a_restart_keeps_the_key() {
    let fixture = Fixture::new();
    let first = open(&fixture.records, &fixture.clock).await;
    let second = open(&fixture.records, &fixture.clock).await;
    assert_eq!(id_of(&first), id_of(&second));
}

#[tokio::test]
async fn a_rotated_key_is_honoured_until_its_tokens_have_ended() {
    let fixture = Fixture::new();
    let keys = open(&fixture.records, &fixture.clock).await;
    let old = id_of(&keys);
    let new = keys.rotate(OldKeys::Honour).await.unwrap();
    assert_ne!(old, new);
    assert!(keys.find(&old).await.unwrap().is_some());
    fixture.clock.advance(Duration::from_mins(19));
    keys.maintain().await.unwrap();
    assert!(keys.find(&old).await.unwrap().is_some());
    fixture.clock.advance(Duration::from_mins(2));
    keys.maintain().await.unwrap();
    assert!(keys.find(&old).await.unwrap().is_none());
    assert_eq!(id_of(&keys), new);
}

#[tokio::test]
async fn dropped_keys_are_gone_at_once() {
    let fixture = Fixture::new();
    let keys = open(&fixture.records, &fixture.clock).await;
    let old = id_of(&keys);
    keys.rotate(OldKeys::Drop).await.unwrap();
    assert!(keys.find(&old).await.unwrap().is_none());
}

#[tokio::test]
async fn the_schedule_rotates_once_however_many_replicas_look() {
    let (records, _plan) = faulty();
    let clock = Arc::new(ManualClock::new(START));
    let settings = KeySettings {
        rotate_after: Duration::ZERO,
        ..KeySettings::default()
    };
    let due = SigningKeys::open(records.clone(), clock.clone(), settings)
        .await
        .unwrap();
    let old = id_of(&due);
    due.maintain().await.unwrap();
    assert_ne!(old, id_of(&due));
    // With the usual schedule a young key is not due, for any of them.
    let (a, b) = tokio::join!(open(&records, &clock), open(&records, &clock));
    let (first, second) = tokio::join!(a.maintain(), b.maintain());
    first.and(second).unwrap();
    assert_eq!(id_of(&a), id_of(&due));
    assert_eq!(id_of(&b), id_of(&due));
}

#[tokio::test]
async fn a_key_of_another_replica_becomes_known_by_one_read() {
    let fixture = Fixture::new();
    let here = open(&fixture.records, &fixture.clock).await;
    let there = open(&fixture.records, &fixture.clock).await;
    let new = there.rotate(OldKeys::Honour).await.unwrap();
    assert!(here.current().find(&new).is_none());
    assert!(here.find(&new).await.unwrap().is_some());
}

#[tokio::test]
async fn unknown_keys_cause_one_read_a_second_and_odd_ones_none() {
    let fixture = Fixture::new();
    let calls = CallLog::new();
    let records: Records = Arc::new(calls.records(fixture.records.clone()));
    let keys = open(&records, &fixture.clock).await;
    let reads = || calls.count(Operation::Get);
    let before = reads();
    for odd in [
        "",
        "../../etc/passwd",
        "' OR 1=1 --",
        "ABCDEF",
        &"g".repeat(32),
        &"a".repeat(33),
    ] {
        assert!(keys.find(odd).await.unwrap().is_none());
    }
    assert_eq!(reads(), before);
    for number in 0..1000_u32 {
        assert!(
            keys.find(&format!("{number:032x}"))
                .await
                .unwrap()
                .is_none()
        );
    }
    assert_eq!(reads(), before + 1);
    fixture.clock.advance(Duration::from_secs(1));
    assert!(keys.find(&"f".repeat(32)).await.unwrap().is_none());
    assert_eq!(reads(), before + 2);
}

#[tokio::test]
async fn keys_cannot_pile_up_without_end() {
    let fixture = Fixture::new();
    let keys = open(&fixture.records, &fixture.clock).await;
    for _ in 1..MAX_KEYS {
        keys.rotate(OldKeys::Honour).await.unwrap();
    }
    assert!(keys.rotate(OldKeys::Honour).await.is_err());
    fixture.clock.advance(Duration::from_mins(21));
    keys.rotate(OldKeys::Honour).await.unwrap();
}

#[tokio::test]
async fn no_secret_is_shown() {
    let fixture = Fixture::new();
    let keys = open(&fixture.records, &fixture.clock).await;
    let ring: KeyRing = read(&fixture.records, layout::SIGNING_KEYS)
        .await
        .unwrap()
        .unwrap();
    let shown = format!("{keys:?}");
    assert!(
        shown.contains(&ring.keys[0].id) && !shown.contains(&ring.keys[0].seed),
        "{shown}"
    );
}
