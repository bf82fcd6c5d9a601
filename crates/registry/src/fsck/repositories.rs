//! Manifests: their content, what they name, and what must be there beside them.

use super::check::Check;
use super::finding::Finding;
use super::kinds::Record;
use super::walk::Found;
use crate::manifest::{Held, References};
use crate::record::{
    BlobRecord, BlobState, Content, LinkRecord, LinkState, ManifestRecord, ManifestState,
    ReferrerRecord,
};
use crate::{RegistryError, Result, layout};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use roadstead_oci::{Digest, Manifest, RepositoryName};
use roadstead_storage::Kind;
use std::collections::BTreeSet;

/// Records checked at once.
const CHECKS_AT_ONCE: usize = 16;

impl Check<'_> {
    pub(super) async fn check_repositories(&mut self) -> Result<()> {
        let mut walk = self.walk("repo/");
        // The last repository that was found to be in the catalog: its keys follow each other.
        let mut entered: Option<RepositoryName> = None;
        while let Some(page) = walk.next_page().await? {
            let mut records = Vec::with_capacity(page.len());
            for found in page {
                if let Some(record) = self.read(&found).await? {
                    records.push((found, record));
                }
            }
            self.check_catalog(&records, &mut entered).await?;
            let this = &*self;
            let mut checks = Vec::with_capacity(records.len());
            for (found, record) in &records {
                checks.push(this.check_one(found, record));
            }
            let findings: Vec<Vec<Finding>> = stream::iter(checks)
                .buffered(CHECKS_AT_ONCE)
                .try_collect()
                .await?;
            for finding in findings.into_iter().flatten() {
                self.report.add(finding);
            }
        }
        Ok(())
    }

    async fn check_one(&self, found: &Found, record: &Record) -> Result<Vec<Finding>> {
        match record {
            Record::Manifest(repository, digest, record) => {
                self.check_manifest(found, repository, digest, record).await
            }
            Record::Tag(repository, tag, value) => {
                self.check_tag(found, repository, tag, value).await
            }
            Record::Tagged(repository, digest, tag) => {
                self.check_reverse_entry(found, repository, digest, tag)
                    .await
            }
            Record::Referrer(repository, referrer, entry) => {
                self.check_referrer(found, repository, referrer, entry)
                    .await
            }
            Record::Blob(..) | Record::Link(..) | Record::Session(_) | Record::Plain(_) => {
                Ok(Vec::new())
            }
        }
    }

    /// Looks for the catalog entry of every repository that has a manifest.
    async fn check_catalog(
        &mut self,
        records: &[(Found, Record)],
        entered: &mut Option<RepositoryName>,
    ) -> Result<()> {
        let repositories: BTreeSet<&RepositoryName> = records
            .iter()
            .filter_map(|(found, record)| match record {
                Record::Manifest(repository, _, manifest)
                    if manifest.is_readable() && self.is_settled(found.modified) =>
                {
                    Some(repository)
                }
                _ => None,
            })
            .collect();
        for repository in repositories {
            if entered.as_ref() == Some(repository) {
                continue;
            }
            if !self.registry.repository_exists(repository).await? {
                let key = layout::catalog(repository);
                let text = "the repository has manifests and is not in the catalog";
                let mut finding = Finding::warning("missing-catalog-entry", &key, text);
                if self.options.repair {
                    self.registry.enter_catalog(repository).await?;
                    finding.repaired = Some("entered it".to_owned());
                }
                self.report.add(finding);
            }
            *entered = Some(repository.clone());
        }
        Ok(())
    }

    async fn check_manifest(
        &self,
        found: &Found,
        repository: &RepositoryName,
        digest: &Digest,
        record: &ManifestRecord,
    ) -> Result<Vec<Finding>> {
        if matches!(record.state, ManifestState::Deleting | ManifestState::Dead) {
            return self.check_deletion(found, repository, digest).await;
        }
        if record.is_damaged {
            let text = "its stored content is damaged and quarantined; a push of it heals it";
            return Ok(vec![Finding::error("damaged-manifest", &found.key, text)]);
        }
        let bytes = match self.content_of(repository, digest, record).await? {
            Ok(bytes) => bytes,
            Err(text) => {
                return self
                    .tell_damaged(found, repository, digest, record, &text)
                    .await;
            }
        };
        let media_type = record.media_type.as_str();
        let manifest = match Manifest::parse(&bytes, Some(media_type)) {
            Ok(manifest) => manifest,
            Err(error) => {
                let text = format!("it cannot be understood: {error}");
                return Ok(vec![Finding::error(
                    "unreadable-manifest",
                    &found.key,
                    text,
                )]);
            }
        };
        let mut findings = self.check_references(found, repository, &manifest).await?;
        findings.extend(
            self.check_subject(found, repository, digest, record)
                .await?,
        );
        Ok(findings)
    }

    /// Returns the bytes of a manifest, or what is wrong with them.
    async fn content_of(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        record: &ManifestRecord,
    ) -> Result<std::result::Result<Bytes, String>> {
        let damaged = "its stored content does not hash to its digest";
        let data = match &record.content {
            Content::Inline(bytes) if Digest::of(digest.algorithm(), bytes) == *digest => {
                return Ok(Ok(bytes.clone()));
            }
            Content::Inline(_) => return Ok(Err(damaged.to_owned())),
            Content::Data(data) => data,
        };
        let text = match self.registry.read_manifest_data(data, digest).await {
            Ok(bytes) => return Ok(Ok(bytes)),
            Err(RegistryError::Storage(error)) if error.kind() == Kind::Corrupt => {
                damaged.to_owned()
            }
            Err(RegistryError::Storage(error)) if error.kind() == Kind::NotFound => {
                format!("its data {} is not there", data.key.as_str())
            }
            Err(error) => return Err(error),
        };
        let again = self
            .registry
            .read_manifest(repository, digest)
            .await?
            .record;
        if again.is_some_and(|again| again.content == record.content && again.is_readable()) {
            return Ok(Err(text));
        }
        // It was deleted, or pushed again, while it was read.
        Ok(Ok(Bytes::new()))
    }

    async fn tell_damaged(
        &self,
        found: &Found,
        repository: &RepositoryName,
        digest: &Digest,
        record: &ManifestRecord,
        text: &str,
    ) -> Result<Vec<Finding>> {
        let text = format!("{text}: push it again");
        let mut finding = Finding::error("damaged-manifest", &found.key, text);
        if self.options.repair
            && let Some(data) = record.content.data()
        {
            self.registry
                .quarantine_manifest(repository, digest, data)
                .await?;
            finding.repaired =
                Some("quarantined: readers are told, and a push of it heals it".to_owned());
        }
        Ok(vec![finding])
    }

    async fn check_deletion(
        &self,
        found: &Found,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<Finding>> {
        if !self.is_settled(found.modified) {
            return Ok(Vec::new());
        }
        let text = "its deletion was begun and not finished";
        let mut finding = Finding::note("half-done-removal", &found.key, text);
        if self.options.repair {
            let finishing = self.registry.finish_delete(repository, digest, "fsck");
            if finishing.await? {
                finding.repaired = Some("finished the deletion".to_owned());
            }
        }
        Ok(vec![finding])
    }

    /// Looks for everything that a manifest names.
    async fn check_references(
        &self,
        found: &Found,
        repository: &RepositoryName,
        manifest: &Manifest,
    ) -> Result<Vec<Finding>> {
        let references = References::of(manifest, false);
        let mut findings = Vec::new();
        for (held, digest) in references.required() {
            let finding = match held {
                Held::Blob => self.check_layer(found, repository, digest).await?,
                Held::Manifest => self.check_child(found, repository, digest).await?,
            };
            findings.extend(finding);
        }
        if findings.is_empty() {
            return Ok(findings);
        }
        // Only a manifest that is still there is missed something.
        let again = self.registry.look_up(found.key.clone()).await?;
        if again.is_none_or(|again| again.version != found.version) {
            findings.clear();
        }
        Ok(findings)
    }

    async fn check_layer(
        &self,
        found: &Found,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Finding>> {
        let key = layout::link(repository, digest);
        let link = self.registry.read::<LinkRecord>(&key).await?.record;
        Ok(match link.map(|link| (link.state, link.content)) {
            Some((LinkState::Live | LinkState::Condemned, _)) => None,
            Some((LinkState::Hidden, _)) => {
                let text =
                    format!("it names blob {digest}, which was deleted from this repository");
                Some(Finding::warning("deleted-content", &found.key, text))
            }
            Some((LinkState::Rotten, content)) => {
                let blob = self
                    .registry
                    .read::<BlobRecord>(&layout::blob(digest))
                    .await?;
                // Pushed again in the meantime: the next read mends the link.
                let is_healed = blob.record.is_some_and(|blob| {
                    matches!(blob.state, BlobState::Live | BlobState::Condemned)
                        && blob.content != content
                });
                let text = format!(
                    "it names blob {digest}, whose stored content is damaged: push it again"
                );
                (!is_healed).then(|| Finding::error("damaged-content", &found.key, text))
            }
            Some((LinkState::Dead, _)) | None if self.registry.inner.settings.sparse => {
                let text = format!(
                    "it names blob {digest}, which is not there; it may have been pushed without"
                );
                Some(Finding::warning("missing-content", &found.key, text))
            }
            Some((LinkState::Dead, _)) | None => {
                let text = format!("it names blob {digest}, which is not there: push it again");
                Some(Finding::error("missing-content", &found.key, text))
            }
        })
    }

    /// A child may be deleted while its index stays, and nothing tells it from one that was lost.
    async fn check_child(
        &self,
        found: &Found,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Finding>> {
        let child = self
            .registry
            .read_manifest(repository, digest)
            .await?
            .record;
        if child.is_some_and(|child| child.is_readable()) {
            return Ok(None);
        }
        let text = format!(
            "it lists manifest {digest}, which is not there; it may have been deleted, or pushed without"
        );
        Ok(Some(Finding::warning("missing-child", &found.key, text)))
    }

    /// A manifest with a subject has an entry there, which names this life of it.
    async fn check_subject(
        &self,
        found: &Found,
        repository: &RepositoryName,
        digest: &Digest,
        record: &ManifestRecord,
    ) -> Result<Vec<Finding>> {
        let Some(subject) = &record.subject else {
            return Ok(Vec::new());
        };
        if !self.is_settled(found.modified) {
            return Ok(Vec::new());
        }
        let key = layout::referrer(repository, subject, digest);
        let entry = self.registry.read::<ReferrerRecord>(&key).await?.record;
        if entry.is_some_and(|entry| entry.generation == record.generation) {
            return Ok(Vec::new());
        }
        let again = self.registry.look_up(found.key.clone()).await?;
        if again.is_none_or(|again| again.version != found.version) {
            return Ok(Vec::new());
        }
        let text = format!("it is not listed among the referrers of {subject}");
        let mut finding = Finding::warning("missing-referrer-entry", &found.key, text);
        if self.options.repair && self.registry.renew_referrer(repository, digest).await? {
            finding.repaired = Some("entered it".to_owned());
        }
        Ok(vec![finding])
    }
}
