//! DELETE of a manifest, and what a push does that meets an unfinished one.
//!
//! The record is marked first, still readable. Then every tag of the reverse index and the referrer
//! entry loses the marked generation, or is fenced: its version changes, so that a push which looked
//! at the manifest before the mark can no longer set it. Only then does the record go, and not before
//! its bytes are retained (`manifest/removed.rs`): whoever goes on with a deletion that another left
//! in the middle writes them again.

use crate::record::{Encoded, EndedBy, ManifestRecord, ManifestState, ReferrerRecord, TagRecord};
use crate::registry::{ROUNDS, Registry};
use crate::{Generation, Result, YOUNG, layout};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use roadstead_oci::{Digest, RepositoryName, Tag};
use roadstead_storage::{Condition, Outcome, Version};

/// Reverse entries looked at in one listing.
const PAGE: usize = 1000;
/// Tags released at once.
const AT_ONCE: usize = 16;

/// A record as it is stored: a fence writes the same bytes again.
struct Stored<R> {
    record: Option<(R, Bytes)>,
    version: Version,
}

/// The generation whose names are released.
struct Released<'a> {
    repository: &'a RepositoryName,
    digest: &'a Digest,
    generation: Generation,
    by: &'a str,
}

impl Registry {
    /// Deletes a manifest with all tags that name it and its referrer entry. What refers to it or
    /// lists it stays.
    ///
    /// # Errors
    /// `ManifestUnknown` when it is not there, also when it is deleted a second time;
    /// `NameUnknown`, `Contended`, `Storage`.
    pub async fn manifest_delete(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        by: &str,
    ) -> Result<()> {
        let key = layout::manifest(repository, digest);
        // The generation that this request saw first. Another one is another push's, and stays.
        let mut first: Option<Generation> = None;
        for _ in 0..ROUNDS {
            let seen = self.read::<ManifestRecord>(&key).await?;
            let same = seen
                .record
                .filter(|record| first.is_none_or(|first| first == record.generation));
            let Some(record) = same else {
                return self.deleted(first, repository, digest).await;
            };
            match record.state {
                ManifestState::Live | ManifestState::Condemned => {
                    first = Some(record.generation);
                    let marked = ManifestRecord {
                        state: ManifestState::Deleting,
                        nonce: self.nonce(),
                        ..record
                    };
                    let condition = Condition::Matches(seen.version);
                    // Touched, marked by another, or the answer lost: the record tells.
                    if let Outcome::Applied(version) = self.put(&key, &marked, condition).await? {
                        self.release_and_retain(repository, digest, &marked, by)
                            .await?;
                        return self.remove_deleting(&key, &marked, version).await;
                    }
                }
                ManifestState::Deleting => {
                    self.release_and_retain(repository, digest, &record, by)
                        .await?;
                    return self.remove_deleting(&key, &record, seen.version).await;
                }
                ManifestState::Dead => {
                    self.remove_dead(&key, &record, seen.version).await?;
                    return self.deleted(first, repository, digest).await;
                }
            }
        }
        Err(Self::contended(&key))
    }

    /// Goes on with a delete that whoever began it left behind. Tells whether there was one.
    ///
    /// # Errors
    /// `Contended`, `Storage`.
    pub(crate) async fn finish_delete(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        by: &str,
    ) -> Result<bool> {
        let key = layout::manifest(repository, digest);
        let seen = self.read::<ManifestRecord>(&key).await?;
        let Some(record) = seen.record else {
            return Ok(false);
        };
        match record.state {
            ManifestState::Live | ManifestState::Condemned => return Ok(false),
            ManifestState::Deleting => {
                self.release_and_retain(repository, digest, &record, by)
                    .await?;
                self.remove_deleting(&key, &record, seen.version).await?;
            }
            ManifestState::Dead => self.remove_dead(&key, &record, seen.version).await?,
        }
        Ok(true)
    }

    /// Deletes a condemned manifest as it was read. Tells whether it did: somebody may have brought
    /// it back meanwhile.
    ///
    /// # Errors
    /// `Contended`, `Storage`.
    pub(crate) async fn delete_condemned(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        record: ManifestRecord,
        version: Version,
        by: &str,
    ) -> Result<bool> {
        let key = layout::manifest(repository, digest);
        let marked = ManifestRecord {
            state: ManifestState::Deleting,
            nonce: self.nonce(),
            ..record
        };
        let condition = Condition::Matches(version);
        let Outcome::Applied(version) = self.put(&key, &marked, condition).await? else {
            return Ok(false);
        };
        self.release_and_retain(repository, digest, &marked, by)
            .await?;
        self.remove_deleting(&key, &marked, version).await?;
        Ok(true)
    }

    /// Lists the tags that name a manifest at this moment; none when it is not there.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn manifest_tags(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<Tag>> {
        let prefix = layout::tagged_all(repository, digest);
        let mut tags = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.inner.records.list(&prefix, after.as_deref(), PAGE);
            let page = page.await?;
            for entry in &page.entries {
                let name = entry.key.strip_prefix(&prefix).unwrap_or_default();
                let Ok(tag) = Tag::parse(name) else { continue };
                // A reverse entry may outlive its tag.
                let key = layout::tag(repository, &tag);
                let named = self.read::<TagRecord>(&key).await?.record;
                if named.is_some_and(|value| value.digest == *digest) {
                    tags.push(tag);
                }
            }
            if !page.more {
                return Ok(tags);
            }
            after = page.entries.last().map(|entry| entry.key.clone());
        }
    }

    /// The answer when the manifest is not there (any more): whoever removed the generation that
    /// this request saw, it is gone as asked.
    async fn deleted(
        &self,
        seen: Option<Generation>,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<()> {
        match seen {
            Some(_) => Ok(()),
            None => Err(self.manifest_unknown(repository, digest).await),
        }
    }

    /// Does all that comes before a `deleting` record may go.
    async fn release_and_retain(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        record: &ManifestRecord,
        by: &str,
    ) -> Result<()> {
        futures::try_join!(
            self.release_names(repository, digest, record, by),
            self.retain(repository, digest, record, by),
        )?;
        Ok(())
    }

    /// Takes every name from the generation of a `deleting` record.
    pub(super) async fn release_names(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        record: &ManifestRecord,
        by: &str,
    ) -> Result<()> {
        debug_assert_eq!(record.state, ManifestState::Deleting);
        let released = Released {
            repository,
            digest,
            generation: record.generation,
            by,
        };
        futures::try_join!(
            self.release_tags(&released),
            self.release_referrer(&released, record.subject.as_ref()),
        )?;
        Ok(())
    }

    async fn release_tags(&self, released: &Released<'_>) -> Result<()> {
        let prefix = layout::tagged_all(released.repository, released.digest);
        let mut after: Option<String> = None;
        loop {
            let page = self.inner.records.list(&prefix, after.as_deref(), PAGE);
            let page = page.await?;
            let now = self.inner.records.now().await?;
            let mut releasing = Vec::with_capacity(page.entries.len());
            for entry in &page.entries {
                let name = entry.key.strip_prefix(&prefix).unwrap_or_default();
                // What is no tag was never set.
                let Ok(tag) = Tag::parse(name) else { continue };
                // A tag is sent within D of its reverse entry and lands within R of that: behind an
                // older entry nothing is under way. One that is put after this listing belongs to
                // a push that finds the record marked.
                let is_young = now.since(entry.modified) < YOUNG;
                releasing.push(self.release_tag(released, tag, is_young));
            }
            stream::iter(releasing)
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>()
                .await?;
            if !page.more {
                return Ok(());
            }
            after = page.entries.last().map(|entry| entry.key.clone());
        }
    }

    async fn release_tag(&self, released: &Released<'_>, tag: Tag, is_young: bool) -> Result<()> {
        let key = layout::tag(released.repository, &tag);
        for _ in 0..ROUNDS {
            let stored = self.read_stored::<TagRecord>(&key).await?;
            let named = stored.record.as_ref().map(|(value, _)| value);
            if let Some(value) = named.filter(|value| released.is_named_by(value)) {
                let past = self.remember(released.repository, &tag, value).await?;
                let condition = Condition::Matches(stored.version);
                if let Outcome::Applied(_) = self.remove(&key, condition).await? {
                    self.note_ending(past, EndedBy::Deleted, released.by);
                    return Ok(());
                }
            } else if !is_young {
                return Ok(());
            } else if let Outcome::Applied(_) = self.fence(&key, stored).await? {
                return Ok(());
            }
            // Somebody wrote the tag, or an answer was lost: look again.
        }
        Err(Self::contended(&key))
    }

    /// Nothing tells how young the push of a referrer entry is, so it is always fenced.
    async fn release_referrer(
        &self,
        released: &Released<'_>,
        subject: Option<&Digest>,
    ) -> Result<()> {
        let Some(subject) = subject else {
            return Ok(());
        };
        let key = layout::referrer(released.repository, subject, released.digest);
        for _ in 0..ROUNDS {
            let stored = self.read_stored::<ReferrerRecord>(&key).await?;
            let is_own = stored
                .record
                .as_ref()
                .is_some_and(|(entry, _)| entry.generation == released.generation);
            let outcome = if is_own {
                self.remove(&key, Condition::Matches(stored.version))
                    .await?
            } else {
                self.fence(&key, stored).await?
            };
            if let Outcome::Applied(_) = outcome {
                return Ok(());
            }
        }
        Err(Self::contended(&key))
    }

    /// Changes the version of what a key holds, be it absence, and nothing else.
    async fn fence<R>(&self, key: &str, stored: Stored<R>) -> Result<Outcome> {
        let condition = Condition::Matches(stored.version);
        match stored.record {
            Some((_, bytes)) => self.put_bytes(key, bytes, condition).await,
            None => self.remove(key, condition).await,
        }
    }

    async fn read_stored<R: Encoded>(&self, key: &str) -> Result<Stored<R>> {
        let read = self.inner.records.get(key).await?;
        let record = match read.record {
            Some(record) => Some((R::decode(key, &record.bytes)?, record.bytes)),
            None => None,
        };
        Ok(Stored {
            record,
            version: read.version,
        })
    }

    /// Removes a `deleting` record that nothing names any more, with its data if it has any.
    async fn remove_deleting(
        &self,
        key: &str,
        record: &ManifestRecord,
        version: Version,
    ) -> Result<()> {
        if record.content.data().is_none() {
            // A conflict or a lost answer means that another deleter, or a push that made the next
            // generation, was here: this generation is gone in any case.
            let _ = self.remove(key, Condition::Matches(version)).await?;
            return Ok(());
        }
        if let Outcome::Applied(version) = self.mark_dead(key, record, version).await? {
            return self.remove_dead(key, record, version).await;
        }
        let seen = self.read::<ManifestRecord>(key).await?;
        match seen.record {
            Some(dead)
                if dead.state == ManifestState::Dead && dead.generation == record.generation =>
            {
                self.remove_dead(key, &dead, seen.version).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Deletes the data of a dead record, then the record. Who meets the record before may do the
    /// same: the data's key belongs to this generation alone.
    async fn remove_dead(
        &self,
        key: &str,
        record: &ManifestRecord,
        version: Version,
    ) -> Result<()> {
        if let Some(data) = record.content.data() {
            self.inner.data.delete(&data.key).await?;
        }
        let _ = self.remove(key, Condition::Matches(version)).await?;
        Ok(())
    }
}

impl Released<'_> {
    fn is_named_by(&self, value: &TagRecord) -> bool {
        value.digest == *self.digest && value.generation == self.generation
    }
}
