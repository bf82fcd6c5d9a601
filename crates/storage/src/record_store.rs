//! `RecordStore`: small ordered records, strongly consistent, changed by compare-and-set.

use crate::{Result, Timestamp};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// The largest record a store takes, in bytes.
pub const MAX_RECORD_BYTES: usize = 256 * 1024;

/// How old a tombstone is at least when it is swept, by the store's clock: four times as long as a
/// request may live, so that no late request meets a key whose absence has lost its version.
pub const TOMBSTONE_AGE: Duration = Duration::from_hours(1);

/// What a key holds at one moment. Two reads with equal versions saw the same record, or the same
/// absence: nothing was written between them. Compared for equality only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(VersionOf);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum VersionOf {
    /// The key was never written, or its tombstone was swept.
    Never,
    /// A nonce that the driver wrote with the record or with its tombstone.
    Nonce(u128),
    /// An entity tag that the store itself made.
    EntityTag(Arc<str>),
}

impl Version {
    /// The version of a key that holds nothing, not even a tombstone.
    pub const NEVER: Self = Self(VersionOf::Never);

    /// Makes a version from the nonce that was written with the record.
    #[must_use]
    pub const fn nonce(nonce: u128) -> Self {
        Self(VersionOf::Nonce(nonce))
    }

    /// Makes a version from an entity tag of the store.
    #[must_use]
    pub fn entity_tag(tag: &str) -> Self {
        Self(VersionOf::EntityTag(tag.into()))
    }

    /// Returns the nonce, when the version is one.
    #[must_use]
    pub const fn as_nonce(&self) -> Option<u128> {
        if let VersionOf::Nonce(nonce) = self.0 {
            Some(nonce)
        } else {
            None
        }
    }

    /// Returns the entity tag, when the version is one.
    #[must_use]
    pub fn as_entity_tag(&self) -> Option<&str> {
        if let VersionOf::EntityTag(tag) = &self.0 {
            Some(tag)
        } else {
            None
        }
    }
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The bytes that were put.
    pub bytes: Bytes,
    /// When they were put, by the store's own clock.
    pub modified: Timestamp,
}

/// The answer of a read: absence has a version too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The record, if the key holds one.
    pub record: Option<Record>,
    /// The version of the record or of its absence.
    pub version: Version,
}

/// When a write may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    Any,
    /// Only while the key holds no record (a tombstone is no record).
    Absent,
    /// Only while the key has this version, be it a record's or an absence's.
    Matches(Version),
}

/// How a conditional write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a write that met a conflict, or whose answer was lost, has not simply happened"]
pub enum Outcome {
    /// It happened, it is on stable storage, and the key has this version now, or had it
    /// before somebody else wrote.
    Applied(Version),
    /// It did not happen: the condition does not hold.
    Conflict,
    /// An answer was lost, and what the key holds now is neither this write nor the version it
    /// named: it was applied and replaced, or never applied. Never by itself a reason to try again.
    Unknown,
}

/// One key of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The whole key.
    pub key: String,
    /// When its record was put, by the store's own clock.
    pub modified: Timestamp,
}

/// A page of a listing, in byte order of keys, tombstones left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The entries, at most as many as were asked for.
    pub entries: Vec<Entry>,
    /// Whether records follow after the last entry. Never set on an empty page.
    pub more: bool,
}

/// One part of a write of several records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The key, which no other part has.
    pub key: String,
    /// The record to put; `None` only asks that the condition holds.
    pub bytes: Option<Bytes>,
    /// What must hold for all parts to be written.
    pub condition: Condition,
}

/// A store that can write several records in one step.
///
/// What would otherwise be one durable write after the other is one; nobody sees a part of it, and
/// a crash leaves all or nothing. Whoever uses it falls back to single writes after a conflict, as
/// stores without it always do.
#[async_trait]
pub trait WriteTogether: Send + Sync {
    /// Writes all parts if each condition holds, and returns the version of each key; `None` when
    /// one did not hold and nothing was written.
    ///
    /// # Errors
    /// `Invalid` for a wrong key or record, or two parts of one key: nothing was written. After any
    /// other error nothing is known.
    async fn write_together(&self, parts: Vec<Part>) -> Result<Option<Vec<Version>>>;
}

/// Small records under ordered keys.
///
/// Every call is strongly consistent: a read that starts after a write was answered sees it.
/// Errors mean that nothing is known about the write; `Outcome` tells all that is known.
#[async_trait]
pub trait RecordStore: Send + Sync + 'static {
    /// Reads one key.
    async fn get(&self, key: &str) -> Result<Read>;

    /// Writes one key. `bytes` are 1 to [`MAX_RECORD_BYTES`] long; each put gives a new version,
    /// even of equal bytes. `Applied` means durable.
    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Outcome>;

    /// Removes one key, leaving a tombstone. With `Matches` of an absence it changes the version
    /// of that absence (a fence); `Any` on an absent key is `Applied` too.
    async fn delete(&self, key: &str, condition: Condition) -> Result<Outcome>;

    /// Lists at most `limit` keys (1 to 10,000) that start with `prefix` and come after
    /// `start_after`, in byte order.
    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page>;

    /// Returns the store's own time, the clock of every record's `modified`.
    async fn now(&self) -> Result<Timestamp>;

    /// Returns the store as one that writes several records in one step, if it is one.
    fn as_together(&self) -> Option<&dyn WriteTogether> {
        None
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: RecordStore + ?Sized> RecordStore for Arc<S> {
    async fn get(&self, key: &str) -> Result<Read> {
        (**self).get(key).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Outcome> {
        (**self).put(key, bytes, condition).await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<Outcome> {
        (**self).delete(key, condition).await
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        (**self).list(prefix, start_after, limit).await
    }

    async fn now(&self) -> Result<Timestamp> {
        (**self).now().await
    }

    fn as_together(&self) -> Option<&dyn WriteTogether> {
        (**self).as_together()
    }
}
