//! The scan of references: what the manifests of every repository name.
//!
//! What a manifest names never changes, so it is kept in chunks, `gc/references/…`, in the order of
//! digests: a scan lists the manifests and reads only those that no chunk knows, and the records
//! that changed since. A chunk is named by a digest and holds the manifests from there to the next
//! chunk's. It is a cache: whatever is missing in it is read again.

use super::chunks::{Chunk, ChunkWriter};
use super::looking::Looked;
use super::manifests::Graph;
use super::pass::Pass;
use super::section::{Section, SectionKind};
use super::walk::{RepositoryKey, Walk};
use crate::manifest::Retention;
use crate::record::ManifestReferences;
use crate::{RegistryError, Result, layout};
use futures::{StreamExt, TryStreamExt, stream};
use roadstead_oci::{Digest, RepositoryName};
use roadstead_storage::{Condition, Timestamp};

/// Manifests that are looked at together.
const GROUP: usize = 128;
/// Manifest records that are read at once. One may have 4 MiB of content.
const AT_ONCE: usize = 8;
impl Pass<'_> {
    /// Collects the names of all blobs in the range. With `is_first`, does what is done once a pass.
    pub(super) async fn scan(&mut self, is_first: bool) -> Result<()> {
        let mut walk = Walk::new(layout::REPOSITORIES, None);
        let mut chunks = Walk::new(layout::REFERENCES, None);
        let mut last = String::new();
        while let Some(entry) = walk.peek(self.registry).await? {
            let Some(key) = RepositoryKey::parse(layout::REPOSITORIES, &entry.key) else {
                return Err(unknown_key(&entry.key));
            };
            let Ok(repository) = RepositoryName::parse(key.name) else {
                return Err(unknown_key(&entry.key));
            };
            let section = format!("{}{repository}/{}/", layout::REPOSITORIES, key.section);
            match key.section {
                layout::MANIFEST_SECTION => {
                    if is_first && last != repository.as_str() {
                        self.report.repositories += 1;
                        repository.as_str().clone_into(&mut last);
                    }
                    let section = Section {
                        repository: &repository,
                        kind: SectionKind::Manifests,
                    };
                    let graph = self
                        .gather(&mut walk, &mut chunks, section, is_first)
                        .await?;
                    if let Some(graph) = graph {
                        self.collect_manifests(&repository, graph).await?;
                    }
                }
                layout::REMOVED_SECTION => {
                    let section = Section {
                        repository: &repository,
                        kind: SectionKind::Removed,
                    };
                    self.gather(&mut walk, &mut chunks, section, is_first)
                        .await?;
                }
                layout::TAGGED_SECTION if is_first && self.does_chores => {
                    self.clean_reverse_entries(&mut walk, &repository, &section)
                        .await?;
                }
                "_history" | "_referrer" | "_tag" | layout::TAGGED_SECTION => walk.skip(&section),
                // Written by a later program, which may name content by it.
                _ => return Err(unknown_key(&entry.key)),
            }
            self.spend(walk.take_calls() + chunks.take_calls()).await?;
        }
        self.drop_chunks(&mut chunks, None).await?;
        if is_first {
            self.drop_batches().await?;
        }
        Ok(())
    }

    /// Reads the manifests of one section.
    async fn gather(
        &mut self,
        walk: &mut Walk,
        chunks: &mut Walk,
        section: Section<'_>,
        is_first: bool,
    ) -> Result<Option<Graph>> {
        let path = section.path();
        let prefix = format!("{}{path}", layout::REPOSITORIES);
        let chunk_prefix = format!("{}{path}", layout::REFERENCES);
        self.drop_chunks(chunks, Some(&chunk_prefix)).await?;
        let mut starts = Vec::new();
        while let Some(entry) = chunks.peek(self.registry).await? {
            let Some(start) = entry.key.strip_prefix(&chunk_prefix) else {
                break;
            };
            starts.push(start.to_owned());
            chunks.next(self.registry).await?;
        }
        let keeps_graph =
            is_first && section.kind == SectionKind::Manifests && self.collects_manifests();
        let mut graph = keeps_graph.then(Graph::new);
        let mut at = 0;
        loop {
            let end = starts.get(at + 1);
            let chunk = Chunk::open(self.registry, &chunk_prefix, starts.get(at)).await?;
            self.spend(1).await?;
            let mut writer = ChunkWriter::new(&chunk_prefix, chunk.key.clone());
            loop {
                let group = self.next_group(walk, &prefix, end).await?;
                if group.is_empty() {
                    break;
                }
                let group = self.retained(section, &prefix, group).await?;
                let looked = self.look(section, group, &chunk, is_first).await?;
                for references in looked {
                    self.mark(section, &references, is_first);
                    if let Some(graph) = &mut graph {
                        graph.add(&references);
                    }
                    writer.push(self.registry, references).await?;
                }
            }
            writer.finish(self.registry, &chunk).await?;
            at += 1;
            if at >= starts.len() {
                return Ok(graph);
            }
        }
    }

    /// Returns the next manifests of a section, as long as they come before the next chunk.
    async fn next_group(
        &mut self,
        walk: &mut Walk,
        prefix: &str,
        end: Option<&String>,
    ) -> Result<Vec<(Digest, Timestamp)>> {
        let mut group = Vec::with_capacity(GROUP);
        while group.len() < GROUP {
            let Some(entry) = walk.peek(self.registry).await? else {
                break;
            };
            let Some(rest) = entry.key.strip_prefix(prefix) else {
                break;
            };
            if end.is_some_and(|end| rest >= end.as_str()) {
                break;
            }
            let Some(digest) = layout::digest_at_end(&entry.key) else {
                return Err(unknown_key(&entry.key));
            };
            group.push((digest, entry.modified));
            walk.next(self.registry).await?;
        }
        self.spend(walk.take_calls()).await?;
        Ok(group)
    }

    /// Of some deleted manifests, drops those whose time is over. Others are all returned.
    async fn retained(
        &mut self,
        section: Section<'_>,
        prefix: &str,
        group: Vec<(Digest, Timestamp)>,
    ) -> Result<Vec<(Digest, Timestamp)>> {
        if section.kind == SectionKind::Manifests || self.options.dry_run {
            return Ok(group);
        }
        let mut retained = Vec::with_capacity(group.len());
        for (digest, modified) in group {
            let key = format!("{prefix}{}/{}", digest.algorithm().as_str(), digest.hex());
            match self.registry.expire_removed(&key, modified).await? {
                Retention::Kept => retained.push((digest, modified)),
                Retention::Over => {
                    self.report.expired += 1;
                    self.spend(2).await?;
                }
            }
        }
        Ok(retained)
    }

    /// Finds out what manifests name: from the chunk, or by reading them.
    async fn look(
        &mut self,
        section: Section<'_>,
        group: Vec<(Digest, Timestamp)>,
        chunk: &Chunk,
        is_first: bool,
    ) -> Result<Vec<ManifestReferences>> {
        let mut looking = Vec::with_capacity(group.len());
        let mut calls = 0;
        for (digest, modified) in group {
            let known = chunk.known.get(&digest).cloned();
            let is_known = known.as_ref().is_some_and(|known| {
                known.is_settled
                    && (known.modified == modified || section.kind == SectionKind::Removed)
            });
            calls += usize::from(!is_known);
            let (registry, scanned) = (self.registry, self.scanned);
            looking.push(async move {
                match known {
                    Some(references) if is_known => Ok(Looked::Known {
                        references,
                        was_read: false,
                        is_half_deleted: false,
                    }),
                    known => registry.look_at(section, digest, known, scanned).await,
                }
            });
        }
        self.spend(calls).await?;
        let looked: Vec<Looked> = stream::iter(looking)
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        let mut all = Vec::with_capacity(looked.len());
        for looked in looked {
            match looked {
                Looked::Gone => {}
                Looked::Known {
                    references,
                    was_read,
                    is_half_deleted,
                } => {
                    self.report.manifests_read += u64::from(was_read);
                    if is_half_deleted && is_first {
                        self.finish_delete(section.repository, &references.digest)
                            .await?;
                    }
                    all.push(references);
                }
                Looked::Unreadable(reason) => {
                    let flat = section.repository.as_str().replace('/', ":");
                    self.opaque.insert(flat);
                    self.report.skip(reason);
                }
            }
        }
        Ok(all)
    }

    fn mark(&mut self, section: Section<'_>, references: &ManifestReferences, is_first: bool) {
        for digest in &references.blobs {
            let first = digest.as_bytes().first().copied().unwrap_or_default();
            if self.range.contains(first) {
                self.marks.insert(&layout::link(section.repository, digest));
            }
        }
        if is_first {
            self.report.manifests += 1;
            self.report.references += references.blobs.len() as u64;
            self.tell("manifests scanned", self.report.manifests);
        }
    }

    /// Drops chunks that the walk has left behind: their repositories have no manifests any more.
    async fn drop_chunks(&mut self, chunks: &mut Walk, until: Option<&str>) -> Result<()> {
        while let Some(entry) = chunks.peek(self.registry).await? {
            if until.is_some_and(|until| entry.key.as_str() >= until) {
                return Ok(());
            }
            if let Some(entry) = chunks.next(self.registry).await? {
                self.spend(1).await?;
                let _ = self.registry.remove(&entry.key, Condition::Any).await?;
            }
        }
        Ok(())
    }
}

/// A key that this program does not know may be a reference, so a pass ends with it.
fn unknown_key(key: &str) -> RegistryError {
    RegistryError::RecordUnreadable {
        key: key.to_owned(),
        reason: "this program does not know such a key, so nothing is collected".to_owned(),
    }
}
