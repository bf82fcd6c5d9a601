//! Forgetting finished sessions some minutes after their 201, so that a repeated PUT finds them.

use crate::registry::Registry;
use crate::{UploadId, layout};
use roadstead_storage::{Condition, Version};
use tracing::debug;

/// Sessions that are removed at once.
const AT_ONCE: usize = 64;

impl Registry {
    pub(super) fn forget_later(&self, id: UploadId, version: Version) {
        let at = self.inner.clock.monotonic() + self.inner.settings.session_memory;
        self.inner.finished_uploads.add(at, id, version);
    }

    /// Removes the records of sessions whose time to answer a repeated PUT is over.
    pub(crate) async fn forget_due(&self) {
        let now = self.inner.clock.monotonic();
        loop {
            let batch = self.inner.finished_uploads.take_due(now, AT_ONCE);
            if batch.is_empty() {
                return;
            }
            let removals = batch.into_iter().map(|(id, version)| async move {
                let key = layout::upload(&id);
                if let Err(error) = self.remove(&key, Condition::Matches(version)).await {
                    debug!(upload = %id, %error, "failed to forget a finished upload session");
                }
            });
            futures::future::join_all(removals).await;
        }
    }
}
