//! PUT of a manifest, in three waves of storage calls, or in one write (`at_once`) where the store
//! can do that.
//!
//! 1. what it names is protected, the reverse entries of its tags are put, tags are read;
//! 2. its record is made live, the values that the tags are about to lose go into the history;
//! 3. tags and referrer entry are set by compare-and-set on what was read, the catalog is told.
//!
//! The order is what keeps every tag readable at every moment: a deleter marks the record before it
//! looks at the tags, so a push either sees the mark or has its tag found (`docs/storage.md`).

use super::accepted::Accepted;
use super::live::{Attempt, Made, Naming};
use super::references::{AT_ONCE, References};
use super::staged::StagedManifest;
use crate::record::{ReferrerRecord, TaggedRecord};
use crate::registry::{ROUNDS, Registry, Seen};
use crate::tag::TagBefore;
use crate::window::Window;
use crate::{RegistryError, Result, layout};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use roadstead_oci::{Algorithm, Digest, Manifest, ManifestError, Reference, RepositoryName, Tag};
use roadstead_storage::{Condition, Outcome};

/// A manifest as a client sends it.
#[derive(Clone, Debug)]
pub struct ManifestPush {
    /// Where it goes.
    pub repository: RepositoryName,
    /// What it is to be found by. A digest must be that of `bytes`.
    pub reference: Reference,
    /// Further tags to set.
    pub tags: Vec<Tag>,
    /// The `Content-Type`, if there was one.
    pub content_type: Option<String>,
    /// The exact bytes, at most [`crate::Settings::manifest_bytes`].
    pub bytes: Bytes,
    /// Of the tags to set, those that keep the digest they have: they may be made, not changed.
    pub kept_tags: Vec<Tag>,
    /// Who pushes.
    pub by: String,
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The digest of the manifest; by tag, its SHA-256.
    pub digest: Digest,
    /// The digest of its `subject`, which is listed as having this referrer now.
    pub subject: Option<Digest>,
    /// The further tags that were set, each once.
    pub tags: Vec<Tag>,
}

impl Registry {
    /// Stores a manifest and sets its tags. The same push again succeeds again.
    ///
    /// # Errors
    /// `ManifestInvalid`, `DigestMismatch`, `ManifestBlobUnknown` with everything that is missing,
    /// `SizeMismatch`, `TagKept`: no record was written but perhaps a stale reverse entry. `Contended`,
    /// `Storage`: nothing is known, and the same push may be sent again.
    pub async fn manifest_put(&self, push: ManifestPush) -> Result<Pushed> {
        let mut further = Vec::with_capacity(push.tags.len());
        for tag in &push.tags {
            if !further.contains(tag) {
                further.push(tag.clone());
            }
        }
        let accepted = self.accept(push, &further)?;
        let mut staged = None;
        let done = self.push_until_done(&accepted, &mut staged).await;
        if let Some(unused) = staged {
            self.drop_staged(unused).await;
        }
        done?;
        Ok(Pushed {
            digest: accepted.digest,
            subject: accepted
                .manifest
                .subject()
                .map(|subject| subject.digest.clone()),
            tags: further,
        })
    }

    /// Checks everything that needs no storage call.
    fn accept(&self, push: ManifestPush, further: &[Tag]) -> Result<Accepted> {
        let limit = self.inner.settings.manifest_bytes;
        if push.bytes.len() > limit {
            let reason = format!("manifest is larger than the limit of {limit} bytes");
            return Err(ManifestError::Invalid { reason }.into());
        }
        let algorithm = push
            .reference
            .digest()
            .map_or(Algorithm::Sha256, Digest::algorithm);
        let digest = Digest::of(algorithm, &push.bytes);
        let mut tags = further.to_vec();
        match push.reference {
            Reference::Digest(expected) if expected != digest => {
                return Err(RegistryError::DigestMismatch {
                    expected: Box::new(expected),
                    actual: Box::new(digest),
                });
            }
            Reference::Digest(_) => {}
            Reference::Tag(tag) if tags.contains(&tag) => {}
            Reference::Tag(tag) => tags.push(tag),
        }
        let manifest = Manifest::parse(&push.bytes, push.content_type.as_deref())?;
        let references = References::of(&manifest, self.inner.settings.sparse);
        Ok(Accepted {
            repository: push.repository,
            digest,
            manifest,
            bytes: push.bytes,
            by: push.by,
            references,
            tags,
            kept_tags: push.kept_tags,
        })
    }

    async fn push_until_done(
        &self,
        accepted: &Accepted,
        staged: &mut Option<StagedManifest>,
    ) -> Result<()> {
        for _ in 0..ROUNDS {
            match self.push_once(accepted, staged).await? {
                Attempt::Done => return Ok(()),
                Attempt::StartOver => {}
            }
        }
        let key = layout::manifest(&accepted.repository, &accepted.digest);
        Err(Self::contended(&key))
    }

    async fn push_once(
        &self,
        accepted: &Accepted,
        staged: &mut Option<StagedManifest>,
    ) -> Result<Attempt> {
        if self.push_at_once(accepted).await? {
            return Ok(Attempt::Done);
        }
        let opened = Window::open(&*self.inner.clock);
        let (protected, tags, referrer) = futures::try_join!(
            self.protect_references(&accepted.repository, &accepted.references),
            self.announce_tags(accepted),
            self.read_referrer(accepted),
        )?;
        for before in &tags {
            accepted.check_kept(before.tag, before.value())?;
        }
        let window = protected.map_or(opened, |protected| protected.min(opened));

        let (made, mut tags) = futures::try_join!(
            self.make_live(accepted, window, staged),
            self.remember_replaced(accepted, tags),
        )?;
        let Made::Live { manifest, released } = made else {
            return Ok(Attempt::StartOver);
        };
        if self.inner.settings.collector.untagged.is_some() {
            self.protect_referrers(&accepted.repository, &accepted.digest)
                .await?;
        }
        let mut referrer = referrer;
        if released {
            for before in &mut tags {
                before.seen = None;
            }
            referrer = None;
        }

        let naming = Naming {
            repository: &accepted.repository,
            digest: &accepted.digest,
            live: &manifest,
            by: &accepted.by,
            kept_tags: &accepted.kept_tags,
        };
        // All three run to their end even when one fails: what was sent is not taken back.
        let (tags, referrer, entered) = futures::join!(
            self.set_tags(&naming, tags),
            self.set_own_referrer(accepted, &naming, referrer),
            self.enter_catalog(&accepted.repository),
        );
        entered?;
        let (tags, referrer) = (tags?, referrer?);
        Ok(tags.and(referrer))
    }

    /// Puts the reverse entries, always and with a new nonce, so that they are young when a deleter
    /// lists them; reads the tags meanwhile.
    async fn announce_tags<'a>(&self, accepted: &'a Accepted) -> Result<Vec<TagBefore<'a>>> {
        let mut announcing = Vec::with_capacity(accepted.tags.len());
        for tag in &accepted.tags {
            announcing.push(self.announce_tag(accepted, tag));
        }
        stream::iter(announcing)
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn announce_tag<'a>(&self, accepted: &Accepted, tag: &'a Tag) -> Result<TagBefore<'a>> {
        let key = layout::tag(&accepted.repository, tag);
        let (seen, ()) = futures::try_join!(
            self.read(&key),
            self.put_reverse_entry(&accepted.repository, &accepted.digest, tag),
        )?;
        Ok(TagBefore {
            tag,
            seen: Some(seen),
            past: None,
        })
    }

    async fn put_reverse_entry(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        tag: &Tag,
    ) -> Result<()> {
        let key = layout::tagged(repository, digest, tag);
        for _ in 0..ROUNDS {
            let nonce = self.nonce();
            match self
                .put(&key, &TaggedRecord { nonce }, Condition::Any)
                .await?
            {
                Outcome::Applied(_) => return Ok(()),
                // What is there now may be older than this push, and so not young enough.
                Outcome::Conflict | Outcome::Unknown => {}
            }
        }
        Err(Self::contended(&key))
    }

    pub(super) async fn read_referrer(
        &self,
        accepted: &Accepted,
    ) -> Result<Option<Seen<ReferrerRecord>>> {
        let Some(subject) = accepted.manifest.subject() else {
            return Ok(None);
        };
        let key = layout::referrer(&accepted.repository, &subject.digest, &accepted.digest);
        self.read(&key).await.map(Some)
    }

    /// Writes the history of the values that tags are about to lose. A tag that names this digest
    /// already most likely keeps its value, so it is left to `set_tag`.
    async fn remember_replaced<'a>(
        &self,
        accepted: &Accepted,
        tags: Vec<TagBefore<'a>>,
    ) -> Result<Vec<TagBefore<'a>>> {
        let mut remembering = Vec::with_capacity(tags.len());
        for before in tags {
            remembering.push(self.remember_value(accepted, before));
        }
        stream::iter(remembering)
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn remember_value<'a>(
        &self,
        accepted: &Accepted,
        mut before: TagBefore<'a>,
    ) -> Result<TagBefore<'a>> {
        if let Some(value) = before
            .value()
            .filter(|value| value.digest != accepted.digest)
        {
            let past = self.remember(&accepted.repository, before.tag, value);
            before.past = Some(past.await?);
        }
        Ok(before)
    }

    async fn set_tags(&self, naming: &Naming<'_>, tags: Vec<TagBefore<'_>>) -> Result<Attempt> {
        let mut setting = Vec::with_capacity(tags.len());
        for before in tags {
            setting.push(self.set_tag(naming, before));
        }
        let attempts: Vec<_> = stream::iter(setting).buffered(AT_ONCE).collect().await;
        let mut all = Attempt::Done;
        for attempt in attempts {
            all = all.and(attempt?);
        }
        Ok(all)
    }

    async fn set_own_referrer(
        &self,
        accepted: &Accepted,
        naming: &Naming<'_>,
        seen: Option<Seen<ReferrerRecord>>,
    ) -> Result<Attempt> {
        let Some(subject) = accepted.manifest.subject() else {
            return Ok(Attempt::Done);
        };
        let entry = self.referrer_entry(naming, &accepted.manifest);
        self.set_referrer(naming, &subject.digest, entry, seen)
            .await
    }
}

impl Attempt {
    fn and(self, other: Self) -> Self {
        match self {
            Self::Done => other,
            Self::StartOver => Self::StartOver,
        }
    }
}
