//! What is neither referenced nor condemned, and stays behind: half-done deletes, reverse entries
//! of tags that moved on.

use super::manifests::COLLECTOR;
use super::pass::Pass;
use super::walk::Walk;
use crate::record::{TagRecord, TaggedRecord};
use crate::{Result, YOUNG, layout};
use roadstead_oci::{Digest, RepositoryName, Tag};
use roadstead_storage::{Condition, Entry, Outcome, Timestamp};

impl Pass<'_> {
    /// Finishes the delete of a manifest that whoever began it left behind.
    pub(super) async fn finish_delete(
        &mut self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<()> {
        if self.options.dry_run {
            return Ok(());
        }
        self.spend(3).await?;
        let finishing = self.registry.finish_delete(repository, digest, COLLECTOR);
        if finishing.await? {
            self.report.deletes_finished += 1;
        }
        Ok(())
    }

    /// Removes reverse entries that nobody is about to use, and whose tag names another digest, or is gone.
    pub(super) async fn clean_reverse_entries(
        &mut self,
        walk: &mut Walk,
        repository: &RepositoryName,
        section: &str,
    ) -> Result<()> {
        loop {
            match walk.peek(self.registry).await? {
                Some(entry) if entry.key.starts_with(section) => {}
                Some(_) | None => return Ok(()),
            }
            if let Some(entry) = walk.next(self.registry).await?
                && self.is_given_up(entry.modified)
            {
                self.clean_reverse_entry(repository, section, entry).await?;
            }
            self.spend(walk.take_calls()).await?;
        }
    }

    /// Tells whether a push that put a reverse entry then has set its tag by now, or never will:
    /// however short the grace is, it has D for that, and its request R to land.
    fn is_given_up(&self, modified: Timestamp) -> bool {
        self.is_old(modified) && self.scanned.since(modified) > YOUNG
    }

    async fn clean_reverse_entry(
        &mut self,
        repository: &RepositoryName,
        section: &str,
        entry: Entry,
    ) -> Result<()> {
        // `<alg>/<hex>/<tag>`
        let Some((digest, tag)) = entry.key[section.len()..].rsplit_once('/') else {
            return Ok(());
        };
        let (Some(digest), Ok(tag)) = (layout::digest_at_end(digest), Tag::parse(tag)) else {
            return Ok(());
        };
        self.spend(1).await?;
        let key = layout::tag(repository, &tag);
        let value = self.registry.read::<TagRecord>(&key).await?.record;
        if value.is_some_and(|value| value.digest == digest) {
            return Ok(());
        }
        // Read after the tag: a push that is about to set it puts the entry first, and then this
        // one is young, or the removal meets another version.
        self.spend(2).await?;
        let seen = self.registry.read::<TaggedRecord>(&entry.key).await?;
        if seen.record.is_none() || !self.is_given_up(seen.modified) {
            return Ok(());
        }
        let removing = self
            .registry
            .remove(&entry.key, Condition::Matches(seen.version));
        if let Outcome::Applied(_) = removing.await? {
            self.report.stale_entries += 1;
        }
        Ok(())
    }
}
