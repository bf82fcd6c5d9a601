//! `gc/…`: what collectors keep from pass to pass. None of it decides whether something lives.

use super::header_only;
use crate::ids::Nonce;
use crate::{CollectorReport, Result};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use roadstead_oci::{Algorithm, Digest};
use roadstead_storage::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `gc/lease`: who collects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRecord {
    /// This holding of the lease.
    pub holder: Nonce,
}

/// `gc/state`: the last pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectorRecord {
    /// When the last pass began, by the store's clock.
    pub started: Timestamp,
    /// When the work that is done once in a grace was done last.
    pub chores: Timestamp,
    /// Names of blobs that the last pass found: how many ranges the next one needs.
    pub references: u64,
    /// The range to go on with, when the last pass did not come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<usize>,
    /// The last pass that came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<CollectorReport>,
}

/// `gc/condemned/<level>/<id>`: some of what is condemned, written before it is. An entry that is
/// not condemned says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CondemnedRecord {
    /// When the record was first written, by the store's clock.
    pub at: Timestamp,
    /// What is condemned.
    pub entries: Vec<CondemnedEntry>,
}

/// A record that is condemned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CondemnedEntry {
    /// Its key.
    pub key: String,
    /// The size of what it names.
    pub bytes: u64,
    /// How long it waits at least, in milliseconds, when that is longer than the condemned age.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub wait_millis: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

header_only!(LeaseRecord, CollectorRecord, CondemnedRecord);

/// `gc/references/<name>/<section>/<alg>/<hex>`: what some manifests of a repository name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferencesRecord {
    /// The manifests, in the order of their digests.
    pub manifests: Vec<ManifestReferences>,
}

/// What one manifest names. It never changes: the digest is that of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestReferences {
    /// The manifest.
    pub digest: Digest,
    /// The writing of its record that was looked at last.
    pub modified: Timestamp,
    /// Whether that writing left it live and cannot be mistaken for a later one.
    pub is_settled: bool,
    /// Its subject.
    pub subject: Option<Digest>,
    /// Blobs that it names.
    pub blobs: Vec<Digest>,
    /// Manifests that it names.
    pub children: Vec<Digest>,
}

/// What these records know. Raised when a later program finds more in a manifest, or less.
const READING: u32 = 1;
/// Stands for no digest.
const NONE: u32 = u32::MAX;

#[derive(Serialize, Deserialize)]
struct ReferencesHeader {
    reading: u32,
}

impl super::Encoded for ReferencesRecord {
    /// Every digest is written once: manifests of a repository mostly name the same blobs.
    fn encode(&self) -> Bytes {
        let mut table = Table::default();
        let mut body = BytesMut::new();
        for manifest in &self.manifests {
            body.put_u32_le(table.place(&manifest.digest));
            body.put_u64_le(manifest.modified.as_millis());
            body.put_u8(u8::from(manifest.is_settled));
            let subject = manifest.subject.as_ref();
            body.put_u32_le(subject.map_or(NONE, |subject| table.place(subject)));
            for named in [&manifest.blobs, &manifest.children] {
                body.put_u32_le(u32::try_from(named.len()).expect("a manifest has few MiB"));
                for digest in named {
                    body.put_u32_le(table.place(digest));
                }
            }
        }
        let mut content = BytesMut::with_capacity(body.len() + table.digests.len() * 33 + 8);
        content.put_u32_le(u32::try_from(table.digests.len()).expect("a chunk is small"));
        for digest in &table.digests {
            content.put_u8(match digest.algorithm() {
                Algorithm::Sha256 => 0,
                Algorithm::Sha512 => 1,
            });
            content.put_slice(digest.as_bytes());
        }
        content.put_slice(&body);
        super::encode(&ReferencesHeader { reading: READING }, &content)
    }

    fn decode(key: &str, bytes: &Bytes) -> Result<Self> {
        let (header, content) = super::decode::<ReferencesHeader>(key, bytes)?;
        if header.reading != READING {
            // Read anew, as if it were not there.
            return Ok(Self::default());
        }
        Self::read(content).ok_or_else(|| crate::RegistryError::RecordUnreadable {
            key: key.to_owned(),
            reason: "its list of manifests is cut short".to_owned(),
        })
    }
}

impl ReferencesRecord {
    fn read(mut content: Bytes) -> Option<Self> {
        let count = content.try_get_u32_le().ok()?;
        let mut table = Vec::new();
        for _ in 0..count {
            let (algorithm, length) = match content.try_get_u8().ok()? {
                0 => (Algorithm::Sha256, 32),
                1 => (Algorithm::Sha512, 64),
                _ => return None,
            };
            if content.len() < length {
                return None;
            }
            table.push(Digest::from_bytes(algorithm, &content.split_to(length)).ok()?);
        }
        let place = |index: u32| table.get(index as usize).cloned();
        let mut manifests = Vec::new();
        while content.has_remaining() {
            let digest = place(content.try_get_u32_le().ok()?)?;
            let modified = Timestamp::from_millis(content.try_get_u64_le().ok()?);
            let is_settled = content.try_get_u8().ok()? == 1;
            let subject = match content.try_get_u32_le().ok()? {
                NONE => None,
                index => Some(place(index)?),
            };
            let mut named = [Vec::new(), Vec::new()];
            for list in &mut named {
                for _ in 0..content.try_get_u32_le().ok()? {
                    list.push(place(content.try_get_u32_le().ok()?)?);
                }
            }
            let [blobs, children] = named;
            manifests.push(ManifestReferences {
                digest,
                modified,
                is_settled,
                subject,
                blobs,
                children,
            });
        }
        Some(Self { manifests })
    }
}

/// Digests by the order in which they come first.
#[derive(Default)]
struct Table {
    places: BTreeMap<Digest, u32>,
    digests: Vec<Digest>,
}

impl Table {
    fn place(&mut self, digest: &Digest) -> u32 {
        if let Some(&place) = self.places.get(digest) {
            return place;
        }
        let place = u32::try_from(self.digests.len()).expect("a chunk is small");
        self.places.insert(digest.clone(), place);
        self.digests.push(digest.clone());
        place
    }
}

#[cfg(test)]
mod tests;
