//! Referrers: the entry that a manifest with a `subject` has, and the list of a subject's entries.
//!
//! To a deleter an entry is a tag: it names one generation of a manifest, and is set after the
//! manifest was seen live, by compare-and-set on what was read before that.

use crate::listed_referrers::Listed;
use crate::manifest::{Attempt, Naming};
use crate::protect::Intent;
use crate::record::{ManifestRecord, ReferrerRecord};
use crate::registry::{ROUNDS, Registry, Seen};
use crate::{Result, layout};
use bytes::Bytes;
use futures::future::try_join_all;
use roadstead_oci::{Descriptor, Digest, Manifest, RepositoryName};
use roadstead_storage::{Condition, Entry, Outcome};

/// The largest descriptor that an entry keeps, in bytes: annotations may be as long as a manifest,
/// a record may not. A longer one is made again from the manifest whenever it is listed.
const MAX_KEPT_BYTES: usize = 64 * 1024;
/// Entries listed at once.
const PAGE: usize = 1000;
/// Entries read at once.
const AT_ONCE: usize = 64;
/// Which referrers are asked for.
#[derive(Clone, Copy, Debug)]
pub struct ReferrersQuery<'a> {
    /// Only those of one of these types, compared byte for byte; all when there are none. The empty
    /// type stands for referrers without one.
    pub artifact_types: &'a [String],
    /// Only those after this place, which the page before gave.
    pub after: Option<&'a str>,
    /// At most so many.
    pub limit: Option<usize>,
    /// At most so many bytes of descriptors with a comma between them, but one descriptor at least.
    pub max_bytes: usize,
}

/// A page of referrers, in an order that stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferrersPage {
    /// Descriptors: JSON objects.
    pub descriptors: Vec<Bytes>,
    /// Where the next page starts; `None` when this is the last.
    pub next: Option<String>,
}

impl Registry {
    /// Lists the manifests whose `subject` is `subject`, whether or not that exists. One storage
    /// call, and one for every entry that this process has not read lately.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        query: ReferrersQuery<'_>,
    ) -> Result<ReferrersPage> {
        let prefix = &layout::referrers(repository, subject);
        let mut page = ReferrersPage::default();
        let mut bytes = 0;
        let limit = query.limit.unwrap_or(usize::MAX);
        if limit == 0 {
            return Ok(page);
        }
        // One more than is shown tells whether another page follows.
        let at_once = AT_ONCE.min(limit.saturating_add(1));
        let mut after = query.after.map(|after| format!("{prefix}{after}"));
        loop {
            let listed = self.inner.records.list(prefix, after.as_deref(), PAGE);
            let listed = listed.await?;
            for some in listed.entries.chunks(at_once) {
                let reading = some
                    .iter()
                    .map(|entry| self.read_listed(repository, prefix, entry));
                let referrers = try_join_all(reading).await?;
                for (entry, referrer) in some.iter().zip(referrers) {
                    let Some(referrer) = referrer.filter(|referrer| query.wants(referrer)) else {
                        continue;
                    };
                    let more = referrer.descriptor.len() + usize::from(bytes > 0);
                    let is_full = page.descriptors.len() == limit || bytes + more > query.max_bytes;
                    if is_full && !page.descriptors.is_empty() {
                        return Ok(page);
                    }
                    bytes += more;
                    page.descriptors.push(referrer.descriptor);
                    page.next = entry.key.strip_prefix(prefix).map(ToOwned::to_owned);
                }
            }
            after = listed.entries.last().map(|entry| entry.key.clone());
            if !listed.more {
                page.next = None;
                return Ok(page);
            }
        }
    }

    /// Protects the referrers of a manifest that was just made live: while it was not there, the
    /// collector may have condemned them. Called only where untagged manifests are collected.
    pub(crate) async fn protect_referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
    ) -> Result<()> {
        let prefix = layout::referrers(repository, subject);
        let mut after: Option<String> = None;
        loop {
            let page = self.inner.records.list(&prefix, after.as_deref(), PAGE);
            let page = page.await?;
            for some in page.entries.chunks(AT_ONCE) {
                let names = some
                    .iter()
                    .filter_map(|entry| entry.key.strip_prefix(&prefix));
                let protecting =
                    names
                        .filter_map(layout::digest_of_referrer)
                        .map(|referrer| async move {
                            let key = layout::manifest(repository, &referrer);
                            self.protect::<ManifestRecord>(&key, Intent::Use).await
                        });
                try_join_all(protecting).await?;
            }
            if !page.more {
                return Ok(());
            }
            after = page.entries.last().map(|entry| entry.key.clone());
        }
    }

    /// Reads an entry of the listing; `None` when it or its manifest went meanwhile.
    async fn read_listed(
        &self,
        repository: &RepositoryName,
        prefix: &str,
        entry: &Entry,
    ) -> Result<Option<Listed>> {
        let recent = &self.inner.listed_referrers.recent;
        if let Some((modified, listed)) = recent.get(&entry.key)
            && modified == entry.modified
        {
            return Ok(Some(listed));
        }
        let seen = self.read::<ReferrerRecord>(&entry.key).await?;
        let Some(record) = seen.record else {
            return Ok(None);
        };
        if record.descriptor.is_empty() {
            let name = entry.key.strip_prefix(prefix).unwrap_or_default();
            return self.read_long(repository, name).await;
        }
        let listed = Listed {
            artifact_type: record.artifact_type,
            // A copy, so that the cache does not keep alive whatever the record was read into.
            descriptor: Bytes::copy_from_slice(&record.descriptor),
        };
        recent.insert(entry.key.clone(), (seen.modified, listed.clone()));
        Ok(Some(listed))
    }

    /// Makes a descriptor that was too long for its entry.
    async fn read_long(&self, repository: &RepositoryName, name: &str) -> Result<Option<Listed>> {
        let Some(digest) = layout::digest_of_referrer(name) else {
            return Ok(None);
        };
        let Some(stored) = self.load(repository, &digest).await? else {
            return Ok(None);
        };
        let manifest = Manifest::parse(&stored.bytes, Some(&stored.meta.media_type))?;
        let descriptor = Descriptor {
            media_type: stored.meta.media_type,
            digest,
            size: stored.meta.size,
            artifact_type: manifest.artifact_type().map(ToOwned::to_owned),
            annotations: manifest.annotations().cloned(),
        };
        Ok(Some(Listed {
            artifact_type: descriptor.artifact_type.clone(),
            descriptor: to_json(&descriptor),
        }))
    }

    /// Makes the entry of a live manifest.
    pub(crate) fn referrer_entry(
        &self,
        naming: &Naming<'_>,
        manifest: &Manifest,
    ) -> ReferrerRecord {
        let artifact_type = manifest.artifact_type().map(ToOwned::to_owned);
        let descriptor = to_json(&Descriptor {
            media_type: naming.live.media_type.as_str().to_owned(),
            digest: naming.digest.clone(),
            size: naming.live.size,
            artifact_type: artifact_type.clone(),
            annotations: manifest.annotations().cloned(),
        });
        let is_kept = descriptor.len() <= MAX_KEPT_BYTES;
        ReferrerRecord {
            generation: naming.live.generation,
            nonce: self.nonce(),
            artifact_type: artifact_type.filter(|_| is_kept),
            descriptor: if is_kept { descriptor } else { Bytes::new() },
        }
    }

    /// Sets the entry of a live manifest with a subject, by the rule of `set_tag`. It has no
    /// history: after a lost answer the entry and the manifest are looked at again, and while the
    /// generation lives nobody takes its entry away.
    pub(crate) async fn set_referrer(
        &self,
        naming: &Naming<'_>,
        subject: &Digest,
        mut entry: ReferrerRecord,
        seen: Option<Seen<ReferrerRecord>>,
    ) -> Result<Attempt> {
        let key = layout::referrer(naming.repository, subject, naming.digest);
        let mut first = seen;
        for _ in 0..ROUNDS {
            let seen = if let Some(seen) = first.take() {
                seen
            } else {
                let seen = self.read::<ReferrerRecord>(&key).await?;
                if !self.is_still_live(naming).await? {
                    return Ok(Attempt::StartOver);
                }
                seen
            };
            let is_set = seen
                .record
                .is_some_and(|there| there.generation == entry.generation);
            if is_set {
                return Ok(Attempt::Done);
            }
            if !self.is_in_time(naming.live.window) {
                return Ok(Attempt::StartOver);
            }
            entry.nonce = self.nonce();
            let condition = Condition::Matches(seen.version);
            if let Outcome::Applied(_) = self.put(&key, &entry, condition).await? {
                return Ok(Attempt::Done);
            }
        }
        Err(Self::contended(&key))
    }
}

impl ReferrersQuery<'_> {
    fn wants(&self, referrer: &Listed) -> bool {
        let artifact_type = referrer.artifact_type.as_deref().unwrap_or("");
        self.artifact_types.is_empty()
            || self
                .artifact_types
                .iter()
                .any(|wanted| wanted == artifact_type)
    }
}

fn to_json(descriptor: &Descriptor) -> Bytes {
    let json = serde_json::to_vec(descriptor);
    json.expect("a descriptor has string keys and no failing member")
        .into()
}
