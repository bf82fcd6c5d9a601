//! The suite through the observers, and what they are told.

use super::{Call, Ended, ObservedData, ObservedRecords, StorageObserver, Streamed};
use crate::clock::{Clock, MachineClock};
use crate::decorators::count::{CallLog, waves};
use crate::decorators::fault::{Fault, FaultPlan, FaultyData, FaultyRecords};
use crate::drivers::memory::{MemoryData, MemoryRecords};
use crate::suite::{Subject, applied, fetch, pattern, store};
use crate::{Condition, DataStore, Kind, Operation, Outcome, RecordStore, Version};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::join;
use std::sync::{Arc, Mutex};

const X: Bytes = Bytes::from_static(b"x");

#[derive(Default)]
struct Heard {
    calls: Mutex<Vec<(Operation, String, Ended, u64)>>,
    streams: Mutex<Vec<Streamed>>,
}

impl StorageObserver for Heard {
    fn called(&self, call: &Call<'_>) {
        assert_eq!(call.driver, "memory");
        assert!(call.ended_at >= call.began_at);
        let heard = (call.operation, call.key.to_owned(), call.ended, call.bytes);
        self.calls.lock().unwrap().push(heard);
    }

    fn streamed(&self, stream: Streamed) {
        self.streams.lock().unwrap().push(stream);
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(MachineClock::new())
}

fn subject(records: MemoryRecords, data: MemoryData) -> Subject {
    let heard = Arc::<Heard>::default();
    let observed = ObservedRecords::new(records.clone(), "memory", heard.clone(), clock());
    let observed_data = ObservedData::new(data.clone(), "memory", heard, clock());
    let restart = move || async move { subject(records, data) }.boxed();
    Subject::new(Arc::new(observed), Arc::new(observed_data), restart)
}

crate::driver_suite!(observed, || async {
    subject(MemoryRecords::new(clock()), MemoryData::new(clock()))
});

#[tokio::test]
async fn every_record_call_is_told_with_its_end_and_its_bytes() {
    let heard = Arc::<Heard>::default();
    let plan = FaultPlan::new();
    let faulty = FaultyRecords::new(MemoryRecords::new(clock()), Arc::clone(&plan));
    let records = ObservedRecords::new(faulty, "memory", heard.clone(), clock());
    applied(records.put("a", X, Condition::Any).await.unwrap());
    assert_eq!(
        records.put("a", X, Condition::Absent).await.unwrap(),
        Outcome::Conflict
    );
    plan.once(Operation::Delete, Fault::UnknownUnapplied);
    assert_eq!(
        records.delete("a", Condition::Any).await.unwrap(),
        Outcome::Unknown
    );
    plan.once(Operation::Get, Fault::Fail(Kind::Denied));
    records.get("a").await.unwrap_err();
    records.get("a").await.unwrap();
    records.list("", None, 1).await.unwrap();
    records.now().await.unwrap();
    let told = |operation, key: &str, ended, bytes| (operation, key.to_owned(), ended, bytes);
    let expected = [
        told(Operation::Put, "a", Ended::Done, 1),
        told(Operation::Put, "a", Ended::Conflict, 1),
        told(Operation::Delete, "a", Ended::Unknown, 0),
        told(Operation::Get, "a", Ended::Failed(Kind::Denied), 0),
        told(Operation::Get, "a", Ended::Done, 1),
        told(Operation::List, "", Ended::Done, 0),
        told(Operation::Now, "", Ended::Done, 0),
    ];
    assert_eq!(*heard.calls.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_stream_is_told_when_it_ends_or_is_given_up_or_fails() {
    let heard = Arc::<Heard>::default();
    let plan = FaultPlan::new();
    let faulty = FaultyData::new(MemoryData::new(clock()), Arc::clone(&plan));
    let data = ObservedData::new(faulty, "memory", heard.clone(), clock());
    let key = store(&data, &pattern(1, 1000)).await;
    fetch(&data, &key, 0..1000).await.unwrap();
    drop(data.read(&key, 0..1000).await.unwrap());
    plan.once(Operation::Read, Fault::CutStream(300));
    fetch(&data, &key, 0..1000).await.unwrap_err();
    let told = |bytes, failed| Streamed {
        driver: "memory",
        bytes,
        failed,
    };
    let expected = [
        told(1000, None),
        told(0, None),
        told(300, Some(Kind::Unavailable)),
    ];
    assert_eq!(*heard.streams.lock().unwrap(), expected);
}

#[tokio::test]
async fn calls_are_counted_with_the_waves_they_come_in() {
    let log = CallLog::new();
    let yielding = FaultyRecords::new(MemoryRecords::new(clock()), FaultPlan::yielding());
    let records = log.records(yielding);
    let (first, second) = join(records.get("a"), records.get("b")).await;
    assert_eq!(first.unwrap().version, Version::NEVER);
    assert_eq!(second.unwrap().version, Version::NEVER);
    applied(records.put("a", X, Condition::Any).await.unwrap());
    assert_eq!(log.count(Operation::Get), 2);
    let calls = log.take();
    assert_eq!((calls.len(), waves(&calls)), (3, 2));
    assert!(log.take().is_empty());
    assert_eq!(waves(&[]), 0);

    let data = log.data(MemoryData::new(clock()));
    let key = store(&data, &X).await;
    data.delete(&key).await.unwrap();
    assert_eq!(waves(&log.take()), 4);
}
