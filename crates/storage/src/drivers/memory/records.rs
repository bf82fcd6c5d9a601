//! Records in an ordered map behind one lock.

use crate::clock::Clock;
use crate::limits;
use crate::{
    Condition, Entry, Operation, Outcome, Page, Part, Read, Record, RecordStore, Result,
    TOMBSTONE_AGE, Timestamp, Version, WriteTogether,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Records in memory. A clone shares them.
#[derive(Clone, Debug)]
pub struct MemoryRecords {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
    writes_together: bool,
}

#[derive(Debug, Default)]
struct State {
    slots: BTreeMap<String, Slot>,
    /// Tombstones in the order they were written, for the sweep. An entry whose nonce is no longer
    /// the slot's names a tombstone that was replaced.
    tombstones: VecDeque<(Timestamp, String, u128)>,
    last_nonce: u128,
}

/// What a key holds: a record, or the tombstone of one.
#[derive(Debug)]
struct Slot {
    record: Option<Record>,
    nonce: u128,
}

impl MemoryRecords {
    /// Makes an empty store that takes its time from `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Arc::default(),
            writes_together: false,
        }
    }

    /// Has it write several records in one step, as the local driver does and object stores do not.
    #[must_use]
    pub fn writing_together(self) -> Self {
        Self {
            writes_together: true,
            ..self
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, key: &str, bytes: Option<Bytes>, condition: &Condition) -> Outcome {
        let now = self.clock.now();
        let mut state = self.lock();
        state.sweep(now);
        if !state.allows(key, condition) {
            return Outcome::Conflict;
        }
        Outcome::Applied(state.write(key, bytes, now))
    }
}

impl State {
    fn version(&self, key: &str) -> Version {
        self.slots
            .get(key)
            .map_or(Version::NEVER, |slot| Version::nonce(slot.nonce))
    }

    fn allows(&self, key: &str, condition: &Condition) -> bool {
        match condition {
            Condition::Any => true,
            Condition::Absent => self.slots.get(key).is_none_or(|slot| slot.record.is_none()),
            Condition::Matches(version) => self.version(key) == *version,
        }
    }

    fn write(&mut self, key: &str, bytes: Option<Bytes>, now: Timestamp) -> Version {
        // A counter and not a random number: unique in this store, and a simulation can repeat it.
        self.last_nonce += 1;
        let nonce = self.last_nonce;
        if bytes.is_none() {
            self.tombstones.push_back((now, key.to_owned(), nonce));
        }
        let record = bytes.map(|bytes| Record {
            bytes,
            modified: now,
        });
        self.slots.insert(key.to_owned(), Slot { record, nonce });
        Version::nonce(nonce)
    }

    fn sweep(&mut self, now: Timestamp) {
        while let Some((written, key, nonce)) = self.tombstones.front() {
            if now.since(*written) <= TOMBSTONE_AGE {
                return;
            }
            if self.slots.get(key).is_some_and(|slot| slot.nonce == *nonce) {
                self.slots.remove(key);
            }
            self.tombstones.pop_front();
        }
    }
}

#[async_trait]
impl RecordStore for MemoryRecords {
    async fn get(&self, key: &str) -> Result<Read> {
        limits::check_key(Operation::Get, key)?;
        let state = self.lock();
        let record = state.slots.get(key).and_then(|slot| slot.record.clone());
        Ok(Read {
            record,
            version: state.version(key),
        })
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Outcome> {
        limits::check_key(Operation::Put, key)?;
        limits::check_record(key, &bytes)?;
        Ok(self.write(key, Some(bytes), &condition))
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<Outcome> {
        limits::check_key(Operation::Delete, key)?;
        Ok(self.write(key, None, &condition))
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        limits::check_page(prefix, limit)?;
        let start = match start_after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let state = self.lock();
        let mut page = Page::default();
        for (key, slot) in state.slots.range::<str, _>((start, Bound::Unbounded)) {
            if !key.starts_with(prefix) {
                break;
            }
            let Some(record) = &slot.record else { continue };
            if page.entries.len() == limit {
                page.more = true;
                break;
            }
            page.entries.push(Entry {
                key: key.clone(),
                modified: record.modified,
            });
        }
        Ok(page)
    }

    async fn now(&self) -> Result<Timestamp> {
        Ok(self.clock.now())
    }

    fn as_together(&self) -> Option<&dyn WriteTogether> {
        self.writes_together.then_some(self)
    }
}

#[async_trait]
impl WriteTogether for MemoryRecords {
    async fn write_together(&self, parts: Vec<Part>) -> Result<Option<Vec<Version>>> {
        limits::check_parts(&parts)?;
        let now = self.clock.now();
        let mut state = self.lock();
        state.sweep(now);
        let holds = |part: &Part| state.allows(&part.key, &part.condition);
        if !parts.iter().all(holds) {
            return Ok(None);
        }
        let write = |part: Part| match part.bytes {
            Some(bytes) => state.write(&part.key, Some(bytes), now),
            None => state.version(&part.key),
        };
        Ok(Some(parts.into_iter().map(write).collect()))
    }
}
