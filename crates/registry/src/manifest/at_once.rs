//! PUT of a manifest in one write, where the store can write several records in one step.
//!
//! What the three waves of a push write one after the other is one write here: the manifest, its
//! reverse entries, tags, history, referrer entry and catalog entry, on condition that everything is
//! as it was read. A deleter marks the manifest either before it, and then nothing is written, or
//! after it, and then finds every name. Whatever is out of the ordinary is left to the waves, as is
//! every conflict.

use super::accepted::Accepted;
use super::live::{LiveManifest, Naming};
use crate::record::{
    CatalogRecord, Encoded, EndedBy, Ending, HistoryRecord, ManifestRecord, ManifestState,
    TagRecord, TaggedRecord,
};
use crate::registry::{Registry, Seen};
use crate::window::Window;
use crate::{Result, layout};
use futures::future::try_join_all;
use roadstead_oci::Tag;
use roadstead_storage::{Condition, Part};

impl Registry {
    /// Pushes in one write; `false` when that cannot be and nothing was written.
    ///
    /// # Errors
    /// As a push. After one of `Storage` nothing is known.
    pub(super) async fn push_at_once(&self, accepted: &Accepted) -> Result<bool> {
        let untagged = self.inner.settings.collector.untagged;
        let Some(store) = self.inner.records.as_together() else {
            return Ok(false);
        };
        // A policy for untagged manifests has work to do between two of the waves.
        if !accepted.is_inline() || untagged.is_some() {
            return Ok(false);
        }
        let opened = Window::open(&*self.inner.clock);
        let repository = &accepted.repository;
        let (key, catalog) = (
            layout::manifest(repository, &accepted.digest),
            layout::catalog(repository),
        );
        let (protected, tags, referrer, seen, entered) = futures::try_join!(
            self.protect_references(repository, &accepted.references),
            self.read_tags(accepted),
            self.read_referrer(accepted),
            self.read::<ManifestRecord>(&key),
            self.read::<CatalogRecord>(&catalog),
        )?;
        for (tag, before) in &tags {
            accepted.check_kept(tag, before.record.as_ref())?;
        }
        let window = protected.map_or(opened, |protected| protected.min(opened));
        let mut parts = Vec::with_capacity(4 + 3 * tags.len());
        let Some(live) = self
            .live_part(accepted, &key, seen, window, &mut parts)
            .await?
        else {
            return Ok(false);
        };
        let naming = Naming {
            repository,
            digest: &accepted.digest,
            live: &live,
            by: &accepted.by,
            kept_tags: &accepted.kept_tags,
        };
        for (tag, before) in tags {
            self.tag_parts(&naming, tag, before, &mut parts).await?;
        }
        if let (Some(before), Some(subject)) = (referrer, accepted.manifest.subject()) {
            let entry = self.referrer_entry(&naming, &accepted.manifest);
            let is_set = before
                .record
                .is_some_and(|there| there.generation == entry.generation);
            parts.push(Part {
                key: layout::referrer(repository, &subject.digest, &accepted.digest),
                bytes: (!is_set).then(|| entry.encode()),
                condition: Condition::Matches(before.version),
            });
        }
        parts.push(Part {
            key: catalog,
            bytes: entered.record.is_none().then(|| CatalogRecord {}.encode()),
            condition: Condition::Matches(entered.version),
        });
        if !self.is_in_time(window) {
            return Ok(false);
        }
        Ok(store.write_together(parts).await?.is_some())
    }

    async fn read_tags<'a>(
        &self,
        accepted: &'a Accepted,
    ) -> Result<Vec<(&'a Tag, Seen<TagRecord>)>> {
        let reads = accepted.tags.iter().map(|tag| async move {
            let seen = self.read(&layout::tag(&accepted.repository, tag)).await?;
            Ok((tag, seen))
        });
        try_join_all(reads).await
    }

    /// Adds the manifest itself; `None` when there is one that a push must change first.
    async fn live_part(
        &self,
        accepted: &Accepted,
        key: &str,
        seen: Seen<ManifestRecord>,
        window: Window,
        parts: &mut Vec<Part>,
    ) -> Result<Option<LiveManifest>> {
        let (live, bytes) = match seen.record {
            None => {
                let record = self.new_record(accepted, None).await?;
                let bytes = record.encode();
                (LiveManifest::of(&record, window), Some(bytes))
            }
            Some(record)
                if record.state == ManifestState::Live
                    && self.is_young(seen.modified).await?
                    && self.is_sound(&record, &accepted.digest).await? =>
            {
                (LiveManifest::of(&record, window), None)
            }
            Some(_) => return Ok(None),
        };
        parts.push(Part {
            key: key.to_owned(),
            bytes,
            condition: Condition::Matches(seen.version),
        });
        Ok(Some(live))
    }

    /// Adds a tag: its reverse entry, the history of the value that it loses, its new value. One
    /// that names this generation already keeps its value.
    async fn tag_parts(
        &self,
        naming: &Naming<'_>,
        tag: &Tag,
        before: Seen<TagRecord>,
        parts: &mut Vec<Part>,
    ) -> Result<()> {
        let repository = naming.repository;
        let nonce = self.nonce();
        parts.push(Part {
            key: layout::tagged(repository, naming.digest, tag),
            bytes: Some(TaggedRecord { nonce }.encode()),
            condition: Condition::Any,
        });
        let is_kept = before
            .record
            .as_ref()
            .is_some_and(|value| naming.is_named_by(value));
        let mut value = None;
        if !is_kept {
            let new = self.new_value(naming).await?;
            if let Some(was) = before.record {
                let ending = Ending {
                    how: EndedBy::Replaced,
                    at: new.at,
                    by: naming.by.to_owned(),
                };
                parts.push(Part {
                    key: layout::history(repository, tag, was.at, was.nonce),
                    bytes: Some(
                        HistoryRecord {
                            was,
                            ended: Some(ending),
                        }
                        .encode(),
                    ),
                    condition: Condition::Absent,
                });
            }
            value = Some(new.encode());
        }
        parts.push(Part {
            key: layout::tag(repository, tag),
            bytes: value,
            condition: Condition::Matches(before.version),
        });
        Ok(())
    }
}
