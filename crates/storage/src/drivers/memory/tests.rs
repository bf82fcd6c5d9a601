//! The suite over the memory driver, and what only a clock that stands still can show.

use super::{MemoryData, MemoryRecords};
use crate::clock::{Clock, MachineClock};
use crate::suite::{Subject, applied};
use crate::{Condition, ManualClock, RecordStore, TOMBSTONE_AGE, Timestamp, Version};
use bytes::Bytes;
use futures::FutureExt;
use std::sync::Arc;
use std::time::Duration;

fn subject(records: MemoryRecords, data: MemoryData) -> Subject {
    let handles = (Arc::new(records.clone()), Arc::new(data.clone()));
    Subject::new(handles.0, handles.1, move || {
        async move { subject(records, data) }.boxed()
    })
}

fn fresh() -> Subject {
    let clock: Arc<dyn Clock> = Arc::new(MachineClock::new());
    subject(
        MemoryRecords::new(Arc::clone(&clock)),
        MemoryData::new(clock),
    )
}

crate::driver_suite!(memory, || async { fresh() });

crate::driver_suite!(memory_writing_together, || async {
    let clock: Arc<dyn Clock> = Arc::new(MachineClock::new());
    let records = MemoryRecords::new(Arc::clone(&clock)).writing_together();
    assert!(records.as_together().is_some());
    subject(records, MemoryData::new(clock))
});

#[tokio::test]
async fn a_tombstone_is_swept_once_no_request_of_its_time_is_left() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let records = MemoryRecords::new(clock.clone());
    let tombstone = applied(records.delete("key", Condition::Any).await.unwrap());

    clock.advance(TOMBSTONE_AGE);
    applied(
        records
            .put("other", Bytes::from_static(b"x"), Condition::Any)
            .await
            .unwrap(),
    );
    assert_eq!(records.get("key").await.unwrap().version, tombstone);

    clock.advance(Duration::from_millis(1));
    applied(
        records
            .put("other", Bytes::from_static(b"x"), Condition::Any)
            .await
            .unwrap(),
    );
    assert_eq!(records.get("key").await.unwrap().version, Version::NEVER);
}

#[tokio::test]
async fn a_record_written_over_a_tombstone_is_not_swept_with_it() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let records = MemoryRecords::new(clock.clone());
    applied(records.delete("key", Condition::Any).await.unwrap());
    let version = applied(
        records
            .put("key", Bytes::from_static(b"x"), Condition::Absent)
            .await
            .unwrap(),
    );
    clock.advance(2 * TOMBSTONE_AGE);
    applied(records.delete("other", Condition::Any).await.unwrap());
    assert_eq!(records.get("key").await.unwrap().version, version);
}

#[tokio::test]
async fn a_superseded_writer_is_told() {
    crate::suite::uploads::a_superseded_writer_is_told(fresh()).await;
}
