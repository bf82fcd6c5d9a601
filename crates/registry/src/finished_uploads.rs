//! Finished upload sessions that are still remembered, in the order in which they are forgotten.
//!
//! The list is in memory: what a restart loses, the sweeper finds.

use crate::UploadId;
use roadstead_storage::Version;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The most sessions in the list; beyond it the sweeper does the work.
const REMEMBERED: usize = 100_000;

/// When each is due, by the monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct FinishedUploads {
    due: Mutex<VecDeque<(Duration, UploadId, Version)>>,
}

impl FinishedUploads {
    pub(crate) fn add(&self, at: Duration, id: UploadId, version: Version) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.len() < REMEMBERED {
            due.push_back((at, id, version));
        }
    }

    /// Takes at most `limit` sessions that are due by `now`.
    pub(crate) fn take_due(&self, now: Duration, limit: usize) -> Vec<(UploadId, Version)> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = due.iter().take(limit).take_while(|(at, ..)| *at <= now);
        let ready = ready.count();
        due.drain(..ready)
            .map(|(_, id, version)| (id, version))
            .collect()
    }
}
