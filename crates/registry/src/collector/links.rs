//! Level 1: a repository's links to blobs. What names them are the manifests of that repository.
//!
//! A link has no data of its own, so it is killed and removed in one step: the tombstone that a
//! conditional delete leaves has a version, as a dead record would have, and every writer treats
//! the two alike.

use super::batches::{AT_ONCE, BATCH, Candidate, Level, Verdict};
use super::judge::{Judge, Judging};
use super::pass::Pass;
use super::walk::Walk;
use crate::record::{CondemnedEntry, LinkRecord, LinkState};
use crate::registry::Seen;
use crate::{Result, layout};
use futures::{StreamExt, TryStreamExt, stream};
use roadstead_oci::Algorithm;
use roadstead_storage::{Condition, Outcome};

impl Pass<'_> {
    pub(super) async fn collect_links(&mut self) -> Result<()> {
        self.pending = super::marks::Marks::new();
        self.judge_links().await?;
        self.pending.seal();
        for algorithm in Algorithm::ALL {
            self.find_links(algorithm).await?;
        }
        Ok(())
    }

    /// Judges what is condemned or hidden.
    async fn judge_links(&mut self) -> Result<()> {
        let mut walk = Walk::new(Level::Links.prefix(), None);
        while let Some(batch) = self.next_batch(Level::Links, &mut walk).await? {
            let judge = self.judge();
            let mut judging = Vec::with_capacity(batch.record.entries.len());
            for entry in &batch.record.entries {
                let is_here = self.is_link_here(&entry.key);
                let is_named = is_here && self.is_link_named(&entry.key);
                judging.push(async move {
                    if !is_here {
                        return Ok(Verdict::Elsewhere);
                    }
                    judge.link(entry, is_named).await
                });
            }
            let calls = judging.len() * 2;
            let verdicts: Vec<Verdict> = stream::iter(judging)
                .buffered(AT_ONCE)
                .try_collect::<Vec<_>>()
                .await?;
            self.spend(calls).await?;
            self.settle(Level::Links, batch, verdicts).await?;
        }
        Ok(())
    }

    /// Looks for links that nothing names, and condemns them.
    async fn find_links(&mut self, algorithm: Algorithm) -> Result<()> {
        let prefix = format!("{}{}/", layout::LINKS, algorithm.as_str());
        let mut walk = Walk::new(prefix.as_str(), self.range.start(&prefix));
        let mut found = Vec::new();
        while let Some(entry) = walk.next(self.registry).await? {
            if !self.is_link_here(&entry.key) {
                break;
            }
            self.report.links += 1;
            let calls = walk.take_calls();
            if calls > 0 {
                self.tell("links looked at", self.report.links);
                self.spend(calls).await?;
            }
            let is_found = self.is_old(entry.modified)
                && !self.is_link_named(&entry.key)
                && !self.pending.may_contain(&entry.key);
            if is_found {
                found.push(entry.key);
                if found.len() == BATCH {
                    self.condemn_links(std::mem::take(&mut found)).await?;
                }
            }
        }
        self.condemn_links(found).await
    }

    async fn condemn_links(&mut self, keys: Vec<String>) -> Result<()> {
        let mut candidates = Vec::with_capacity(keys.len());
        for (key, seen) in self.read_all::<LinkRecord>(keys).await? {
            let state = seen.record.as_ref().map(|link| link.state);
            match state {
                // To writers both are absent, and nothing names them.
                Some(LinkState::Dead | LinkState::Rotten) if self.is_finished(seen.modified) => {
                    self.remove_link(&key, seen).await?;
                }
                // One that was touched since it was listed is young: somebody is about to name it.
                Some(LinkState::Live | LinkState::Condemned | LinkState::Hidden)
                    if self.is_old(seen.modified) =>
                {
                    candidates.push(Candidate {
                        key,
                        seen,
                        wait_millis: 0,
                    });
                }
                Some(_) | None => {}
            }
        }
        let prefix = Level::Links.prefix();
        self.condemn(Level::Links, &prefix, candidates).await
    }

    async fn remove_link(&mut self, key: &str, seen: Seen<LinkRecord>) -> Result<()> {
        if !self.options.dry_run {
            self.spend(1).await?;
            let condition = Condition::Matches(seen.version);
            let _ = self.registry.remove(key, condition).await?;
        }
        self.tally(Level::Links).killed += 1;
        Ok(())
    }

    /// Tells whether a link may be named by a manifest of its repository.
    fn is_link_named(&self, key: &str) -> bool {
        let repository = key.rsplit('/').next().unwrap_or_default();
        self.marks.may_contain(key) || self.opaque.contains(repository)
    }

    /// Tells whether a link's digest is in the range that is looked at.
    fn is_link_here(&self, key: &str) -> bool {
        let mut parts = key.rsplit('/');
        let hex = parts.nth(1).unwrap_or_default();
        self.is_hex_here(hex)
    }

    pub(super) fn is_hex_here(&self, hex: &str) -> bool {
        let first = hex
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        first.is_some_and(|first| self.range.contains(first))
    }
}

impl Judge<'_> {
    async fn link(self, entry: &CondemnedEntry, is_named: bool) -> Result<Verdict> {
        let accused = match self.find::<LinkRecord>(entry).await? {
            Judging::Continue(accused) => accused,
            Judging::Break(verdict) => return Ok(verdict),
        };
        let accused = match self.wait(entry, accused) {
            Judging::Continue(accused) => accused,
            Judging::Break(verdict) => return Ok(verdict),
        };
        let accused = match self.spare(entry, accused, is_named, 0).await? {
            Judging::Continue(accused) => accused,
            Judging::Break(verdict) => return Ok(verdict),
        };
        let condition = Condition::Matches(accused.version);
        match self.registry.remove(&entry.key, condition).await? {
            Outcome::Applied(_) => Ok(Verdict::Killed { freed: 0 }),
            // Brought back, or the answer was lost: the next pass looks again.
            Outcome::Conflict | Outcome::Unknown => Ok(Verdict::Waiting),
        }
    }
}
