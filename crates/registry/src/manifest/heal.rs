//! Manifests too large for their records, whose data rotted: marked when that is noticed, healed by
//! the next push. The generation stays, and with it every tag that names it.

use super::accepted::Accepted;
use super::staged::StagedManifest;
use crate::record::{Content, ManifestRecord, ManifestState};
use crate::registry::{ROUNDS, Registry, Seen};
use crate::{RegistryError, Result, layout};
use roadstead_oci::{Digest, RepositoryName};
use roadstead_storage::{Condition, DataRef, Kind, Outcome};
use tracing::error;

impl Registry {
    /// Marks a manifest whose stored bytes are not its own: absent to pushers, an error to readers.
    pub(crate) async fn quarantine_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        data: &DataRef,
    ) -> Result<()> {
        error!(%repository, %digest, data = data.key.as_str(), "stored content of manifest {digest} is damaged; it is quarantined until it is pushed again");
        let key = layout::manifest(repository, digest);
        for _ in 0..ROUNDS {
            let seen = self.read::<ManifestRecord>(&key).await?;
            let damaged = seen.record.filter(|record| {
                record.is_readable() && !record.is_damaged && record.content.data() == Some(data)
            });
            let Some(record) = damaged else {
                return Ok(());
            };
            let marked = ManifestRecord {
                is_damaged: true,
                nonce: self.nonce(),
                ..record
            };
            let condition = Condition::Matches(seen.version);
            if let Outcome::Applied(_) = self.put(&key, &marked, condition).await? {
                return Ok(());
            }
        }
        Err(Self::contended(&key))
    }

    /// Tells whether a push that finds the manifest there may rely on its data. Large manifests are
    /// few, so that each push of one reads it.
    pub(super) async fn is_sound(&self, record: &ManifestRecord, digest: &Digest) -> Result<bool> {
        if record.is_damaged {
            return Ok(false);
        }
        let data = match &record.content {
            Content::Inline(bytes) => return Ok(Digest::of(digest.algorithm(), bytes) == *digest),
            Content::Data(data) => data,
        };
        match self.read_manifest_data(data, digest).await {
            Ok(_) => Ok(true),
            Err(RegistryError::Storage(error))
                if matches!(error.kind(), Kind::NotFound | Kind::Corrupt) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Gives a manifest whose data is damaged the bytes of a push. The caller reads it again.
    pub(super) async fn heal(
        &self,
        key: &str,
        accepted: &Accepted,
        seen: Seen<ManifestRecord>,
        staged: &mut Option<StagedManifest>,
    ) -> Result<()> {
        let Some(record) = seen.record else {
            return Ok(());
        };
        let own = match staged.take() {
            _ if accepted.is_inline() => None,
            Some(own) if self.is_in_time(own.window) => Some(own),
            // Too old to be registered, ever: its session leads the sweeper to it.
            Some(_) | None => Some(self.stage_manifest(accepted).await?),
        };
        // It goes first, as that of a dead record: later nothing would lead to it. It is of no use
        // to anybody, and whoever writes over the record does the same.
        if let Some(damaged) = record.content.data() {
            self.inner.data.delete(&damaged.key).await?;
        }
        let healed = ManifestRecord {
            state: ManifestState::Live,
            nonce: self.nonce(),
            is_damaged: false,
            content: match &own {
                Some(own) => Content::Data(own.data.clone()),
                None => Content::Inline(accepted.bytes.clone()),
            },
            ..record
        };
        let is_late = own.as_ref().is_some_and(|own| !self.is_in_time(own.window));
        if is_late {
            *staged = own;
            return Ok(());
        }
        let outcome = self
            .put(key, &healed, Condition::Matches(seen.version))
            .await?;
        let Some(own) = own else {
            return Ok(());
        };
        match outcome {
            Outcome::Applied(_) => self.forget_staged(own),
            Outcome::Conflict => *staged = Some(own),
            Outcome::Unknown => {
                let there = self.read::<ManifestRecord>(key).await?.record;
                if there.is_some_and(|there| there.content.data() == Some(&own.data)) {
                    self.forget_staged(own);
                }
                // Else it must not be registered a second time: the sweeper judges its session.
            }
        }
        Ok(())
    }
}
