//! Which replica collects: a lease that saves work and decides nothing.
//!
//! Two collectors at once are safe. So a lease that is lost, or taken over from a replica that only
//! stood still, costs a pass and no data.

use crate::record::LeaseRecord;
use crate::registry::Registry;
use crate::{Nonce, RegistryError, Result, layout};
use roadstead_storage::{Condition, Outcome, Version};
use std::time::Duration;

/// How long a lease holds after it was written, by the store's clock.
pub(super) const LIFE: Duration = Duration::from_mins(2);
/// How often a lease is tried for.
const ATTEMPTS: usize = 3;
/// How old a lease is when it is renewed, by the clock of whoever holds it.
const RENEW_AFTER: Duration = Duration::from_secs(20);

/// The right to be the only one for a while.
#[derive(Debug)]
pub(super) struct Lease {
    holder: Nonce,
    version: Version,
    renewed: Duration,
}

impl Registry {
    /// Takes the lease of the collector.
    ///
    /// # Errors
    /// `CollectorBusy` while another holds it.
    pub(super) async fn take_collector_lease(&self) -> Result<Lease> {
        for _ in 0..ATTEMPTS {
            let renewed = self.inner.clock.monotonic();
            let seen = self.read::<LeaseRecord>(layout::COLLECTOR_LEASE).await?;
            let now = self.inner.records.now().await?;
            if seen.record.is_some() && now.since(seen.modified) < LIFE {
                break;
            }
            let holder = self.nonce();
            // A conflict may only mean that the tombstone of the last lease was swept meanwhile.
            if let Some(version) = self.write_lease(holder, seen.version).await? {
                return Ok(Lease {
                    holder,
                    version,
                    renewed,
                });
            }
        }
        Err(RegistryError::CollectorBusy)
    }

    /// Keeps a lease, when that is due.
    ///
    /// # Errors
    /// `CollectorBusy` when another has taken it meanwhile.
    pub(super) async fn keep_collector_lease(&self, lease: &mut Lease) -> Result<()> {
        let now = self.inner.clock.monotonic();
        if now.saturating_sub(lease.renewed) < RENEW_AFTER {
            return Ok(());
        }
        let kept = self
            .write_lease(lease.holder, lease.version.clone())
            .await?;
        lease.version = kept.ok_or(RegistryError::CollectorBusy)?;
        lease.renewed = now;
        Ok(())
    }

    /// Gives a lease back. Not given back, it ends by itself.
    pub(super) async fn give_collector_lease_back(&self, lease: Lease) -> Result<()> {
        let condition = Condition::Matches(lease.version);
        let _ = self.remove(layout::COLLECTOR_LEASE, condition).await?;
        Ok(())
    }

    /// Writes the lease; `None` when somebody else has written it.
    async fn write_lease(&self, holder: Nonce, version: Version) -> Result<Option<Version>> {
        let record = LeaseRecord { holder };
        let condition = Condition::Matches(version);
        match self
            .put(layout::COLLECTOR_LEASE, &record, condition)
            .await?
        {
            Outcome::Applied(version) => Ok(Some(version)),
            // After a lost answer somebody else wrote: the lease is theirs.
            Outcome::Conflict | Outcome::Unknown => Ok(None),
        }
    }
}
