//! The scrub: hashes all content again and again, each time within a period, so that damage on the
//! disk is found while there is still another copy to push.
//!
//! Digests are spread evenly and blobs are listed in their order, so that how far a pass should be
//! follows from the time since it began; nothing needs to be counted before. The last twentieth of the
//! period is for manifests. Where that is too slow a rate holds, as it does where it would be too fast.
//!
//! One record keeps the cursor of the pass and a lease: any replica goes on where another stopped. Two
//! at once do the same work twice and nothing worse, so that the lease need not be exact.

#[cfg(test)]
mod tests;

use crate::ids::Nonce;
use crate::pace::Pace;
use crate::record::{
    BlobRecord, BlobState, Content, Encoded, ManifestRecord, ScrubPass, ScrubRecord,
};
use crate::registry::Registry;
use crate::rehash::Soundness;
use crate::scrubbed::ScrubCounts;
use crate::{RegistryError, Result, layout};
use roadstead_oci::{Digest, RepositoryName};
use roadstead_storage::{Condition, Outcome, Timestamp, Version};
use std::time::Duration;
use tracing::{error, info, warn};

/// When it is first looked whether something is due, and how often from then on.
const FIRST_LOOK: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// How long a lease holds beyond what its holder is about to do.
const LEASE: Duration = Duration::from_mins(5);
/// How often the cursor is written while there is work.
const SAVE_EVERY: Duration = Duration::from_secs(30);
const PAGE: usize = 200;

/// How far the scrub is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrubStatus {
    /// The present pass, or the last one until the next begins.
    pub pass: ScrubPass,
    /// The pass before it.
    pub before: Option<ScrubPass>,
    /// How much of the pass is done, in thousandths.
    pub permille: u16,
}

/// Content that is to be hashed.
enum Subject {
    Blob(Digest),
    Manifest(RepositoryName, Digest),
}

/// A holder of the lease, at work.
struct Holding {
    record: ScrubRecord,
    version: Version,
    saved_at: Duration,
}

impl Registry {
    /// Starts the scrub, where the settings want one.
    pub fn start_scrub(&self) {
        let Some(period) = self.inner.settings.scrub_period else {
            return;
        };
        let registry = self.clone();
        let stop = self.inner.background.stop();
        let holder = self.nonce();
        self.inner.background.spawn(async move {
            let first = tokio::time::Instant::now() + FIRST_LOOK;
            let mut look = tokio::time::interval_at(first, LOOK_EVERY);
            look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let mut pace = Pace::new(Some(registry.inner.settings.scrub_rate_bytes));
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = look.tick() => {}
                }
                let stepped = tokio::select! {
                    () = stop.cancelled() => return,
                    stepped = registry.scrub(holder, period, &mut pace) => stepped,
                };
                if let Err(error) = stepped {
                    warn!(%error, "failed to scrub stored content; it is tried again");
                }
            }
        });
    }

    /// Returns what this process has scrubbed.
    #[must_use]
    pub fn scrub_counts(&self) -> ScrubCounts {
        self.inner.scrubbed.counts()
    }

    /// Tells how far the scrub is; `None` before it first began.
    ///
    /// # Errors
    /// `Storage`, `RecordUnreadable`.
    pub async fn scrub_status(&self) -> Result<Option<ScrubStatus>> {
        let seen = self.read::<ScrubRecord>(layout::SCRUB).await?;
        Ok(seen.record.map(|record| ScrubStatus {
            permille: match (&record.pass.ended, &record.pass.cursor) {
                (Some(_), _) => 1000,
                (None, Some(cursor)) => permille(cursor),
                (None, None) => 0,
            },
            pass: record.pass,
            before: record.before,
        }))
    }

    /// Hashes everything that is due, unless another replica is at it.
    async fn scrub(&self, holder: Nonce, period: Duration, pace: &mut Pace) -> Result<()> {
        let Some(mut holding) = self.take_lease(holder, period).await? else {
            return Ok(());
        };
        let worked = self.scrub_due(&mut holding, period, pace).await;
        // Also after an error: what was done is done.
        let kept = self.keep(&mut holding, Duration::ZERO).await;
        worked.and(kept.map(|_| ()))
    }

    /// Takes or renews the lease, and begins a pass when it is time for one.
    async fn take_lease(&self, holder: Nonce, period: Duration) -> Result<Option<Holding>> {
        let seen = self.read::<ScrubRecord>(layout::SCRUB).await?;
        let now = self.inner.records.now().await?;
        let fresh = ScrubPass {
            started: now,
            ..ScrubPass::default()
        };
        let (pass, before) = match seen.record {
            Some(record) if record.holder != holder && record.until > now => return Ok(None),
            Some(record) if record.pass.ended.is_none() => (record.pass, record.before),
            Some(record) if now.since(record.pass.started) >= period => (fresh, Some(record.pass)),
            Some(_) => return Ok(None),
            None => (fresh, None),
        };
        let mut holding = Holding {
            record: ScrubRecord {
                holder,
                until: now,
                pass,
                before,
                nonce: self.nonce(),
            },
            version: seen.version,
            saved_at: Duration::ZERO,
        };
        let is_taken = self.keep(&mut holding, Duration::ZERO).await?;
        Ok(is_taken.then_some(holding))
    }

    /// Writes down how far it is, and holds the lease for what comes next; `false` when another
    /// replica took it.
    async fn keep(&self, holding: &mut Holding, expected: Duration) -> Result<bool> {
        let now = self.inner.records.now().await?;
        let lease = u64::try_from((LEASE + expected).as_millis()).unwrap_or(u64::MAX);
        let until = now.as_millis().saturating_add(lease);
        holding.record.until = Timestamp::from_millis(until);
        holding.record.nonce = self.nonce();
        let condition = Condition::Matches(holding.version.clone());
        let put = self.put(layout::SCRUB, &holding.record, condition).await?;
        let Outcome::Applied(version) = put else {
            return Ok(false);
        };
        holding.version = version;
        holding.saved_at = self.inner.clock.monotonic();
        Ok(true)
    }

    async fn scrub_due(
        &self,
        holding: &mut Holding,
        period: Duration,
        pace: &mut Pace,
    ) -> Result<()> {
        for prefix in ["blob/", "repo/"] {
            loop {
                let cursor = holding.record.pass.cursor.clone();
                let after = cursor.as_deref().filter(|cursor| *cursor >= prefix);
                // Behind the last blob, when manifests have been begun.
                if after.is_some_and(|after| !after.starts_with(prefix)) {
                    break;
                }
                let listed = self.inner.records.list(prefix, after, PAGE).await?;
                for entry in &listed.entries {
                    let due_at = due_at(holding.record.pass.started, period, &entry.key);
                    if self.inner.records.now().await? < due_at {
                        return Ok(());
                    }
                    if let Some(subject) = subject(&entry.key)
                        && !self.scrub_one(holding, &entry.key, subject, pace).await?
                    {
                        return Ok(());
                    }
                    holding.record.pass.cursor = Some(entry.key.clone());
                }
                if !listed.more {
                    break;
                }
            }
        }
        let ended = self.inner.records.now().await?;
        let pass = &mut holding.record.pass;
        pass.ended = Some(ended);
        let ScrubPass {
            checked,
            bytes,
            damaged,
            ..
        } = *pass;
        info!(
            checked,
            bytes, damaged, "the scrub has hashed all stored content"
        );
        Ok(())
    }

    /// Hashes one content; `false` when another replica goes on in this one's place.
    async fn scrub_one(
        &self,
        holding: &mut Holding,
        key: &str,
        subject: Subject,
        pace: &mut Pace,
    ) -> Result<bool> {
        let Some(content) = self.sound_content(key, &subject).await? else {
            return Ok(true);
        };
        let length = content.length();
        let rate = self.inner.settings.scrub_rate_bytes.max(1);
        let expected = Duration::from_secs(length / rate).saturating_mul(2);
        let since_saved = self
            .inner
            .clock
            .monotonic()
            .saturating_sub(holding.saved_at);
        let is_due = since_saved >= SAVE_EVERY || expected >= SAVE_EVERY;
        if is_due && !self.keep(holding, expected).await? {
            return Ok(false);
        }
        let digest = match &subject {
            Subject::Blob(digest) | Subject::Manifest(_, digest) => digest,
        };
        let soundness = self.hash(&content, digest, pace).await?;
        holding.record.pass.checked += 1;
        holding.record.pass.bytes += length;
        self.inner.scrubbed.add(length);
        if soundness == Soundness::Sound {
            return Ok(true);
        }
        // It may have been deleted, or healed, while it was read.
        if self.sound_content(key, &subject).await?.as_ref() != Some(&content) {
            return Ok(true);
        }
        holding.record.pass.damaged += 1;
        self.inner.scrubbed.add_damaged();
        match (&subject, content.data(), soundness) {
            (_, _, Soundness::Unreadable(why)) => {
                error!(key, %digest, why, "stored content of {digest} cannot be read: {why}");
            }
            (_, None, _) => {
                error!(key, %digest, "the record {key} is damaged: its content does not hash to {digest}; push it again");
            }
            (Subject::Blob(digest), Some(data), _) => {
                self.quarantine_everywhere(digest, data).await?;
            }
            (Subject::Manifest(repository, digest), Some(data), _) => {
                self.quarantine_manifest(repository, digest, data).await?;
            }
        }
        Ok(true)
    }

    /// Returns the content of a record that readers take for sound.
    async fn sound_content(&self, key: &str, subject: &Subject) -> Result<Option<Content>> {
        match subject {
            Subject::Blob(_) => {
                let blob = self.read_or_pass_over::<BlobRecord>(key).await?;
                let sound = blob
                    .filter(|blob| matches!(blob.state, BlobState::Live | BlobState::Condemned));
                Ok(sound.map(|blob| blob.content))
            }
            Subject::Manifest(..) => {
                let manifest = self.read_or_pass_over::<ManifestRecord>(key).await?;
                let sound =
                    manifest.filter(|manifest| manifest.is_readable() && !manifest.is_damaged);
                Ok(sound.map(|manifest| manifest.content))
            }
        }
    }

    /// A record that cannot be read must not keep the scrub from all that comes behind it.
    async fn read_or_pass_over<R: Encoded>(&self, key: &str) -> Result<Option<R>> {
        match self.read::<R>(key).await {
            Err(error @ RegistryError::RecordUnreadable { .. }) => {
                warn!(key, %error, "passed over a record that cannot be read");
                Ok(None)
            }
            read => Ok(read?.record),
        }
    }
}

/// Reads what a key stands for, where that has content.
fn subject(key: &str) -> Option<Subject> {
    let digest = |path: &str| {
        let (algorithm, hex) = path.split_once('/')?;
        Digest::parse(&format!("{algorithm}:{hex}")).ok()
    };
    if let Some(path) = key.strip_prefix("blob/") {
        return digest(path).map(Subject::Blob);
    }
    let (name, path) = key.strip_prefix("repo/")?.split_once("/_manifest/")?;
    let repository = RepositoryName::parse(name).ok()?;
    Some(Subject::Manifest(repository, digest(path)?))
}

/// Returns how much of a pass is over when a key is reached, in thousandths.
fn permille(key: &str) -> u16 {
    let (from, width, hex) = if let Some(hex) = key.strip_prefix("blob/sha256/") {
        (0, 900, hex)
    } else if let Some(path) = key.strip_prefix("blob/") {
        (900, 50, path.rsplit('/').next().unwrap_or_default())
    } else {
        (950, 0, "")
    };
    let place = hex
        .get(..8)
        .and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let part = (u64::from(place.unwrap_or(0)) * width) >> 32;
    from + u16::try_from(part).unwrap_or(0)
}

/// Returns when a key should be reached.
fn due_at(started: Timestamp, period: Duration, key: &str) -> Timestamp {
    let millis = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
    let after = (u128::from(millis) * u128::from(permille(key)) / 1000).min(u128::from(u64::MAX));
    let after = u64::try_from(after).unwrap_or(u64::MAX);
    Timestamp::from_millis(started.as_millis().saturating_add(after))
}
