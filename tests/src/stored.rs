//! What lies in a fake bucket or a data folder, held against what the records say: the view of somebody who may look
//! below the server.
//!
//! Only this module knows the registry's crates. A data object must be named by a blob, a manifest
//! or an upload session, and what a live record names must be there. Tails and open multipart
//! uploads may outlive their session after a crash, or a race of two writers: the driver finds them
//! by itself and the sweeper ends them.

mod ending;
mod folder;
mod inventory;

pub use folder::{inventory_of_folder, let_time_pass};
pub use inventory::Inventory;

use crate::s3_fake::S3Fake;
use anyhow::{Context, bail};
use futures::{StreamExt, TryStreamExt, stream};
use inventory::{READS_AT_ONCE, keys_below};
use roadstead_oci::{RepositoryName, Tag};
use roadstead_registry::layout;
use roadstead_registry::record::{Encoded, HistoryRecord};
use roadstead_storage::RecordStore;
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::s3::{
    S3Credentials, S3Records, S3Settings, S3Store, Secret, Sweep,
};
use std::sync::Arc;

/// What somebody looks at: one server's bucket below one prefix.
#[derive(Debug)]
pub struct Stored<'a> {
    fake: &'a S3Fake,
    bucket: String,
    prefix: String,
    store: S3Store,
    records: S3Records,
}

impl<'a> Stored<'a> {
    /// Opens the bucket a second time, beside the servers.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn open(fake: &'a S3Fake, bucket: &str, prefix: &str) -> anyhow::Result<Self> {
        let options = fake.options();
        let settings = S3Settings {
            prefix: prefix.to_owned(),
            endpoint: Some(fake.endpoint()),
            path_style: true,
            credentials: S3Credentials::Keys {
                access_key: options.access_key.clone(),
                secret_key: Secret::new(&options.secret_key),
                session_token: None,
            },
            ..S3Settings::new(bucket)
        };
        let store = S3Store::open(settings, Arc::new(MachineClock::new())).await?;
        Ok(Self {
            fake,
            bucket: bucket.to_owned(),
            prefix: format!("{prefix}/"),
            records: store.records(),
            store,
        })
    }

    /// Removes the tombstones that are older than any request.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn sweep_tombstones(&self) -> anyhow::Result<()> {
        match self.store.sweep_tombstones().await? {
            Sweep::Swept(_) => Ok(()),
            Sweep::Impossible => bail!("the fake takes no notice of conditions on deletes"),
        }
    }

    /// Reads every record and lists every object.
    ///
    /// # Errors
    /// A record that cannot be read, or an object that no server makes.
    pub async fn inventory(&self) -> anyhow::Result<Inventory> {
        let mut inventory = Inventory::default();
        inventory.read_records(&self.records).await?;
        for name in self.fake.keys(&self.bucket) {
            self.note_object(&mut inventory, &name)?;
        }
        for name in self.fake.open_uploads(&self.bucket) {
            let below = self.below_prefix(&name)?;
            inventory.open.insert(last_component(below).to_owned());
        }
        Ok(inventory)
    }

    /// Returns the past values of a tag, the newest first, as the server wrote them down.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub async fn past_values(
        &self,
        repository: &str,
        tag: &str,
    ) -> anyhow::Result<Vec<HistoryRecord>> {
        let repository = RepositoryName::parse(repository).context("no name of a repository")?;
        let tag = Tag::parse(tag).context("no tag")?;
        let keys = keys_below(&self.records, &layout::histories(&repository, &tag)).await?;
        let reads = stream::iter(keys).map(|key| async move {
            let read = self.records.get(&key).await?;
            let record = read.record.context("an entry of the history is gone")?;
            anyhow::Ok(HistoryRecord::decode(&key, &record.bytes)?)
        });
        reads.buffered(READS_AT_ONCE).try_collect().await
    }

    fn below_prefix<'name>(&self, name: &'name str) -> anyhow::Result<&'name str> {
        let below = name.strip_prefix(&self.prefix);
        below.with_context(|| format!("{name} lies outside the prefix"))
    }

    fn note_object(&self, inventory: &mut Inventory, name: &str) -> anyhow::Result<()> {
        let below = self.below_prefix(name)?;
        let (folder, rest) = below.split_once('/').unwrap_or_default();
        match folder {
            "records" => {
                inventory.raw_records += 1;
            }
            "data" => {
                let object = self.fake.object(&self.bucket, name);
                let length = object.map_or(0, |object| object.length);
                let key = last_component(rest).to_owned();
                inventory.objects.insert(key, length);
            }
            "tails" => {
                let (key, _) = rest.split_once('/').unwrap_or_default();
                inventory.tails.insert(key.to_owned());
            }
            _ => bail!("{name} is nothing that a server makes"),
        }
        Ok(())
    }
}

fn last_component(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
