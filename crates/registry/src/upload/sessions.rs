//! Sessions as an administrator sees them: whoever they belong to.

use crate::record::{SessionRecord, SessionState};
use crate::registry::{ROUNDS, Registry};
use crate::{RegistryError, Result, UploadId, layout};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use roadstead_storage::Timestamp;

/// How many sessions one listing reads at once.
const READS_AT_ONCE: usize = 16;

/// An open upload session.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// Its id.
    pub id: UploadId,
    /// What it holds.
    pub session: SessionRecord,
    /// When it was last gone on with, by the store's clock.
    pub active: Timestamp,
}

/// A page of sessions.
#[derive(Clone, Debug, Default)]
pub struct SessionPage {
    /// The open ones, in the order of their ids; fewer than were asked for where others are ending.
    pub sessions: Vec<OpenSession>,
    /// The id that the next page begins after, when there is one.
    pub next: Option<String>,
}

impl Registry {
    /// Lists open sessions after the id `after`, which need not be one. One storage call and one for
    /// each session.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn upload_sessions(&self, after: Option<&str>, limit: usize) -> Result<SessionPage> {
        let page = self.list_names(layout::UPLOADS, after, limit).await?;
        let next = page.names.last().cloned().filter(|_| page.more);
        let ids = page.names.iter().filter_map(|name| UploadId::parse(name));
        let reads = ids.map(|id| async move {
            let seen = self.read::<SessionRecord>(&layout::upload(&id)).await?;
            let open = seen
                .record
                .filter(|session| session.state == SessionState::Open);
            Ok::<_, RegistryError>(open.map(|session| OpenSession {
                id,
                session,
                active: seen.modified,
            }))
        });
        let read: Vec<Option<OpenSession>> = stream::iter(reads)
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(SessionPage {
            sessions: read.into_iter().flatten().collect(),
            next,
        })
    }

    /// Ends an open session, whoever it belongs to, and frees what it holds.
    ///
    /// # Errors
    /// `UploadUnknown` when there is none that is open; `Storage`, `Contended`.
    pub async fn upload_abort(&self, id: UploadId) -> Result<()> {
        for round in 0..ROUNDS {
            let seen = self.read::<SessionRecord>(&layout::upload(&id)).await?;
            let open = seen
                .record
                .filter(|session| session.state == SessionState::Open);
            let Some(session) = open else {
                return Err(RegistryError::UploadUnknown);
            };
            if self.discard(id, session, seen.version).await? {
                return Ok(());
            }
            self.step_aside(round).await;
        }
        Err(Self::contended(&layout::upload(&id)))
    }
}
