//! Every record of a store, made of the registry's own types, in the order in which pushes would
//! bring them: blobs and their links, then manifests, tags and the catalog.

use crate::content;
use crate::files::Placed;
use crate::plan::{Plan, big_tag, own_tag, repository_name};
use crate::progress::Progress;
use anyhow::ensure;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use roadstead_oci::{Algorithm, Digest, ManifestMediaType, Tag};
use roadstead_registry::record::{
    BlobRecord, BlobState, CatalogRecord, Content, Encoded, LinkRecord, LinkState, ManifestRecord,
    ManifestState, TagRecord, TaggedRecord,
};
use roadstead_registry::{
    Generation, INLINE_BLOB_BYTES, INLINE_MANIFEST_BYTES, Nonce, RandomIds, layout,
};
use roadstead_storage::{Condition, Outcome, RecordStore, Timestamp};

/// Writes that wait for one commit, more than the driver puts into one.
const AT_ONCE: usize = 1024;
/// Who pushed everything.
const BY: &str = "scale";

/// A record on its way to the store.
type Write = (String, Bytes);

/// What the records are made of.
pub(crate) struct Writing<'a> {
    plan: &'a Plan,
    placed: &'a [Placed],
    at: Timestamp,
}

/// A manifest as tags name it.
struct Named {
    digest: Digest,
    generation: Generation,
    size: u64,
}

impl<'a> Writing<'a> {
    /// Prepares the records of a plan whose blobs are placed; everything is pushed `at` one time.
    #[must_use]
    pub(crate) const fn new(plan: &'a Plan, placed: &'a [Placed], at: Timestamp) -> Self {
        Self { plan, placed, at }
    }

    /// Writes everything; returns how many records there are.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn write(
        &self,
        records: &dyn RecordStore,
        tell: &(dyn Fn(&str) + Sync),
    ) -> anyhow::Result<u64> {
        let plan = self.plan;
        let others = plan.manifests - plan.big();
        let tags = plan.tags + others;
        // A tag has an entry in the reverse index.
        let total = plan.blobs + plan.links() + plan.manifests + 2 * tags + plan.repositories;
        let progress = Progress::new("records written", total, tell);

        let blobs = (0..plan.blobs).flat_map(|blob| self.blob(blob));
        send(records, &progress, blobs).await?;
        let bases = (0..plan.repositories).filter_map(|repository| {
            let base = plan.base_of(repository)?;
            Some(self.link(base, repository))
        });
        send(records, &progress, bases).await?;

        let digests: Vec<Digest> = self.placed.iter().map(|blob| blob.digest.clone()).collect();
        let mut big = Vec::new();
        let mut writes = Vec::new();
        for manifest in 0..plan.big() {
            let (named, write) = self.manifest(manifest, &digests)?;
            big.push(named);
            writes.push(Ok(write));
        }
        send(records, &progress, writes).await?;
        let named = big.iter().cycle();
        let tags = (0..plan.tags).zip(named);
        let tags = tags.flat_map(|(tag, named)| spread(self.tag(0, big_tag(tag), named)));
        send(records, &progress, tags).await?;

        let others = (plan.big()..plan.manifests).flat_map(|manifest| {
            let mut writes = Vec::with_capacity(3);
            match self.manifest(manifest, &digests) {
                Err(error) => writes.push(Err(error)),
                Ok((named, write)) => {
                    writes.push(Ok(write));
                    let repository = plan.repository_of(manifest);
                    writes.extend(spread(self.tag(repository, own_tag(manifest), &named)));
                }
            }
            writes
        });
        send(records, &progress, others).await?;

        let catalog = (0..plan.repositories).map(|repository| {
            let key = layout::catalog(&repository_name(repository)?);
            Ok((key, CatalogRecord {}.encode()))
        });
        send(records, &progress, catalog).await?;
        Ok(total)
    }

    /// The record of a blob, and that of its link.
    fn blob(&self, blob: u64) -> Vec<anyhow::Result<Write>> {
        let record = self.content(blob).map(|content| {
            let record = BlobRecord {
                state: BlobState::Live,
                generation: Generation::draw(&RandomIds),
                content,
                nonce: Nonce::draw(&RandomIds),
            };
            (layout::blob(&self.placed(blob).digest), record.encode())
        });
        let link = self.plan.linked_in(blob);
        let link = link.map(|repository| self.link(blob, repository));
        [record].into_iter().chain(link).collect()
    }

    fn link(&self, blob: u64, repository: u64) -> anyhow::Result<Write> {
        let record = LinkRecord {
            state: LinkState::Live,
            content: self.content(blob)?,
            nonce: Nonce::draw(&RandomIds),
        };
        let key = layout::link(&repository_name(repository)?, &self.placed(blob).digest);
        Ok((key, record.encode()))
    }

    fn placed(&self, blob: u64) -> &Placed {
        let index = usize::try_from(blob).expect("a blob has an index");
        &self.placed[index]
    }

    fn content(&self, blob: u64) -> anyhow::Result<Content> {
        if let Some(data) = &self.placed(blob).data {
            return Ok(Content::Data(data.clone()));
        }
        let bytes = content::blob(self.plan, blob);
        ensure!(bytes.len() <= INLINE_BLOB_BYTES, "blob {blob} has no file");
        Ok(Content::Inline(bytes.into()))
    }

    fn manifest(&self, manifest: u64, digests: &[Digest]) -> anyhow::Result<(Named, Write)> {
        let bytes = Bytes::from(content::manifest(self.plan, manifest, digests));
        ensure!(
            bytes.len() <= INLINE_MANIFEST_BYTES,
            "a manifest of {} bytes is not kept in its record; there are too many blobs for it",
            bytes.len()
        );
        let named = Named {
            digest: Digest::of(Algorithm::Sha256, &bytes),
            generation: Generation::draw(&RandomIds),
            size: bytes.len() as u64,
        };
        let repository = repository_name(self.plan.repository_of(manifest))?;
        let key = layout::manifest(&repository, &named.digest);
        let record = ManifestRecord {
            state: ManifestState::Live,
            generation: named.generation,
            nonce: Nonce::draw(&RandomIds),
            media_type: ManifestMediaType::OciManifest,
            subject: None,
            artifact_type: None,
            at: self.at,
            by: BY.to_owned(),
            // Where reads are not distant, the server keeps none.
            locations: Vec::new(),
            is_damaged: false,
            content: Content::Inline(bytes),
        };
        Ok((named, (key, record.encode())))
    }

    /// A tag, behind its entry in the reverse index.
    fn tag(
        &self,
        repository: u64,
        tag: anyhow::Result<Tag>,
        named: &Named,
    ) -> anyhow::Result<[Write; 2]> {
        let (repository, tag) = (repository_name(repository)?, tag?);
        let entry = TaggedRecord {
            nonce: Nonce::draw(&RandomIds),
        };
        let record = TagRecord {
            digest: named.digest.clone(),
            generation: named.generation,
            media_type: ManifestMediaType::OciManifest.as_str().to_owned(),
            size: named.size,
            at: self.at,
            by: BY.to_owned(),
            nonce: Nonce::draw(&RandomIds),
        };
        Ok([
            (
                layout::tagged(&repository, &named.digest, &tag),
                entry.encode(),
            ),
            (layout::tag(&repository, &tag), record.encode()),
        ])
    }
}

/// Makes the items of several writes that may have failed together.
fn spread(writes: anyhow::Result<[Write; 2]>) -> Vec<anyhow::Result<Write>> {
    match writes {
        Ok(writes) => writes.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    }
}

/// Puts records that are not there yet, many at once, so that they share commits.
async fn send(
    records: &dyn RecordStore,
    progress: &Progress<'_>,
    writes: impl IntoIterator<Item = anyhow::Result<Write>>,
) -> anyhow::Result<()> {
    stream::iter(writes)
        .map(|write| async move {
            let (key, bytes) = write?;
            let outcome = records.put(&key, bytes, Condition::Absent).await?;
            progress.step();
            ensure!(
                matches!(outcome, Outcome::Applied(_)),
                "{key} was there already"
            );
            anyhow::Ok(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}
