//! Records, observed.

use super::observer::{Ended, StorageObserver, Watch};
use crate::clock::Clock;
use crate::{
    Condition, Operation, Outcome, Page, Part, Read, RecordStore, Result, Timestamp, Version,
    WriteTogether,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

/// A record store that tells an observer of every call.
#[derive(Clone, Debug)]
pub struct ObservedRecords<S> {
    inner: S,
    watch: Watch,
}

impl<S> ObservedRecords<S> {
    /// Observes `inner` under the name `driver`.
    pub fn new(
        inner: S,
        driver: &'static str,
        observer: Arc<dyn StorageObserver>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            inner,
            watch: Watch {
                driver,
                observer,
                clock,
            },
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: RecordStore> RecordStore for ObservedRecords<S> {
    async fn get(&self, key: &str) -> Result<Read> {
        let began_at = self.watch.clock.monotonic();
        let result = self.inner.get(key).await;
        let record = result.as_ref().ok().and_then(|read| read.record.as_ref());
        let bytes = record.map_or(0, |record| record.bytes.len());
        self.watch
            .report(Operation::Get, key, began_at, Ended::of(&result), bytes);
        result
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Outcome> {
        let began_at = self.watch.clock.monotonic();
        let length = bytes.len();
        let result = self.inner.put(key, bytes, condition).await;
        self.watch.report(
            Operation::Put,
            key,
            began_at,
            Ended::of_outcome(&result),
            length,
        );
        result
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<Outcome> {
        let began_at = self.watch.clock.monotonic();
        let result = self.inner.delete(key, condition).await;
        self.watch.report(
            Operation::Delete,
            key,
            began_at,
            Ended::of_outcome(&result),
            0,
        );
        result
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        let began_at = self.watch.clock.monotonic();
        let result = self.inner.list(prefix, start_after, limit).await;
        self.watch
            .report(Operation::List, prefix, began_at, Ended::of(&result), 0);
        result
    }

    async fn now(&self) -> Result<Timestamp> {
        let began_at = self.watch.clock.monotonic();
        let result = self.inner.now().await;
        self.watch
            .report(Operation::Now, "", began_at, Ended::of(&result), 0);
        result
    }

    fn as_together(&self) -> Option<&dyn WriteTogether> {
        self.inner.as_together().is_some().then_some(self)
    }
}

#[async_trait]
impl<S: RecordStore> WriteTogether for ObservedRecords<S> {
    /// One call for the observer, under the key of the first record that is put.
    async fn write_together(&self, parts: Vec<Part>) -> Result<Option<Vec<Version>>> {
        let began_at = self.watch.clock.monotonic();
        let puts = || {
            parts
                .iter()
                .filter_map(|part| Some((part, part.bytes.as_ref()?)))
        };
        let key = puts()
            .next()
            .map_or_else(String::new, |(part, _)| part.key.clone());
        let length = puts().map(|(_, bytes)| bytes.len()).sum();
        let result = match self.inner.as_together() {
            Some(inner) => inner.write_together(parts).await,
            None => Ok(None),
        };
        let ended = match &result {
            Ok(None) => Ended::Conflict,
            other => Ended::of(other),
        };
        self.watch
            .report(Operation::Put, &key, began_at, ended, length);
        result
    }
}
