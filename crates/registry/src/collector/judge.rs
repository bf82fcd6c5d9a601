//! How an entry of a list is judged: what is the same at every level.
//!
//! A level says what names its records and how one is killed. That the record is still condemned,
//! has waited, and is brought back when something names it, is here.

use super::batches::{Collected, Verdict};
use super::pass::{Pass, is_due};
use crate::record::CondemnedEntry;
use crate::registry::Registry;
use crate::{RegistryError, Result};
use roadstead_storage::{Timestamp, Version};
use std::ops::ControlFlow;
use std::time::Duration;

/// What the entries of a list are judged by. A copy goes with each of those that are judged at once.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) registry: &'a Registry,
    scanned: Timestamp,
    pub(super) dry_run: bool,
}

/// The record of an entry, as it was read.
pub(super) struct Accused<R> {
    pub(super) record: R,
    modified: Timestamp,
    pub(super) version: Version,
}

/// Either there is a verdict, or the judging goes on with what was found.
pub(super) type Judging<T> = ControlFlow<Verdict, T>;

impl Pass<'_> {
    /// Returns the judge of this range.
    pub(super) const fn judge(&self) -> Judge<'_> {
        Judge {
            registry: self.registry,
            scanned: self.scanned,
            dry_run: self.options.dry_run,
        }
    }
}

impl Judge<'_> {
    /// Reads the record of an entry.
    pub(super) async fn find<R: Collected>(
        self,
        entry: &CondemnedEntry,
    ) -> Result<Judging<Accused<R>>> {
        let seen = match self.registry.read::<R>(&entry.key).await {
            Ok(seen) => seen,
            Err(RegistryError::RecordUnreadable { .. }) => {
                return Ok(Judging::Break(Verdict::Waiting));
            }
            Err(error) => return Err(error),
        };
        let Some(record) = seen.record else {
            return Ok(Judging::Break(Verdict::Dropped));
        };
        Ok(Judging::Continue(Accused {
            record,
            modified: seen.modified,
            version: seen.version,
        }))
    }

    /// Goes on with a record that is condemned and has waited long enough before the scan began.
    pub(super) fn wait<R: Collected>(
        self,
        entry: &CondemnedEntry,
        accused: Accused<R>,
    ) -> Judging<Accused<R>> {
        if !accused.record.is_condemned() {
            return Judging::Break(Verdict::Dropped);
        }
        let wait = self.registry.inner.settings.condemned;
        let wait = wait.max(Duration::from_millis(entry.wait_millis));
        if !is_due(self.scanned, accused.modified, wait) {
            return Judging::Break(Verdict::Waiting);
        }
        Judging::Continue(accused)
    }

    /// Goes on with a record that is to be killed, which gives so many bytes back. One that is named
    /// is brought back; where nothing is to be changed, that and the kill are only told.
    pub(super) async fn spare<R: Collected>(
        self,
        entry: &CondemnedEntry,
        accused: Accused<R>,
        is_named: bool,
        freed: u64,
    ) -> Result<Judging<Accused<R>>> {
        let verdict = match (self.dry_run, is_named) {
            (false, false) => return Ok(Judging::Continue(accused)),
            (true, false) => Verdict::Killed { freed },
            (true, true) => Verdict::Revived,
            (false, true) => {
                let reviving = self
                    .registry
                    .revive(&entry.key, accused.record, accused.version);
                reviving.await?
            }
        };
        Ok(Judging::Break(verdict))
    }
}
