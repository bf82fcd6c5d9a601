//! Trials of the records.

use super::capabilities::{Ability, Capabilities, Judged, Verdict, judged};
use crate::{Condition, Kind, Operation, Outcome, RecordStore, Result, StorageError, Version};
use bytes::Bytes;
use futures::future::join_all;

const ONE: Bytes = Bytes::from_static(b"one");
const TWO: Bytes = Bytes::from_static(b"two");

/// How many writers race for one key.
const WRITERS: usize = 8;

pub(super) async fn probe(found: &mut Capabilities, records: &dyn RecordStore, prefix: &str) {
    let key = |name: &str| format!("{prefix}/{name}");
    found.add(
        Ability::ReadWrite,
        "put a record, read it back, delete it",
        judged(round_trip(records, &key("plain")).await),
    );
    found.add(
        Ability::ConditionalPut,
        "put twice where nothing may be there",
        judged(absent_twice(records, &key("absent")).await),
    );
    found.add(
        Ability::ConditionalPut,
        "put 8 times at once where nothing may be there",
        judged(absent_race(records, &key("race")).await),
    );
    found.add(
        Ability::ConditionalPut,
        "put over a version that is no longer there",
        judged(stale_put(records, &key("stale-put")).await),
    );
    found.add(
        Ability::ConditionalPut,
        "put 8 times at once over the same version",
        judged(matching_race(records, &key("race")).await),
    );
    found.add(
        Ability::ConditionalDelete,
        "delete a version that is no longer there",
        judged(stale_delete(records, &key("stale-delete")).await),
    );
    found.add(
        Ability::OrderedList,
        "list keys that other orders sort otherwise",
        judged(order(records, &key("order/")).await),
    );
}

/// Deletes whatever the trials left; what cannot be deleted now is harmless and stays.
pub(super) async fn clean_up(records: &dyn RecordStore, prefix: &str) {
    let folder = format!("{prefix}/");
    let Ok(page) = records.list(&folder, None, 1000).await else {
        return;
    };
    for entry in page.entries {
        if let Err(error) = records.delete(&entry.key, Condition::Any).await {
            tracing::debug!(%error, "failed to delete a record of the probe");
        }
    }
}

fn described(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Applied(_) => "applied",
        Outcome::Conflict => "refused",
        Outcome::Unknown => "unknown",
    }
}

type Tried = Result<Judged>;

async fn round_trip(records: &dyn RecordStore, key: &str) -> Tried {
    let _ = records.put(key, ONE, Condition::Any).await?;
    let read = records.get(key).await?;
    if read.record.is_none_or(|record| record.bytes != ONE) {
        return Ok(Judged::broken("another record was read back"));
    }
    let _ = records.delete(key, Condition::Any).await?;
    if records.get(key).await?.record.is_some() {
        return Ok(Judged::broken("the record is still there after its delete"));
    }
    Ok(Judged::held("the record, then its absence"))
}

async fn absent_twice(records: &dyn RecordStore, key: &str) -> Tried {
    let first = records.put(key, ONE, Condition::Absent).await?;
    let second = records.put(key, TWO, Condition::Absent).await?;
    let came_back = format!("{}, then {}", described(&first), described(&second));
    let holds_first = records
        .get(key)
        .await?
        .record
        .is_some_and(|record| record.bytes == ONE);
    let verdict = match (first, second) {
        (Outcome::Applied(_), Outcome::Conflict) if holds_first => Verdict::Held,
        (Outcome::Applied(_), Outcome::Applied(_) | Outcome::Conflict) => Verdict::Broken,
        _ => Verdict::Unclear,
    };
    Ok(Judged::new(verdict, came_back))
}

async fn absent_race(records: &dyn RecordStore, key: &str) -> Tried {
    race(records, key, &Condition::Absent).await
}

async fn matching_race(records: &dyn RecordStore, key: &str) -> Tried {
    let version = records.get(key).await?.version;
    race(records, key, &Condition::Matches(version)).await
}

async fn race(records: &dyn RecordStore, key: &str, condition: &Condition) -> Tried {
    let puts = (0..WRITERS).map(|writer| {
        let bytes = Bytes::from(format!("writer {writer}"));
        records.put(key, bytes, condition.clone())
    });
    let mut winners = Vec::new();
    for (writer, outcome) in join_all(puts).await.into_iter().enumerate() {
        if let Outcome::Applied(_) = outcome? {
            winners.push(format!("writer {writer}"));
        }
    }
    let held = records.get(key).await?.record.map(|record| record.bytes);
    let came_back = format!("{} of {WRITERS} applied", winners.len());
    Ok(match (winners.as_slice(), held) {
        ([winner], Some(held)) if held == winner.as_bytes() => Judged::held(came_back),
        ([_], _) => Judged::broken(format!("{came_back}, but another record is there")),
        // Answers were lost: whose record is there cannot be told.
        ([], _) => Judged::new(Verdict::Unclear, came_back),
        _ => Judged::broken(came_back),
    })
}

async fn stale_put(records: &dyn RecordStore, key: &str) -> Tried {
    let stale = replaced(records, key).await?;
    let outcome = records.put(key, ONE, Condition::Matches(stale)).await?;
    judge_stale(records, key, &outcome).await
}

async fn stale_delete(records: &dyn RecordStore, key: &str) -> Tried {
    let stale = replaced(records, key).await?;
    let outcome = records.delete(key, Condition::Matches(stale)).await?;
    judge_stale(records, key, &outcome).await
}

/// Writes a key twice and returns the version of the first write.
async fn replaced(records: &dyn RecordStore, key: &str) -> Result<Version> {
    let stale = put_for_certain(records, key, ONE).await?;
    put_for_certain(records, key, TWO).await?;
    Ok(stale)
}

/// Writes a key. A write that may not have happened would make a version stale that is not.
async fn put_for_certain(records: &dyn RecordStore, key: &str, bytes: Bytes) -> Result<Version> {
    match records.put(key, bytes, Condition::Any).await? {
        Outcome::Applied(version) => Ok(version),
        outcome => {
            let reason = format!("an unconditional put was {}", described(&outcome));
            let kind = Kind::Unavailable;
            Err(StorageError::new(kind, Operation::Put, key, reason))
        }
    }
}

/// Some servers answer a refusal and do it all the same, so the record itself is looked at.
async fn judge_stale(records: &dyn RecordStore, key: &str, outcome: &Outcome) -> Tried {
    let came_back = match records.get(key).await?.record {
        Some(record) if record.bytes == TWO => "the record is still there",
        Some(_) => "the record was replaced",
        None => "the record is gone",
    };
    let is_untouched = came_back == "the record is still there";
    let verdict = match outcome {
        Outcome::Conflict if is_untouched => Verdict::Held,
        Outcome::Unknown if is_untouched => Verdict::Unclear,
        _ => Verdict::Broken,
    };
    let came_back = format!("{}, {came_back}", described(outcome));
    Ok(Judged::new(verdict, came_back))
}

async fn order(records: &dyn RecordStore, prefix: &str) -> Tried {
    // Case, punctuation before and after the slash, digits, and an accent.
    let names = [
        "1", "1-alpine", "1.0", "1/0", "10", "2", "A", "_", "a", "a/b", "é",
    ];
    for name in names.iter().rev() {
        let _ = records
            .put(&format!("{prefix}{name}"), ONE, Condition::Any)
            .await?;
    }
    let mut listed = Vec::new();
    let mut start_after: Option<String> = None;
    loop {
        let page = records.list(prefix, start_after.as_deref(), 4).await?;
        listed.extend(page.entries.into_iter().map(|entry| entry.key));
        if !page.more || listed.len() > names.len() {
            break;
        }
        start_after = listed.last().cloned();
    }
    let listed: Vec<&str> = listed
        .iter()
        .filter_map(|key| key.strip_prefix(prefix))
        .collect();
    Ok(if listed == names {
        Judged::held("all of them in byte order")
    } else {
        Judged::broken(listed.join(" "))
    })
}
