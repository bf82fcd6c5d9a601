//! The reserve of free space: uploads stop before the disk is full, so that records, deletes and
//! the collector can go on.

use crate::clock::Clock;
use crate::{Kind, Operation, Result, StorageError};
use rustix::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a look at the file system is believed.
const BELIEVED_FOR: Duration = Duration::from_secs(1);

/// Free space as it was last seen, less what was written since.
#[derive(Debug)]
pub(super) struct Space {
    reserve_bytes: u64,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    at: Option<Duration>,
    free_bytes: u64,
}

impl Space {
    pub(super) fn new(reserve_bytes: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            reserve_bytes,
            clock,
            seen: Mutex::default(),
        }
    }

    /// Takes `bytes` of the free space of `folder`'s file system; `Full` when that would go into
    /// the reserve. A refusal always rests on a fresh look, so that freed space counts at once.
    pub(super) fn take(
        &self,
        folder: BorrowedFd<'_>,
        operation: Operation,
        key: &str,
        bytes: u64,
    ) -> Result<()> {
        self.look(folder, operation, key, bytes)?.free_bytes -= bytes;
        Ok(())
    }

    /// Answers as `take` does and takes nothing.
    pub(super) fn check(
        &self,
        folder: BorrowedFd<'_>,
        operation: Operation,
        key: &str,
        bytes: u64,
    ) -> Result<()> {
        self.look(folder, operation, key, bytes).map(drop)
    }

    fn look(
        &self,
        folder: BorrowedFd<'_>,
        operation: Operation,
        key: &str,
        bytes: u64,
    ) -> Result<MutexGuard<'_, Seen>> {
        let now = self.clock.monotonic();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = seen
            .at
            .is_none_or(|at| now.saturating_sub(at) > BELIEVED_FOR);
        if is_old || self.would_touch_reserve(seen.free_bytes, bytes) {
            let status = rustix::fs::fstatvfs(folder)
                .map_err(|error| StorageError::new(Kind::Io, operation, key, error))?;
            let free_bytes = status.f_bavail.saturating_mul(status.f_frsize);
            *seen = Seen {
                at: Some(now),
                free_bytes,
            };
        }
        if self.would_touch_reserve(seen.free_bytes, bytes) {
            let reason = format!(
                "{} bytes are free and {} are kept in reserve, too little for {bytes} more",
                seen.free_bytes, self.reserve_bytes
            );
            return Err(StorageError::new(Kind::Full, operation, key, reason));
        }
        Ok(seen)
    }

    const fn would_touch_reserve(&self, free_bytes: u64, bytes: u64) -> bool {
        free_bytes < self.reserve_bytes.saturating_add(bytes)
    }
}
