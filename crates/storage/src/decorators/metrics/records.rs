//! Records, observed.

use super::observer::{Ended, StorageObserver, Watch};
use crate::clock::Clock;
use crate::{Condition, Operation, Outcome, Page, Read, RecordStore, Result, Timestamp};
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
}
