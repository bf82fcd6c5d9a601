//! DELETE of a manifest: mark, release every name, remove. A PUT that meets a marked record releases, too.

use super::operation::{Job, Operation};
use super::{At, Manifest, Names, Reverse, State};
use crate::Mutant;

impl Names {
    pub(super) fn delete(&self, state: &mut State, number: usize, digest: usize, is_lost: bool) {
        match state.actors[number].at {
            At::Start | At::DeleteRead => {
                if state.actors[number].at == At::Start {
                    let mut calls = [0; 3];
                    calls[0] = state.log.call(Operation::Delete(digest, false));
                    calls[1] = state.log.call(Operation::DropTags(digest));
                    if self.has_entry(digest) {
                        calls[2] = state.log.call(Operation::DropEntry);
                    }
                    state.actors[number].calls = calls;
                }
                self.look(state, number, digest);
            }
            At::Mark => {
                let actor = state.actors[number];
                if actor.manifest_is_fresh {
                    let marked = Manifest {
                        is_live: false,
                        generation: actor.generation,
                    };
                    Self::set_manifest(state, digest, Some(marked), self);
                }
                let is_marked = actor.manifest_is_fresh && !is_lost;
                let actor = &mut state.actors[number];
                actor.manifest_is_fresh = is_marked;
                actor.at = if is_marked {
                    self.first_of_release()
                } else {
                    At::DeleteRead
                };
            }
            _ => self.release(state, number, digest, is_lost),
        }
        if state.actors[number].at == At::Done {
            let actor = state.actors[number];
            let found = Operation::Delete(digest, actor.found);
            state.log.answer(actor.calls[0], found);
            state
                .log
                .answer(actor.calls[1], Operation::DropTags(digest));
            if self.has_entry(digest) {
                state.log.answer(actor.calls[2], Operation::DropEntry);
            }
        }
    }

    fn first_of_release(&self) -> At {
        if self.is_without(Mutant::RecordBeforeNames) {
            At::Remove
        } else {
            At::ListReverse
        }
    }

    /// Acts on the generation that was seen first.
    fn look(&self, state: &mut State, number: usize, digest: usize) {
        let seen = state.manifests[digest];
        let goes_on = self.is_without(Mutant::DeletesTheNext);
        let actor = &mut state.actors[number];
        let same =
            |there: &Manifest| !actor.found || goes_on || there.generation == actor.generation;
        let Some(there) = seen.filter(same) else {
            actor.at = At::Done;
            return;
        };
        actor.manifest_is_fresh = true;
        actor.generation = there.generation;
        actor.found = true;
        actor.at = if there.is_live && !self.is_without(Mutant::NotMarked) {
            At::Mark
        } else {
            self.first_of_release()
        };
    }

    /// What a deleter does with a marked record, and whoever meets one.
    pub(super) fn release(&self, state: &mut State, number: usize, digest: usize, is_lost: bool) {
        let is_deleter = matches!(self.jobs[number], Some(Job::Delete(_)));
        match state.actors[number].at {
            At::ListReverse => {
                let entry = state.reverse[digest];
                let actor = &mut state.actors[number];
                actor.sees_young = entry == Reverse::Young;
                actor.at = At::CheckTag;
                if entry == Reverse::None {
                    actor.at = self.after_tags(digest, is_deleter);
                }
            }
            At::CheckTag => self.check_tag(state, number, digest, is_deleter),
            At::TagHistory => {
                let actor = &mut state.actors[number];
                state.history |= actor.tag.map_or(0, |tag| 1 << tag.nonce);
                actor.at = At::RemoveTag;
            }
            At::RemoveTag => {
                if state.actors[number].tag_is_fresh {
                    Self::set_tag(state, None);
                    state.actors[number].at = self.after_tags(digest, is_deleter);
                } else {
                    state.actors[number].at = At::CheckTag;
                }
            }
            At::RemoveReverse => {
                if state.tag.is_none_or(|tag| tag.digest != digest) {
                    state.reverse[digest] = Reverse::None;
                }
                state.actors[number].at = self.after_reverse(digest, is_deleter);
            }
            At::ReleaseEntry => {
                // It is removed, or fenced: read and written in one step, on one version.
                let generation = state.actors[number].generation;
                let kept = state.entry.filter(|entry| *entry != generation);
                if kept != state.entry || !self.is_without(Mutant::EntryNotFenced) {
                    Self::set_entry(state, kept);
                }
                state.actors[number].at = self.after_entry(is_deleter);
            }
            At::Remove => self.remove(state, number, digest, is_lost),
            other => unreachable!("{other:?} is no step of a release"),
        }
    }

    fn check_tag(&self, state: &mut State, number: usize, digest: usize, is_deleter: bool) {
        let own = state.actors[number].generation;
        let ignores = self.is_without(Mutant::NoGenerations);
        let names_own = state
            .tag
            .is_some_and(|tag| tag.digest == digest && (ignores || tag.generation == own));
        if names_own {
            Self::read_tag(state, number, At::TagHistory);
            return;
        }
        // A fence is a read and a write on one version.
        let versionless = state.tag.is_none() && self.is_without(Mutant::AbsenceHasNoVersion);
        let fences = state.actors[number].sees_young && !versionless;
        if fences && !self.is_without(Mutant::NotFenced) {
            let same = state.tag;
            Self::set_tag(state, same);
        }
        state.actors[number].at = self.after_tags(digest, is_deleter);
    }

    fn after_tags(&self, digest: usize, is_deleter: bool) -> At {
        if self.is_without(Mutant::ReverseRemoved) {
            return At::RemoveReverse;
        }
        self.after_reverse(digest, is_deleter)
    }

    fn after_reverse(&self, digest: usize, is_deleter: bool) -> At {
        if self.has_entry(digest) {
            At::ReleaseEntry
        } else {
            self.after_entry(is_deleter)
        }
    }

    fn after_entry(&self, is_deleter: bool) -> At {
        if !is_deleter {
            At::Replace
        } else if self.is_without(Mutant::RecordBeforeNames) {
            At::Done
        } else {
            At::Remove
        }
    }

    /// Whatever the outcome, this generation is gone.
    fn remove(&self, state: &mut State, number: usize, digest: usize, is_lost: bool) {
        let unconditional = self.is_without(Mutant::ManifestRemovedUnconditionally);
        if state.actors[number].manifest_is_fresh || unconditional {
            Self::set_manifest(state, digest, None, self);
        }
        state.actors[number].at = if self.is_without(Mutant::RecordBeforeNames) {
            At::ListReverse
        } else if is_lost && self.is_without(Mutant::DeletesTheNext) {
            At::DeleteRead
        } else {
            At::Done
        };
    }
}
