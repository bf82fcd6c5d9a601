//! Opening a session for a request that brings bytes: checks first, so that a wrong chunk is
//! refused before its body is read.

use super::writer::{Bytes32, Live, Purpose, Sink, UploadWriter};
use crate::record::{SessionRecord, SessionState, Target};
use crate::registry::Registry;
use crate::window::Window;
use crate::{INLINE_BLOB_BYTES, RegistryError, Result, UploadId};
use bytes::Bytes;
use futures::StreamExt;
use roadstead_oci::{Algorithm, Digest, Hasher, RepositoryName};
use roadstead_storage::{Kind, Timestamp, Upload, UploadHint, UploadState, Version};
use std::time::Duration;
use tracing::warn;

/// What a closing PUT finds.
pub enum Closing {
    /// The very same upload was finished before, and its answer may have been lost: 201 again.
    Repeated,
    /// The session takes the last bytes, if any.
    Writer(UploadWriter),
}

/// What a request says of its body before it sends it.
#[derive(Clone, Copy, Debug, Default)]
struct Announced {
    /// Where the body starts, by its `Content-Range`.
    start: Option<u64>,
    /// How long it is, by its `Content-Length`.
    length: Option<u64>,
    /// When the session was about to be read, by this replica's monotonic clock.
    since: Duration,
}

impl Registry {
    /// Opens a session for more bytes: PATCH.
    ///
    /// # Errors
    /// `UploadUnknown`; `UploadOutOfOrder` with the true offset when `start` is another;
    /// `BlobTooLarge`, which also ends the session; `Storage`.
    pub async fn upload_append(
        &self,
        repository: &RepositoryName,
        owner: &str,
        id: UploadId,
        start: Option<u64>,
        length: Option<u64>,
    ) -> Result<UploadWriter> {
        let since = self.inner.clock.monotonic();
        let found = self.find_open(repository, owner, id).await?;
        let announced = Announced {
            start,
            length,
            since,
        };
        let algorithm = found.session.algorithm;
        self.open(
            id,
            found.session,
            found.version,
            algorithm,
            Purpose::Append,
            announced,
        )
        .await
    }

    /// Opens a session for its last bytes: PUT with a digest.
    ///
    /// # Errors
    /// As `upload_append`.
    pub async fn upload_close(
        &self,
        repository: &RepositoryName,
        owner: &str,
        id: UploadId,
        digest: &Digest,
        start: Option<u64>,
        length: Option<u64>,
    ) -> Result<Closing> {
        let since = self.inner.clock.monotonic();
        let seen = self.find(repository, owner, id).await?;
        let Some(session) = seen.record else {
            return Err(RegistryError::UploadUnknown);
        };
        if session.state != SessionState::Open {
            self.join(&session, seen.modified, digest).await?;
            return Ok(Closing::Repeated);
        }
        let purpose = Purpose::Close(digest.clone());
        let announced = Announced {
            start,
            length,
            since,
        };
        let algorithm = digest.algorithm();
        let writer = self
            .open(id, session, seen.version, algorithm, purpose, announced)
            .await?;
        Ok(Closing::Writer(writer))
    }

    /// Joins an upload that another request is finishing, or has finished: within the window that
    /// began with the session's step to `committing`, by the store's clock.
    pub(super) async fn join(
        &self,
        session: &SessionRecord,
        committing_since: Timestamp,
        digest: &Digest,
    ) -> Result<()> {
        if session.state != SessionState::Committing(Target::Blob(digest.clone())) {
            return Err(RegistryError::UploadUnknown);
        }
        let now = self.inner.records.now().await?;
        let window = Window::opened_before(&*self.inner.clock, now.since(committing_since));
        let content = session.staged.content();
        self.register_and_link(&session.repository, digest, &content, window)
            .await
    }

    /// Opens a writer for a whole blob in one request: POST with a digest. Up to
    /// [`INLINE_BLOB_BYTES`] it needs no session.
    ///
    /// # Errors
    /// `BlobTooLarge`, `TooManyUploads`, `Storage`.
    pub async fn blob_push(
        &self,
        repository: &RepositoryName,
        owner: &str,
        client: &str,
        digest: &Digest,
        length: Option<u64>,
    ) -> Result<UploadWriter> {
        if length.is_some_and(|length| length > self.inner.settings.blob_bytes) {
            return Err(self.too_large());
        }
        let id = UploadId::draw(&*self.inner.ids);
        let session = self
            .new_session(repository, owner, digest.algorithm())
            .await?;
        let mut live = Live {
            registry: self.clone(),
            id,
            client: Some(client.to_owned()),
            session,
            version: None,
            hasher: Hasher::new(digest.algorithm()),
            sink: Sink::Inline(Bytes32::new()),
            purpose: Purpose::Close(digest.clone()),
            holds_back: true,
            since: self.inner.clock.monotonic(),
            written: 0,
            unsaved: 0,
            taking: Bytes::new(),
        };
        if length.is_some_and(|length| length > INLINE_BLOB_BYTES as u64) {
            live.stage_as_data(UploadHint { length }).await?;
        }
        Ok(UploadWriter::new(live))
    }

    async fn open(
        &self,
        id: UploadId,
        session: SessionRecord,
        version: Version,
        algorithm: Algorithm,
        purpose: Purpose,
        announced: Announced,
    ) -> Result<UploadWriter> {
        let offset = session.offset();
        if announced.start.is_some_and(|start| start != offset) {
            return Err(RegistryError::UploadOutOfOrder { offset });
        }
        let end = offset.saturating_add(announced.length.unwrap_or(0));
        if end > self.inner.settings.blob_bytes {
            self.discard(id, session, version).await?;
            return Err(self.too_large());
        }
        let Some(hasher) = self.hasher_of(&session, algorithm).await? else {
            self.discard(id, session, version).await?;
            return Err(RegistryError::UploadUnknown);
        };
        let stays_small = session.staged.upload.is_none() && end <= INLINE_BLOB_BYTES as u64;
        let head = Bytes32::from(&session.staged.head[..]);
        let mut live = Live {
            registry: self.clone(),
            id,
            client: None,
            session,
            version: Some(version),
            hasher,
            sink: Sink::Inline(head),
            // A chunk whose span is only known at its end must leave no trace if it is wrong.
            holds_back: announced.start.is_some() && announced.length.is_none()
                || matches!(purpose, Purpose::Close(_)),
            purpose,
            since: announced.since,
            written: 0,
            unsaved: 0,
            taking: Bytes::new(),
        };
        // A PUT without a body finishes what is there: nothing is appended, nobody is fenced off.
        let nothing_comes =
            matches!(live.purpose, Purpose::Close(_)) && announced.length == Some(0);
        if nothing_comes
            && let Some(state) = live.session.staged.upload.clone()
            && live.session.staged.head.is_empty()
        {
            live.sink = Sink::Data(Upload::resume(state));
        } else if !stays_small {
            live.stage_as_data(UploadHint {
                length: announced.length.map(|_| end),
            })
            .await?;
        }
        Ok(UploadWriter::new(live))
    }

    /// Returns a hasher that has seen the session's bytes; `None` when they were lost.
    async fn hasher_of(
        &self,
        session: &SessionRecord,
        algorithm: Algorithm,
    ) -> Result<Option<Hasher>> {
        let staged = &session.staged;
        let Some(upload) = staged.upload.as_ref().filter(|upload| upload.length > 0) else {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(&staged.head);
            return Ok(Some(hasher));
        };
        let resumed = staged.midstate.as_ref().map(Hasher::resume);
        let doubtful = self.inner.data.is_doubtful(upload);
        if let Some(Ok(hasher)) = &resumed
            && hasher.algorithm() == algorithm
            && !doubtful
        {
            return Ok(Some(hasher.clone()));
        }
        // Another algorithm, another version's midstate, or a power cut: the bytes are read once.
        let kept = self.read_back(upload, session.algorithm).await;
        let kept = match kept {
            Ok(hasher) => hasher,
            Err(RegistryError::Storage(error)) if doubtful => {
                warn!(%error, "bytes of an upload session were lost by a restart of the machine");
                return Ok(None);
            }
            Err(error) => return Err(gone(error)),
        };
        let intact = staged.midstate.as_ref() == Some(&kept.midstate());
        if doubtful && !intact {
            warn!(
                upload = upload.key.as_str(),
                "bytes of an upload session were lost by a restart of the machine"
            );
            return Ok(None);
        }
        if session.algorithm == algorithm {
            return Ok(Some(kept));
        }
        let kept = self.read_back(upload, algorithm).await.map_err(gone)?;
        Ok(Some(kept))
    }

    async fn read_back(&self, upload: &UploadState, algorithm: Algorithm) -> Result<Hasher> {
        let mut hasher = Hasher::new(algorithm);
        let mut upload = Upload::resume(upload.clone());
        let mut bytes = self.inner.data.read_back(&mut upload).await?;
        while let Some(block) = bytes.next().await {
            hasher.update(&block?);
        }
        Ok(hasher)
    }

    pub(crate) fn too_large(&self) -> RegistryError {
        RegistryError::BlobTooLarge {
            limit: self.inner.settings.blob_bytes,
        }
    }
}

/// Another request finished or ended a session whose bytes are not there any more, and perhaps its
/// server died before it could say so in the session.
fn gone(error: RegistryError) -> RegistryError {
    match error {
        RegistryError::Storage(error) if error.kind() == Kind::NotFound => {
            RegistryError::UploadUnknown
        }
        other => other,
    }
}
