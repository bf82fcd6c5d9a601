//! What actors do, and what it means when they come one after the other. A PUT by tag works on several objects
//! (the manifest, the tag, the referrer entry), so it is several operations; so is a DELETE.

use super::{Names, State};
use crate::linear::Sequential;

/// What an actor is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    Put(usize),
    PutTag(usize),
    Delete(usize),
    DeleteTag,
    GetTag,
    Get(usize),
}

impl Job {
    /// The digest whose record it changes.
    pub(super) const fn digest(self) -> Option<usize> {
        match self {
            Self::Put(digest) | Self::PutTag(digest) | Self::Delete(digest) => Some(digest),
            Self::DeleteTag | Self::GetTag | Self::Get(_) => None,
        }
    }
}

/// All objects at one moment.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) struct Truth {
    manifests: [bool; 2],
    tag: Option<usize>,
    entry: bool,
}

impl Truth {
    pub(super) fn of(state: &State) -> Self {
        Self {
            manifests: state.manifests.map(|manifest| manifest.is_some()),
            tag: state.tag.map(|tag| tag.digest),
            entry: state.entry.is_some(),
        }
    }
}

impl Names {
    pub(super) fn start_truth(&self) -> Truth {
        Truth {
            manifests: [self.is_tagged, false],
            tag: self.is_tagged.then_some(0),
            entry: self.is_tagged && self.has_subject,
        }
    }
}

/// An operation with its answer: whether something was found, or what was read.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) enum Operation {
    Put(usize),
    SetTag(usize),
    SetEntry,
    Delete(usize, bool),
    DropTags(usize),
    DropEntry,
    DeleteTag(bool),
    GetTag(Option<usize>),
    Get(usize, bool),
    /// Everything is read at this moment.
    Look(Truth),
}

impl Sequential for Operation {
    type Object = Truth;

    fn apply(self, mut truth: Truth, is_answered: bool) -> Option<Truth> {
        let mut is_possible = true;
        match self {
            Self::Put(digest) => truth.manifests[digest] = true,
            Self::SetTag(digest) => truth.tag = Some(digest),
            Self::SetEntry => truth.entry = true,
            Self::DropTags(digest) => truth.tag = truth.tag.filter(|named| *named != digest),
            Self::DropEntry => truth.entry = false,
            // Whoever deletes what another deletes, too, is told that it is gone: 202.
            Self::Delete(digest, found) => {
                is_possible = found || !is_answered || !truth.manifests[digest];
                truth.manifests[digest] = false;
            }
            Self::DeleteTag(found) => {
                is_possible = found || !is_answered || truth.tag.is_none();
                truth.tag = None;
            }
            Self::GetTag(seen) => is_possible = !is_answered || truth.tag == seen,
            Self::Get(digest, seen) => {
                is_possible = !is_answered || truth.manifests[digest] == seen;
            }
            Self::Look(seen) => is_possible = truth == seen,
        }
        is_possible.then_some(truth)
    }
}
