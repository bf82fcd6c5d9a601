//! Level 0: manifests that nothing names, where a policy wants them gone.
//!
//! A manifest is named by a tag, by an index of its repository, or, if it has a subject, by that
//! subject being there. One that was never tagged is condemned once it is as old as the policy says;
//! one that lost its tags waits so long after it was condemned. Killed is: from now on it is
//! deleted as if a client had asked for it.

use super::batches::{AT_ONCE, BATCH, Candidate, Collected, Level, Verdict};
use super::judge::{Accused, Judge, Judging};
use super::marks::Marks;
use super::pass::Pass;
use super::walk::{RepositoryKey, Walk};
use crate::record::{CondemnedEntry, ManifestRecord, ManifestReferences, ManifestState};
use crate::{Result, layout};
use futures::{StreamExt, TryStreamExt, stream};
use roadstead_oci::{Digest, RepositoryName};
use roadstead_storage::Condition;
use std::time::Duration;

/// Who deletes what the policy wants gone, as the history of tags and the log tell it.
pub(super) const COLLECTOR: &str = "collector";

/// What names manifests within one repository.
pub(super) struct Graph {
    /// Manifests that an index names.
    children: Marks,
    /// Manifests that are there.
    present: Marks,
}

impl Graph {
    pub(super) fn new() -> Self {
        Self {
            children: Marks::new(),
            present: Marks::new(),
        }
    }

    pub(super) fn add(&mut self, references: &ManifestReferences) {
        self.present.insert(&references.digest.to_string());
        for child in &references.children {
            self.children.insert(&child.to_string());
        }
    }

    /// Tells whether an index, or a subject that is there, names a manifest.
    fn names(&self, digest: &Digest, subject: Option<&Digest>) -> bool {
        self.children.may_contain(&digest.to_string())
            || subject.is_some_and(|subject| self.present.may_contain(&subject.to_string()))
    }
}

impl Pass<'_> {
    /// Tells whether there is a policy for this level.
    pub(super) fn collects_manifests(&self) -> bool {
        self.registry.inner.settings.collector.untagged.is_some()
    }

    /// Judges what is condemned in a repository, and condemns more.
    pub(super) async fn collect_manifests(
        &mut self,
        repository: &RepositoryName,
        mut graph: Graph,
    ) -> Result<()> {
        let Some(untagged) = self.registry.inner.settings.collector.untagged else {
            return Ok(());
        };
        let flat = repository.as_str().replace('/', ":");
        if self.opaque.contains(&flat) {
            // An index that cannot be read may name any of them.
            return Ok(());
        }
        graph.children.seal();
        graph.present.seal();
        self.pending = Marks::new();
        let batches = format!("{}{repository}/_batch/", Level::Manifests.prefix());
        self.judge_manifests(repository, &batches, &graph).await?;
        self.pending.seal();
        if self.does_chores || self.options.dry_run {
            self.find_manifests(repository, &batches, &graph, untagged)
                .await?;
        }
        Ok(())
    }

    /// Drops lists that the scan does not lead to: of repositories that have no manifests any more,
    /// and all of them where there is no policy any more. What is condemned is as good as live.
    pub(super) async fn drop_batches(&mut self) -> Result<()> {
        let prefix = Level::Manifests.prefix();
        let mut walk = Walk::new(prefix.as_str(), None);
        while let Some(entry) = walk.next(self.registry).await? {
            self.spend(1 + walk.take_calls()).await?;
            let key = RepositoryKey::parse(&prefix, &entry.key);
            let repository = key.and_then(|key| RepositoryName::parse(key.name).ok());
            let is_scanned = match repository {
                Some(repository) if self.collects_manifests() => {
                    let manifests = layout::manifests(&repository);
                    let records = &self.registry.inner.records;
                    let page = records.list(&manifests, None, 1).await?;
                    !page.entries.is_empty()
                }
                Some(_) | None => false,
            };
            if !is_scanned && !self.options.dry_run {
                let _ = self.registry.remove(&entry.key, Condition::Any).await?;
            }
        }
        Ok(())
    }

    async fn judge_manifests(
        &mut self,
        repository: &RepositoryName,
        batches: &str,
        graph: &Graph,
    ) -> Result<()> {
        let mut walk = Walk::new(batches, None);
        while let Some(batch) = self.next_batch(Level::Manifests, &mut walk).await? {
            let mut judging = Vec::with_capacity(batch.record.entries.len());
            for entry in &batch.record.entries {
                judging.push(self.judge().manifest(entry, repository, graph));
            }
            let calls = judging.len() * 4;
            let verdicts: Vec<Verdict> = stream::iter(judging)
                .buffered(AT_ONCE)
                .try_collect::<Vec<_>>()
                .await?;
            self.spend(calls + walk.take_calls()).await?;
            self.settle(Level::Manifests, batch, verdicts).await?;
        }
        self.spend(walk.take_calls()).await
    }

    async fn find_manifests(
        &mut self,
        repository: &RepositoryName,
        batches: &str,
        graph: &Graph,
        untagged: Duration,
    ) -> Result<()> {
        let prefix = layout::manifests(repository);
        let mut walk = Walk::new(prefix.as_str(), None);
        let mut keys = Vec::new();
        loop {
            let next = walk.next(self.registry).await?;
            self.spend(walk.take_calls()).await?;
            if let Some(entry) = &next {
                let digest = layout::digest_at_end(&entry.key);
                let is_found = digest.is_some_and(|digest| !graph.names(&digest, None))
                    && self.is_old(entry.modified)
                    && !self.pending.may_contain(&entry.key);
                if is_found {
                    keys.push(entry.key.clone());
                }
            }
            if keys.len() == BATCH || (next.is_none() && !keys.is_empty()) {
                let candidates = self
                    .untagged(repository, std::mem::take(&mut keys), graph, untagged)
                    .await?;
                self.condemn(Level::Manifests, batches, candidates).await?;
            }
            if next.is_none() {
                return Ok(());
            }
        }
    }

    /// Of some manifests, returns those that nothing names, with the time that they wait.
    async fn untagged(
        &mut self,
        repository: &RepositoryName,
        keys: Vec<String>,
        graph: &Graph,
        untagged: Duration,
    ) -> Result<Vec<Candidate<ManifestRecord>>> {
        let mut candidates = Vec::new();
        for (key, seen) in self.read_all::<ManifestRecord>(keys).await? {
            let Some(digest) = layout::digest_at_end(&key) else {
                continue;
            };
            let Some(record) = &seen.record else { continue };
            let is_alive = matches!(record.state, ManifestState::Live | ManifestState::Condemned);
            if !is_alive || graph.names(&digest, record.subject.as_ref()) {
                continue;
            }
            self.spend(1).await?;
            let tagged = layout::tagged_all(repository, &digest);
            let entries = self.registry.inner.records.list(&tagged, None, 1).await?;
            let was_tagged = !entries.entries.is_empty();
            if was_tagged {
                self.spend(2).await?;
                let tags = self.registry.manifest_tags(repository, &digest).await?;
                if !tags.is_empty() {
                    continue;
                }
            } else if self.scanned.since(seen.modified) <= untagged {
                continue;
            }
            // One that has lost its tags waits from now on: when it lost them is not known.
            let wait = if was_tagged { untagged } else { Duration::ZERO };
            candidates.push(Candidate {
                key,
                seen,
                wait_millis: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            });
        }
        Ok(candidates)
    }
}

impl Judge<'_> {
    async fn manifest(
        self,
        entry: &CondemnedEntry,
        repository: &RepositoryName,
        graph: &Graph,
    ) -> Result<Verdict> {
        let Some(digest) = layout::digest_at_end(&entry.key) else {
            return Ok(Verdict::Dropped);
        };
        let accused = match self.find::<ManifestRecord>(entry).await? {
            Judging::Continue(accused) => accused,
            Judging::Break(verdict) => return Ok(verdict),
        };
        let accused = match self.wait(entry, accused) {
            Judging::Continue(accused) => accused,
            Judging::Break(verdict) => return Ok(verdict),
        };
        // Indexes and subjects by the scan, which began after the wait; tags now.
        let is_named = graph.names(&digest, accused.record.subject.as_ref())
            || !self
                .registry
                .manifest_tags(repository, &digest)
                .await?
                .is_empty();
        let freed = accused.record.size();
        let accused = match self.spare(entry, accused, is_named, freed).await? {
            Judging::Continue(accused) => accused,
            Judging::Break(verdict) => return Ok(verdict),
        };
        let Accused {
            record, version, ..
        } = accused;
        let deleting = self
            .registry
            .delete_condemned(repository, &digest, record, version, COLLECTOR);
        Ok(if deleting.await? {
            Verdict::Killed { freed }
        } else {
            Verdict::Waiting
        })
    }
}
