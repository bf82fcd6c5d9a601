//! The end of an upload in one write, where the store can write several records in one step.

use super::writer::Live;
use crate::record::{
    BlobRecord, BlobState, Content, Encoded, LinkRecord, LinkState, SessionRecord, SessionState,
    Staged, Target,
};
use crate::window::Window;
use crate::{Result, layout};
use roadstead_oci::Digest;
use roadstead_storage::{Condition, Part};

impl Live {
    /// Steps to `committing`, registers the blob and links it, all in one write; `false` when that
    /// cannot be and nothing was written: the store cannot, somebody else went on with the session,
    /// or the blob or the link is there.
    pub(super) async fn commit_at_once(
        &mut self,
        digest: &Digest,
        content: &Content,
        staged: &Staged,
    ) -> Result<bool> {
        let registry = self.registry.clone();
        let Some(store) = registry.inner.records.as_together() else {
            return Ok(false);
        };
        let repository = &self.session.repository;
        let blob = BlobRecord {
            state: BlobState::Live,
            generation: registry.generation(),
            content: content.clone(),
            nonce: registry.nonce(),
        };
        let link = LinkRecord {
            state: LinkState::Live,
            content: content.clone(),
            nonce: registry.nonce(),
        };
        let mut parts = vec![
            Part {
                key: layout::blob(digest),
                bytes: Some(blob.encode()),
                condition: Condition::Absent,
            },
            Part {
                key: layout::link(repository, digest),
                bytes: Some(link.encode()),
                condition: Condition::Absent,
            },
        ];
        if let Some(version) = &self.version {
            let session = SessionRecord {
                state: SessionState::Committing(Target::Blob(digest.clone())),
                staged: staged.clone(),
                nonce: registry.nonce(),
                ..self.session.clone()
            };
            parts.push(Part {
                key: layout::upload(&self.id),
                bytes: Some(session.encode()),
                condition: Condition::Matches(version.clone()),
            });
        }
        let window = Window::open(&*registry.inner.clock);
        let Some(mut versions) = store.write_together(parts).await? else {
            return Ok(false);
        };
        registry.note_location(repository, digest, content);
        let size = content.length();
        registry
            .inner
            .protected
            .insert(repository, digest, size, window);
        if self.version.take().is_some()
            && let Some(version) = versions.pop()
        {
            registry.inner.open_uploads.closed(self.id);
            registry.forget_later(self.id, version);
        }
        Ok(true)
    }
}
