//! What clients asked and were answered, and what must hold because of it.

use crate::content::{Content, REPOSITORIES, TAGS};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a request changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    PutManifest {
        repository: usize,
        image: usize,
    },
    DeleteManifest {
        repository: usize,
        image: usize,
    },
    SetTag {
        repository: usize,
        tag: usize,
        image: usize,
    },
    DeleteTag {
        repository: usize,
        tag: usize,
    },
}

/// How it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// As asked.
    Done,
    /// It could not be done, and was not.
    Refused,
    /// With an error that tells nothing.
    Unknown,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    change: Change,
    from: u64,
    /// When it was over: never later than the end of the phase.
    to: u64,
    answer: Answer,
}

impl Asked {
    fn may_have_happened(&self) -> bool {
        self.answer != Answer::Refused
    }
}

/// A request that was not answered yet.
#[derive(Debug)]
#[must_use = "a request that is never answered keeps its changes open"]
pub(crate) struct Ticket(Vec<usize>);

/// Everything that was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Promises {
    now: u64,
    asked: Vec<Asked>,
    open: BTreeSet<usize>,
    /// When a repository was last told to have a blob.
    blobs: BTreeMap<(usize, usize), Duration>,
    /// Blobs and manifests whose delete was ever asked for.
    pub(crate) deleted_blobs: BTreeSet<(usize, usize)>,
    pub(crate) deleted_manifests: BTreeSet<(usize, usize)>,
    /// What was answered and cannot be.
    pub(crate) broken: Vec<String>,
}

/// What a tag must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Must {
    Be(usize),
    BeAbsent,
}

impl Promises {
    pub(crate) fn ask(&mut self, changes: &[Change]) -> Ticket {
        self.now += 1;
        let mut ticket = Vec::new();
        for &change in changes {
            if let Change::DeleteManifest { repository, image } = change {
                self.deleted_manifests.insert((repository, image));
            }
            self.open.insert(self.asked.len());
            ticket.push(self.asked.len());
            self.asked.push(Asked {
                change,
                from: self.now,
                to: u64::MAX,
                answer: Answer::Unknown,
            });
        }
        Ticket(ticket)
    }

    pub(crate) fn answer(&mut self, ticket: &Ticket, answer: Answer) {
        self.now += 1;
        for &at in &ticket.0 {
            self.asked[at].answer = answer;
            if answer != Answer::Unknown {
                self.asked[at].to = self.now;
                self.open.remove(&at);
            }
        }
    }

    /// Notes that a client was told that a blob is there.
    pub(crate) fn has_blob(&mut self, repository: usize, blob: usize, at: Duration) {
        self.blobs.insert((repository, blob), at);
    }

    pub(crate) fn delete_blob(&mut self, repository: usize, blob: usize) {
        self.deleted_blobs.insert((repository, blob));
        self.blobs.remove(&(repository, blob));
    }

    pub(crate) fn broke(&mut self, what: String) {
        self.broken.push(what);
    }

    /// Ends everything that is open: nothing is under way any more.
    pub(crate) fn settle(&mut self) {
        self.now += 1;
        for at in std::mem::take(&mut self.open) {
            self.asked[at].to = self.now;
        }
    }

    /// Whether a manifest must be there, or must not; `None` when either may be.
    pub(crate) fn manifest(&self, repository: usize, image: usize) -> Option<bool> {
        let put = Change::PutManifest { repository, image };
        let delete = Change::DeleteManifest { repository, image };
        if self.is_last(put, |change| change == delete) {
            return Some(true);
        }
        self.is_last(delete, |change| change == put)
            .then_some(false)
    }

    /// What a tag must be, when that is certain.
    pub(crate) fn tag(&self, repository: usize, tag: usize, content: &Content) -> Option<Must> {
        let is_set = |change: Change| matches!(change, Change::SetTag { repository: r, tag: t, .. } if (r, t) == (repository, tag));
        let gone = Change::DeleteTag { repository, tag };
        for image in 0..content.images.len() {
            let set = Change::SetTag {
                repository,
                tag,
                image,
            };
            let delete = Change::DeleteManifest { repository, image };
            let ends =
                |change| change == gone || change == delete || (is_set(change) && change != set);
            if self.is_last(set, ends) {
                return Some(Must::Be(image));
            }
        }
        self.is_last(gone, is_set).then_some(Must::BeAbsent)
    }

    /// Tells whether a change was acknowledged with no other that undoes it at the same time or after.
    fn is_last(&self, change: Change, undoes: impl Fn(Change) -> bool) -> bool {
        let acknowledged = self
            .asked
            .iter()
            .filter(|asked| asked.change == change && asked.answer == Answer::Done);
        let Some(last) = acknowledged.map(|asked| asked.from).max() else {
            return false;
        };
        self.asked
            .iter()
            .filter(|asked| undoes(asked.change) && asked.may_have_happened())
            .all(|asked| asked.to < last)
    }

    /// Blobs that a client was told of less than `kept` ago.
    pub(crate) fn recent_blobs(&self, now: Duration, kept: Duration) -> Vec<(usize, usize)> {
        self.blobs
            .iter()
            .filter(|&(_, &at)| now.saturating_sub(at) < kept)
            .map(|(&blob, _)| blob)
            .collect()
    }
}

/// All repositories and tags, and repositories and images.
pub(crate) fn every_tag() -> impl Iterator<Item = (usize, usize)> {
    (0..REPOSITORIES.len()).flat_map(|repository| (0..TAGS.len()).map(move |tag| (repository, tag)))
}

pub(crate) fn every_manifest(content: &Content) -> Vec<(usize, usize)> {
    let images = content.images.len();
    (0..REPOSITORIES.len())
        .flat_map(|repository| (0..images).map(move |image| (repository, image)))
        .collect()
}
