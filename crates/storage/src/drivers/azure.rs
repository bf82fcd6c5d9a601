//! The Azure Blob driver: records and data as blobs of one container, for any number of servers.
mod client;
mod failure;
mod listing;
mod objects;
mod records;
mod settings;
mod sweep;
mod wire;

pub use crate::drivers::secret::Secret;
pub use records::AzureRecords;
pub use settings::{AzureCredentials, AzureSettings};
pub use sweep::Sweep;

use crate::clock::Clock;
use crate::{RecordStore, Result};
use client::AzureClient;
use std::sync::Arc;

/// A container, or what lies under a prefix of one. Clones share its connections and its memory.
#[derive(Clone, Debug)]
pub struct AzureStore {
    client: Arc<AzureClient>,
}

impl AzureStore {
    /// Prepares a store.
    pub fn open(settings: AzureSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let client = Arc::new(AzureClient::new(settings, clock)?);
        Ok(Self { client })
    }

    /// Returns the records.
    #[must_use]
    pub fn records(&self) -> AzureRecords {
        AzureRecords::new(Arc::clone(&self.client))
    }

    /// Sweeps.
    pub async fn sweep_tombstones(&self) -> Result<Sweep> {
        let now = self.records().now().await?;
        sweep::sweep(&self.client, now).await
    }

    /// Tries whether the store deletes by condition, on a key of its own.
    pub async fn deletes_by_condition(&self) -> Result<bool> {
        sweep::deletes_by_condition(&self.client).await
    }
}
