//! Chunks: what some hundred manifests of one repository name, in one record.

use crate::record::{Encoded, ManifestReferences, ReferencesRecord};
use crate::registry::Registry;
use crate::{RegistryError, Result};
use roadstead_oci::Digest;
use roadstead_storage::{Condition, MAX_RECORD_BYTES};
use std::collections::BTreeMap;

/// Names of blobs that are held for manifests not yet written to a chunk.
const NAMES_AT_ONCE: usize = 50_000;
/// Manifests of a chunk, at most.
const CHUNK: usize = 512;
/// The largest chunk in bytes, with room for the header.
const CHUNK_BYTES: usize = MAX_RECORD_BYTES - 1024;

/// A chunk as it was read.
pub(super) struct Chunk {
    pub(super) key: Option<String>,
    pub(super) known: BTreeMap<Digest, ManifestReferences>,
}

impl Chunk {
    pub(super) async fn open(
        registry: &Registry,
        prefix: &str,
        start: Option<&String>,
    ) -> Result<Self> {
        let key = start.map(|start| format!("{prefix}{start}"));
        let mut known = BTreeMap::new();
        if let Some(key) = &key {
            match registry.read::<ReferencesRecord>(key).await {
                Ok(seen) => {
                    let manifests = seen.record.unwrap_or_default().manifests;
                    known = manifests
                        .into_iter()
                        .map(|manifest| (manifest.digest.clone(), manifest))
                        .collect();
                }
                // A cache: what it knew is read again.
                Err(RegistryError::RecordUnreadable { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { key, known })
    }
}

/// Writes chunks of one range of digests.
pub(super) struct ChunkWriter {
    prefix: String,
    key: Option<String>,
    held: Vec<ManifestReferences>,
    names: usize,
    has_written: bool,
}

impl ChunkWriter {
    pub(super) fn new(prefix: &str, key: Option<String>) -> Self {
        Self {
            prefix: prefix.to_owned(),
            key,
            held: Vec::new(),
            names: 0,
            has_written: false,
        }
    }

    pub(super) async fn push(
        &mut self,
        registry: &Registry,
        references: ManifestReferences,
    ) -> Result<()> {
        self.names += references.blobs.len() + references.children.len();
        self.held.push(references);
        if self.held.len() >= 2 * CHUNK || self.names >= NAMES_AT_ONCE {
            let rest = self.held.split_off(self.held.len().div_ceil(2));
            let first = std::mem::replace(&mut self.held, rest);
            self.write(registry, first).await?;
        }
        Ok(())
    }

    /// Writes what is left, unless the chunk says just that already.
    pub(super) async fn finish(mut self, registry: &Registry, chunk: &Chunk) -> Result<()> {
        let is_same = !self.has_written
            && self.held.len() == chunk.known.len()
            && self.held.iter().eq(chunk.known.values());
        if is_same {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        if held.is_empty() && !self.has_written {
            if let Some(key) = self.key.take() {
                let _ = registry.remove(&key, Condition::Any).await?;
            }
            return Ok(());
        }
        self.write(registry, held).await
    }

    /// Writes manifests as one chunk, or as several when they are too many for one.
    async fn write(&mut self, registry: &Registry, held: Vec<ManifestReferences>) -> Result<()> {
        self.has_written = true;
        self.names = self
            .held
            .iter()
            .map(|held| held.blobs.len() + held.children.len())
            .sum();
        let mut pieces = vec![held];
        while let Some(mut piece) = pieces.pop() {
            let Some(first) = piece.first() else { continue };
            let digest = &first.digest;
            let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
            let own = format!("{}{algorithm}/{hex}", self.prefix);
            let record = ReferencesRecord { manifests: piece };
            let bytes = record.encode();
            piece = record.manifests;
            if piece.len() > CHUNK || bytes.len() > CHUNK_BYTES {
                if piece.len() == 1 {
                    // A manifest that names very much is read in every pass.
                    continue;
                }
                let second = piece.split_off(piece.len() / 2);
                pieces.push(second);
                pieces.push(piece);
                continue;
            }
            // The first piece keeps the chunk's name: what comes before it belongs there, too.
            let key = self.key.take().unwrap_or(own);
            let _ = registry.put_bytes(&key, bytes, Condition::Any).await?;
        }
        Ok(())
    }
}
