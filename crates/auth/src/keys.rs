//! The keys that sign tokens: made once for all replicas, rotated, and kept until their tokens end.
//!
//! All keys are in one record, so the replica that wins the compare-and-set of the first start has
//! made the key of all. The newest signs; a retired one is honoured until the last token that it
//! may have signed has ended. Every replica holds the keys in memory. A key that it does not know
//! makes it read the record again, at most once a second whatever callers send; that is how a key
//! made by another replica becomes known before [`SigningKeys::maintain`] comes round.

use crate::record::{Records, Step, after, change, read};
use crate::{AuthError, Result, layout};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use roadstead_storage::{Clock, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The most keys that are kept at once. More are refused until tokens of old ones have ended.
pub const MAX_KEYS: usize = 32;
/// How long a replica waits at least between two reads that an unknown key caused.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(1);
/// How often an uncertain first start looks again.
const OPEN_ATTEMPTS: usize = 8;
const ALGORITHM: &str = "EdDSA";

/// How long keys live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySettings {
    /// How long a key signs before the next one is made.
    pub rotate_after: Duration,
    /// How long a retired key is honoured: at least the life of a token and its leeway.
    pub honour_for: Duration,
}

impl Default for KeySettings {
    /// A new key every 30 days; an old one is honoured for 20 minutes, as no token lives longer
    /// than 15 and its leeway is one.
    fn default() -> Self {
        Self {
            rotate_after: Duration::from_hours(30 * 24),
            honour_for: Duration::from_mins(20),
        }
    }
}

/// What a rotation does with the keys that were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldKeys {
    /// They are honoured until their tokens have ended.
    Honour,
    /// They are forgotten: every token ends on this replica at once, and on others when they next
    /// run [`SigningKeys::maintain`]. For a key that was stolen.
    Drop,
}

/// A key as the record holds it. Not `Debug`: it is a secret.
#[derive(Clone, Serialize, Deserialize)]
struct StoredKey {
    id: String,
    algorithm: String,
    seed: String,
    created: Timestamp,
    retired: Option<Timestamp>,
}

impl StoredKey {
    fn make(now: Timestamp) -> Self {
        let id: u128 = rand::random();
        let seed: [u8; 32] = rand::random();
        Self {
            id: format!("{id:032x}"),
            algorithm: ALGORITHM.to_owned(),
            seed: URL_SAFE_NO_PAD.encode(seed),
            created: now,
            retired: None,
        }
    }

    /// Returns the key, unless it is of a kind that a newer program brought.
    fn key(&self) -> Option<SigningKey> {
        if self.algorithm != ALGORITHM {
            return None;
        }
        let seed = URL_SAFE_NO_PAD.decode(&self.seed).ok()?;
        Some(SigningKey::from_bytes(&seed.try_into().ok()?))
    }
}

/// The record: all keys, the oldest first.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct KeyRing {
    keys: Vec<StoredKey>,
}

impl KeyRing {
    fn signing(&self) -> Option<&StoredKey> {
        self.keys.iter().rfind(|key| key.retired.is_none())
    }

    /// Removes keys whose tokens have all ended; tells whether there were any.
    fn forget_ended(&mut self, now: Timestamp, honour_for: Duration) -> bool {
        let before = self.keys.len();
        self.keys.retain(|key| {
            key.retired
                .is_none_or(|retired| now.since(retired) < honour_for)
        });
        self.keys.len() < before
    }

    fn rotate(&mut self, now: Timestamp, old: OldKeys) -> Result<()> {
        match old {
            OldKeys::Drop => self.keys.clear(),
            OldKeys::Honour => {
                for key in &mut self.keys {
                    key.retired.get_or_insert(now);
                }
            }
        }
        if self.keys.len() >= MAX_KEYS {
            return Err(AuthError::Invalid(format!(
                "there are {MAX_KEYS} signing keys; wait until tokens of old ones have ended, or drop them"
            )));
        }
        self.keys.push(StoredKey::make(now));
        Ok(())
    }
}

/// One key in memory. `Debug` shows its name alone.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) signing: SigningKey,
    pub(crate) verifying: VerifyingKey,
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Key").field(&self.id).finish()
    }
}

/// The keys in memory at one moment.
#[derive(Debug)]
pub(crate) struct KeySet {
    keys: Vec<Arc<Key>>,
    signing: Arc<Key>,
}

impl KeySet {
    fn of(ring: &KeyRing) -> Result<Self> {
        let unreadable = |reason: &str| AuthError::RecordUnreadable {
            key: layout::SIGNING_KEYS.to_owned(),
            reason: reason.to_owned(),
        };
        let mut keys = Vec::new();
        for stored in &ring.keys {
            let Some(signing) = stored.key() else {
                continue;
            };
            keys.push(Arc::new(Key {
                id: stored.id.clone(),
                verifying: signing.verifying_key(),
                signing,
            }));
        }
        let newest = ring
            .signing()
            .ok_or_else(|| unreadable("it has no key that signs"))?;
        let signing = keys
            .iter()
            .find(|key| key.id == newest.id)
            .cloned()
            .ok_or_else(|| unreadable("this program cannot read the key that signs"))?;
        Ok(Self { keys, signing })
    }

    pub(crate) fn signing(&self) -> &Key {
        &self.signing
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Arc<Key>> {
        self.keys.iter().find(|key| key.id == id)
    }
}

/// The signing keys of this deployment, as this replica knows them.
pub struct SigningKeys {
    records: Records,
    clock: Arc<dyn Clock>,
    settings: KeySettings,
    current: RwLock<Arc<KeySet>>,
    /// When an unknown key last made this replica read the record; also keeps reads from overlapping.
    last_read: tokio::sync::Mutex<Option<Duration>>,
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKeys")
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

impl SigningKeys {
    /// Reads the keys, and makes the first when there are none. Replicas that start together end
    /// with the same key.
    pub async fn open(
        records: Records,
        clock: Arc<dyn Clock>,
        settings: KeySettings,
    ) -> Result<Self> {
        let ring = Self::read_or_make(&records).await?;
        Ok(Self {
            current: RwLock::new(Arc::new(KeySet::of(&ring)?)),
            records,
            clock,
            settings,
            last_read: tokio::sync::Mutex::new(None),
        })
    }

    async fn read_or_make(records: &Records) -> Result<KeyRing> {
        let now = records.now().await?;
        let mut outcome = Err(AuthError::Uncertain {
            key: layout::SIGNING_KEYS.to_owned(),
        });
        // To look again is safe here: when a ring is there, by whomever, it is kept.
        for _ in 0..OPEN_ATTEMPTS {
            outcome = change(records, layout::SIGNING_KEYS, |ring: Option<KeyRing>| {
                if let Some(ring) = ring {
                    return Ok(Step::Keep(ring));
                }
                let key = StoredKey::make(now);
                let copy = KeyRing {
                    keys: vec![key.clone()],
                };
                Ok(Step::Put(KeyRing { keys: vec![key] }, copy))
            })
            .await;
            if !matches!(outcome, Err(AuthError::Uncertain { .. })) {
                break;
            }
        }
        outcome
    }

    /// Makes a new key that signs from now on, and returns its id.
    pub async fn rotate(&self, old: OldKeys) -> Result<String> {
        let now = self.records.now().await?;
        let honour_for = self.settings.honour_for;
        change(
            &self.records,
            layout::SIGNING_KEYS,
            |ring: Option<KeyRing>| {
                let mut ring = ring.unwrap_or_default();
                ring.forget_ended(now, honour_for);
                ring.rotate(now, old)?;
                Ok(Step::Put(ring, ()))
            },
        )
        .await?;
        self.refresh().await?;
        Ok(self.current().signing().id.clone())
    }

    /// Does what time asks for: rotates a key that has signed long enough, forgets those whose
    /// tokens have ended, and reads what other replicas did. To be called every minute; any number
    /// of replicas may do so at once, one of them rotates.
    pub async fn maintain(&self) -> Result<()> {
        let now = self.records.now().await?;
        let settings = self.settings;
        change(
            &self.records,
            layout::SIGNING_KEYS,
            |ring: Option<KeyRing>| {
                let mut ring = ring.unwrap_or_default();
                let has_ended = ring.forget_ended(now, settings.honour_for);
                let is_due = ring
                    .signing()
                    .is_none_or(|key| now >= after(key.created, settings.rotate_after));
                if is_due {
                    ring.rotate(now, OldKeys::Honour)?;
                }
                Ok(if is_due || has_ended {
                    Step::Put(ring, ())
                } else {
                    Step::Keep(())
                })
            },
        )
        .await?;
        self.refresh().await
    }

    async fn refresh(&self) -> Result<()> {
        let ring: Option<KeyRing> = read(&self.records, layout::SIGNING_KEYS).await?;
        let set = Arc::new(KeySet::of(&ring.unwrap_or_default())?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = set;
        Ok(())
    }

    pub(crate) fn current(&self) -> Arc<KeySet> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Finds a key, reading the record again when it is not known and the last such read is long
    /// enough ago. A text that cannot be a key's id causes no read.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Arc<Key>>> {
        if let Some(key) = self.current().find(id) {
            return Ok(Some(key.clone()));
        }
        let is_id = id.len() == 32
            && id
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_id {
            return Ok(None);
        }
        let mut last_read = self.last_read.lock().await;
        // Another caller may have read it while this one waited.
        if let Some(key) = self.current().find(id) {
            return Ok(Some(key.clone()));
        }
        let now = self.clock.monotonic();
        if last_read.is_some_and(|last| now.saturating_sub(last) < UNKNOWN_KEY_PAUSE) {
            return Ok(None);
        }
        *last_read = Some(now);
        self.refresh().await?;
        Ok(self.current().find(id).cloned())
    }
}

#[cfg(test)]
mod tests;
