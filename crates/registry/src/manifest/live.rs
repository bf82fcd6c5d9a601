//! The life of a manifest record as a push needs it: live, of one generation, in time.

use super::accepted::{Accepted, check_kept};
use super::staged::StagedManifest;
use crate::protect::Intent;
use crate::record::{Content, Location, MOST_LOCATIONS, ManifestRecord, ManifestState, TagRecord};
use crate::registry::{ROUNDS, Registry};
use crate::window::Window;
use crate::{Generation, INLINE_MANIFEST_BYTES, Result, layout};
use roadstead_oci::{Digest, Manifest, ManifestMediaType, RepositoryName, Tag};
use roadstead_storage::{Condition, Outcome, Version};

/// The longest artifact type that a record keeps, in bytes; a longer one is read from the manifest.
const MAX_ARTIFACT_TYPE_BYTES: usize = 1024;

/// A manifest record that was seen or made live, and what may still be sent for it.
#[derive(Clone, Debug)]
pub(crate) struct LiveManifest {
    pub(crate) generation: Generation,
    /// The record's own: a first push of these bytes may have named another.
    pub(crate) media_type: ManifestMediaType,
    pub(crate) size: u64,
    /// The earliest of all that the push protected. Nothing that names the manifest is sent once
    /// it has closed.
    pub(crate) window: Window,
}

/// A live manifest that is about to be named, by a tag or as a referrer.
pub(crate) struct Naming<'a> {
    pub(crate) repository: &'a RepositoryName,
    pub(crate) digest: &'a Digest,
    pub(crate) live: &'a LiveManifest,
    pub(crate) by: &'a str,
    /// Tags that may be made and not changed.
    pub(crate) kept_tags: &'a [Tag],
}

impl Naming<'_> {
    /// Refuses to give a tag another digest that keeps its own.
    pub(crate) fn check_kept(&self, tag: &Tag, value: Option<&TagRecord>) -> Result<()> {
        check_kept(self.kept_tags, self.digest, tag, value)
    }
}

/// How one attempt at a push ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Done,
    /// A window closed or the manifest is no longer live in its generation: the push starts over
    /// with its first wave, as if the client had sent it again.
    StartOver,
}

/// How making a manifest live ended.
pub(super) enum Made {
    Live {
        manifest: LiveManifest,
        /// Whether a deletion was finished on the way: tags and referrer entry that were read
        /// before it are out of date.
        released: bool,
    },
    StartOver,
}

enum Written {
    Live(LiveManifest),
    Conflict,
    StartOver,
}

impl Registry {
    /// Makes the record of a manifest live. What it names was protected when `window` opened.
    ///
    /// A live record is kept, with its generation; a condemned one is revived; absent and dead ones
    /// are made, with a new generation; a deletion that was begun is finished first.
    pub(super) async fn make_live(
        &self,
        accepted: &Accepted,
        window: Window,
        staged: &mut Option<StagedManifest>,
    ) -> Result<Made> {
        let key = layout::manifest(&accepted.repository, &accepted.digest);
        let mut released = false;
        // Most small manifests are new, so they are written without a look. A large one is looked
        // for before its bytes are stored.
        let mut condition = accepted.is_inline().then_some(Condition::Absent);
        for _ in 0..ROUNDS {
            if let Some(condition) = condition.take() {
                let written = self.write_new(&key, accepted, window, condition, staged);
                match written.await? {
                    Written::Live(manifest) => return Ok(Made::Live { manifest, released }),
                    Written::StartOver => return Ok(Made::StartOver),
                    Written::Conflict => {}
                }
            }
            let protected = Window::open(&*self.inner.clock);
            let seen = self.read::<ManifestRecord>(&key).await?;
            let version = seen.version.clone();
            let Some(record) = &seen.record else {
                condition = Some(Condition::Matches(version));
                continue;
            };
            match record.state {
                ManifestState::Live | ManifestState::Condemned
                    if !self.is_sound(record, &accepted.digest).await? =>
                {
                    self.heal(&key, accepted, seen, staged).await?;
                }
                ManifestState::Live | ManifestState::Condemned => {
                    let kept = self.protect_seen(&key, Intent::Use, seen, protected);
                    if let Some((record, protected)) = kept.await? {
                        let manifest = LiveManifest::of(&record, window.min(protected));
                        return Ok(Made::Live { manifest, released });
                    }
                }
                ManifestState::Deleting => {
                    let (repository, digest) = (&accepted.repository, &accepted.digest);
                    self.release_names(repository, digest, record, &accepted.by)
                        .await?;
                    released = true;
                    if record.content.data().is_some() {
                        let _ = self.mark_dead(&key, record, version).await?;
                    } else {
                        condition = Some(Condition::Matches(version));
                    }
                }
                ManifestState::Dead => {
                    // Once the record is written over, nothing names that data.
                    if let Some(data) = record.content.data() {
                        self.inner.data.delete(&data.key).await?;
                    }
                    condition = Some(Condition::Matches(version));
                }
            }
        }
        Err(Self::contended(&key))
    }

    async fn write_new(
        &self,
        key: &str,
        accepted: &Accepted,
        window: Window,
        condition: Condition,
        staged: &mut Option<StagedManifest>,
    ) -> Result<Written> {
        let own = match staged.take() {
            _ if accepted.is_inline() => None,
            Some(own) if self.is_in_time(own.window) => Some(own),
            // Too old to be registered, ever: its session leads the sweeper to it.
            Some(_) | None => Some(self.stage_manifest(accepted).await?),
        };
        let window = own.as_ref().map_or(window, |own| own.window.min(window));
        let record = self.new_record(accepted, own.as_ref()).await?;
        if !self.is_in_time(window) {
            *staged = own;
            return Ok(Written::StartOver);
        }
        match self.put(key, &record, condition).await? {
            Outcome::Applied(_) => {}
            Outcome::Conflict => {
                *staged = own;
                return Ok(Written::Conflict);
            }
            Outcome::Unknown => {
                let seen = self.read::<ManifestRecord>(key).await?;
                let is_own = seen.record.is_some_and(|there| {
                    there.generation == record.generation && there.state == ManifestState::Live
                });
                // Applied and deleted since, or never applied: either way this was an attempt that
                // may have been seen, and its data must not be registered a second time.
                if !is_own {
                    return Ok(Written::StartOver);
                }
            }
        }
        if let Some(own) = own {
            self.forget_staged(own);
        }
        Ok(Written::Live(LiveManifest::of(&record, window)))
    }

    pub(super) async fn new_record(
        &self,
        accepted: &Accepted,
        own: Option<&StagedManifest>,
    ) -> Result<ManifestRecord> {
        let manifest = &accepted.manifest;
        let content = match own {
            Some(own) => Content::Data(own.data.clone()),
            None => Content::Inline(accepted.bytes.clone()),
        };
        Ok(ManifestRecord {
            state: ManifestState::Live,
            generation: self.generation(),
            nonce: self.nonce(),
            media_type: manifest.media_type(),
            subject: manifest.subject().map(|subject| subject.digest.clone()),
            artifact_type: manifest
                .artifact_type()
                .filter(|artifact_type| artifact_type.len() <= MAX_ARTIFACT_TYPE_BYTES)
                .map(ToOwned::to_owned),
            at: self.inner.records.now().await?,
            by: accepted.by.clone(),
            locations: self.locations_of(accepted),
            is_damaged: false,
            content,
        })
    }

    /// Returns where this replica has just seen the blobs that a manifest names.
    fn locations_of(&self, accepted: &Accepted) -> Vec<Location> {
        let seen = accepted.references.blobs().filter_map(|digest| {
            let data = self.inner.locations.guess(&accepted.repository, digest)?;
            Some(Location {
                digest: digest.clone(),
                data,
            })
        });
        seen.take(MOST_LOCATIONS).collect()
    }

    /// Goes from `deleting` to `dead` before the data goes, so that no reader finds a record
    /// without its bytes. Whatever the outcome, the caller reads the record again.
    pub(super) async fn mark_dead(
        &self,
        key: &str,
        deleting: &ManifestRecord,
        version: Version,
    ) -> Result<Outcome> {
        let dead = ManifestRecord {
            state: ManifestState::Dead,
            nonce: self.nonce(),
            ..deleting.clone()
        };
        self.put(key, &dead, Condition::Matches(version)).await
    }

    /// Puts the referrer entry of a live manifest, as a push of it would; `false` when it is not
    /// live, or has none.
    pub(crate) async fn renew_referrer(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool> {
        let key = layout::manifest(repository, digest);
        let Some(stored) = self.load(repository, digest).await? else {
            return Ok(false);
        };
        let manifest = Manifest::parse(&stored.bytes, Some(&stored.meta.media_type))?;
        let Some(subject) = manifest.subject() else {
            return Ok(false);
        };
        // The entry first, then the manifest: the order of a push.
        let referrer = layout::referrer(repository, &subject.digest, digest);
        let seen = self.read(&referrer).await?;
        let protected = self.protect::<ManifestRecord>(&key, Intent::Use).await?;
        let Some((record, window)) = protected else {
            return Ok(false);
        };
        let live = LiveManifest::of(&record, window);
        let naming = Naming {
            repository,
            digest,
            live: &live,
            by: "",
            kept_tags: &[],
        };
        let entry = self.referrer_entry(&naming, &manifest);
        let set = self.set_referrer(&naming, &subject.digest, entry, Some(seen));
        Ok(set.await? == Attempt::Done)
    }

    /// Looks at the manifest again after something that names it was read again, and protects it
    /// again: whether it is live still, in the same generation.
    pub(crate) async fn is_still_live(&self, naming: &Naming<'_>) -> Result<bool> {
        let key = layout::manifest(naming.repository, naming.digest);
        let found = self.protect::<ManifestRecord>(&key, Intent::Use).await?;
        Ok(found.is_some_and(|(record, _)| record.generation == naming.live.generation))
    }

    /// Tells whether a reference may still be sent.
    pub(crate) fn is_in_time(&self, window: Window) -> bool {
        window.is_open(&*self.inner.clock, self.inner.settings.window)
    }
}

impl Naming<'_> {
    /// Tells whether a tag's value names this manifest in this generation.
    pub(crate) fn is_named_by(&self, value: &TagRecord) -> bool {
        value.digest == *self.digest && value.generation == self.live.generation
    }
}

impl LiveManifest {
    pub(super) fn of(record: &ManifestRecord, window: Window) -> Self {
        Self {
            generation: record.generation,
            media_type: record.media_type,
            size: record.content.length(),
            window,
        }
    }
}

impl Accepted {
    pub(super) fn is_inline(&self) -> bool {
        self.bytes.len() <= INLINE_MANIFEST_BYTES
    }
}
