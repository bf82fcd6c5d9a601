//! Blobs beside their links: two listings in the order of digests, merged.

use super::check::Check;
use super::finding::Finding;
use super::kinds::Record;
use super::walk::Found;
use crate::record::{BlobRecord, BlobState, Content, LinkRecord, LinkState};
use crate::registry::{Registry, Seen};
use crate::rehash::Soundness;
use crate::{Result, layout};
use roadstead_oci::{Digest, RepositoryName};

/// A blob that links are held against.
struct Blob {
    digest: Digest,
    record: BlobRecord,
}

impl Check<'_> {
    pub(super) async fn check_blobs(&mut self) -> Result<()> {
        let (mut blobs, mut links) = (self.walk("blob/"), self.walk("link/"));
        loop {
            let blob = blobs.peek().await?.map(|found| found.key.clone());
            let link = links.peek().await?.map(|found| found.key.clone());
            let path_of_blob = blob.as_deref().and_then(|key| key.strip_prefix("blob/"));
            let path_of_link = link.as_deref().and_then(path_of);
            let path = match (path_of_blob, path_of_link) {
                (Some(blob), Some(link)) => blob.min(link).to_owned(),
                (Some(path), None) | (None, Some(path)) => path.to_owned(),
                (None, None) => return Ok(()),
            };
            let mut there = None;
            if path_of_blob == Some(&*path)
                && let Some(found) = blobs.take()
            {
                there = self.check_blob(&found).await?;
            }
            while let Some(found) = links.peek().await? {
                if path_of(&found.key) != Some(&*path) {
                    break;
                }
                if let Some(found) = links.take() {
                    self.check_link(&found, there.as_ref()).await?;
                }
            }
        }
    }

    async fn check_blob(&mut self, found: &Found) -> Result<Option<Blob>> {
        let Some(Record::Blob(digest, record)) = self.read(found).await? else {
            return Ok(None);
        };
        match record.state {
            BlobState::Live | BlobState::Condemned => {
                if self.options.checksum {
                    self.check_content(found, &digest, &record).await?;
                }
            }
            BlobState::Dead => self.check_dead_blob(found, &digest).await?,
            BlobState::Rotten => self.report.add(Finding::error(
                "damaged-blob",
                &found.key,
                "its stored content is damaged and quarantined; a push of this digest heals it",
            )),
        }
        Ok(Some(Blob { digest, record }))
    }

    /// Hashes the content of a blob that readers see.
    async fn check_content(
        &mut self,
        found: &Found,
        digest: &Digest,
        record: &BlobRecord,
    ) -> Result<()> {
        let length = record.content.length();
        let soundness = self
            .registry
            .hash(&record.content, digest, &mut self.pace)
            .await?;
        self.report.hashed_bytes += length;
        match soundness {
            // Missing data is told when the data is looked at.
            Soundness::Sound | Soundness::Missing => return Ok(()),
            Soundness::Unreadable(why) => {
                let text = format!("its stored content cannot be read: {why}");
                let finding = Finding::error("unreadable-blob", &found.key, text);
                self.report.add(finding);
                return Ok(());
            }
            Soundness::Damaged => {}
        }
        let again = self.registry.read::<BlobRecord>(&found.key).await?.record;
        if again.is_none_or(|again| again.content != record.content) {
            return Ok(());
        }
        let text = "its stored content does not hash to its digest";
        let mut finding = Finding::error("damaged-blob", &found.key, text);
        if self.options.repair
            && let Some(data) = record.content.data()
        {
            self.registry.quarantine_everywhere(digest, data).await?;
            finding.repaired = Some(
                "quarantined: readers are told, and a push of this digest heals it".to_owned(),
            );
        }
        self.report.add(finding);
        Ok(())
    }

    async fn check_dead_blob(&mut self, found: &Found, digest: &Digest) -> Result<()> {
        if !self.is_settled(found.modified) {
            return Ok(());
        }
        let text = "its removal was begun and not finished";
        let mut finding = Finding::note("half-done-removal", &found.key, text);
        if self.options.repair && self.registry.finish_dead_blob(digest).await? {
            finding.repaired = Some("removed its data and its record".to_owned());
        }
        self.report.add(finding);
        Ok(())
    }

    async fn check_link(&mut self, found: &Found, blob: Option<&Blob>) -> Result<()> {
        let Some(Record::Link(repository, digest, link)) = self.read(found).await? else {
            return Ok(());
        };
        let blob = blob.filter(|blob| blob.digest == digest);
        if !is_wrong(&link, blob.map(|blob| &blob.record)) {
            return Ok(());
        }
        // Both are read again, the link first: it is made after its blob, and goes before it.
        let again = self.registry.link_and_blob(&repository, &digest).await?;
        let (Some(link), blob) = again else {
            return Ok(());
        };
        if !is_wrong(&link, blob.as_ref()) || !self.is_settled(found.modified) {
            return Ok(());
        }
        let finding = self
            .judge_link(found, &digest, &link, blob.as_ref())
            .await?;
        if let Some(finding) = finding {
            self.report.add(finding);
        }
        Ok(())
    }

    async fn judge_link(
        &self,
        found: &Found,
        digest: &Digest,
        link: &LinkRecord,
        blob: Option<&BlobRecord>,
    ) -> Result<Option<Finding>> {
        if link.state == LinkState::Dead {
            let text = "its removal was begun and not finished";
            let mut finding = Finding::note("half-done-removal", &found.key, text);
            if self.options.repair && self.registry.remove_found(found).await? {
                finding.repaired = Some("removed the record".to_owned());
            }
            return Ok(Some(finding));
        }
        if blob.is_some_and(|blob| matches!(blob.state, BlobState::Live | BlobState::Condemned)) {
            let text = "it names data of an earlier life of its blob; the next read mends it";
            return Ok(Some(Finding::note(
                "link-of-earlier-data",
                &found.key,
                text,
            )));
        }
        let is_readable = match &link.content {
            Content::Inline(bytes) => Digest::of(digest.algorithm(), bytes) == *digest,
            Content::Data(data) => self.registry.has_data(data).await?,
        };
        Ok(Some(if is_readable {
            let text = "there is no record of its blob; the content is there and is read through \
                        the link, and the next push of this digest makes the record again";
            Finding::warning("link-without-blob", &found.key, text)
        } else {
            let text = "neither the record of its blob nor its content is there: push it again";
            Finding::error("link-without-content", &found.key, text)
        }))
    }
}

/// Returns `<alg>/<hex>` of a link's key.
fn path_of(key: &str) -> Option<&str> {
    let rest = key.strip_prefix("link/")?;
    Some(rest.rsplit_once('/').map_or(rest, |(path, _)| path))
}

/// Tells whether a link is not as it should be beside its blob.
fn is_wrong(link: &LinkRecord, blob: Option<&BlobRecord>) -> bool {
    match link.state {
        LinkState::Live | LinkState::Condemned => match blob {
            None => true,
            Some(blob) => match blob.state {
                BlobState::Live | BlobState::Condemned => blob.content != link.content,
                BlobState::Dead => true,
                // Told with the blob.
                BlobState::Rotten => false,
            },
        },
        // Mended when it is read next, or told with the blob.
        LinkState::Rotten | LinkState::Hidden => false,
        LinkState::Dead => true,
    }
}

impl Registry {
    /// Reads a link and then its blob.
    async fn link_and_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(Option<LinkRecord>, Option<BlobRecord>)> {
        let link: Seen<LinkRecord> = self.read(&layout::link(repository, digest)).await?;
        let blob: Seen<BlobRecord> = self.read(&layout::blob(digest)).await?;
        Ok((link.record, blob.record))
    }
}
