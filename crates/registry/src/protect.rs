//! `protect`: what every writer does before it names a record that the collector may take.
//!
//! Live and younger than G/2: fine. Live and older: touched. Condemned: brought back. Dead or
//! absent: not there. After it, the collector leaves the record alone for far longer than the
//! window in which the reference may be sent.

use crate::ids::Nonce;
use crate::record::{BlobRecord, BlobState, Encoded, LinkRecord, LinkState};
use crate::registry::{ROUNDS, Registry, Seen};
use crate::window::Window;
use crate::{Result, layout};
use roadstead_oci::{Digest, RepositoryName};
use roadstead_storage::{Condition, Outcome, Timestamp};

/// Why a record is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// A client asks whether it is there; something hidden is not.
    Look,
    /// A writer is about to name it; something hidden comes back.
    Use,
}

/// Where a record stands with its collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Live,
    Condemned,
    Hidden,
    Gone,
}

/// A record that the collector guards.
pub(crate) trait Guarded: Encoded {
    fn standing(&self) -> Standing;
    /// The same record, live, under a new nonce.
    fn revived(self, nonce: Nonce) -> Self;
}

impl Guarded for LinkRecord {
    fn standing(&self) -> Standing {
        match self.state {
            LinkState::Live => Standing::Live,
            LinkState::Condemned => Standing::Condemned,
            LinkState::Hidden => Standing::Hidden,
            // Rotten content must be pushed again, so a writer may not rely on it.
            LinkState::Dead | LinkState::Rotten => Standing::Gone,
        }
    }

    fn revived(self, nonce: Nonce) -> Self {
        Self {
            state: LinkState::Live,
            nonce,
            ..self
        }
    }
}

impl Guarded for BlobRecord {
    fn standing(&self) -> Standing {
        match self.state {
            BlobState::Live => Standing::Live,
            BlobState::Condemned => Standing::Condemned,
            BlobState::Dead | BlobState::Rotten => Standing::Gone,
        }
    }

    fn revived(self, nonce: Nonce) -> Self {
        Self {
            state: BlobState::Live,
            nonce,
            ..self
        }
    }
}

impl Registry {
    /// Protects the record of `key`; `None` when it is not there for this intent. The window runs
    /// from before the first read.
    pub(crate) async fn protect<R: Guarded + Clone>(
        &self,
        key: &str,
        intent: Intent,
    ) -> Result<Option<(R, Window)>> {
        let window = Window::open(&*self.inner.clock);
        let seen = self.read(key).await?;
        self.protect_seen(key, intent, seen, window).await
    }

    /// Protects a record that was read after `window` opened.
    pub(crate) async fn protect_seen<R: Guarded + Clone>(
        &self,
        key: &str,
        intent: Intent,
        mut seen: Seen<R>,
        window: Window,
    ) -> Result<Option<(R, Window)>> {
        for _ in 0..ROUNDS {
            let Some(record) = seen.record else {
                return Ok(None);
            };
            let enough = match record.standing() {
                Standing::Live => self.is_young(seen.modified).await?,
                Standing::Hidden if intent == Intent::Look => return Ok(None),
                Standing::Condemned | Standing::Hidden => false,
                Standing::Gone => return Ok(None),
            };
            if enough {
                return Ok(Some((record, window)));
            }
            let touched = record.revived(self.nonce());
            match self
                .put(key, &touched, Condition::Matches(seen.version))
                .await?
            {
                Outcome::Applied(_) => return Ok(Some((touched, window))),
                Outcome::Conflict | Outcome::Unknown => seen = self.read(key).await?,
            }
        }
        Err(Self::contended(key))
    }

    /// Tells whether a record written at `modified` is younger than G/2.
    pub(crate) async fn is_young(&self, modified: Timestamp) -> Result<bool> {
        let now = self.inner.records.now().await?;
        Ok(now.since(modified) < self.inner.settings.grace / 2)
    }

    /// Protects a repository's link to a blob for a writer that is about to name it. Costs no
    /// storage call when this replica has just answered HEAD or the upload.
    pub(crate) async fn protect_link(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<(u64, Window)>> {
        if let Some(recent) = self.inner.protected.get(repository, digest)
            && recent
                .1
                .is_open(&*self.inner.clock, self.inner.settings.window / 2)
        {
            return Ok(Some(recent));
        }
        let key = layout::link(repository, digest);
        let Some((link, window)) = self.protect::<LinkRecord>(&key, Intent::Use).await? else {
            return Ok(None);
        };
        self.note_location(repository, digest, &link.content);
        let size = link.content.length();
        self.inner
            .protected
            .insert(repository, digest, size, window);
        Ok(Some((size, window)))
    }
}
