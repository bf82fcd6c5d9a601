//! The Azure Blob driver: records and data as blobs of one container, for any number of servers.
//!
//! ```text
//! <prefix>/records/<key>!        the records and their tombstones
//! <prefix>/data/<hh>/<id>        finished data objects, and uncommitted blocks of the same name
//! <prefix>/tails/<id>/<name>     the last bytes of unfinished uploads, too few for a block
//! ```
//!
//! `object_store` finds credentials, signs requests and signs addresses for clients; the requests
//! are the driver's own, for its block lists and deletes carry conditions, and it must see what the
//! service answered. An account with a hierarchical namespace lists names in another order and is
//! refused by [`crate::probe`]. Where blobs are kept after a delete (soft delete, versions), what
//! the registry deletes takes up space until Azure removes it.

mod client;
mod data;
mod failure;
mod finish;
mod listing;
mod objects;
mod ranges;
mod records;
mod requests;
mod settings;
mod state;
mod sweep;
mod wire;
mod writer;

pub use crate::drivers::conditional::Sweep;
pub use crate::drivers::secret::Secret;
pub use data::AzureData;
pub use records::AzureRecords;
pub use settings::{AzureCredentials, AzureSettings};

use crate::clock::Clock;
use crate::{RecordStore, Result};
use client::AzureClient;
use std::sync::Arc;

/// A container, or what lies under a prefix of one. Clones share its connections and its memory.
#[derive(Clone, Debug)]
pub struct AzureStore {
    client: Arc<AzureClient>,
    data: AzureData,
}

impl AzureStore {
    /// Prepares a store; the container is not asked yet. To be called on the runtime that uses it;
    /// `clock` is asked for its monotonic time alone. `Invalid` when the settings contradict
    /// themselves, or a key or the certificates cannot be read.
    pub fn open(settings: AzureSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let client = Arc::new(AzureClient::new(settings, clock)?);
        let data = AzureData::new(Arc::clone(&client));
        Ok(Self { client, data })
    }

    /// Returns the records.
    #[must_use]
    pub fn records(&self) -> AzureRecords {
        AzureRecords::new(Arc::clone(&self.client))
    }

    /// Returns the data.
    #[must_use]
    pub fn data(&self) -> AzureData {
        self.data.clone()
    }

    /// Removes the tombstones that are older than any request, where the store deletes by
    /// condition; lists all records once. Call it now and then, at any number of servers.
    pub async fn sweep_tombstones(&self) -> Result<Sweep> {
        let now = self.records().now().await?;
        sweep::sweep(&self.client, now).await
    }

    /// Tries whether the store deletes by condition, on a key of its own.
    pub async fn deletes_by_condition(&self) -> Result<bool> {
        sweep::deletes_by_condition(&self.client).await
    }
}
