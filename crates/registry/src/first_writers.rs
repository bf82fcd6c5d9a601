//! Who may begin the upload that a session named when it was started.
//!
//! Where the driver foretells an upload, POST keeps it in the session record together with the epoch
//! of its first writer. One request of this process may be that writer, exactly as if it had begun
//! inside of the POST, and spares itself a write of the record. Every other request, here and
//! elsewhere, raises the epoch by compare-and-set, which fences the first one off.

use crate::UploadId;
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The epoch of the first writer of a session whose upload was foretold.
pub(crate) const FIRST_EPOCH: u64 = 1;

/// How many sessions are remembered. The first writer of one that was forgotten writes the record.
const REMEMBERED: usize = 16 * 1024;

/// The sessions, started by this process, that have had no writer.
#[derive(Clone, Debug, Default)]
pub(crate) struct FirstWriters(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    sessions: HashSet<UploadId>,
    /// Oldest first; also those that are not waiting any more.
    in_order: VecDeque<UploadId>,
}

impl FirstWriters {
    /// Waits for the first writer of a session.
    pub(crate) fn expect(&self, id: UploadId) {
        let mut waiting = self.lock();
        waiting.sessions.insert(id);
        waiting.in_order.push_back(id);
        if waiting.in_order.len() > REMEMBERED
            && let Some(oldest) = waiting.in_order.pop_front()
        {
            waiting.sessions.remove(&oldest);
        }
    }

    /// Gives the right to be the first writer, to one caller at a time.
    pub(crate) fn take(&self, id: UploadId) -> Option<FirstWriter> {
        self.lock().sessions.remove(&id).then(|| FirstWriter {
            id,
            gives_back_to: Some(self.clone()),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to begin the upload of a session. Given back when it is dropped.
#[derive(Debug)]
pub(crate) struct FirstWriter {
    id: UploadId,
    gives_back_to: Option<FirstWriters>,
}

impl FirstWriter {
    /// Uses the right up.
    pub(crate) fn begins(mut self) {
        self.gives_back_to = None;
    }
}

impl Drop for FirstWriter {
    fn drop(&mut self) {
        if let Some(writers) = &self.gives_back_to {
            writers.expect(self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RandomIds;

    #[test]
    fn one_writer_at_a_time_is_the_first_and_none_after_it_began() {
        let writers = FirstWriters::default();
        let id = UploadId::draw(&RandomIds);
        assert!(writers.take(id).is_none());
        writers.expect(id);
        let first = writers.take(id).unwrap();
        assert!(writers.take(id).is_none());
        drop(first);
        let again = writers.take(id).unwrap();
        again.begins();
        assert!(writers.take(id).is_none());
    }

    #[test]
    fn the_oldest_sessions_are_forgotten_first() {
        let writers = FirstWriters::default();
        let ids: Vec<UploadId> = (0..=REMEMBERED)
            .map(|_| UploadId::draw(&RandomIds))
            .collect();
        for id in &ids {
            writers.expect(*id);
        }
        assert!(writers.take(ids[0]).is_none());
        assert!(writers.take(ids[1]).is_some());
        assert!(writers.lock().sessions.len() <= REMEMBERED);
    }
}
