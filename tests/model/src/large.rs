//! Manifests too large for their record: the bytes are data that a session owns until the record names them.
//! `manifest/{live,staged,delete}.rs` and `sweep.rs` of the registry are the code; tags and reverse entries
//! are part `names`.
//!
//! D and R are one: what is sent in its window lands within it.

mod pusher;
mod runs;

pub(crate) use runs::{mutated, safe};

use crate::Mutant;
use pusher::{At, Pusher};
use stateright::{Model, Property};

/// D and R: ticks after the one in which a window opened, in which a request may land.
const WINDOW: u8 = 1;
/// After so many ticks the sweeper judges a session.
const COMMITTING_AGE: u8 = 2;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Standing {
    Live,
    Deleting,
    Dead,
}

/// The manifest record. Its data key belongs to its generation alone, so it stands for that, too.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Record {
    standing: Standing,
    key: u8,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Deleter {
    Look,
    Mark {
        is_fresh: bool,
    },
    /// Its names are released.
    Bury {
        is_fresh: bool,
        key: u8,
    },
    DeleteData {
        is_fresh: bool,
        key: u8,
    },
    Remove {
        is_fresh: bool,
    },
    Done,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Sweeper {
    Idle,
    Ask { key: u8 },
    Delete { key: u8 },
    Forget { key: u8 },
}

/// Data keys, and sessions: two a pusher.
const KEYS: u8 = 4;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct State {
    record: Option<Record>,
    /// A bit for each key.
    data: u8,
    /// When the session of each key went to `committing`.
    sessions: [Option<u8>; KEYS as usize],
    pushers: [Pusher; 2],
    deleters: [Deleter; 2],
    sweeper: Sweeper,
    lost: u8,
    now: u8,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Action {
    Push(usize),
    /// The record is written and the answer lost.
    AnswerLost(usize),
    Delete(usize),
    Sweep(u8),
    GoOnSweeping,
    Tick,
}

#[derive(Clone, Debug)]
struct Large {
    mutant: Option<Mutant>,
    deleters: usize,
    lost: u8,
    last_tick: u8,
}

impl State {
    fn set_record(&mut self, record: Option<Record>) {
        self.record = record;
        for pusher in &mut self.pushers {
            pusher.is_fresh = false;
        }
        for deleter in &mut self.deleters {
            match deleter {
                Deleter::Mark { is_fresh }
                | Deleter::Bury { is_fresh, .. }
                | Deleter::DeleteData { is_fresh, .. }
                | Deleter::Remove { is_fresh } => *is_fresh = false,
                Deleter::Look | Deleter::Done => {}
            }
        }
    }

    const fn has(&self, key: u8) -> bool {
        self.data & (1 << key) != 0
    }

    fn drop_data(&mut self, key: u8) {
        self.data &= !(1 << key);
    }
}

impl Large {
    fn is_without(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn delete(&self, state: &mut State, number: usize) -> Option<()> {
        let is_fresh = true;
        state.deleters[number] = match state.deleters[number] {
            Deleter::Done => return None,
            Deleter::Look => {
                let record = state.record?;
                let key = record.key;
                match record.standing {
                    Standing::Live => Deleter::Mark { is_fresh },
                    Standing::Deleting => Deleter::Bury { is_fresh, key },
                    Standing::Dead => Deleter::DeleteData { is_fresh, key },
                }
            }
            Deleter::Mark { is_fresh: false } => Deleter::Look,
            Deleter::Mark { .. } => {
                let key = state.record?.key;
                let standing = Standing::Deleting;
                state.set_record(Some(Record { standing, key }));
                Deleter::Bury { is_fresh, key }
            }
            // Somebody else went on with this generation.
            Deleter::Bury {
                is_fresh: false, ..
            } => Deleter::Done,
            Deleter::Bury { key, .. } if self.is_without(Mutant::LargeDataBeforeDead) => {
                state.drop_data(key);
                Deleter::Remove { is_fresh }
            }
            Deleter::Bury { key, .. } => {
                let standing = Standing::Dead;
                state.set_record(Some(Record { standing, key }));
                Deleter::DeleteData { is_fresh, key }
            }
            Deleter::DeleteData { is_fresh, key } => {
                state.drop_data(key);
                Deleter::Remove { is_fresh }
            }
            Deleter::Remove { is_fresh } => {
                if is_fresh || self.is_without(Mutant::LargeRemovedUnconditionally) {
                    state.set_record(None);
                }
                Deleter::Done
            }
        };
        Some(())
    }

    fn sweep(&self, state: &mut State) -> Option<()> {
        state.sweeper = match state.sweeper {
            Sweeper::Idle => return None,
            Sweeper::Ask { key } => {
                let names = |record: Record| record.key == key && record.standing != Standing::Dead;
                let asks = !self.is_without(Mutant::SweeperDoesNotAskTheManifest);
                if asks && state.record.is_some_and(names) {
                    Sweeper::Forget { key }
                } else {
                    Sweeper::Delete { key }
                }
            }
            Sweeper::Delete { key } => {
                state.drop_data(key);
                Sweeper::Forget { key }
            }
            Sweeper::Forget { key } => {
                state.sessions[usize::from(key)] = None;
                Sweeper::Idle
            }
        };
        Some(())
    }
}

impl Model for Large {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let deleter = |number| {
            if number < self.deleters {
                Deleter::Look
            } else {
                Deleter::Done
            }
        };
        vec![State {
            record: None,
            data: 0,
            sessions: [None; KEYS as usize],
            pushers: [Pusher::new(); 2],
            deleters: [deleter(0), deleter(1)],
            sweeper: Sweeper::Idle,
            lost: self.lost,
            now: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (number, pusher) in state.pushers.iter().enumerate() {
            if !matches!(pusher.at, At::Done | At::Failed) {
                actions.push(Action::Push(number));
            }
            if pusher.at == At::Write && pusher.is_fresh && state.lost > 0 {
                actions.push(Action::AnswerLost(number));
            }
        }
        actions.extend([Action::Delete(0), Action::Delete(1)]);
        if state.sweeper == Sweeper::Idle {
            for (key, session) in (0..KEYS).zip(state.sessions) {
                let is_old = |since: u8| state.now >= since + COMMITTING_AGE;
                if session.is_some_and(is_old) {
                    actions.push(Action::Sweep(key));
                }
            }
        } else {
            actions.push(Action::GoOnSweeping);
        }
        if state.now < self.last_tick {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        match action {
            Action::Tick => state.now += 1,
            Action::Push(number) => self.push(&mut state, number, false),
            Action::AnswerLost(number) => {
                state.lost -= 1;
                self.push(&mut state, number, true);
            }
            Action::Delete(number) => self.delete(&mut state, number)?,
            Action::Sweep(key) => state.sweeper = Sweeper::Ask { key },
            Action::GoOnSweeping => self.sweep(&mut state)?,
        }
        for pusher in &mut state.pushers {
            pusher.forget(state.now);
        }
        for session in state.sessions.iter_mut().flatten() {
            if state.now >= *session + COMMITTING_AGE {
                *session = 0;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a readable manifest has its data", |_, state: &State| {
                let is_whole =
                    |record: &Record| record.standing == Standing::Dead || state.has(record.key);
                state.record.as_ref().is_none_or(is_whole)
            }),
            Property::always("no data without an owner", |_, state: &State| {
                (0..KEYS).filter(|key| state.has(*key)).all(|key| {
                    let is_named = state.record.is_some_and(|record| record.key == key);
                    is_named || state.sessions[usize::from(key)].is_some()
                })
            }),
            reached!("the sweeper frees data", |_, state: &State| {
                matches!(state.sweeper, Sweeper::Delete { .. })
            }),
            reached!("pushed again after a DELETE", |_, state: &State| {
                let is_second = |record: Record| record.key % 2 == 1;
                state.record.is_some_and(is_second)
            }),
        ]
    }
}
