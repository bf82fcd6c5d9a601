//! What lies in a fake bucket, held against what the records say: the view of somebody who may look
//! below the server.
//!
//! Only this module knows the registry's crates. A data object must be named by a blob, a manifest
//! or an upload session, and what a live record names must be there. Tails and open multipart
//! uploads may outlive their session after a crash, or a race of two writers: the driver finds them
//! by itself and the sweeper ends them.

use crate::s3_fake::S3Fake;
use anyhow::{Context, bail};
use futures::{StreamExt, TryStreamExt, stream};
use roadstead_oci::{RepositoryName, Tag};
use roadstead_registry::layout;
use roadstead_registry::record::{
    BlobRecord, BlobState, Content, Encoded, HistoryRecord, LinkRecord, LinkState, ManifestRecord,
    ManifestState, SessionRecord,
};
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::s3::{S3Credentials, S3Records, S3Settings, S3Store, Secret};
use roadstead_storage::{DataRef, RecordStore};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const PAGE: usize = 1000;
const READS_AT_ONCE: usize = 16;

/// What somebody looks at: one server's bucket below one prefix.
#[derive(Debug)]
pub struct Stored<'a> {
    fake: &'a S3Fake,
    bucket: String,
    prefix: String,
    records: S3Records,
}

/// What lay there at one moment, best one at which nobody works.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Finished data objects: their keys and lengths in bytes.
    pub objects: BTreeMap<String, u64>,
    /// Data keys of unfinished uploads that have a tail.
    pub tails: BTreeSet<String>,
    /// Data keys of multipart uploads that are neither completed nor aborted.
    pub open: BTreeSet<String>,
    /// How many upload sessions there are.
    pub sessions: usize,
    /// How many records there are, sessions among them.
    pub records: usize,
    /// By data key: the blob, manifest and session records that name it.
    owners: BTreeMap<String, Vec<String>>,
    /// What live records name, and which record does.
    needed: Vec<(DataRef, String)>,
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
        })
    }

    /// Reads every record and lists every object.
    ///
    /// # Errors
    /// A record that cannot be read, or an object that no server makes.
    pub async fn inventory(&self) -> anyhow::Result<Inventory> {
        let mut inventory = Inventory::default();
        let keys = self.keys("").await?;
        inventory.records = keys.len();
        let mut reads = stream::iter(keys)
            .map(|key| async move { (self.records.get(&key).await, key) })
            .buffer_unordered(READS_AT_ONCE);
        while let Some((read, key)) = reads.next().await {
            // It may be gone since it was listed.
            if let Some(record) = read?.record {
                inventory.note_record(&key, &record.bytes)?;
            }
        }
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
        let keys = self.keys(&layout::histories(&repository, &tag)).await?;
        let reads = stream::iter(keys).map(|key| async move {
            let read = self.records.get(&key).await?;
            let record = read.record.context("an entry of the history is gone")?;
            anyhow::Ok(HistoryRecord::decode(&key, &record.bytes)?)
        });
        reads.buffered(READS_AT_ONCE).try_collect().await
    }

    async fn keys(&self, prefix: &str) -> anyhow::Result<Vec<String>> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let after = keys.last().map(String::as_str);
            let page = self.records.list(prefix, after, PAGE).await?;
            keys.extend(page.entries.into_iter().map(|entry| entry.key));
            if !page.more {
                return Ok(keys);
            }
        }
    }

    fn below_prefix<'name>(&self, name: &'name str) -> anyhow::Result<&'name str> {
        let below = name.strip_prefix(&self.prefix);
        below.with_context(|| format!("{name} lies outside the prefix"))
    }

    fn note_object(&self, inventory: &mut Inventory, name: &str) -> anyhow::Result<()> {
        let below = self.below_prefix(name)?;
        let (folder, rest) = below.split_once('/').unwrap_or_default();
        match folder {
            "records" => {}
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

impl Inventory {
    /// Returns the data objects that neither a record nor a session names.
    #[must_use]
    pub fn orphans(&self) -> BTreeMap<&str, u64> {
        let objects = self.objects.iter();
        let orphans = objects.filter(|(key, _)| !self.owners.contains_key(*key));
        orphans
            .map(|(key, length)| (key.as_str(), *length))
            .collect()
    }

    /// Returns content that is named and not there.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (data, by) in &self.needed {
            match self.objects.get(data.key.as_str()) {
                Some(length) if *length == data.length => {}
                Some(length) => problems.push(format!(
                    "{by} names {} bytes at {}, there are {length}",
                    data.length,
                    data.key.as_str()
                )),
                None => problems.push(format!(
                    "{by} names {}, which is not there",
                    data.key.as_str()
                )),
            }
        }
        problems
    }

    /// Returns what should never be: data objects without an owner, and content that is named and
    /// not there.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let orphans = self.orphans().into_iter().map(|(key, length)| {
            format!("data object {key} of {length} bytes: neither a record nor a session names it")
        });
        self.missing().into_iter().chain(orphans).collect()
    }

    /// Tells whether nothing is left of any upload.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.tails.is_empty() && self.open.is_empty()
    }

    fn note_record(&mut self, key: &str, bytes: &bytes::Bytes) -> anyhow::Result<()> {
        let (kind, rest) = key.split_once('/').unwrap_or((key, ""));
        match kind {
            "blob" => {
                let blob = BlobRecord::decode(key, bytes)?;
                let is_needed = matches!(blob.state, BlobState::Live | BlobState::Condemned);
                self.note_owner(key, &blob.content, is_needed);
            }
            "link" => {
                let link = LinkRecord::decode(key, bytes)?;
                let is_needed = matches!(link.state, LinkState::Live | LinkState::Condemned);
                if let Some(data) = link.content.data().filter(|_| is_needed) {
                    self.needed.push((data.clone(), key.to_owned()));
                }
            }
            "repo" if rest.contains("/_manifest/") => {
                let manifest = ManifestRecord::decode(key, bytes)?;
                let is_needed = manifest.state != ManifestState::Dead;
                self.note_owner(key, &manifest.content, is_needed);
            }
            "upload" => {
                self.sessions += 1;
                let session = SessionRecord::decode(key, bytes)?;
                if let Some(upload) = session.staged.upload {
                    let owners = self.owners.entry(upload.key.as_str().to_owned());
                    owners.or_default().push(key.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn note_owner(&mut self, record: &str, content: &Content, is_needed: bool) {
        let Some(data) = content.data() else { return };
        let owners = self.owners.entry(data.key.as_str().to_owned());
        owners.or_default().push(record.to_owned());
        if is_needed {
            self.needed.push((data.clone(), record.to_owned()));
        }
    }
}

fn last_component(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
