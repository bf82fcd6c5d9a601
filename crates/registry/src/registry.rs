//! `Registry`: the stores, the settings and the small caches that all operations share.

use crate::background::Background;
use crate::collected::Totals;
use crate::finished_uploads::FinishedUploads;
use crate::ids::{Generation, IdSource, Nonce};
use crate::listed_referrers::ListedReferrers;
use crate::locations::Locations;
use crate::open_uploads::OpenUploads;
use crate::protected::Protected;
use crate::record::Encoded;
use crate::scrubbed::Scrubbed;
use crate::settings::Settings;
use crate::verifications::Verifications;
use crate::{RegistryError, Result};
use bytes::Bytes;
use roadstead_storage::{
    BackUp, Clock, Condition, DataStore, Outcome, RecordStore, Timestamp, Version,
};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A registry over two stores. Clones share everything; any number of processes may share the stores.
#[derive(Clone)]
pub struct Registry {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) records: Arc<dyn RecordStore>,
    pub(crate) data: Arc<dyn DataStore>,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) background: Background,
    pub(crate) protected: Protected,
    pub(crate) verifications: Verifications,
    pub(crate) open_uploads: OpenUploads,
    pub(crate) finished_uploads: FinishedUploads,
    pub(crate) listed_referrers: ListedReferrers,
    pub(crate) locations: Locations,
    pub(crate) scrubbed: Scrubbed,
    pub(crate) collected: Totals,
    pub(crate) backup: OnceLock<Arc<dyn BackUp>>,
}

/// A record that was read and decoded, with the version that a write must match.
#[derive(Clone, Debug)]
pub(crate) struct Seen<R> {
    pub(crate) record: Option<R>,
    pub(crate) modified: Timestamp,
    pub(crate) version: Version,
}

/// How often an operation starts over because others change the same record, before it gives up
/// with [`RegistryError::Contended`]. Each round means that somebody else succeeded.
pub(crate) const ROUNDS: usize = 64;

/// Rounds that follow at once, and the longest pause after the later ones, in milliseconds.
const PROMPT_ROUNDS: usize = 3;
const LONGEST_PAUSE_MILLIS: u64 = 250;

impl Registry {
    /// Makes a registry. `background` runs what outlives a request.
    #[must_use]
    pub fn new(
        records: Arc<dyn RecordStore>,
        data: Arc<dyn DataStore>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        background: Background,
    ) -> Self {
        let protected = Protected::new(settings.window);
        let verifications = Verifications::new(settings.verify_reads);
        let open_uploads = OpenUploads::new(settings.uploads_per_client);
        let locations = Locations::new(data.is_distant());
        Self {
            inner: Arc::new(Inner {
                records,
                data,
                settings,
                clock,
                ids,
                background,
                protected,
                verifications,
                open_uploads,
                finished_uploads: FinishedUploads::default(),
                listed_referrers: ListedReferrers::new(),
                locations,
                scrubbed: Scrubbed::default(),
                collected: Totals::default(),
                backup: OnceLock::new(),
            }),
        }
    }

    /// Names who makes backups of the stores; the first who is named stays.
    pub fn set_backup(&self, store: Arc<dyn BackUp>) {
        let _ = self.inner.backup.set(store);
    }

    /// Returns the settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Asks the record store one cheap question, for a readiness check.
    ///
    /// # Errors
    /// `Storage` when the store does not answer.
    pub async fn check(&self) -> Result<()> {
        self.inner.records.get(crate::layout::CATALOG).await?;
        Ok(())
    }

    pub(crate) fn nonce(&self) -> Nonce {
        Nonce::draw(&*self.inner.ids)
    }

    pub(crate) fn generation(&self) -> Generation {
        Generation::draw(&*self.inner.ids)
    }

    pub(crate) async fn read<R: Encoded>(&self, key: &str) -> Result<Seen<R>> {
        let read = self.inner.records.get(key).await?;
        let (record, modified) = match read.record {
            Some(record) => (Some(R::decode(key, &record.bytes)?), record.modified),
            None => (None, Timestamp::default()),
        };
        Ok(Seen {
            record,
            modified,
            version: read.version,
        })
    }

    pub(crate) async fn put<R: Encoded>(
        &self,
        key: &str,
        record: &R,
        condition: Condition,
    ) -> Result<Outcome> {
        Ok(self
            .inner
            .records
            .put(key, record.encode(), condition)
            .await?)
    }

    pub(crate) async fn put_bytes(
        &self,
        key: &str,
        bytes: Bytes,
        condition: Condition,
    ) -> Result<Outcome> {
        Ok(self.inner.records.put(key, bytes, condition).await?)
    }

    pub(crate) async fn remove(&self, key: &str, condition: Condition) -> Result<Outcome> {
        Ok(self.inner.records.delete(key, condition).await?)
    }

    /// Waits a little after a conflict, longer and longer with the rounds: of many who start over
    /// at once only one succeeds, and whoever is unlucky would run out of rounds.
    pub(crate) async fn step_aside(&self, round: usize) {
        let Some(doublings) = round.checked_sub(PROMPT_ROUNDS) else {
            return;
        };
        let longest = LONGEST_PAUSE_MILLIS.min(1 << doublings.min(16));
        let share = u32::try_from(self.inner.ids.random() >> 96).expect("32 bits are left");
        let share = f64::from(share) / f64::from(u32::MAX);
        tokio::time::sleep(Duration::from_millis(longest).mul_f64(share)).await;
    }

    pub(crate) fn contended(key: &str) -> RegistryError {
        RegistryError::Contended(key.to_owned())
    }
}
