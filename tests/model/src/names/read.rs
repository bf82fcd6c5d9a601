//! GET by tag, and DELETE of a tag.

use super::operation::Operation;
use super::{Actor, At, IDLE, Names, State};
use crate::Mutant;

impl Names {
    pub(super) fn get_tag(&self, state: &mut State, number: usize) {
        match state.actors[number].at {
            At::Start => {
                let call = state.log.call(Operation::GetTag(None));
                state.actors[number].calls[0] = call;
                Self::follow(state, number);
            }
            // Nobody wrote the tag while its manifest was looked for: it dangles.
            At::GetTagAgain if state.actors[number].tag_is_fresh => {
                Self::got(state, number, None);
            }
            At::GetTagAgain => Self::follow(state, number),
            _ => {
                let tag = state.actors[number].tag;
                let digest = tag.map(|tag| tag.digest);
                let is_there = digest.is_some_and(|digest| state.manifests[digest].is_some());
                if is_there {
                    Self::got(state, number, digest);
                } else if self.is_without(Mutant::TagNotFollowed) {
                    Self::got(state, number, None);
                } else {
                    state.actors[number].at = At::GetTagAgain;
                }
            }
        }
    }

    /// Reads the tag: its manifest is next, unless there is no tag.
    fn follow(state: &mut State, number: usize) {
        Self::read_tag(state, number, At::GetManifest);
        if state.tag.is_none() {
            Self::got(state, number, None);
        }
    }

    fn got(state: &mut State, number: usize, seen: Option<usize>) {
        let call = state.actors[number].calls[0];
        state.log.answer(call, Operation::GetTag(seen));
        Self::end(state, number);
    }

    pub(super) fn delete_tag(&self, state: &mut State, number: usize, is_lost: bool) {
        match state.actors[number].at {
            At::Start | At::TagRead => {
                if state.actors[number].at == At::Start {
                    let call = state.log.call(Operation::DeleteTag(false));
                    state.actors[number].calls[0] = call;
                }
                Self::read_tag(state, number, At::TagRemember);
                if state.tag.is_none() {
                    Self::tag_deleted(state, number, false);
                }
            }
            At::TagRemember => {
                let tag = state.actors[number].tag;
                state.history |= tag.map_or(0, |tag| 1 << tag.nonce);
                state.actors[number].at = At::TagDelete;
            }
            At::TagDelete => {
                let fits = self.tag_matches(state, &state.actors[number]);
                if fits {
                    Self::set_tag(state, None);
                }
                if is_lost && !self.is_without(Mutant::LostIsConflict) {
                    state.actors[number].at = At::TagDeleteLost;
                } else if is_lost || !fits {
                    state.actors[number].at = At::TagRead;
                } else {
                    Self::tag_deleted(state, number, true);
                }
            }
            // Another value, or none: what was seen is gone. The same one may have been fenced only.
            _ => {
                if state.tag == state.actors[number].tag {
                    Self::read_tag(state, number, At::TagRemember);
                } else {
                    Self::tag_deleted(state, number, true);
                }
            }
        }
    }

    fn tag_deleted(state: &mut State, number: usize, found: bool) {
        let call = state.actors[number].calls[0];
        state.log.answer(call, Operation::DeleteTag(found));
        Self::end(state, number);
    }

    fn end(state: &mut State, number: usize) {
        state.actors[number] = Actor {
            at: At::Done,
            ..IDLE
        };
    }
}
