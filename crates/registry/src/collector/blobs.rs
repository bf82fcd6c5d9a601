//! Level 2: blobs. What names them are links of any repository, found by listing both in order.

use super::batches::{AT_ONCE, BATCH, Candidate, Collected, Level, Verdict};
use super::judge::{Accused, Judge, Judging};
use super::pass::Pass;
use super::walk::Walk;
use crate::record::{BlobRecord, BlobState, CondemnedEntry};
use crate::registry::{Registry, Seen};
use crate::{Result, layout};
use futures::{StreamExt, TryStreamExt, stream};
use roadstead_oci::Algorithm;
use roadstead_storage::{Condition, Outcome, Version};

/// Calls that killing a blob costs: record, links, the state, data, record.
const CALLS_A_KILL: usize = 5;

impl Pass<'_> {
    pub(super) async fn collect_blobs(&mut self) -> Result<()> {
        self.pending = super::marks::Marks::new();
        self.judge_blobs().await?;
        self.pending.seal();
        for algorithm in Algorithm::ALL {
            self.find_blobs(algorithm).await?;
        }
        Ok(())
    }

    async fn judge_blobs(&mut self) -> Result<()> {
        let mut walk = Walk::new(Level::Blobs.prefix(), None);
        while let Some(batch) = self.next_batch(Level::Blobs, &mut walk).await? {
            let judge = self.judge();
            let mut judging = Vec::with_capacity(batch.record.entries.len());
            for entry in &batch.record.entries {
                let hex = entry.key.rsplit('/').next().unwrap_or_default();
                let is_here = self.is_hex_here(hex);
                judging.push(async move {
                    if !is_here {
                        return Ok(Verdict::Elsewhere);
                    }
                    judge.blob(entry).await
                });
            }
            let verdicts: Vec<Verdict> = stream::iter(judging)
                .buffered(AT_ONCE)
                .try_collect::<Vec<_>>()
                .await?;
            let killed = |verdict: &&Verdict| matches!(verdict, Verdict::Killed { .. });
            let kills = verdicts.iter().filter(killed).count();
            self.spend(verdicts.len() + kills * CALLS_A_KILL).await?;
            self.settle(Level::Blobs, batch, verdicts).await?;
        }
        Ok(())
    }

    /// Looks for blobs without a link, and condemns them.
    async fn find_blobs(&mut self, algorithm: Algorithm) -> Result<()> {
        let algorithm = algorithm.as_str();
        let prefix = format!("{}{algorithm}/", layout::BLOBS);
        let link_prefix = format!("{}{algorithm}/", layout::LINKS);
        let mut walk = Walk::new(prefix.as_str(), self.range.start(&prefix));
        let mut links = Walk::new(link_prefix.as_str(), self.range.start(&link_prefix));
        let mut found = Vec::new();
        while let Some(entry) = walk.next(self.registry).await? {
            let hex = &entry.key[prefix.len()..];
            if !self.is_hex_here(hex) {
                break;
            }
            self.report.blobs += 1;
            let calls = walk.take_calls() + links.take_calls();
            if calls > 0 {
                self.tell("blobs looked at", self.report.blobs);
                self.spend(calls).await?;
            }
            if !self.is_old(entry.modified) {
                continue;
            }
            let own = format!("{link_prefix}{hex}/");
            links.seek(&own);
            let next = links.peek(self.registry).await?;
            if next.is_some_and(|link| link.key.starts_with(&own)) {
                continue;
            }
            if !self.pending.may_contain(&entry.key) {
                found.push(entry.key);
                if found.len() == BATCH {
                    self.condemn_blobs(std::mem::take(&mut found)).await?;
                }
            }
        }
        self.condemn_blobs(found).await
    }

    async fn condemn_blobs(&mut self, keys: Vec<String>) -> Result<()> {
        let mut candidates = Vec::with_capacity(keys.len());
        for (key, seen) in self.read_all::<BlobRecord>(keys).await? {
            match seen.record.as_ref().map(|blob| blob.state) {
                Some(BlobState::Live | BlobState::Condemned) if self.is_old(seen.modified) => {
                    candidates.push(Candidate {
                        key,
                        seen,
                        wait_millis: 0,
                    });
                }
                // To writers both are absent, and no link names them.
                Some(BlobState::Dead | BlobState::Rotten) if self.is_finished(seen.modified) => {
                    self.remove_blob(&key, seen).await?;
                }
                Some(_) | None => {}
            }
        }
        let prefix = Level::Blobs.prefix();
        self.condemn(Level::Blobs, &prefix, candidates).await
    }

    /// Ends what is dead or rotten and has no link.
    async fn remove_blob(&mut self, key: &str, seen: Seen<BlobRecord>) -> Result<()> {
        let Some(blob) = seen.record else {
            return Ok(());
        };
        let mut freed = blob.content.length();
        if !self.options.dry_run {
            self.spend(CALLS_A_KILL).await?;
            let killed = self.registry.kill_blob(key, blob, seen.version).await?;
            let Verdict::Killed { freed: bytes } = killed else {
                return Ok(());
            };
            freed = bytes;
        }
        self.tally(Level::Blobs).killed += 1;
        self.report.bytes_freed += freed;
        Ok(())
    }
}

impl Judge<'_> {
    async fn blob(self, entry: &CondemnedEntry) -> Result<Verdict> {
        let accused = match self.find::<BlobRecord>(entry).await? {
            Judging::Continue(accused) => accused,
            Judging::Break(verdict) => return Ok(verdict),
        };
        // A collector died between the kill and its end.
        if accused.record.state == BlobState::Dead {
            return if self.dry_run {
                Ok(Verdict::Waiting)
            } else {
                self.kill_blob(entry, accused).await
            };
        }
        let accused = match self.wait(entry, accused) {
            Judging::Continue(accused) => accused,
            Judging::Break(verdict) => return Ok(verdict),
        };
        // Asked now, and so after the wait: the scan of this level.
        let Some(digest) = layout::digest_at_end(&entry.key) else {
            return Ok(Verdict::Dropped);
        };
        let links = layout::links_of(&digest);
        let linked = self.registry.inner.records.list(&links, None, 1).await?;
        let is_named = !linked.entries.is_empty();
        let freed = accused.record.size();
        match self.spare(entry, accused, is_named, freed).await? {
            Judging::Continue(accused) => self.kill_blob(entry, accused).await,
            Judging::Break(verdict) => Ok(verdict),
        }
    }

    async fn kill_blob(
        self,
        entry: &CondemnedEntry,
        accused: Accused<BlobRecord>,
    ) -> Result<Verdict> {
        let killing = self
            .registry
            .kill_blob(&entry.key, accused.record, accused.version);
        killing.await
    }
}

impl Registry {
    /// Kills the blob that was read at `version`: record dead, data deleted, record removed. Where
    /// the content is in the record, the removal alone is all three.
    async fn kill_blob(&self, key: &str, blob: BlobRecord, version: Version) -> Result<Verdict> {
        let freed = blob.content.length();
        let mut version = version;
        if let Some(data) = blob.content.data().cloned() {
            if blob.state != BlobState::Dead {
                let dead = BlobRecord {
                    state: BlobState::Dead,
                    nonce: self.nonce(),
                    ..blob
                };
                let condition = Condition::Matches(version);
                match self.put(key, &dead, condition).await? {
                    Outcome::Applied(killed) => version = killed,
                    // Brought back, or the answer was lost: the next pass looks again.
                    Outcome::Conflict | Outcome::Unknown => return Ok(Verdict::Waiting),
                }
            }
            // The key belongs to this life of the blob alone: late, it hurts nobody.
            self.inner.data.delete(&data.key).await?;
        }
        match self.remove(key, Condition::Matches(version)).await? {
            Outcome::Applied(_) => Ok(Verdict::Killed { freed }),
            // With data: written over by an upload, or removed by another collector.
            Outcome::Conflict | Outcome::Unknown => Ok(Verdict::Waiting),
        }
    }
}
