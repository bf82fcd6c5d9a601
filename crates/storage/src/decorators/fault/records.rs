//! Records that fail on purpose.

use super::plan::{Fault, FaultPlan, failure};
use crate::{
    Condition, Kind, Operation, Outcome, Page, Read, RecordStore, Result, Timestamp, WriteTogether,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

/// A record store whose calls fail as a plan says.
#[derive(Clone, Debug)]
pub struct FaultyRecords<S> {
    inner: S,
    plan: Arc<FaultPlan>,
}

impl<S: RecordStore> FaultyRecords<S> {
    /// Puts the faults of `plan` in front of `inner`.
    pub const fn new(inner: S, plan: Arc<FaultPlan>) -> Self {
        Self { inner, plan }
    }

    /// Runs a call that writes nothing.
    async fn plain<T>(
        &self,
        operation: Operation,
        key: &str,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        match self.plan.draw(operation, key).await {
            Some(fault) => around(&fault, operation, key, call).await,
            None => call.await,
        }
    }

    /// Runs a conditional write.
    async fn write(
        &self,
        operation: Operation,
        key: &str,
        call: impl Future<Output = Result<Outcome>> + Send,
    ) -> Result<Outcome> {
        let Some(fault) = self.plan.draw(operation, key).await else {
            return call.await;
        };
        match &fault {
            Fault::UnknownApplied => call.await.map(|_| Outcome::Unknown),
            Fault::UnknownUnapplied => Ok(Outcome::Unknown),
            Fault::HoldAnswer(gate) => {
                let outcome = call.await?;
                gate.pass().await;
                let Outcome::Applied(version) = &outcome else {
                    return Ok(outcome);
                };
                let is_mine = self.inner.get(key).await?.version == *version;
                Ok(if is_mine { outcome } else { Outcome::Unknown })
            }
            other => around(other, operation, key, call).await,
        }
    }
}

/// Runs a call with a fault that is the same for every call.
pub(super) async fn around<T>(
    fault: &Fault,
    operation: Operation,
    key: &str,
    call: impl Future<Output = Result<T>> + Send,
) -> Result<T> {
    match fault {
        Fault::Fail(kind) => Err(failure(*kind, operation, key)),
        Fault::UnknownUnapplied => Err(failure(Kind::Unavailable, operation, key)),
        Fault::LoseAnswer | Fault::UnknownApplied => {
            call.await?;
            Err(failure(Kind::Unavailable, operation, key))
        }
        Fault::Delay(duration) => {
            tokio::time::sleep(*duration).await;
            call.await
        }
        Fault::HoldRequest(gate) => {
            gate.pass().await;
            call.await
        }
        Fault::HoldAnswer(gate) => {
            let result = call.await;
            gate.pass().await;
            result
        }
        Fault::CutStream(_) | Fault::EndStream(_) | Fault::SpoilByte(_) => call.await,
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: RecordStore> RecordStore for FaultyRecords<S> {
    async fn get(&self, key: &str) -> Result<Read> {
        self.plain(Operation::Get, key, self.inner.get(key)).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Outcome> {
        self.write(Operation::Put, key, self.inner.put(key, bytes, condition))
            .await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<Outcome> {
        self.write(Operation::Delete, key, self.inner.delete(key, condition))
            .await
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        self.plain(
            Operation::List,
            prefix,
            self.inner.list(prefix, start_after, limit),
        )
        .await
    }

    async fn now(&self) -> Result<Timestamp> {
        self.plain(Operation::Now, "", self.inner.now()).await
    }

    /// Faults are planned for single calls, so that each of them is made.
    fn as_together(&self) -> Option<&dyn WriteTogether> {
        None
    }
}
