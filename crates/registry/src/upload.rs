//! Upload sessions: start, status and cancel. `writer` takes the bytes, `commit` ends them.
//!
//! A session is one record. Any replica goes on from it; a crash loses at most what came after the
//! last checkpoint, and the status always tells the truth.

mod at_once;
mod commit;
mod forget;
mod open;
mod sessions;
mod writer;

#[cfg(test)]
mod tests;

pub use open::Closing;
pub use sessions::{OpenSession, SessionPage};
pub use writer::UploadWriter;

use crate::open_uploads::Admission;
use crate::record::{SessionRecord, SessionState, Staged};
use crate::registry::{ROUNDS, Registry, Seen};
use crate::{RegistryError, Result, UploadId, layout};
use roadstead_oci::{Algorithm, RepositoryName};
use roadstead_storage::{Condition, Outcome, Upload, Version};
use tracing::warn;

/// A session that a request may go on with.
pub(crate) struct Found {
    pub(crate) session: SessionRecord,
    pub(crate) version: Version,
}

impl Registry {
    /// Starts a session. `owner` is who may go on with it, `client` whom its number is counted for.
    ///
    /// # Errors
    /// `TooManyUploads`, `Storage`.
    pub async fn upload_start(
        &self,
        repository: &RepositoryName,
        owner: &str,
        client: &str,
        algorithm: Algorithm,
    ) -> Result<UploadId> {
        let id = UploadId::draw(&*self.inner.ids);
        self.admit(client, id).await?;
        let session = self.new_session(repository, owner, algorithm).await?;
        let written = self
            .put(&layout::upload(&id), &session, Condition::Absent)
            .await;
        match written {
            Ok(Outcome::Applied(_)) => Ok(id),
            // A random key is nobody else's: only a lost answer can look like a conflict.
            Ok(Outcome::Conflict | Outcome::Unknown) => {
                self.inner.open_uploads.closed(id);
                Err(Self::contended(&layout::upload(&id)))
            }
            Err(error) => {
                self.inner.open_uploads.closed(id);
                Err(error)
            }
        }
    }

    pub(crate) async fn new_session(
        &self,
        repository: &RepositoryName,
        owner: &str,
        algorithm: Algorithm,
    ) -> Result<SessionRecord> {
        Ok(SessionRecord {
            repository: repository.clone(),
            owner: owner.to_owned(),
            algorithm,
            epoch: 0,
            state: SessionState::Open,
            staged: Staged::default(),
            created: self.inner.records.now().await?,
            nonce: self.nonce(),
        })
    }

    /// Counts a session for its client, or refuses it.
    pub(crate) async fn admit(&self, client: &str, id: UploadId) -> Result<()> {
        let now = self.inner.clock.monotonic();
        let uploads = &self.inner.open_uploads;
        let refused = || RegistryError::TooManyUploads {
            limit: self.inner.settings.uploads_per_client,
        };
        match uploads.admit(client, id, now) {
            Admission::Admitted => return Ok(()),
            Admission::Refused => return Err(refused()),
            Admission::LookUp(ids) => {
                // Sessions that another replica finished, or that expired, still count here.
                for id in ids {
                    let seen = self.read::<SessionRecord>(&layout::upload(&id)).await?;
                    if !seen
                        .record
                        .is_some_and(|session| session.state == SessionState::Open)
                    {
                        uploads.closed(id);
                    }
                }
            }
        }
        match uploads.admit(client, id, now) {
            Admission::Admitted => Ok(()),
            Admission::Refused | Admission::LookUp(_) => Err(refused()),
        }
    }

    /// Returns how many bytes a session holds.
    ///
    /// # Errors
    /// `UploadUnknown`, `Storage`.
    pub async fn upload_status(
        &self,
        repository: &RepositoryName,
        owner: &str,
        id: UploadId,
    ) -> Result<u64> {
        Ok(self
            .find_open(repository, owner, id)
            .await?
            .session
            .offset())
    }

    /// Ends a session and frees what it holds.
    ///
    /// # Errors
    /// `UploadUnknown`, `Storage`, `Contended`.
    pub async fn upload_cancel(
        &self,
        repository: &RepositoryName,
        owner: &str,
        id: UploadId,
    ) -> Result<()> {
        for _ in 0..ROUNDS {
            let found = self.find_open(repository, owner, id).await?;
            if self.discard(id, found.session, found.version).await? {
                return Ok(());
            }
        }
        Err(Self::contended(&layout::upload(&id)))
    }

    /// Returns how many sessions were opened here and not yet seen to end, for a metric.
    #[must_use]
    pub fn open_uploads(&self) -> usize {
        self.inner.open_uploads.total()
    }

    /// Finds a session that takes bytes.
    pub(crate) async fn find_open(
        &self,
        repository: &RepositoryName,
        owner: &str,
        id: UploadId,
    ) -> Result<Found> {
        let seen = self.find(repository, owner, id).await?;
        match seen.record {
            Some(session) if session.state == SessionState::Open => Ok(Found {
                session,
                version: seen.version,
            }),
            _ => Err(RegistryError::UploadUnknown),
        }
    }

    /// Finds a session of this repository and owner that has not expired, in any state.
    pub(crate) async fn find(
        &self,
        repository: &RepositoryName,
        owner: &str,
        id: UploadId,
    ) -> Result<Seen<SessionRecord>> {
        let mut seen = self.read::<SessionRecord>(&layout::upload(&id)).await?;
        let now = self.inner.records.now().await?;
        let idle = now.since(seen.modified);
        seen.record = seen.record.filter(|session| {
            session.repository == *repository
                && session.owner == owner
                && idle < self.inner.settings.session_idle
        });
        Ok(seen)
    }

    /// Ends a session: claims it by compare-and-set, then frees its bytes, then removes it.
    /// `false` when somebody else changed it meanwhile.
    pub(crate) async fn discard(
        &self,
        id: UploadId,
        session: SessionRecord,
        version: Version,
    ) -> Result<bool> {
        let key = layout::upload(&id);
        let upload = session.staged.upload.clone();
        let aborted = SessionRecord {
            state: SessionState::Aborted,
            staged: Staged {
                upload: upload.clone(),
                ..Staged::default()
            },
            nonce: self.nonce(),
            ..session
        };
        let version = match self
            .put(&key, &aborted, Condition::Matches(version))
            .await?
        {
            Outcome::Applied(version) => version,
            Outcome::Conflict | Outcome::Unknown => return Ok(false),
        };
        self.inner.open_uploads.closed(id);
        let freed = self.free(id, upload, version).await;
        if let Err(error) = freed {
            // The session is ended all the same; the sweeper frees what is left.
            warn!(upload = %id, %error, "failed to free an ended upload session");
        }
        Ok(true)
    }

    /// Frees the bytes of an aborted session and removes its record.
    pub(crate) async fn free(
        &self,
        id: UploadId,
        upload: Option<roadstead_storage::UploadState>,
        version: Version,
    ) -> Result<()> {
        if let Some(state) = upload {
            let key = state.key.clone();
            self.inner.data.abort(Upload::resume(state)).await?;
            self.inner.data.delete(&key).await?;
        }
        let _ = self
            .remove(&layout::upload(&id), Condition::Matches(version))
            .await?;
        Ok(())
    }
}
