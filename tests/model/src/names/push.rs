//! PUT of a manifest, by digest or by tag, in its three waves.

use super::operation::{Job, Operation};
use super::{Actor, At, IDLE, Manifest, Names, Reverse, State, Value};
use crate::Mutant;

impl Names {
    fn sets_a_tag(&self, number: usize) -> bool {
        matches!(self.jobs[number], Some(Job::PutTag(_)))
    }

    pub(super) fn put(&self, state: &mut State, number: usize, digest: usize, is_lost: bool) {
        let at = state.actors[number].at;
        match at {
            At::Start => self.begin_put(state, number, digest),
            At::WriteReverse => {
                state.reverse[digest] = Reverse::Young;
                let actor = &mut state.actors[number];
                actor.has_reverse = true;
                actor.at = if self.is_without(Mutant::ReverseAfterManifest) {
                    self.to_set_tag(actor, digest)
                } else if actor.has_tag || self.is_without(Mutant::ManifestBeforeTag) {
                    self.to_entry_or_manifest(digest)
                } else {
                    At::ReadTag
                };
            }
            At::ReadTag => {
                let next = if self.is_without(Mutant::ManifestBeforeTag) {
                    let tag = state.tag;
                    state.actors[number].tag = tag;
                    self.to_set_tag(&state.actors[number], digest)
                } else {
                    self.to_entry_or_manifest(digest)
                };
                Self::read_tag(state, number, next);
            }
            At::ReadEntry => Self::read_entry(state, number, At::Create),
            At::Create | At::Replace => self.make_live(state, number, digest, is_lost),
            At::CreateLost => {
                let own = Some(Manifest {
                    is_live: true,
                    generation: state.actors[number].nonce,
                });
                if state.manifests[digest] == own {
                    state.actors[number].generation = state.actors[number].nonce;
                    self.was_live(state, number, digest);
                } else {
                    self.start_over(state, number, digest);
                }
            }
            At::ReadManifest => self.read_manifest(state, number, digest),
            At::ReadTagAgain => {
                let next = if self.is_without(Mutant::NotLookedAtAgain) {
                    let tag = state.tag;
                    state.actors[number].tag = tag;
                    self.to_set_tag(&state.actors[number], digest)
                } else {
                    At::StillLive
                };
                Self::read_tag(state, number, next);
            }
            At::StillLive => {
                if Self::is_still_live(state, number, digest) {
                    let actor = &mut state.actors[number];
                    actor.at = self.to_set_tag(actor, digest);
                } else {
                    self.start_over(state, number, digest);
                }
            }
            At::WriteHistory => {
                let actor = &mut state.actors[number];
                state.history |= actor.tag.map_or(0, |tag| 1 << tag.nonce);
                actor.at = At::SetTag;
            }
            At::SetTag => self.set_own_tag(state, number, digest, is_lost),
            At::LookForTag => {
                let nonce = state.actors[number].nonce;
                if state.tag.is_some_and(|tag| tag.nonce == nonce) {
                    self.tag_is_set(state, number, digest);
                } else if self.is_without(Mutant::HistoryNotAsked) {
                    state.actors[number].at = At::ReadTagAgain;
                } else {
                    state.actors[number].at = At::LookForHistory;
                }
            }
            At::LookForHistory => {
                let nonce = state.actors[number].nonce;
                if nonce != 0 && state.history & (1 << nonce) != 0 {
                    self.tag_is_set(state, number, digest);
                } else {
                    state.actors[number].at = At::ReadTagAgain;
                }
            }
            At::LateHistory => {
                let tag = state.actors[number].tag;
                state.history |= tag.map_or(0, |tag| 1 << tag.nonce);
                self.tag_is_set(state, number, digest);
            }
            _ => self.put_entry(state, number, digest, is_lost),
        }
        if matches!(state.actors[number].at, At::Done) && at != At::Done {
            self.acknowledge(state, number, digest);
        }
    }

    fn put_entry(&self, state: &mut State, number: usize, digest: usize, is_lost: bool) {
        match state.actors[number].at {
            At::SetEntry => {
                let actor = state.actors[number];
                if actor.entry == Some(actor.generation) {
                    state.actors[number].at = self.to_catalog(state);
                    return;
                }
                state.actors[number].at = At::ReadEntryAgain;
                if actor.entry_is_fresh {
                    Self::set_entry(state, Some(actor.generation));
                    state.actors[number].at = self.to_catalog(state);
                }
            }
            At::ReadEntryAgain => Self::read_entry(state, number, At::EntryStillLive),
            At::EntryStillLive => {
                if Self::is_still_live(state, number, digest) {
                    state.actors[number].at = At::SetEntry;
                } else {
                    self.start_over(state, number, digest);
                }
            }
            At::EnterCatalog => {
                state.is_in_catalog = true;
                state.actors[number].at = At::Done;
            }
            _ => self.release(state, number, digest, is_lost),
        }
    }

    fn begin_put(&self, state: &mut State, number: usize, digest: usize) {
        self.call_put(state, number, digest);
        state.actors[number].at = self.first_of_put(number, digest);
    }

    fn first_of_put(&self, number: usize, digest: usize) -> At {
        if !self.sets_a_tag(number) {
            self.to_entry_or_manifest(digest)
        } else if self.is_without(Mutant::ReverseAfterManifest) {
            At::ReadTag
        } else {
            At::WriteReverse
        }
    }

    fn call_put(&self, state: &mut State, number: usize, digest: usize) {
        let mut calls = [0; 3];
        calls[0] = state.log.call(Operation::Put(digest));
        if self.sets_a_tag(number) {
            calls[1] = state.log.call(Operation::SetTag(digest));
        }
        if self.has_entry(digest) {
            calls[2] = state.log.call(Operation::SetEntry);
        }
        state.actors[number].calls = calls;
    }

    fn acknowledge(&self, state: &mut State, number: usize, digest: usize) {
        let calls = state.actors[number].calls;
        state.log.answer(calls[0], Operation::Put(digest));
        if self.sets_a_tag(number) {
            state.log.answer(calls[1], Operation::SetTag(digest));
        }
        if self.has_entry(digest) {
            state.log.answer(calls[2], Operation::SetEntry);
        }
        state.is_acked = true;
    }

    /// Begins again with the first wave, as if the client had sent the push again.
    fn start_over(&self, state: &mut State, number: usize, digest: usize) {
        let actor = state.actors[number];
        let tries = actor.tries + 1;
        let (ids, calls) = (actor.ids, actor.calls);
        let at = if tries < self.tries {
            At::Start
        } else {
            At::GaveUp
        };
        state.actors[number] = Actor {
            at,
            tries,
            ids,
            calls,
            ..IDLE
        };
        if at == At::Start && self.is_without(Mutant::RestartIsNoRetry) {
            // The first attempt is the one that is answered in the end.
            state.actors[number].at = self.first_of_put(number, digest);
        } else if at == At::Start {
            self.begin_put(state, number, digest);
        }
    }

    pub(super) fn read_tag(state: &mut State, number: usize, next: At) {
        let tag = state.tag;
        let actor = &mut state.actors[number];
        actor.tag = tag;
        actor.tag_is_fresh = true;
        actor.has_tag = true;
        actor.at = next;
    }

    fn read_entry(state: &mut State, number: usize, next: At) {
        let entry = state.entry;
        let actor = &mut state.actors[number];
        actor.entry = entry;
        actor.entry_is_fresh = true;
        actor.at = next;
    }

    fn to_entry_or_manifest(&self, digest: usize) -> At {
        if self.has_entry(digest) {
            At::ReadEntry
        } else {
            At::Create
        }
    }

    /// The first attempt is blind: on the condition that there is no record.
    fn make_live(&self, state: &mut State, number: usize, digest: usize, is_lost: bool) {
        let is_blind = state.actors[number].at == At::Create;
        let fits = if is_blind {
            state.manifests[digest].is_none()
        } else {
            state.actors[number].manifest_is_fresh
        };
        let mut generation = 0;
        if fits {
            generation = Self::fresh_id(&mut state.actors[number], number);
            if self.is_without(Mutant::NoGenerations) {
                generation = super::FIRST;
            }
            let is_live = true;
            let made = Manifest {
                is_live,
                generation,
            };
            Self::set_manifest(state, digest, Some(made), self);
        }
        let actor = &mut state.actors[number];
        if is_lost {
            actor.nonce = generation;
            actor.at = At::CreateLost;
        } else if fits {
            actor.generation = generation;
            self.was_live(state, number, digest);
        } else {
            actor.at = At::ReadManifest;
        }
    }

    fn read_manifest(&self, state: &mut State, number: usize, digest: usize) {
        let seen = state.manifests[digest];
        let actor = &mut state.actors[number];
        actor.manifest_is_fresh = true;
        match seen {
            None => actor.at = At::Replace,
            Some(there) if there.is_live => {
                actor.generation = there.generation;
                self.was_live(state, number, digest);
            }
            Some(there) => {
                actor.generation = there.generation;
                actor.released = true;
                actor.at = if self.is_without(Mutant::DeleteNotFinished) {
                    At::Replace
                } else {
                    At::ListReverse
                };
            }
        }
    }

    /// Goes on with the third wave: the record was seen live or made so.
    fn was_live(&self, state: &mut State, number: usize, digest: usize) {
        state.actors[number].nonce = 0;
        let actor = state.actors[number];
        state.actors[number].at = if !self.sets_a_tag(number) {
            self.to_entry_or_catalog(state, number, digest)
        } else if self.is_without(Mutant::ReverseAfterManifest) && !actor.has_reverse {
            At::WriteReverse
        } else if self.is_without(Mutant::ManifestBeforeTag) && !actor.has_tag {
            At::ReadTag
        } else if actor.released {
            // What was read before the release is out of date.
            At::ReadTagAgain
        } else {
            self.to_set_tag(&actor, digest)
        };
    }

    fn to_set_tag(&self, actor: &Actor, digest: usize) -> At {
        match actor.tag {
            // Set already: `set_own_tag` sees it.
            Some(tag) if tag.digest == digest && tag.generation == actor.generation => At::SetTag,
            Some(_) if !self.is_without(Mutant::HistoryAfterTag) => At::WriteHistory,
            _ => At::SetTag,
        }
    }

    fn is_still_live(state: &State, number: usize, digest: usize) -> bool {
        let own = state.actors[number].generation;
        let seen = state.manifests[digest];
        seen.is_some_and(|there| there.is_live && there.generation == own)
    }

    fn set_own_tag(&self, state: &mut State, number: usize, digest: usize, is_lost: bool) {
        let actor = state.actors[number];
        let is_set = |tag: Value| tag.digest == digest && tag.generation == actor.generation;
        if actor.tag.is_some_and(is_set) {
            return self.tag_is_set(state, number, digest);
        }
        if actor.is_late && !self.is_without(Mutant::TagSentAtAnyTime) {
            return self.start_over(state, number, digest);
        }
        let fits = self.tag_matches(state, &actor);
        state.actors[number].nonce = 0;
        if fits {
            let nonce = Self::fresh_id(&mut state.actors[number], number);
            state.actors[number].nonce = nonce;
            let generation = actor.generation;
            Self::set_tag(
                state,
                Some(Value {
                    digest,
                    generation,
                    nonce,
                }),
            );
        }
        let late_history = self.is_without(Mutant::HistoryAfterTag) && actor.tag.is_some();
        if is_lost && !self.is_without(Mutant::LostIsConflict) {
            state.actors[number].at = At::LookForTag;
        } else if is_lost || !fits {
            state.actors[number].at = At::ReadTagAgain;
        } else if late_history {
            state.actors[number].at = At::LateHistory;
        } else {
            self.tag_is_set(state, number, digest);
        }
    }

    fn tag_is_set(&self, state: &mut State, number: usize, digest: usize) {
        let nonce = state.actors[number].nonce;
        if nonce != 0 {
            state.acked |= 1 << nonce;
        }
        state.actors[number].at = self.to_entry_or_catalog(state, number, digest);
    }

    fn to_entry_or_catalog(&self, state: &State, number: usize, digest: usize) -> At {
        let released = state.actors[number].released;
        if self.has_entry(digest) && released {
            At::ReadEntryAgain
        } else if self.has_entry(digest) {
            At::SetEntry
        } else {
            self.to_catalog(state)
        }
    }

    fn to_catalog(&self, state: &State) -> At {
        if state.is_in_catalog || self.is_without(Mutant::CatalogAfterAnswer) {
            At::Done
        } else {
            At::EnterCatalog
        }
    }
}
