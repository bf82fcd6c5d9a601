//! The S3 driver: records and data as objects of one bucket, for any number of servers.
//!
//! ```text
//! <prefix>/records/<key>!        the records and their tombstones
//! <prefix>/data/<hh>/<id>        finished data objects, and open multipart uploads of the same name
//! <prefix>/tails/<id>/<name>     the last bytes of unfinished uploads, too few for a part
//! ```
//!
//! What the driver asks of a server: conditional PUT (`If-None-Match: *`, `If-Match`), listings in
//! byte order, ranges, multipart uploads. [`crate::probe`] tells whether a server has them. A
//! conditional DELETE is used only to sweep tombstones, and only where a trial showed it to work.

mod client;
mod closing;
mod data;
mod failure;
mod finish;
mod listing;
mod objects;
mod ranges;
mod recent_tails;
mod records;
mod requests;
mod settings;
mod state;
mod sweep;
mod uploads;
mod wire;
mod writer;

pub use crate::drivers::conditional::Sweep;
pub use crate::drivers::secret::Secret;
pub use data::S3Data;
pub use records::S3Records;
pub use settings::{S3Credentials, S3Encryption, S3Settings};

use crate::clock::Clock;
use crate::locks::Locks;
use crate::{RecordStore, Result};
use client::S3Client;
use std::sync::Arc;

/// A bucket, or what lies under a prefix of one. Clones share its connections and its memory.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: Arc<S3Client>,
    data: S3Data,
}

impl S3Store {
    /// Prepares a store; the bucket is not asked yet. Connections live on the runtime that this is
    /// called on, and `clock` is asked for its monotonic time alone. `Invalid` when the settings
    /// contradict themselves or the certificates cannot be read.
    pub async fn open(settings: S3Settings, clock: Arc<dyn Clock>) -> Result<Self> {
        let client = Arc::new(S3Client::new(settings, clock).await?);
        let data = S3Data::new(Arc::clone(&client));
        Ok(Self { client, data })
    }

    /// Returns the records.
    #[must_use]
    pub fn records(&self) -> S3Records {
        S3Records::new(Arc::clone(&self.client))
    }

    /// Returns the data.
    #[must_use]
    pub fn data(&self) -> S3Data {
        self.data.clone()
    }

    /// Keeps the conditions of the data in this process, for a store that pays no attention to them. The
    /// records want a [`SingleWriter`](crate::decorators::single_writer::SingleWriter).
    pub fn keep_conditions(&self) {
        self.client.finishing.get_or_init(Locks::default);
    }

    /// Waits until the deletes are over that no call waits for: of the last bytes of uploads which
    /// are finished. Those that are lost with the process are swept as leftovers.
    pub async fn settled(&self) {
        self.client.cleaning.close();
        self.client.cleaning.wait().await;
        self.client.cleaning.reopen();
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
