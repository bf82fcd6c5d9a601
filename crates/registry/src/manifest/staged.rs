//! Bytes of a manifest too large for its record, on their way into the data store.
//!
//! A session record names them from before their first byte until the manifest record does, so
//! that a crash at any point leaves nothing that the upload sweeper does not find.

use super::accepted::Accepted;
use crate::UploadId;
use crate::record::{SessionState, Target};
use crate::registry::Registry;
use crate::window::Window;
use crate::{Result, layout};
use roadstead_storage::{Condition, DataRef, Outcome, UploadHint, Version};
use tracing::warn;

/// Finished data that no record names yet. It may be registered once, while its window is open.
#[derive(Debug)]
pub(super) struct StagedManifest {
    pub(super) data: DataRef,
    /// Opened with the session's step to `committing`.
    pub(super) window: Window,
    session: UploadId,
    version: Version,
}

impl Registry {
    /// Stores the bytes of a manifest as data.
    pub(super) async fn stage_manifest(&self, accepted: &Accepted) -> Result<StagedManifest> {
        let id = UploadId::draw(&*self.inner.ids);
        let key = layout::upload(&id);
        let length = accepted.bytes.len() as u64;
        let hint = UploadHint {
            length: Some(length),
        };
        let mut upload = self.inner.data.begin(hint).await?;
        self.inner.data.reserve(&mut upload);
        let algorithm = accepted.digest.algorithm();
        // The id is never told to a client, so nobody goes on with this session.
        let mut session = self
            .new_session(&accepted.repository, "", algorithm)
            .await?;
        let mut state = upload.state().clone();
        session.epoch = state.epoch;
        session.staged.upload = Some(state.clone());
        let opened = self.put(&key, &session, Condition::Absent).await?;
        let Outcome::Applied(opened) = opened else {
            return Err(Self::contended(&key));
        };
        let bytes = accepted.bytes.clone();
        self.inner.data.append(&mut upload, bytes).await?;
        let data = self.inner.data.finish(upload).await?;

        state.length = length;
        session.staged.upload = Some(state);
        session.state = SessionState::Committing(Target::Manifest(accepted.digest.clone()));
        session.nonce = self.nonce();
        let window = Window::open(&*self.inner.clock);
        let committed = self.put(&key, &session, Condition::Matches(opened)).await?;
        // Whatever else became of the session, its data is the sweeper's now.
        let Outcome::Applied(version) = committed else {
            return Err(Self::contended(&key));
        };
        Ok(StagedManifest {
            data,
            window,
            session: id,
            version,
        })
    }

    /// Forgets the session of data that a manifest record names now.
    pub(super) fn forget_staged(&self, staged: StagedManifest) {
        let registry = self.clone();
        self.inner.background.spawn(async move {
            registry.remove_staged_session(&staged).await;
        });
    }

    /// Deletes data that was never registered, then forgets its session.
    pub(super) async fn drop_staged(&self, staged: StagedManifest) {
        match self.inner.data.delete(&staged.data.key).await {
            Ok(()) => self.remove_staged_session(&staged).await,
            Err(error) => {
                warn!(data = staged.data.key.as_str(), %error, "failed to delete the unused data of a manifest; the sweeper will");
            }
        }
    }

    async fn remove_staged_session(&self, staged: &StagedManifest) {
        let key = layout::upload(&staged.session);
        let condition = Condition::Matches(staged.version.clone());
        if let Err(error) = self.remove(&key, condition).await {
            warn!(upload = %staged.session, %error, "failed to forget the session of a manifest; the sweeper will");
        }
    }
}
