//! PUT of a large manifest: look, stage the bytes, write the record, forget the session.

use super::{Large, Record, Standing, State, WINDOW};
use crate::Mutant;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) enum At {
    Look,
    /// A deletion was begun: the record is made dead before its data goes.
    Bury,
    ClearDead,
    Stage,
    Write,
    LookAfterLost,
    ForgetSession,
    /// Another push made the manifest: what was staged goes.
    DropStaged,
    DropSession,
    Done,
    Failed,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) struct Pusher {
    pub(super) at: At,
    pub(super) is_fresh: bool,
    /// Data that is staged and when its window opened.
    staged: Option<(u8, u8)>,
    /// The data of a dead record.
    dead: u8,
    stagings: u8,
}

impl Pusher {
    pub(super) const fn new() -> Self {
        Self {
            at: At::Look,
            is_fresh: false,
            staged: None,
            dead: 0,
            stagings: 0,
        }
    }

    pub(super) fn forget(&mut self, now: u8) {
        if let Some((_, opened)) = &mut self.staged
            && now > *opened + WINDOW
        {
            *opened = 0;
        }
        if matches!(self.at, At::Done | At::Failed) {
            *self = Self {
                at: self.at,
                ..Self::new()
            };
        }
        if self.at != At::ClearDead {
            self.dead = 0;
        }
    }
}

impl Large {
    fn is_in_time(&self, opened: u8, now: u8) -> bool {
        now - opened <= WINDOW || self.is_without(Mutant::LargeRegisteredAtAnyTime)
    }

    pub(super) fn push(&self, state: &mut State, number: usize, is_lost: bool) {
        let now = state.now;
        let pusher = state.pushers[number];
        match pusher.at {
            At::Look => self.look(state, number),
            At::Bury => {
                if let Some(record) = state.record.filter(|_| pusher.is_fresh) {
                    let standing = Standing::Dead;
                    state.set_record(Some(Record { standing, ..record }));
                }
                state.pushers[number].at = At::Look;
            }
            At::ClearDead => {
                if !self.is_without(Mutant::LargeDeadDataLeft) {
                    state.drop_data(pusher.dead);
                }
                state.pushers[number].at = self.stage_or_write(state, number);
            }
            At::Stage => {
                // Two a pusher: the first ones are even.
                let base = if number == 0 { 0 } else { 2 };
                if pusher.stagings == 2 {
                    state.pushers[number].at = At::Failed;
                    return;
                }
                let key = base + pusher.stagings;
                state.data |= 1 << key;
                state.sessions[usize::from(key)] = Some(now);
                let pusher = &mut state.pushers[number];
                pusher.stagings += 1;
                pusher.staged = Some((key, now));
                pusher.at = At::Write;
            }
            At::Write => self.write(state, number, is_lost),
            At::LookAfterLost => {
                let own = pusher.staged.map(|(key, _)| key);
                let is_own = state.record.is_some_and(|record| {
                    record.standing == Standing::Live && Some(record.key) == own
                });
                let pusher = &mut state.pushers[number];
                if is_own {
                    pusher.at = At::ForgetSession;
                } else if self.is_without(Mutant::StagedDroppedAfterLostAnswer) {
                    pusher.at = At::DropStaged;
                } else {
                    // Its session leads the sweeper to it.
                    pusher.staged = None;
                    pusher.at = At::Look;
                }
            }
            At::DropStaged => {
                if let Some((key, _)) = pusher.staged {
                    state.drop_data(key);
                }
                state.pushers[number].at = At::DropSession;
            }
            At::ForgetSession | At::DropSession => {
                if let Some((key, _)) = pusher.staged {
                    state.sessions[usize::from(key)] = None;
                }
                state.pushers[number].at = At::Done;
            }
            At::Done | At::Failed => {}
        }
    }

    fn look(&self, state: &mut State, number: usize) {
        let seen = state.record;
        let has_staged = state.pushers[number].staged.is_some();
        let next = match seen.map(|record| record.standing) {
            None => self.stage_or_write(state, number),
            Some(Standing::Live) if has_staged => At::DropStaged,
            Some(Standing::Live) => At::Done,
            Some(Standing::Deleting) => At::Bury,
            Some(Standing::Dead) => At::ClearDead,
        };
        let pusher = &mut state.pushers[number];
        pusher.is_fresh = true;
        pusher.dead = seen.map_or(0, |record| record.key);
        pusher.at = next;
    }

    /// What is staged may be registered once, while its window is open; later it is staged again.
    fn stage_or_write(&self, state: &State, number: usize) -> At {
        let in_time = |(_, opened)| self.is_in_time(opened, state.now);
        if state.pushers[number].staged.is_some_and(in_time) {
            At::Write
        } else {
            At::Stage
        }
    }

    fn write(&self, state: &mut State, number: usize, is_lost: bool) {
        let pusher = state.pushers[number];
        let Some((key, opened)) = pusher.staged else {
            state.pushers[number].at = At::Stage;
            return;
        };
        if !self.is_in_time(opened, state.now) || !pusher.is_fresh {
            state.pushers[number].at = At::Look;
            return;
        }
        let standing = Standing::Live;
        state.set_record(Some(Record { standing, key }));
        state.pushers[number].at = if is_lost {
            At::LookAfterLost
        } else {
            At::ForgetSession
        };
    }
}
