//! The upload sweeper: sessions that nobody goes on with, and what they hold.
//!
//! It never registers content and never renews a session. An open session is claimed by
//! compare-and-set before its bytes go; a `committing` one is judged by the record it aimed at.

use crate::record::{
    BlobRecord, BlobState, ManifestRecord, ManifestState, SessionRecord, SessionState, Target,
};
use crate::registry::Registry;
use crate::{Result, UploadId, layout};
use roadstead_storage::{Condition, DataKey, Timestamp, Version};
use std::time::Duration;
use tracing::{debug, info, warn};

/// How old a `committing` session is before it is judged: longer than D and R together.
const COMMITTING_AGE: Duration = Duration::from_hours(1);
const PAGE: usize = 500;
/// How often finished sessions are forgotten, and how often the sweeper looks at all of them.
const FORGET_EVERY: Duration = Duration::from_secs(5);
const SWEEP_EVERY: Duration = Duration::from_hours(1);

impl Registry {
    /// Starts what runs beside the requests: forgetting finished sessions, sweeping idle
    /// ones, collecting what nobody names.
    pub fn start_maintenance(&self) {
        self.start_collector();
        let registry = self.clone();
        let stop = self.inner.background.stop();
        self.inner.background.spawn(async move {
            let mut forget = tokio::time::interval(FORGET_EVERY);
            let mut sweep = tokio::time::interval(SWEEP_EVERY);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = forget.tick() => registry.forget_due().await,
                    _ = sweep.tick() => match registry.sweep_uploads().await {
                        Ok(0) => {}
                        Ok(ended) => info!(ended, "swept upload sessions that nobody went on with"),
                        Err(error) => warn!(%error, "failed to sweep upload sessions; it is tried again"),
                    },
                }
            }
        });
    }

    /// Looks at every session once. Returns how many it ended.
    ///
    /// # Errors
    /// `Storage`; what was done before it stays done.
    pub async fn sweep_uploads(&self) -> Result<u64> {
        let now = self.inner.records.now().await?;
        let mut ended = 0;
        let mut after: Option<String> = None;
        loop {
            let page = self
                .inner
                .records
                .list(layout::UPLOADS, after.as_deref(), PAGE)
                .await?;
            for entry in &page.entries {
                let Some(id) = entry
                    .key
                    .strip_prefix(layout::UPLOADS)
                    .and_then(UploadId::parse)
                else {
                    continue;
                };
                let idle = now.since(entry.modified);
                if idle > COMMITTING_AGE && self.judge(id, idle).await? {
                    ended += 1;
                }
            }
            after = page.entries.last().map(|entry| entry.key.clone());
            if !page.more {
                break;
            }
        }
        self.abort_orphans(now).await?;
        Ok(ended)
    }

    async fn judge(&self, id: UploadId, idle: Duration) -> Result<bool> {
        let seen = self.read::<SessionRecord>(&layout::upload(&id)).await?;
        let Some(session) = seen.record else {
            return Ok(false);
        };
        match &session.state {
            SessionState::Open if idle > self.inner.settings.session_idle => {
                self.discard(id, session, seen.version).await
            }
            SessionState::Open => Ok(false),
            SessionState::Aborted => {
                self.free(id, session.staged.upload, seen.version).await?;
                Ok(true)
            }
            SessionState::Committing(target) => {
                let own = session.staged.upload.as_ref().map(|upload| &upload.key);
                if let Some(own) = own
                    && !self.is_in_use(&session, target, own).await?
                {
                    self.inner.data.delete(own).await?;
                }
                self.forget_now(id, seen.version).await?;
                Ok(true)
            }
        }
    }

    async fn forget_now(&self, id: UploadId, version: Version) -> Result<()> {
        let _ = self
            .remove(&layout::upload(&id), Condition::Matches(version))
            .await?;
        Ok(())
    }

    /// Tells whether the record that a session aimed at names the session's data.
    async fn is_in_use(
        &self,
        session: &SessionRecord,
        target: &Target,
        own: &DataKey,
    ) -> Result<bool> {
        match target {
            Target::Blob(digest) => {
                let blob = self.read::<BlobRecord>(&layout::blob(digest)).await?.record;
                Ok(blob.is_some_and(|blob| {
                    blob.state != BlobState::Dead
                        && blob.content.data().is_some_and(|data| data.key == *own)
                }))
            }
            Target::Manifest(digest) => {
                let key = layout::manifest(&session.repository, digest);
                let manifest = self.read::<ManifestRecord>(&key).await?.record;
                Ok(manifest.is_some_and(|manifest| {
                    manifest.state != ManifestState::Dead
                        && manifest.content.data().is_some_and(|data| data.key == *own)
                }))
            }
        }
    }

    /// Ends driver uploads that are older than any session can be: their sessions never came to be.
    async fn abort_orphans(&self, now: Timestamp) -> Result<()> {
        let oldest = now.minus(self.inner.settings.session_idle + Duration::from_hours(24));
        for upload in self.inner.data.uploads(oldest, PAGE).await? {
            debug!(
                key = upload.state().key.as_str(),
                "ending a data upload without a session"
            );
            self.inner.data.abort(upload).await?;
        }
        Ok(())
    }
}
