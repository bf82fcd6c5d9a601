//! One batch of writes: decides each by the state before it, then applies all in one transaction.

use super::snapshot::{Snapshot, Tombstone};
use super::value::{CLOCK, LATEST, RECORDS, TOMBSTONES, Value};
use crate::{Condition, Operation, Outcome, Part, Result, Timestamp, Version};
use bytes::Bytes;
use redb::{ReadableTable, Table, WriteTransaction};
use std::collections::HashMap;

/// A write as it was asked for.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) key: String,
    /// The record to put; none for a delete.
    pub(super) bytes: Option<Bytes>,
    pub(super) condition: Condition,
}

impl Write {
    /// Returns the call that asked for it.
    pub(super) const fn operation(&self) -> Operation {
        if self.bytes.is_some() {
            Operation::Put
        } else {
            Operation::Delete
        }
    }
}

/// Tells whether the condition of a write does not hold in `state`.
pub(super) fn is_refused(state: &Snapshot, write: &Write) -> Result<bool> {
    let held = held(state, write.operation(), &write.key)?;
    Ok(!held.allows(&write.condition))
}

/// The state after the writes decided so far, where it differs from the snapshot.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    before: &'a Snapshot,
    now: Timestamp,
    changes: HashMap<String, Change>,
}

#[derive(Debug)]
struct Change {
    bytes: Option<Bytes>,
    nonce: u128,
}

/// What a key holds, as far as a condition asks.
#[derive(Clone, Copy)]
struct Held {
    is_record: bool,
    nonce: Option<u128>,
}

impl Held {
    fn allows(self, condition: &Condition) -> bool {
        match condition {
            Condition::Any => true,
            Condition::Absent => !self.is_record,
            Condition::Matches(version) => self.version() == *version,
        }
    }

    fn version(self) -> Version {
        self.nonce.map_or(Version::NEVER, Version::nonce)
    }
}

fn held(state: &Snapshot, operation: Operation, key: &str) -> Result<Held> {
    let held = state.with_value(operation, key, |value| Held {
        is_record: value.record.is_some(),
        nonce: Some(value.nonce),
    })?;
    Ok(held.unwrap_or(Held {
        is_record: false,
        nonce: None,
    }))
}

impl<'a> Batch<'a> {
    /// Begins a batch on the state `before`, of which every write has the time `now`.
    pub(super) fn new(before: &'a Snapshot, now: Timestamp) -> Self {
        Self {
            before,
            now,
            changes: HashMap::new(),
        }
    }

    /// Tells whether nothing has changed so far.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Tells whether a write of this key would be decided by one of this batch.
    pub(super) fn has_changed(&self, key: &str) -> bool {
        self.changes.contains_key(key)
    }

    /// Decides one write. The outcome holds once the batch is committed.
    pub(super) fn decide(&mut self, write: Write) -> Result<Outcome> {
        let held = self.held_now(write.operation(), &write.key)?;
        if !held.allows(&write.condition) {
            return Ok(Outcome::Conflict);
        }
        Ok(Outcome::Applied(self.change(write.key, write.bytes)))
    }

    /// Decides several writes of which all happen or none; `None` when a condition does not hold.
    pub(super) fn decide_together(&mut self, parts: Vec<Part>) -> Result<Option<Vec<Version>>> {
        for part in &parts {
            if !self
                .held_now(Operation::Put, &part.key)?
                .allows(&part.condition)
            {
                return Ok(None);
            }
        }
        let mut versions = Vec::with_capacity(parts.len());
        for part in parts {
            versions.push(match part.bytes {
                Some(bytes) => self.change(part.key, Some(bytes)),
                None => self.held_now(Operation::Put, &part.key)?.version(),
            });
        }
        Ok(Some(versions))
    }

    fn held_now(&self, operation: Operation, key: &str) -> Result<Held> {
        match self.changes.get(key) {
            Some(change) => Ok(Held {
                is_record: change.bytes.is_some(),
                nonce: Some(change.nonce),
            }),
            None => held(self.before, operation, key),
        }
    }

    fn change(&mut self, key: String, bytes: Option<Bytes>) -> Version {
        let nonce = rand::random();
        self.changes.insert(key, Change { bytes, nonce });
        Version::nonce(nonce)
    }

    /// Returns the time of every write of the batch.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns every key that changes, with its new value.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.changes.iter().map(|(key, change)| {
            let value = Value {
                record: change.bytes.as_deref(),
                nonce: change.nonce,
                modified: self.now,
            };
            (key.as_str(), value)
        })
    }

    /// Writes all changes, sweeps the tombstones `old` and keeps the time if that is due.
    pub(super) fn apply(
        &self,
        transaction: &WriteTransaction,
        old: &[Tombstone],
        keeps_time: bool,
    ) -> std::result::Result<(), redb::Error> {
        let mut records = transaction.open_table(RECORDS)?;
        let mut tombstones = transaction.open_table(TOMBSTONES)?;
        for (key, value) in self.changes() {
            insert(&mut records, &mut tombstones, key, value)?;
        }
        if keeps_time {
            transaction
                .open_table(CLOCK)?
                .insert(LATEST, self.now.as_millis())?;
        }
        for tombstone in old {
            let key = tombstone.key.as_str();
            // A key that has been written since, be it in this batch, has another nonce.
            let is_still_there = records.get(key)?.is_some_and(|guard| {
                Value::decode(Operation::Delete, key, guard.value())
                    .is_ok_and(|value| value.record.is_none() && value.nonce == tombstone.nonce)
            });
            if is_still_there {
                records.remove(key)?;
            }
            tombstones.remove((tombstone.written, key))?;
        }
        Ok(())
    }
}

/// Puts one value, and its entry in the index of tombstones where it is one.
pub(super) fn insert(
    records: &mut Table<'_, &'static str, &'static [u8]>,
    tombstones: &mut Table<'_, (u64, &'static str), u128>,
    key: &str,
    value: Value<'_>,
) -> std::result::Result<(), redb::Error> {
    let length = value.encoded_length();
    value.encode(records.insert_reserve(key, length)?.as_mut());
    if value.record.is_none() {
        tombstones.insert((value.modified.as_millis(), key), value.nonce)?;
    }
    Ok(())
}
