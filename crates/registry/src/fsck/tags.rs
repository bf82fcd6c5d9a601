//! Tags, their reverse entries and referrer entries: names of manifests, held against them.

use super::check::Check;
use super::finding::Finding;
use super::walk::Found;
use crate::record::{ManifestRecord, ReferrerRecord, TagRecord, TaggedRecord};
use crate::{Result, layout};
use roadstead_oci::{Digest, RepositoryName, Tag};

impl Check<'_> {
    pub(super) async fn check_tag(
        &self,
        found: &Found,
        repository: &RepositoryName,
        tag: &Tag,
        value: &TagRecord,
    ) -> Result<Vec<Finding>> {
        let digest = &value.digest;
        let reverse = layout::tagged(repository, digest, tag);
        let (manifest, reverse) = futures::try_join!(
            self.registry.read_manifest(repository, digest),
            self.registry.read::<TaggedRecord>(&reverse),
        )?;
        let readable = manifest.record.filter(ManifestRecord::is_readable);
        let is_named = readable
            .as_ref()
            .is_some_and(|manifest| manifest.generation == value.generation);
        let mut findings = Vec::new();
        if is_named && reverse.record.is_some() {
            return Ok(findings);
        }
        // A tag that was not written meanwhile named all the time what it names now.
        let again = self.registry.look_up(found.key.clone()).await?;
        if again.is_none_or(|again| again.version != found.version) {
            return Ok(findings);
        }
        if readable.is_none() {
            let text = format!(
                "it names manifest {digest}, which is not there: push it again, or remove the tag"
            );
            findings.push(Finding::error("tag-without-manifest", &found.key, text));
        } else if !is_named {
            let text = format!(
                "it names an earlier life of manifest {digest}, so that a delete of the manifest leaves it; push the tag again"
            );
            findings.push(Finding::warning(
                "tag-of-earlier-manifest",
                &found.key,
                text,
            ));
        }
        if reverse.record.is_none() {
            let text = "it has no reverse entry, so that a delete of its manifest leaves the tag";
            let mut finding = Finding::warning("tag-without-reverse-entry", &found.key, text);
            if self.options.repair {
                let restoring = self.registry.restore_reverse_entry(repository, digest, tag);
                restoring.await?;
                finding.repaired = Some("made the reverse entry again".to_owned());
            }
            findings.push(finding);
        }
        Ok(findings)
    }

    /// A reverse entry may outlive its tag for a while; the collector removes it, by the same rule.
    pub(super) async fn check_reverse_entry(
        &self,
        found: &Found,
        repository: &RepositoryName,
        digest: &Digest,
        tag: &Tag,
    ) -> Result<Vec<Finding>> {
        if self.now.since(found.modified) <= self.registry.inner.settings.grace {
            return Ok(Vec::new());
        }
        let key = layout::tag(repository, tag);
        let named = self.registry.read::<TagRecord>(&key).await?.record;
        if named.is_some_and(|value| value.digest == *digest) {
            return Ok(Vec::new());
        }
        let text = "its tag names this manifest no more";
        let mut finding = Finding::note("stale-reverse-entry", &found.key, text);
        // A push puts the entry anew before it sets the tag, so that it is not this version any more.
        if self.options.repair && self.registry.remove_found(found).await? {
            finding.repaired = Some("removed it".to_owned());
        }
        Ok(vec![finding])
    }

    pub(super) async fn check_referrer(
        &self,
        found: &Found,
        repository: &RepositoryName,
        referrer: &Digest,
        entry: &ReferrerRecord,
    ) -> Result<Vec<Finding>> {
        if !self.is_settled(found.modified) {
            return Ok(Vec::new());
        }
        let manifest = self.registry.read_manifest(repository, referrer).await?;
        let readable = manifest.record.filter(ManifestRecord::is_readable);
        if readable.is_some_and(|manifest| manifest.generation == entry.generation) {
            return Ok(Vec::new());
        }
        let again = self.registry.look_up(found.key.clone()).await?;
        if again.is_none_or(|again| again.version != found.version) {
            return Ok(Vec::new());
        }
        let text = format!("it lists a life of manifest {referrer} that is over");
        let mut finding = Finding::warning("stale-referrer-entry", &found.key, text);
        // Whoever makes the manifest again meets another version here and looks again.
        if self.options.repair && self.registry.remove_found(found).await? {
            finding.repaired = Some("removed it".to_owned());
        }
        Ok(vec![finding])
    }
}
