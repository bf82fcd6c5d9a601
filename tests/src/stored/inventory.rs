//! What lay in a store at one moment: its records, its objects, and which names which.

use anyhow::Context;
use futures::{StreamExt, stream};
use roadstead_registry::record::{
    BlobRecord, BlobState, Content, Encoded, LinkRecord, LinkState, ManifestRecord, ManifestState,
    SessionRecord,
};
use roadstead_storage::{DataRef, RecordStore};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: usize = 1000;
pub(super) const READS_AT_ONCE: usize = 16;

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
    /// How many objects of a bucket hold records; those that were deleted leave one behind for a while.
    pub raw_records: usize,
    /// The keys of all records.
    pub keys: BTreeSet<String>,
    /// Whatever else lies there that no server makes.
    pub strange: Vec<String>,
    /// By data key: the blob, manifest and session records that name it.
    owners: BTreeMap<String, Vec<String>>,
    /// What live records name, and which record does.
    needed: Vec<(DataRef, String)>,
}

impl Inventory {
    /// Reads every record.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub(super) async fn read_records(&mut self, records: &dyn RecordStore) -> anyhow::Result<()> {
        let keys = keys_below(records, "").await?;
        self.records = keys.len();
        let mut reads = stream::iter(keys)
            .map(|key| async move { (records.get(&key).await, key) })
            .buffer_unordered(READS_AT_ONCE);
        while let Some((read, key)) = reads.next().await {
            // It may be gone since it was listed.
            if let Some(record) = read?.record {
                self.note_record(&key, &record.bytes)?;
                self.keys.insert(key);
            }
        }
        Ok(())
    }

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

/// Lists the keys of all records below a prefix.
pub(super) async fn keys_below(
    records: &dyn RecordStore,
    prefix: &str,
) -> anyhow::Result<Vec<String>> {
    let mut keys: Vec<String> = Vec::new();
    loop {
        let after = keys.last().map(String::as_str);
        let page = records.list(prefix, after, PAGE).await;
        let page = page.context("the records cannot be listed")?;
        keys.extend(page.entries.into_iter().map(|entry| entry.key));
        if !page.more {
            return Ok(keys);
        }
    }
}
