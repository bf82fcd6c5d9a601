//! Links: which repository may see which blob.

use crate::record::{Content, LinkRecord, LinkState};
use crate::registry::{ROUNDS, Registry};
use crate::window::Window;
use crate::{Result, layout};
use roadstead_oci::{Digest, RepositoryName};
use roadstead_storage::{Condition, Outcome};

/// How writing a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linked {
    /// The link is live and young.
    Done,
    /// The window of the blob's protection closed: protect the blob again first.
    TooLate,
}

impl Registry {
    /// Makes the link of `repository` to a blob whose record was protected when `window` opened
    /// and whose content is at `content` now.
    pub(crate) async fn put_link(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        content: &Content,
        window: Window,
    ) -> Result<Linked> {
        let key = layout::link(repository, digest);
        let link = LinkRecord {
            state: LinkState::Live,
            content: content.clone(),
            nonce: self.nonce(),
        };
        let mut condition = Condition::Absent;
        for _ in 0..ROUNDS {
            if !window.is_open(&*self.inner.clock, self.inner.settings.window) {
                return Ok(Linked::TooLate);
            }
            if let Outcome::Applied(_) = self.put(&key, &link, condition).await? {
                self.note_location(repository, digest, content);
                self.inner
                    .protected
                    .insert(repository, digest, content.length(), window);
                return Ok(Linked::Done);
            }
            let seen = self.read::<LinkRecord>(&key).await?;
            let there = seen
                .record
                .is_some_and(|there| there.state == LinkState::Live && there.content == *content);
            if there && self.is_young(seen.modified).await? {
                self.inner
                    .protected
                    .insert(repository, digest, content.length(), window);
                return Ok(Linked::Done);
            }
            // Old, hidden, condemned, dead, or naming an earlier life's data: written over.
            condition = Condition::Matches(seen.version);
        }
        Err(Self::contended(&key))
    }

    /// Remembers where a link's content is, for reads to come.
    pub(crate) fn note_location(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        content: &Content,
    ) {
        if let Some(data) = content.data() {
            self.inner.locations.note(repository, digest, data);
        }
    }
}
