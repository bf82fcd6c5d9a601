//! Tells from looks at the writer's record whether its writer is alive. Knows no clock: it is told
//! the time of each look.

use super::mark::{Mark, WriterId};
use crate::{Read, Version};
use std::fmt;
use std::time::Duration;

/// After so long without a change a writer is gone: three beats.
pub(super) const STILL_FOR: Duration = Duration::from_secs(30);
/// So many changes show that a writer is alive, and not just about to end.
const CHANGES_OF_THE_LIVING: u32 = 2;

/// How far the wait for another server has come. Shows itself as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Who was there; `None` when a newer version wrote a record that this one cannot read.
    pub other: Option<WriterId>,
    /// How long nothing was heard of it.
    pub silent: Duration,
    /// How long nothing must be heard of it.
    pub needed: Duration,
}

impl fmt::Display for Waiting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (silent, needed) = (self.silent.as_secs(), self.needed.as_secs());
        let other = named(self.other);
        write!(
            formatter,
            "{other} serves this store or has not ended in order; silent for {silent} s of {needed} s"
        )
    }
}

pub(super) fn named(writer: Option<WriterId>) -> String {
    writer.map_or_else(
        || "a server of another version".to_owned(),
        |writer| format!("the server {writer}"),
    )
}

/// What a look shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// No writer is there.
    Free,
    /// One was, and has been silent for long enough. Its record has this version.
    Gone(Version),
    /// It cannot be told yet.
    Unclear(Waiting),
    /// One is there.
    Alive(Option<WriterId>),
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Watch {
    last: Option<(Version, Duration)>,
    changes: u32,
}

impl Watch {
    /// Takes in what was read at `now`, a monotonic time after the read.
    pub(super) fn look(&mut self, read: &Read, now: Duration) -> Sight {
        let Some(record) = &read.record else {
            return Sight::Free;
        };
        let other = Mark::decode(&record.bytes).map(|mark| mark.writer);
        let since = match &self.last {
            Some((version, since)) if *version == read.version => *since,
            before => {
                self.changes += u32::from(before.is_some());
                self.last = Some((read.version.clone(), now));
                now
            }
        };
        if self.changes >= CHANGES_OF_THE_LIVING {
            return Sight::Alive(other);
        }
        let silent = now.saturating_sub(since);
        if silent >= STILL_FOR {
            return Sight::Gone(read.version.clone());
        }
        Sight::Unclear(Waiting {
            other,
            silent,
            needed: STILL_FOR,
        })
    }
}
