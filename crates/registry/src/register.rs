//! Registering content under its digest: the blob record, then the link.

use crate::link::Linked;
use crate::protect::Intent;
use crate::record::{BlobRecord, BlobState, Content};
use crate::registry::{ROUNDS, Registry};
use crate::window::Window;
use crate::{RegistryError, Result, layout};
use roadstead_oci::{Digest, RepositoryName};
use roadstead_storage::{Condition, Outcome};

impl Registry {
    /// Makes `own` content readable as `digest` in `repository`. `own` may become the blob's only
    /// while `window` is open: it opened with the session's step to `committing`.
    ///
    /// # Errors
    /// `UploadUnknown` when the window closed and no live blob is there to link to.
    pub(crate) async fn register_and_link(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        own: &Content,
        window: Window,
    ) -> Result<()> {
        for _ in 0..ROUNDS {
            let (blob, protected) = self.register(digest, own, window).await?;
            match self
                .put_link(repository, digest, &blob.content, protected)
                .await?
            {
                Linked::Done => return Ok(()),
                Linked::TooLate => {}
            }
        }
        Err(Self::contended(&layout::blob(digest)))
    }

    /// Returns the live record of `digest` and the window of its protection, having made the
    /// record from `own` if there was none.
    async fn register(
        &self,
        digest: &Digest,
        own: &Content,
        window: Window,
    ) -> Result<(BlobRecord, Window)> {
        let key = layout::blob(digest);
        let record = BlobRecord {
            state: BlobState::Live,
            generation: self.generation(),
            content: own.clone(),
            nonce: self.nonce(),
        };
        let mut condition = Some(Condition::Absent);
        for _ in 0..ROUNDS {
            let protected = Window::open(&*self.inner.clock);
            let in_time = window.is_open(&*self.inner.clock, self.inner.settings.window);
            if let Some(condition) = condition.take()
                && in_time
                && let Outcome::Applied(_) = self.put(&key, &record, condition).await?
            {
                return Ok((record, protected));
            }
            let protected = Window::open(&*self.inner.clock);
            let seen = self.read::<BlobRecord>(&key).await?;
            let version = seen.version.clone();
            match seen.record.as_ref().map(|there| there.state) {
                Some(BlobState::Live | BlobState::Condemned) => {
                    let alive = self
                        .protect_seen(&key, Intent::Use, seen, protected)
                        .await?;
                    let Some((there, protected)) = alive else {
                        continue;
                    };
                    self.drop_own_data(own, &there.content).await?;
                    return Ok((there, protected));
                }
                _ if !in_time => return Err(RegistryError::UploadUnknown),
                None => {}
                // Its data goes first: once the record is written over, nothing names that data.
                Some(BlobState::Dead | BlobState::Rotten) => {
                    if let Some(data) = seen.record.as_ref().and_then(|there| there.content.data())
                    {
                        if own.data().is_some_and(|own| own.key == data.key) {
                            return Err(RegistryError::UploadUnknown);
                        }
                        self.inner.data.delete(&data.key).await?;
                    }
                }
            }
            condition = Some(Condition::Matches(version));
        }
        Err(Self::contended(&key))
    }

    /// Deletes own data that another upload of the same digest made superfluous. Never when the
    /// record names it: an answer that was lost is a success.
    async fn drop_own_data(&self, own: &Content, there: &Content) -> Result<()> {
        let Some(own) = own.data() else { return Ok(()) };
        if there.data().is_none_or(|there| there.key != own.key) {
            self.inner.data.delete(&own.key).await?;
        }
        Ok(())
    }
}
