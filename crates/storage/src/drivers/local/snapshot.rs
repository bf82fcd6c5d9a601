//! What readers see: the records as of the last commit that is durable.
//!
//! The writer opens the tables once after each commit, so that a read costs no transaction of its
//! own; and a read can never see what a failed fsync would take back.

use super::failure;
use super::value::{RECORDS, TOMBSTONES, Value};
use crate::{Entry, Operation, Page, Result, Timestamp};
use redb::{ReadOnlyTable, ReadableDatabase};
use std::ops::Bound;

/// An immutable view of the records.
pub(super) struct Snapshot {
    records: ReadOnlyTable<&'static str, &'static [u8]>,
    tombstones: ReadOnlyTable<(u64, &'static str), u128>,
}

/// What a listing found before it ended or used up its budget.
pub(super) struct Scan {
    pub(super) page: Page,
    /// The last key that was looked at, when the budget ended the scan.
    pub(super) stopped_at: Option<String>,
}

impl Snapshot {
    /// Opens the tables as of the last commit.
    pub(super) fn open(database: &impl ReadableDatabase) -> std::result::Result<Self, redb::Error> {
        let transaction = database.begin_read()?;
        let records = transaction.open_table(RECORDS)?;
        let tombstones = transaction.open_table(TOMBSTONES)?;
        Ok(Self {
            records,
            tombstones,
        })
    }

    /// Gives the value of a key to `read`; nothing when the key was never written.
    pub(super) fn with_value<T>(
        &self,
        operation: Operation,
        key: &str,
        read: impl FnOnce(Value<'_>) -> T,
    ) -> Result<Option<T>> {
        let found = self.records.get(key);
        let Some(guard) = found.map_err(|error| failure::from_redb(operation, key, error))? else {
            return Ok(None);
        };
        let value = Value::decode(operation, key, guard.value())?;
        Ok(Some(read(value)))
    }

    /// Gives every key, its value and how that is written to `visit`, in the order of keys.
    pub(super) fn each(
        &self,
        mut visit: impl FnMut(&str, Value<'_>, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let fail = |error| failure::from_redb(Operation::List, "", error);
        for item in self.records.range::<&str>(..).map_err(fail)? {
            let (key, value) = item.map_err(fail)?;
            let (key, encoded) = (key.value(), value.value());
            visit(key, Value::decode(Operation::List, key, encoded)?, encoded)?;
        }
        Ok(())
    }

    /// Adds to `page` what follows `start_after`, looking at no more than `budget` keys.
    pub(super) fn scan(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        limit: usize,
        budget: usize,
        mut page: Page,
    ) -> Result<Scan> {
        let start = match start_after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let fail = |error| failure::from_redb(Operation::List, prefix, error);
        let range = self
            .records
            .range::<&str>((start, Bound::Unbounded))
            .map_err(fail)?;
        for (looked_at, item) in range.enumerate() {
            let (key, value) = item.map_err(fail)?;
            let key = key.value();
            if !key.starts_with(prefix) {
                break;
            }
            let value = Value::decode(Operation::List, key, value.value())?;
            if value.record.is_some() {
                if page.entries.len() == limit {
                    page.more = true;
                    break;
                }
                page.entries.push(Entry {
                    key: key.to_owned(),
                    modified: value.modified,
                });
            }
            if looked_at + 1 == budget {
                return Ok(Scan {
                    page,
                    stopped_at: Some(key.to_owned()),
                });
            }
        }
        Ok(Scan {
            page,
            stopped_at: None,
        })
    }

    /// Returns up to `limit` index entries of tombstones that were written before `cutoff`.
    pub(super) fn old_tombstones(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<Tombstone>> {
        let fail = |error| failure::from_redb(Operation::Delete, "", error);
        let range = self
            .tombstones
            .range(..(cutoff.as_millis(), ""))
            .map_err(fail)?;
        let mut found = Vec::new();
        for item in range.take(limit) {
            let (at, nonce) = item.map_err(fail)?;
            let (written, key) = at.value();
            found.push(Tombstone {
                written,
                key: key.to_owned(),
                nonce: nonce.value(),
            });
        }
        Ok(found)
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

/// An entry of the index of tombstones.
#[derive(Debug)]
pub(super) struct Tombstone {
    pub(super) written: u64,
    pub(super) key: String,
    pub(super) nonce: u128,
}
