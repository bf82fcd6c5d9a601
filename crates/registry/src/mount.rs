//! Mounting: a blob of one repository becomes visible in another, without a byte being moved.

use crate::link::Linked;
use crate::protect::Intent;
use crate::record::{BlobRecord, LinkRecord, LinkState};
use crate::registry::{ROUNDS, Registry};
use crate::{Result, layout};
use roadstead_oci::{Digest, RepositoryName};

/// Whether the caller may pull a repository.
pub(crate) type MayPull<'a> = dyn Fn(&RepositoryName) -> bool + Send + Sync + 'a;

/// Where a mount takes its blob from.
pub enum MountSource<'a> {
    /// From this repository; the caller may pull it.
    Repository(&'a RepositoryName),
    /// From any repository that the caller may pull.
    Anywhere(&'a MayPull<'a>),
}

/// How a mount ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounted {
    /// The target sees the blob now.
    Yes,
    /// No source has it: the client uploads it.
    No,
}

/// Repositories that a mount from anywhere looks at. More of them than this, all closed to the
/// caller, and the client uploads the blob.
const SOURCES_LOOKED_AT: usize = 200;

impl Registry {
    /// Mounts `digest` into `target`. Three storage calls from a named source.
    ///
    /// # Errors
    /// `Storage` and `Contended`; a missing source is `Mounted::No`.
    pub async fn blob_mount(
        &self,
        target: &RepositoryName,
        digest: &Digest,
        source: MountSource<'_>,
    ) -> Result<Mounted> {
        let may_pull = match source {
            MountSource::Repository(source) => {
                return self.mount_from(target, digest, source).await;
            }
            MountSource::Anywhere(may_pull) => may_pull,
        };
        let prefix = layout::links_of(digest);
        let page = self
            .inner
            .records
            .list(&prefix, None, SOURCES_LOOKED_AT)
            .await?;
        for entry in page.entries {
            let Some(source) = layout::repository_of_link(&entry.key) else {
                continue;
            };
            if may_pull(&source) && self.mount_from(target, digest, &source).await? == Mounted::Yes
            {
                return Ok(Mounted::Yes);
            }
        }
        Ok(Mounted::No)
    }

    async fn mount_from(
        &self,
        target: &RepositoryName,
        digest: &Digest,
        source: &RepositoryName,
    ) -> Result<Mounted> {
        let link = self
            .read::<LinkRecord>(&layout::link(source, digest))
            .await?;
        let visible = link
            .record
            .is_some_and(|link| matches!(link.state, LinkState::Live | LinkState::Condemned));
        if !visible {
            return Ok(Mounted::No);
        }
        // The blob record, not the source's link: that link may go while the target's stays.
        for _ in 0..ROUNDS {
            let key = layout::blob(digest);
            let Some((blob, window)) = self.protect::<BlobRecord>(&key, Intent::Use).await? else {
                return Ok(Mounted::No);
            };
            match self.put_link(target, digest, &blob.content, window).await? {
                Linked::Done => return Ok(Mounted::Yes),
                Linked::TooLate => {}
            }
        }
        Err(Self::contended(&layout::blob(digest)))
    }
}
