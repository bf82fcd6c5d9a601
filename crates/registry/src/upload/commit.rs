//! The end of an upload: digest, data, session to `committing`, blob record, link.

use super::writer::{Live, Purpose, Sink};
use crate::record::{Content, SessionRecord, SessionState, Staged, Target};
use crate::window::Window;
use crate::{RegistryError, Result, layout};
use bytes::Bytes;
use roadstead_oci::Hasher;
use tracing::warn;

impl Live {
    /// Deletes the data of an upload that was cancelled while its last request was answered: the
    /// cancellation may have looked for data before there was any. A session that is gone was
    /// cancelled, too, unless it may have been finished and forgotten since this request read it.
    async fn drop_unclaimed(&self, seen: Option<&SessionRecord>, content: &Content) {
        let registry = &self.registry;
        let age = registry.inner.clock.monotonic().saturating_sub(self.since);
        let may_be_forgotten = age >= registry.inner.settings.session_memory / 2;
        if seen.is_none() && may_be_forgotten {
            return;
        }
        if let Some(data) = content.data()
            && let Err(error) = registry.inner.data.delete(&data.key).await
        {
            warn!(upload = %self.id, %error, "failed to delete the data of a cancelled upload");
        }
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        let Purpose::Close(digest) = self.purpose.clone() else {
            return Err(RegistryError::Unsupported(
                "an upload is closed with a digest",
            ));
        };
        let hasher = std::mem::replace(&mut self.hasher, Hasher::new(digest.algorithm()));
        let length = hasher.offset();
        let actual = hasher.finish();
        if actual != digest {
            self.give_up().await?;
            return Err(RegistryError::DigestMismatch {
                expected: Box::new(digest),
                actual: Box::new(actual),
            });
        }
        let (content, staged) =
            match std::mem::replace(&mut self.sink, Sink::Inline(bytes::BytesMut::new())) {
                Sink::Inline(held) => {
                    let bytes: Bytes = held.freeze();
                    (
                        Content::Inline(bytes.clone()),
                        Staged {
                            head: bytes,
                            ..Staged::default()
                        },
                    )
                }
                Sink::Data(upload) => {
                    let mut state = upload.state().clone();
                    let data = match self.registry.inner.data.finish(upload).await {
                        Ok(data) => data,
                        Err(error) => return Err(self.registry.explain(self.id, error).await),
                    };
                    state.length = length;
                    (
                        Content::Data(data),
                        Staged {
                            upload: Some(state),
                            ..Staged::default()
                        },
                    )
                }
            };
        if self.commit_at_once(&digest, &content, &staged).await? {
            return Ok(());
        }
        let repository = self.session.repository.clone();
        let registry = self.registry.clone();
        // From this step on the session is never rewritten, and the window runs in which its data
        // may be registered.
        let window = Window::open(&*registry.inner.clock);
        let Some(_) = &self.version else {
            return registry
                .register_and_link(&repository, &digest, &content, window)
                .await;
        };
        let mut session = self.session.clone();
        session.state = SessionState::Committing(Target::Blob(digest.clone()));
        session.staged = staged;
        if let Err(error) = self.store(session).await {
            // A repeated PUT got there first: both are answered.
            let seen = registry
                .read::<SessionRecord>(&layout::upload(&self.id))
                .await?;
            return match (&error, &seen.record) {
                (RegistryError::UploadUnknown, Some(session))
                    if session.state != SessionState::Aborted =>
                {
                    registry.join(session, seen.modified, &digest).await
                }
                (RegistryError::UploadUnknown, _) => {
                    self.drop_unclaimed(seen.record.as_ref(), &content).await;
                    Err(error)
                }
                _ => Err(error),
            };
        }
        registry.inner.open_uploads.closed(self.id);
        registry
            .register_and_link(&repository, &digest, &content, window)
            .await?;
        if let Some(version) = self.version.take() {
            registry.forget_later(self.id, version);
        }
        Ok(())
    }
}
