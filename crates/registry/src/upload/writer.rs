//! `UploadWriter`: takes the bytes of one request, hashes them as they come and keeps them.

use crate::record::{SessionRecord, SessionState, Staged};
use crate::registry::Registry;
use crate::{INLINE_BLOB_BYTES, RegistryError, Result, UploadId, layout};
use bytes::{Bytes, BytesMut};
use roadstead_oci::{Digest, Hasher};
use roadstead_storage::{Condition, Kind, Outcome, StorageError, Upload, UploadHint, Version};
use std::time::Duration;
use tracing::debug;

/// Small content on its way into a record.
pub(super) type Bytes32 = BytesMut;

/// Where the bytes go.
pub(super) enum Sink {
    /// Into the session record, while they are few.
    Inline(Bytes32),
    /// Into the data store.
    Data(Upload),
}

/// What the request wants of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// More bytes, kept as they come.
    Append,
    /// The last bytes; they count only if the whole hashes to this digest.
    Close(Digest),
}

/// A request's hold on a session.
pub(super) struct Live {
    pub(super) registry: Registry,
    pub(super) id: UploadId,
    /// Whom a session that is not yet stored will be counted for.
    pub(super) client: Option<String>,
    /// The session as it is stored.
    pub(super) session: SessionRecord,
    /// The stored record's version; `None` while it is not stored.
    pub(super) version: Option<Version>,
    pub(super) hasher: Hasher,
    pub(super) sink: Sink,
    pub(super) purpose: Purpose,
    /// Whether nothing of this request may be kept before its end.
    pub(super) holds_back: bool,
    /// When the session was about to be read, by this replica's monotonic clock.
    pub(super) since: Duration,
    /// Bytes of this request.
    pub(super) written: u64,
    /// Bytes since the last checkpoint.
    pub(super) unsaved: u64,
    /// What the data store was given and has perhaps not taken to its end: a request may be
    /// dropped while it waits for that.
    pub(super) taking: Bytes,
}

/// Takes the bytes of one PATCH, PUT or POST.
///
/// Dropped without an ending, it keeps what arrived (PATCH), leaves the session as it was before the
/// request (PUT), or ends the session that nobody knows of (POST): the client went away.
pub struct UploadWriter {
    live: Option<Box<Live>>,
}

impl UploadWriter {
    pub(super) fn new(live: Live) -> Self {
        Self {
            live: Some(Box::new(live)),
        }
    }

    /// Returns how many bytes this request brought so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.live.as_ref().map_or(0, |live| live.written)
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// `BlobTooLarge`, which ends the session; `UploadOutOfOrder` when another request went on with
    /// the session; `Storage`.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let Some(live) = &mut self.live else {
            return Err(RegistryError::UploadUnknown);
        };
        let limit = live.registry.inner.settings.blob_bytes;
        if live.hasher.offset().saturating_add(bytes.len() as u64) > limit {
            let live = self.take()?;
            let error = live.registry.too_large();
            live.give_up().await?;
            return Err(error);
        }
        live.write(bytes).await
    }

    /// Ends a PATCH: everything that arrived can be gone on with after a crash. Returns the offset.
    ///
    /// # Errors
    /// `UploadOutOfOrder` when another request went on with the session; `Storage`.
    pub async fn suspend(mut self) -> Result<u64> {
        let mut live = self.take()?;
        live.save().await?;
        Ok(live.session.offset())
    }

    /// Ends a request whose client went away.
    pub async fn interrupt(mut self) {
        if let Some(live) = self.live.take() {
            live.interrupted().await;
        }
    }

    /// Ends a request as if it had never been. Returns the offset before it.
    ///
    /// # Errors
    /// `UploadUnknown` when an earlier write ended the session.
    pub fn roll_back(mut self) -> Result<u64> {
        Ok(self.take()?.session.offset())
    }

    /// Ends a PUT or POST: the content is registered under its digest and readable.
    ///
    /// # Errors
    /// `DigestMismatch`, which ends the session; `UploadUnknown`, `UploadOutOfOrder` when another
    /// request ended it or went on with it; `Storage`.
    pub async fn commit(mut self) -> Result<()> {
        self.take()?.commit().await
    }

    fn take(&mut self) -> Result<Live> {
        self.live
            .take()
            .map(|live| *live)
            .ok_or(RegistryError::UploadUnknown)
    }
}

impl Drop for UploadWriter {
    fn drop(&mut self) {
        if let Some(live) = self.live.take()
            && (live.written > 0 || live.is_private())
        {
            let background = live.registry.inner.background.clone();
            background.spawn(live.interrupted());
        }
    }
}

impl Live {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let length = bytes.len();
        if let Sink::Inline(held) = &mut self.sink {
            if held.len() + length <= INLINE_BLOB_BYTES {
                held.extend_from_slice(&bytes);
                self.hasher.update(&bytes);
                self.written += length as u64;
                return Ok(());
            }
            self.stage_as_data(UploadHint::default()).await?;
        }
        let Sink::Data(upload) = &mut self.sink else {
            unreachable!("the bytes were just staged as data")
        };
        // Hashed only once it is taken: a request dropped in between must not leave a hash that
        // is ahead of the data.
        self.taking = bytes.clone();
        if let Err(error) = self.registry.inner.data.append(upload, bytes.clone()).await {
            return Err(self.registry.explain(self.id, error).await);
        }
        self.taking = Bytes::new();
        self.hasher.update(&bytes);
        self.written += length as u64;
        self.unsaved += length as u64;
        if !self.holds_back && self.unsaved >= self.registry.inner.settings.checkpoint_bytes {
            self.save().await?;
        }
        Ok(())
    }

    /// Goes over to the data store: the session names the data upload and this writer's epoch
    /// before a byte is sent, so that no data is without an owner and older writers are fenced off.
    pub(super) async fn stage_as_data(&mut self, hint: UploadHint) -> Result<()> {
        let data = self.registry.inner.data.clone();
        let mut upload = match &self.session.staged.upload {
            Some(state) => Upload::resume(state.clone()),
            None => data.begin(hint).await?,
        };
        data.reserve(&mut upload);
        let mut session = self.session.clone();
        session.epoch += 1;
        session.staged.upload = Some(upload.state().clone());
        self.store(session).await?;
        if let Sink::Inline(held) = std::mem::replace(&mut self.sink, Sink::Data(upload))
            && !held.is_empty()
            && let Sink::Data(upload) = &mut self.sink
            && let Err(error) = data.append(upload, held.freeze()).await
        {
            return Err(self.registry.explain(self.id, error).await);
        }
        Ok(())
    }

    /// Writes the session record on the version last seen.
    pub(super) async fn store(&mut self, mut session: SessionRecord) -> Result<()> {
        session.nonce = self.registry.nonce();
        let key = layout::upload(&self.id);
        let condition = if let Some(version) = &self.version {
            Condition::Matches(version.clone())
        } else {
            if let Some(client) = &self.client {
                self.registry.admit(client, self.id).await?;
            }
            Condition::Absent
        };
        match self.registry.put(&key, &session, condition).await? {
            Outcome::Applied(version) => {
                self.version = Some(version);
                self.session = session;
                Ok(())
            }
            Outcome::Conflict => Err(self.registry.overtaken(self.id).await),
            // An answer was lost: ours if it still stands, else somebody went on.
            Outcome::Unknown => {
                let seen = self.registry.read::<SessionRecord>(&key).await?;
                if seen
                    .record
                    .is_some_and(|there| there.nonce == session.nonce)
                {
                    self.version = Some(seen.version);
                    self.session = session;
                    return Ok(());
                }
                Err(self.registry.overtaken(self.id).await)
            }
        }
    }

    /// Makes everything that arrived resumable.
    async fn save(&mut self) -> Result<()> {
        let mut session = self.session.clone();
        match &mut self.sink {
            Sink::Inline(held) => {
                if self.written == 0 && self.version.is_some() {
                    return Ok(());
                }
                session.staged.head = Bytes::copy_from_slice(held);
            }
            Sink::Data(upload) => {
                if let Err(error) = self.registry.inner.data.checkpoint(upload).await {
                    return Err(self.registry.explain(self.id, error).await);
                }
                let ahead = upload.state().length.checked_sub(self.hasher.offset());
                let ahead = ahead.and_then(|ahead| usize::try_from(ahead).ok());
                let Some(taken) = ahead.and_then(|ahead| self.taking.get(..ahead)) else {
                    return Err(RegistryError::UploadUnknown);
                };
                self.hasher.update(taken);
                self.taking = Bytes::new();
                session.staged = Staged {
                    head: Bytes::new(),
                    upload: Some(upload.state().clone()),
                    midstate: Some(self.hasher.midstate()),
                };
            }
        }
        self.store(session).await?;
        self.unsaved = 0;
        Ok(())
    }

    /// Tells whether nobody was told of the session: POST with a digest begins one for itself.
    fn is_private(&self) -> bool {
        self.client.is_some()
    }

    async fn interrupted(mut self) {
        if self.is_private() {
            let id = self.id;
            if let Err(error) = self.give_up().await {
                debug!(upload = %id, %error, "failed to end the session of a push that broke off");
            }
            return;
        }
        if self.holds_back {
            return;
        }
        if let Err(error) = self.save().await {
            debug!(upload = %self.id, %error, "an interrupted request left nothing to go on with");
        }
    }

    /// Ends the session, whatever it holds.
    pub(super) async fn give_up(self) -> Result<()> {
        let Some(version) = self.version else {
            return Ok(());
        };
        drop(self.sink);
        self.registry
            .discard(self.id, self.session, version)
            .await?;
        Ok(())
    }
}

impl Registry {
    /// Tells a writer that was overtaken from one whose store failed.
    pub(super) async fn explain(&self, id: UploadId, error: StorageError) -> RegistryError {
        match error.kind() {
            Kind::Superseded => self.overtaken(id).await,
            // Another request finished or ended the session.
            Kind::NotFound => RegistryError::UploadUnknown,
            _ => RegistryError::Storage(error),
        }
    }

    /// Returns the error of a writer whose session somebody else changed.
    pub(super) async fn overtaken(&self, id: UploadId) -> RegistryError {
        match self.read::<SessionRecord>(&layout::upload(&id)).await {
            Ok(seen) => match seen.record {
                Some(session) if session.state == SessionState::Open => {
                    RegistryError::UploadOutOfOrder {
                        offset: session.offset(),
                    }
                }
                _ => RegistryError::UploadUnknown,
            },
            Err(error) => error,
        }
    }
}
