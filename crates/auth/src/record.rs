//! The encoding of this crate's records, and how they are changed: by compare-and-set alone.
//!
//! ```text
//! 01 | JSON: {"nonce": 32 hexadecimal digits, "value": the record}
//! ```
//! The nonce tells one writing from another, so that a writer whose answer was lost knows its own.
//! A golden test pins the bytes; an unknown version is an error that says so.

use crate::{AuthError, Result};
use bytes::Bytes;
use roadstead_storage::{Condition, Outcome, RecordStore, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::sync::Arc;

/// The record store as this crate holds it.
pub type Records = Arc<dyn RecordStore>;

/// The first byte of every record. A tombstone starts with zero.
const VERSION: u8 = 1;
/// How often a change is tried while others change the same record.
const ATTEMPTS: usize = 16;

#[derive(Serialize)]
struct Written<'a, T> {
    nonce: &'a str,
    value: &'a T,
}

#[derive(Deserialize)]
struct Stored<T> {
    nonce: String,
    value: T,
}

/// Writes a record.
pub(crate) fn encode<T: Serialize>(nonce: u128, value: &T) -> Bytes {
    let nonce = format!("{nonce:032x}");
    let mut bytes = vec![VERSION];
    let written = Written {
        nonce: &nonce,
        value,
    };
    serde_json::to_writer(&mut bytes, &written)
        .expect("a record has string keys and no failing member");
    bytes.into()
}

fn decode<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<Stored<T>> {
    let unreadable = |reason: String| AuthError::RecordUnreadable {
        key: key.to_owned(),
        reason,
    };
    match bytes.split_first() {
        None => Err(unreadable("it is empty".into())),
        Some((&VERSION, json)) => {
            serde_json::from_slice(json).map_err(|error| unreadable(error.to_string()))
        }
        Some((version, _)) => Err(unreadable(format!(
            "it has version {version}, this program knows version {VERSION}"
        ))),
    }
}

/// Reads a record.
pub(crate) async fn read<T: DeserializeOwned>(records: &Records, key: &str) -> Result<Option<T>> {
    let read = records.get(key).await?;
    let Some(record) = read.record else {
        return Ok(None);
    };
    Ok(Some(decode::<T>(key, &record.bytes)?.value))
}

/// What a change wants.
pub(crate) enum Step<T, A> {
    /// Write this, and answer that.
    Put(T, A),
    /// Remove the record, and answer that.
    Remove(A),
    /// Leave it as it is, and answer that.
    Keep(A),
}

/// Changes one record. `step` sees the record as it is, and again whenever others were faster.
///
/// # Errors
/// Those of `step`; `Uncertain` when an answer was lost and it cannot be told whether the change
/// was made; `Contended` when others were faster each time.
pub(crate) async fn change<T, A>(
    records: &Records,
    key: &str,
    mut step: impl FnMut(Option<T>) -> Result<Step<T, A>>,
) -> Result<A>
where
    T: Serialize + DeserializeOwned,
{
    for _ in 0..ATTEMPTS {
        let read = records.get(key).await?;
        let present = match &read.record {
            Some(record) => Some(decode::<T>(key, &record.bytes)?.value),
            None => None,
        };
        let (outcome, nonce, answer) = match step(present)? {
            Step::Keep(answer) => return Ok(answer),
            Step::Put(value, answer) => {
                let nonce = rand::random();
                let condition = Condition::Matches(read.version);
                let outcome = records.put(key, encode(nonce, &value), condition).await?;
                (outcome, Some(nonce), answer)
            }
            Step::Remove(answer) => {
                let condition = Condition::Matches(read.version);
                (records.delete(key, condition).await?, None, answer)
            }
        };
        match outcome {
            Outcome::Applied(_) => return Ok(answer),
            Outcome::Conflict => {}
            Outcome::Unknown => {
                if is_made(records, key, nonce).await? {
                    return Ok(answer);
                }
                return Err(AuthError::Uncertain {
                    key: key.to_owned(),
                });
            }
        }
    }
    Err(AuthError::Contended {
        key: key.to_owned(),
    })
}

/// Tells whether the record is the one of this nonce, or gone when there is none.
async fn is_made(records: &Records, key: &str, nonce: Option<u128>) -> Result<bool> {
    let read = records.get(key).await?;
    match (read.record, nonce) {
        (Some(record), Some(nonce)) => {
            let stored: Stored<serde_json::Value> = decode(key, &record.bytes)?;
            Ok(stored.nonce == format!("{nonce:032x}"))
        }
        // Whoever removed it, it is gone, which is what was wanted.
        (None, None) => Ok(true),
        _ => Ok(false),
    }
}

/// Lists what stands behind `prefix` in the keys, in byte order, at most `limit` of them, after
/// `start_after`; and whether more follow.
pub(crate) async fn list_names(
    records: &Records,
    prefix: &str,
    start_after: Option<&str>,
    limit: usize,
) -> Result<(Vec<String>, bool)> {
    let start = start_after.map(|name| format!("{prefix}{name}"));
    let page = records.list(prefix, start.as_deref(), limit).await?;
    let names = page
        .entries
        .iter()
        .filter_map(|entry| entry.key.strip_prefix(prefix))
        .map(ToOwned::to_owned)
        .collect();
    Ok((names, page.more))
}

/// Returns the time `duration` after `time`.
pub(crate) fn after(time: Timestamp, duration: std::time::Duration) -> Timestamp {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_millis(time.as_millis().saturating_add(millis))
}

#[cfg(test)]
mod tests;
