//! Serves a store without conditions by this server alone, for as long as it can be sure of that.

use anyhow::Context;
use roadstead_storage::decorators::single_writer::{
    SingleWriter, Waiting, WriterGuard, wait_for_others,
};
use roadstead_storage::probe::Trial;
use roadstead_storage::{Clock, RecordStore};
use std::sync::Arc;

/// The right to write to the store, and the records that go by it.
pub(crate) struct Alone {
    guard: WriterGuard<Arc<dyn RecordStore>>,
    writer: SingleWriter<Arc<dyn RecordStore>>,
}

impl Alone {
    /// Waits until no other server writes to the store; an error names one that goes on. `why` is the
    /// trial that showed the lack of conditions.
    pub(crate) async fn begin(
        records: &Arc<dyn RecordStore>,
        clock: &Arc<dyn Clock>,
        why: &Trial,
    ) -> anyhow::Result<Self> {
        let (plain, time) = (Arc::clone(records), Arc::clone(clock));
        let guard = WriterGuard::take(plain, time, tell).await?;
        let (tried, came_back) = (why.tried, why.came_back.as_str());
        let writer = guard.id();
        tracing::warn!(
            %writer,
            tried,
            came_back,
            "this store is served by this server alone ({writer}), and a second one will be refused: \
             the store takes no notice of conditions on writes ({tried}: {came_back})"
        );
        Ok(Self {
            writer: SingleWriter::new(Arc::clone(records), guard.lease()),
            guard,
        })
    }

    /// Returns the records with their conditions kept.
    pub(crate) fn records(&self) -> Arc<dyn RecordStore> {
        Arc::new(self.writer.clone())
    }

    /// Tells others that this server is there. Returns only when another one is.
    pub(crate) async fn keep(&self) -> anyhow::Error {
        self.guard.keep().await.into()
    }

    /// Ends all writes and lets the next server begin at once.
    pub(crate) async fn end(&self) {
        self.writer.quiesce().await;
        if let Err(error) = self.guard.release().await {
            tracing::warn!(%error, "failed to release the store; the next server waits for 30 s");
        }
    }
}

/// Waits, before this server shares the store with others, for one that serves it alone: it may have
/// begun before the store learned conditions.
pub(crate) async fn wait_for_lone_server(
    records: &dyn RecordStore,
    clock: &dyn Clock,
) -> anyhow::Result<()> {
    wait_for_others(records, clock, tell)
        .await
        .context("cannot share the store")
}

fn tell(waiting: Waiting) {
    tracing::info!("waiting: {waiting}");
}
