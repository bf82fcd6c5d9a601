//! Clauses on several records that are written in one step, for the stores that can.

use super::{Subject, applied, pattern};
use crate::{Condition, Kind, Part, RecordStore, Version};
use bytes::Bytes;
use std::sync::Arc;
use tokio::task::JoinSet;

fn part(key: &str, bytes: &'static [u8], condition: Condition) -> Part {
    Part {
        key: key.to_owned(),
        bytes: Some(Bytes::from_static(bytes)),
        condition,
    }
}

fn asked(key: &str, condition: Condition) -> Part {
    Part {
        key: key.to_owned(),
        bytes: None,
        condition,
    }
}

async fn held(records: &Arc<dyn RecordStore>, key: &str) -> Option<Bytes> {
    let read = records.get(key).await.unwrap();
    read.record.map(|record| record.bytes)
}

pub async fn parts_are_all_written_each_with_its_version(store: Subject) {
    let Some(together) = store.records.as_together() else {
        return;
    };
    let large = pattern(3, 100_000);
    let parts = vec![
        part("one", b"1", Condition::Absent),
        part("two", b"2", Condition::Any),
        Part {
            key: "three".to_owned(),
            bytes: Some(large.clone()),
            condition: Condition::Matches(Version::NEVER),
        },
    ];

    let versions = together.write_together(parts).await.unwrap().unwrap();

    for (key, version) in ["one", "two", "three"].into_iter().zip(versions) {
        assert_eq!(store.records.get(key).await.unwrap().version, version);
    }
    let store = store.restarted().await;
    assert_eq!(held(&store.records, "two").await.unwrap(), "2");
    assert_eq!(held(&store.records, "three").await.unwrap(), large);
}

pub async fn one_condition_that_does_not_hold_keeps_every_part_unwritten(store: Subject) {
    let Some(together) = store.records.as_together() else {
        return;
    };
    let put = store
        .records
        .put("there", Bytes::from_static(b"x"), Condition::Any);
    let version = applied(put.await.unwrap());
    for failing in [
        part("there", b"y", Condition::Absent),
        part("there", b"y", Condition::Matches(Version::NEVER)),
        asked("there", Condition::Absent),
        asked("gone", Condition::Matches(version.clone())),
    ] {
        for parts in [
            vec![part("new", b"n", Condition::Any), failing.clone()],
            vec![failing.clone(), part("new", b"n", Condition::Any)],
        ] {
            assert_eq!(together.write_together(parts).await.unwrap(), None);
        }
    }
    assert_eq!(held(&store.records, "new").await, None);
    assert_eq!(store.records.get("there").await.unwrap().version, version);
}

pub async fn a_part_without_bytes_changes_nothing(store: Subject) {
    let Some(together) = store.records.as_together() else {
        return;
    };
    let put = store
        .records
        .put("there", Bytes::from_static(b"x"), Condition::Any);
    let version = applied(put.await.unwrap());
    let parts = vec![
        asked("there", Condition::Matches(version.clone())),
        asked("gone", Condition::Absent),
        part("new", b"n", Condition::Absent),
    ];

    let versions = together.write_together(parts).await.unwrap().unwrap();

    assert_eq!(versions[..2], [version.clone(), Version::NEVER]);
    assert_eq!(store.records.get("there").await.unwrap().version, version);
    assert_eq!(
        store.records.get("gone").await.unwrap().version,
        Version::NEVER
    );
    assert_eq!(held(&store.records, "new").await.unwrap(), "n");
}

pub async fn parts_that_all_only_ask_are_answered(store: Subject) {
    let Some(together) = store.records.as_together() else {
        return;
    };
    let put = store
        .records
        .put("there", Bytes::from_static(b"x"), Condition::Any);
    let version = applied(put.await.unwrap());
    let parts = vec![
        asked("there", Condition::Matches(version.clone())),
        asked("gone", Condition::Absent),
    ];
    let versions = together.write_together(parts).await.unwrap().unwrap();
    assert_eq!(versions, [version, Version::NEVER]);
    let parts = vec![asked("there", Condition::Absent)];
    assert_eq!(together.write_together(parts).await.unwrap(), None);
}

pub async fn two_parts_of_one_key_are_refused(store: Subject) {
    let Some(together) = store.records.as_together() else {
        return;
    };
    let parts = vec![
        part("key", b"1", Condition::Any),
        part("key", b"2", Condition::Any),
    ];
    let refused = together.write_together(parts).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Invalid);
    assert_eq!(held(&store.records, "key").await, None);
}

pub async fn racing_writes_of_crossing_parts_lose_nothing(store: Subject) {
    if store.records.as_together().is_none() {
        return;
    }
    let mut tasks = JoinSet::new();
    for writer in 0..8_u8 {
        let records = Arc::clone(&store.records);
        tasks.spawn(async move {
            for _ in 0..20 {
                // Each counts in two of three counters, which go up together or not at all.
                let keys = [0, 1].map(|step| format!("counter/{}", (writer + step) % 3));
                loop {
                    let mut parts = Vec::new();
                    for key in &keys {
                        let read = records.get(key).await.unwrap();
                        let count = read.record.map_or(0, |record| {
                            u32::from_le_bytes(record.bytes[..].try_into().unwrap())
                        });
                        parts.push(Part {
                            key: key.clone(),
                            bytes: Some(Bytes::copy_from_slice(&(count + 1).to_le_bytes())),
                            condition: Condition::Matches(read.version),
                        });
                    }
                    let together = records.as_together().unwrap();
                    if together.write_together(parts).await.unwrap().is_some() {
                        break;
                    }
                }
            }
        });
    }
    tasks.join_all().await;
    let mut sum = 0;
    for number in 0..3 {
        let bytes = held(&store.records, &format!("counter/{number}"))
            .await
            .unwrap();
        sum += u32::from_le_bytes(bytes[..].try_into().unwrap());
    }
    assert_eq!(sum, 8 * 20 * 2);
}
