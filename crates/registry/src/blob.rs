//! Blobs as readers see them: HEAD, GET and DELETE, and what happens to one that rotted.

#[cfg(test)]
mod tests;

use crate::protect::Intent;
use crate::record::{BlobRecord, BlobState, Content, LinkRecord, LinkState};
use crate::registry::{ROUNDS, Registry, Seen};
use crate::window::Window;
use crate::{RegistryError, Result, layout};
use bytes::Bytes;
use roadstead_oci::{Digest, RepositoryName};
use roadstead_storage::{Condition, DataFile, DataRef, DataStream, Kind, Outcome};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tracing::{error, warn};

/// From this many bytes on the kernel sends a file cheaper than we do.
const SENT_AS_FILE_BYTES: u64 = 128 * 1024;

/// Links looked at in one listing.
const PAGE: usize = 1000;

/// What HEAD tells of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobMeta {
    /// Its size in bytes.
    pub size: u64,
}

/// A blob that was found, ready to be read.
pub struct Blob {
    registry: Registry,
    repository: RepositoryName,
    digest: Digest,
    content: Content,
    /// A read of all its bytes that was begun on a guess; what it reads is named beside it.
    begun: Mutex<Option<(DataRef, DataStream)>>,
}

/// Bytes of a blob.
pub enum BlobBody {
    /// All of the range at once; at most [`crate::INLINE_BLOB_BYTES`].
    Inline(Bytes),
    /// Block by block.
    Stream(DataStream),
}

impl Registry {
    /// Answers whether `repository` has a blob, and protects it: the client will skip its upload.
    ///
    /// # Errors
    /// `BlobUnknown`, also for one that rotted: a push heals it. `Storage`, `Contended`.
    pub async fn blob_head(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<BlobMeta> {
        let key = layout::link(repository, digest);
        let Some((link, window)) = self.protect::<LinkRecord>(&key, Intent::Look).await? else {
            return Err(RegistryError::BlobUnknown(digest.clone()));
        };
        let size = link.content.length();
        self.inner
            .protected
            .insert(repository, digest, size, window);
        Ok(BlobMeta { size })
    }

    /// Finds a blob for reading. One storage call.
    ///
    /// # Errors
    /// `BlobUnknown`; `BlobRotten` when its bytes failed a verification; `Storage`.
    pub async fn blob_open(&self, repository: &RepositoryName, digest: &Digest) -> Result<Blob> {
        let seen = self.read(&layout::link(repository, digest)).await?;
        self.blob_of(repository, digest, seen).await
    }

    /// Finds a blob that will most likely be read whole. Where a read waits for another machine and
    /// this replica has an idea where the bytes are, they are asked for together with the link, which
    /// alone decides; that is a storage call more where the idea was wrong.
    ///
    /// # Errors
    /// As `blob_open`.
    pub async fn blob_open_whole(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Blob> {
        let Some(guess) = self.inner.locations.guess(repository, digest) else {
            return self.blob_open(repository, digest).await;
        };
        let key = layout::link(repository, digest);
        // What goes wrong with a guess is met again, and told, by a read that is none.
        let bytes = async { self.inner.data.read(&guess.key, 0..guess.length).await.ok() };
        let (seen, bytes) = tokio::join!(self.read(&key), bytes);
        let mut blob = self.blob_of(repository, digest, seen?).await?;
        if blob.content.data() == Some(&guess) {
            blob.begun = Mutex::new(bytes.map(|stream| (guess, stream)));
        }
        Ok(blob)
    }

    async fn blob_of(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        seen: Seen<LinkRecord>,
    ) -> Result<Blob> {
        let content = match seen.record.map(|link| (link.state, link.content)) {
            Some((LinkState::Live | LinkState::Condemned, content)) => content,
            Some((LinkState::Rotten, content)) => {
                self.healed(repository, digest, content.data()).await?
            }
            Some((LinkState::Hidden | LinkState::Dead, _)) | None => {
                self.inner.locations.forget(repository, digest);
                return Err(RegistryError::BlobUnknown(digest.clone()));
            }
        };
        self.note_location(repository, digest, &content);
        Ok(Blob {
            registry: self.clone(),
            repository: repository.clone(),
            digest: digest.clone(),
            content,
            begun: Mutex::default(),
        })
    }

    /// Takes a blob out of `repository`: hidden at once, gone for the collector to decide.
    ///
    /// # Errors
    /// `BlobUnknown`, `Storage`, `Contended`.
    pub async fn blob_delete(&self, repository: &RepositoryName, digest: &Digest) -> Result<()> {
        let key = layout::link(repository, digest);
        let (mut sent, mut is_listed) = (false, false);
        for _ in 0..ROUNDS {
            let seen = self.read::<LinkRecord>(&key).await?;
            let present = seen.record.filter(|link| {
                matches!(
                    link.state,
                    LinkState::Live | LinkState::Condemned | LinkState::Rotten
                )
            });
            let Some(link) = present else {
                // After a lost answer, absence may be our own doing.
                return if sent {
                    Ok(())
                } else {
                    Err(RegistryError::BlobUnknown(digest.clone()))
                };
            };
            if !is_listed {
                self.list_hidden(&key, link.content.length()).await?;
                is_listed = true;
            }
            self.forget_link(repository, digest);
            let hidden = LinkRecord {
                state: LinkState::Hidden,
                nonce: self.nonce(),
                ..link
            };
            match self
                .put(&key, &hidden, Condition::Matches(seen.version))
                .await?
            {
                Outcome::Applied(_) => {
                    self.forget_link(repository, digest);
                    return Ok(());
                }
                Outcome::Conflict => {}
                Outcome::Unknown => sent = true,
            }
        }
        Err(Self::contended(&key))
    }

    /// Marks a blob whose stored bytes are not its own, so that no replica serves or counts on them.
    pub(crate) async fn quarantine(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        data: &DataRef,
    ) {
        error!(%repository, %digest, data = data.key.as_str(), "stored content of blob {digest} is damaged; it is quarantined until it is pushed again");
        self.forget_link(repository, digest);
        let marked = self.mark_rotten(digest, data).await;
        let linked = self
            .change::<LinkRecord>(&layout::link(repository, digest), |link| {
                let alive = matches!(link.state, LinkState::Live | LinkState::Condemned);
                (alive && link.content.data() == Some(data)).then(|| LinkRecord {
                    state: LinkState::Rotten,
                    nonce: self.nonce(),
                    ..link
                })
            })
            .await;
        // A HEAD that looked before the mark may have vouched for the blob meanwhile.
        self.forget_link(repository, digest);
        if let Err(error) = marked.and(linked) {
            warn!(%digest, %error, "failed to mark blob {digest} as damaged");
        }
    }

    /// The same for every repository that sees the blob: who found out is nobody's reader.
    pub(crate) async fn quarantine_everywhere(
        &self,
        digest: &Digest,
        data: &DataRef,
    ) -> Result<()> {
        let prefix = layout::links_of(digest);
        let mut after: Option<String> = None;
        loop {
            let page = self.inner.records.list(&prefix, after.as_deref(), PAGE);
            let page = page.await?;
            for entry in &page.entries {
                if let Some(repository) = layout::repository_of_link(&entry.key) {
                    self.quarantine(&repository, digest, data).await;
                }
            }
            if !page.more {
                break;
            }
            after = page.entries.last().map(|entry| entry.key.clone());
        }
        // Also where no repository sees it any more.
        self.mark_rotten(digest, data).await
    }

    async fn mark_rotten(&self, digest: &Digest, data: &DataRef) -> Result<()> {
        let key = layout::blob(digest);
        let marking = self.change::<BlobRecord>(&key, |blob| {
            let alive = matches!(blob.state, BlobState::Live | BlobState::Condemned);
            (alive && blob.content.data() == Some(data)).then(|| BlobRecord {
                state: BlobState::Rotten,
                nonce: self.nonce(),
                ..blob
            })
        });
        marking.await
    }

    fn forget_link(&self, repository: &RepositoryName, digest: &Digest) {
        let now = Window::open(&*self.inner.clock);
        self.inner.protected.forget(repository, digest, now);
    }

    /// Returns the content of a digest whose link names damaged data, if a later push brought
    /// good bytes, and mends the link.
    async fn healed(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        damaged: Option<&DataRef>,
    ) -> Result<Content> {
        let rotten = || RegistryError::BlobRotten(digest.clone());
        let key = layout::blob(digest);
        let (blob, window) = self
            .protect::<BlobRecord>(&key, Intent::Use)
            .await?
            .ok_or_else(rotten)?;
        if blob.content.data() == damaged {
            return Err(rotten());
        }
        self.put_link(repository, digest, &blob.content, window)
            .await?;
        Ok(blob.content)
    }

    /// Changes a record by compare-and-set until `change` has nothing to do.
    async fn change<R: crate::record::Encoded>(
        &self,
        key: &str,
        change: impl Fn(R) -> Option<R>,
    ) -> Result<()> {
        for _ in 0..ROUNDS {
            let seen = self.read::<R>(key).await?;
            let Some(next) = seen.record.and_then(&change) else {
                return Ok(());
            };
            if let Outcome::Applied(_) = self
                .put(key, &next, Condition::Matches(seen.version))
                .await?
            {
                return Ok(());
            }
        }
        Err(Self::contended(key))
    }
}

impl Blob {
    /// Returns the blob's size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.content.length()
    }

    /// Reads bytes `range`, which lies within the blob.
    ///
    /// # Errors
    /// `BlobRotten` when the data is missing or too short and no later push brought it again;
    /// `Storage`. The stream's errors are storage errors; `Corrupt` when the content does not hash
    /// to its digest, in place of the last block.
    pub async fn read(&self, range: Range<u64>) -> Result<BlobBody> {
        match self.read_once(&self.content, range.clone()).await {
            Err(RegistryError::Storage(error))
                if matches!(error.kind(), Kind::NotFound | Kind::Corrupt) =>
            {
                let damaged = self.content.data();
                if let Some(data) = damaged {
                    self.registry
                        .quarantine(&self.repository, &self.digest, data)
                        .await;
                }
                let content = self
                    .registry
                    .healed(&self.repository, &self.digest, damaged)
                    .await?;
                self.read_once(&content, range).await
            }
            other => other,
        }
    }

    /// Opens the blob as a file, so that the kernel can send bytes `range` of it; `None` where that
    /// cannot be, or would cost more than [`Blob::read`], or when the content is to be hashed.
    ///
    /// # Errors
    /// `Storage`; a file that is missing or short is left for `read` to find.
    pub async fn open_file(&self, range: &Range<u64>) -> Result<Option<DataFile>> {
        let Content::Data(data) = &self.content else {
            return Ok(None);
        };
        let is_whole = *range == (0..data.length);
        let is_due = is_whole && self.registry.inner.verifications.is_due(&data.key);
        if is_due || range.end.saturating_sub(range.start) < SENT_AS_FILE_BYTES {
            return Ok(None);
        }
        match self.registry.inner.data.open(&data.key, data.length).await {
            Ok(file) => Ok(file),
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Corrupt) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns an address that anybody can read the blob's stored bytes at until `lifetime` is over;
    /// `None` for content that is in its record and where the store has no addresses. Nothing is
    /// read, so that a blob whose data is damaged has an address, too.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn address(&self, lifetime: Duration) -> Result<Option<String>> {
        let Content::Data(data) = &self.content else {
            return Ok(None);
        };
        let Some(store) = self.registry.inner.data.as_presign() else {
            return Ok(None);
        };
        Ok(Some(store.presign(&data.key, lifetime).await?))
    }

    /// Takes the read that was begun on a guess, if it is one of `data`.
    fn take_begun(&self, data: &DataRef) -> Option<DataStream> {
        let begun = self
            .begun
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        begun
            .filter(|(guess, _)| guess == data)
            .map(|(_, stream)| stream)
    }

    async fn read_once(&self, content: &Content, range: Range<u64>) -> Result<BlobBody> {
        let data = match content {
            Content::Inline(bytes) => {
                let clamp = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                return Ok(BlobBody::Inline(
                    bytes.slice(clamp(range.start)..clamp(range.end)),
                ));
            }
            Content::Data(data) => data,
        };
        let is_whole = range == (0..data.length);
        let stream = match self.take_begun(data).filter(|_| is_whole) {
            Some(begun) => begun,
            None => self.registry.inner.data.read(&data.key, range).await?,
        };
        if is_whole {
            return Ok(BlobBody::Stream(self.registry.verifying(
                stream,
                &self.repository,
                &self.digest,
                data,
            )));
        }
        Ok(BlobBody::Stream(stream))
    }
}
