//! Forgetting finished sessions some minutes after their 201, so that a repeated PUT finds them.
//!
//! The list is in memory: what a restart loses, the sweeper finds.

use crate::registry::Registry;
use crate::{UploadId, layout};
use roadstead_storage::{Condition, Version};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tracing::debug;

/// Sessions kept in memory for their removal; beyond it the sweeper does the work.
const REMEMBERED: usize = 100_000;

#[derive(Default)]
pub(crate) struct Forgotten {
    due: Mutex<VecDeque<(Duration, UploadId, Version)>>,
}

impl Registry {
    pub(super) fn forget_later(&self, id: UploadId, version: Version) {
        let at = self.inner.clock.monotonic() + self.inner.settings.session_memory;
        let mut due = self
            .inner
            .forgotten
            .due
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if due.len() < REMEMBERED {
            due.push_back((at, id, version));
        }
    }

    /// Removes the records of sessions whose time to answer a repeated PUT is over.
    pub(crate) async fn forget_due(&self) {
        let now = self.inner.clock.monotonic();
        loop {
            let batch: Vec<_> = {
                let mut due = self
                    .inner
                    .forgotten
                    .due
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                let ready = due
                    .iter()
                    .take(64)
                    .take_while(|(at, ..)| *at <= now)
                    .count();
                due.drain(..ready).collect()
            };
            if batch.is_empty() {
                return;
            }
            let removals = batch.into_iter().map(|(_, id, version)| async move {
                let key = layout::upload(&id);
                if let Err(error) = self.remove(&key, Condition::Matches(version)).await {
                    debug!(upload = %id, %error, "failed to forget a finished upload session");
                }
            });
            futures::future::join_all(removals).await;
        }
    }
}
