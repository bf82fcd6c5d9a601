//! Clauses on writers and readers that run at the same time.

use super::{Subject, applied};
use crate::{Condition, Outcome, RecordStore, Version};
use bytes::Bytes;
use std::sync::Arc;
use tokio::task::JoinSet;

const WRITERS: u8 = 8;

/// How often a race is run: a race that is lost once in a hundred times should be seen.
const ROUNDS: u8 = 10;

/// Lets eight writers put their own number at once; returns who won.
async fn race_puts(records: &Arc<dyn RecordStore>, key: &str, condition: &Condition) -> Vec<u8> {
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let (records, key, condition) = (Arc::clone(records), key.to_owned(), condition.clone());
        tasks.spawn(async move {
            let bytes = Bytes::copy_from_slice(&[writer + 1]);
            (writer, records.put(&key, bytes, condition).await.unwrap())
        });
    }
    winners(tasks.join_all().await)
}

fn winners(outcomes: Vec<(u8, Outcome)>) -> Vec<u8> {
    let won = outcomes
        .into_iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Applied(_)));
    won.map(|(writer, _)| writer).collect()
}

async fn assert_holds(records: &Arc<dyn RecordStore>, key: &str, winners: &[u8]) {
    let [winner] = winners else {
        panic!("the winners are {winners:?}")
    };
    let record = records.get(key).await.unwrap().record.unwrap();
    assert_eq!(record.bytes, Bytes::copy_from_slice(&[winner + 1]));
}

pub async fn eight_racing_absent_puts_have_one_winner(store: Subject) {
    for round in 0..ROUNDS {
        let key = format!("race/{round}");
        let winners = race_puts(&store.records, &key, &Condition::Absent).await;
        assert_holds(&store.records, &key, &winners).await;
    }
}

pub async fn eight_racing_absent_puts_over_a_tombstone_have_one_winner(store: Subject) {
    for _ in 0..ROUNDS {
        applied(store.records.delete("key", Condition::Any).await.unwrap());
        let winners = race_puts(&store.records, "key", &Condition::Absent).await;
        assert_holds(&store.records, "key", &winners).await;
    }
}

pub async fn eight_racing_matching_puts_have_one_winner(store: Subject) {
    for _ in 0..ROUNDS {
        let version = store.records.get("key").await.unwrap().version;
        let condition = Condition::Matches(version);
        let winners = race_puts(&store.records, "key", &condition).await;
        assert_holds(&store.records, "key", &winners).await;
    }
}

pub async fn eight_racing_deletes_have_one_winner(store: Subject) {
    for _ in 0..ROUNDS {
        let put = store
            .records
            .put("key", Bytes::from_static(b"x"), Condition::Any)
            .await;
        let condition = Condition::Matches(applied(put.unwrap()));
        let mut tasks = JoinSet::new();
        for writer in 0..WRITERS {
            let (records, condition) = (Arc::clone(&store.records), condition.clone());
            tasks.spawn(async move { (writer, records.delete("key", condition).await.unwrap()) });
        }
        assert_eq!(winners(tasks.join_all().await).len(), 1);
        assert_eq!(store.records.get("key").await.unwrap().record, None);
    }
}

pub async fn a_put_racing_a_delete_has_one_winner(store: Subject) {
    for _ in 0..ROUNDS {
        let put = store
            .records
            .put("key", Bytes::from_static(b"old"), Condition::Any)
            .await;
        let condition = Condition::Matches(applied(put.unwrap()));
        let mut tasks = JoinSet::new();
        for writer in 0..WRITERS {
            let (records, condition) = (Arc::clone(&store.records), condition.clone());
            tasks.spawn(async move {
                let outcome = if writer % 2 == 0 {
                    records
                        .put("key", Bytes::from_static(b"new"), condition)
                        .await
                } else {
                    records.delete("key", condition).await
                };
                (writer, outcome.unwrap())
            });
        }
        let winners = winners(tasks.join_all().await);
        let [winner] = winners[..] else {
            panic!("the winners are {winners:?}")
        };
        let read = store.records.get("key").await.unwrap();
        let expected = (winner % 2 == 0).then_some(Bytes::from_static(b"new"));
        assert_eq!(read.record.map(|record| record.bytes), expected);
    }
}

pub async fn a_reader_sees_a_write_that_was_answered(store: Subject) {
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let records = Arc::clone(&store.records);
        tasks.spawn(async move {
            let key = format!("own/{writer}");
            let mut version = Version::NEVER;
            for value in 1..=10 {
                let bytes = Bytes::copy_from_slice(&[value]);
                let put = records
                    .put(&key, bytes.clone(), Condition::Matches(version))
                    .await;
                version = applied(put.unwrap());
                let read = records.get(&key).await.unwrap();
                assert_eq!(
                    (read.record.unwrap().bytes, &read.version),
                    (bytes, &version)
                );
                let page = records.list(&key, None, 1).await.unwrap();
                assert_eq!(page.entries.len(), 1);
            }
        });
    }
    tasks.join_all().await;
}

pub async fn racing_increments_lose_nothing(store: Subject) {
    const EACH: u32 = 10;
    let mut tasks = JoinSet::new();
    for _ in 0..WRITERS {
        let records = Arc::clone(&store.records);
        tasks.spawn(async move {
            let mut done = 0;
            while done < EACH {
                let read = records.get("counter").await.unwrap();
                let count = read.record.map_or(0, |record| {
                    u32::from_be_bytes(record.bytes.as_ref().try_into().unwrap())
                });
                let bytes = Bytes::copy_from_slice(&(count + 1).to_be_bytes());
                let put = records
                    .put("counter", bytes, Condition::Matches(read.version))
                    .await;
                if let Outcome::Applied(_) = put.unwrap() {
                    done += 1;
                }
            }
        });
    }
    tasks.join_all().await;
    let total = u32::from(WRITERS) * EACH;
    let record = store.records.get("counter").await.unwrap().record.unwrap();
    assert_eq!(record.bytes, Bytes::copy_from_slice(&total.to_be_bytes()));
}

pub async fn racing_writers_of_different_keys_all_win(store: Subject) {
    let mut tasks = JoinSet::new();
    for writer in 0..64 {
        let records = Arc::clone(&store.records);
        tasks.spawn(async move {
            let bytes = Bytes::copy_from_slice(&[writer]);
            applied(
                records
                    .put(&format!("many/{writer:02}"), bytes, Condition::Absent)
                    .await
                    .unwrap(),
            );
        });
    }
    tasks.join_all().await;
    let page = store.records.list("many/", None, 100).await.unwrap();
    assert_eq!(page.entries.len(), 64);
}
