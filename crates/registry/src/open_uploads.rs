//! Counts the upload sessions that each client opened at this replica, for a limit.
//!
//! A count, not a truth: a session that was opened here and finished elsewhere is found gone when
//! the limit is reached and the client's sessions are looked up.

use crate::UploadId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often a client at its limit has its sessions looked up again.
const RECOUNT_EVERY: Duration = Duration::from_secs(10);

/// Whether a client may open another session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Admitted,
    Refused,
    /// At the limit, but these were not looked up lately.
    LookUp(Vec<UploadId>),
}

#[derive(Debug, Default)]
struct Counts {
    clients: HashMap<Arc<str>, Client>,
    client_of: HashMap<UploadId, Arc<str>>,
}

#[derive(Debug, Default)]
struct Client {
    sessions: std::collections::HashSet<UploadId>,
    recounted: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct OpenUploads {
    limit: usize,
    counts: Mutex<Counts>,
}

impl OpenUploads {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            counts: Mutex::default(),
        }
    }

    pub(crate) fn admit(&self, client: &str, id: UploadId, now: Duration) -> Admission {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let name: Arc<str> = match counts.clients.get_key_value(client) {
            Some((name, _)) => name.clone(),
            None => client.into(),
        };
        let entry = counts.clients.entry(name.clone()).or_default();
        if entry.sessions.len() < self.limit {
            entry.sessions.insert(id);
            counts.client_of.insert(id, name);
            return Admission::Admitted;
        }
        if entry
            .recounted
            .is_some_and(|at| now.saturating_sub(at) < RECOUNT_EVERY)
        {
            return Admission::Refused;
        }
        entry.recounted = Some(now);
        Admission::LookUp(entry.sessions.iter().copied().collect())
    }

    pub(crate) fn closed(&self, id: UploadId) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(client) = counts.client_of.remove(&id) else {
            return;
        };
        if let Some(entry) = counts.clients.get_mut(&client) {
            entry.sessions.remove(&id);
            if entry.sessions.is_empty() {
                counts.clients.remove(&client);
            }
        }
    }

    /// Returns how many sessions are counted, for a metric.
    pub(crate) fn total(&self) -> usize {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .client_of
            .len()
    }
}
