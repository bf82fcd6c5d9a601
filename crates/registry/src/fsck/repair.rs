//! Repairs: each is a compare-and-set on what was seen, or makes what may be there anyway.

use super::walk::Found;
use crate::record::{BlobRecord, BlobState, Encoded, TaggedRecord};
use crate::registry::Registry;
use crate::{Result, layout};
use roadstead_oci::{Digest, RepositoryName, Tag};
use roadstead_storage::{Condition, Outcome};

impl Registry {
    /// Removes a record as it was found; `false` when it has changed.
    pub(super) async fn remove_found(&self, found: &Found) -> Result<bool> {
        let condition = Condition::Matches(found.version.clone());
        let removed = self.remove(&found.key, condition).await?;
        Ok(matches!(removed, Outcome::Applied(_)))
    }

    /// Finishes the removal of a dead blob: its data first, which belongs to this life alone.
    pub(super) async fn finish_dead_blob(&self, digest: &Digest) -> Result<bool> {
        let key = layout::blob(digest);
        let seen = self.read::<BlobRecord>(&key).await?;
        let Some(record) = seen.record.filter(|record| record.state == BlobState::Dead) else {
            return Ok(false);
        };
        if let Some(data) = record.content.data() {
            self.inner.data.delete(&data.key).await?;
        }
        let condition = Condition::Matches(seen.version);
        let removed = self.remove(&key, condition).await?;
        Ok(matches!(removed, Outcome::Applied(_)))
    }

    /// Puts a reverse entry that is missing. One too many says nothing: it is verified by the tag.
    pub(super) async fn restore_reverse_entry(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        tag: &Tag,
    ) -> Result<()> {
        let key = layout::tagged(repository, digest, tag);
        let bytes = TaggedRecord {
            nonce: self.nonce(),
        }
        .encode();
        // Whoever came first, there is one now.
        let _ = self.put_bytes(&key, bytes, Condition::Absent).await?;
        Ok(())
    }
}
