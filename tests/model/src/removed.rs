//! Undelete: DELETE of a manifest leaves a record of what was removed, which keeps the links of the manifest
//! for a while; within it the manifest can be put back. One manifest, one link, two collectors of links.
//!
//! D and R are one: what is sent in its window lands within it.

use crate::Mutant;
use crate::check::{Depth, Run};
use stateright::{Model, Property};

/// D and R: ticks after the one in which a window opened, in which a request may land.
const WINDOW: u8 = 1;
/// C.
const CONDEMNED: u8 = 2;
/// How long what was removed counts as a reference, in ticks.
const RETENTION: u8 = 4;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Manifest {
    Absent,
    Live,
    Deleting,
}

/// A client's DELETE: mark, record what is removed, remove.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Deleter {
    Mark,
    Remember,
    Remove,
    Done,
}

/// A client that puts the manifest back.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Restorer {
    Read,
    Protect,
    Send { opened: u8 },
    Done,
    Failed,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Link {
    condemned_since: Option<u8>,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
enum Collector {
    Idle,
    First { began: u8 },
    Second { began: u8, found: bool },
    Judge { began: u8, found: bool },
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct State {
    manifest: Manifest,
    /// When the record of what was removed was written.
    removed: Option<u8>,
    link: Option<Link>,
    deleter: Deleter,
    restorer: Restorer,
    collectors: [Collector; 2],
    passes: u8,
    now: u8,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Action {
    Delete,
    Restore,
    Collect(usize),
    Tick,
}

#[derive(Clone, Debug)]
struct Removed {
    mutant: Option<Mutant>,
    passes: u8,
    last_tick: u8,
}

impl State {
    fn remembers(&self) -> bool {
        let is_young = |written: u8| self.now < written + RETENTION;
        self.removed.is_some_and(is_young)
    }
}

impl Removed {
    fn is_without(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn delete(&self, state: &mut State) -> Option<()> {
        let is_late = self.is_without(Mutant::RemovedToldAfterwards);
        state.deleter = match state.deleter {
            Deleter::Mark => {
                if state.manifest != Manifest::Live {
                    return None;
                }
                state.manifest = Manifest::Deleting;
                if is_late {
                    Deleter::Remove
                } else {
                    Deleter::Remember
                }
            }
            Deleter::Remember => {
                state.removed = Some(state.now);
                if is_late {
                    Deleter::Done
                } else {
                    Deleter::Remove
                }
            }
            Deleter::Remove => {
                state.manifest = Manifest::Absent;
                if is_late {
                    Deleter::Remember
                } else {
                    Deleter::Done
                }
            }
            Deleter::Done => return None,
        };
        Some(())
    }

    fn restore(&self, state: &mut State) -> Option<()> {
        state.restorer = match state.restorer {
            Restorer::Read => {
                if state.manifest != Manifest::Absent || !state.remembers() {
                    return None;
                }
                Restorer::Protect
            }
            Restorer::Protect if self.is_without(Mutant::RestoreProtectsNothing) => {
                Restorer::Send { opened: state.now }
            }
            Restorer::Protect => match &mut state.link {
                Some(link) => {
                    link.condemned_since = None;
                    Restorer::Send { opened: state.now }
                }
                None => Restorer::Failed,
            },
            Restorer::Send { opened } if state.now - opened > WINDOW => Restorer::Protect,
            Restorer::Send { .. } => {
                state.manifest = Manifest::Live;
                Restorer::Done
            }
            Restorer::Done | Restorer::Failed => return None,
        };
        Some(())
    }

    fn collect(&self, state: &mut State, number: usize) -> Option<()> {
        let is_there = state.manifest != Manifest::Absent;
        let remembers = state.remembers() && !self.is_without(Mutant::RemovedIsNoReference);
        state.collectors[number] = match state.collectors[number] {
            Collector::Idle => {
                if state.passes == 0 || state.link.is_none() {
                    return None;
                }
                state.passes -= 1;
                Collector::First { began: state.now }
            }
            // In the order of the keys: `_manifest`, then `_removed`.
            Collector::First { began } => {
                let found = is_there;
                Collector::Second { began, found }
            }
            Collector::Second { began, found } => {
                let found = found || remembers;
                Collector::Judge { began, found }
            }
            Collector::Judge { began, found } => {
                Self::judge(state, began, found);
                Collector::Idle
            }
        };
        state
            .collectors
            .sort_unstable_by(|one, other| other.cmp(one));
        Some(())
    }

    fn judge(state: &mut State, began: u8, found: bool) {
        let Some(link) = &mut state.link else { return };
        match (link.condemned_since, found) {
            (_, true) => link.condemned_since = None,
            (None, false) => link.condemned_since = Some(state.now),
            (Some(since), false) if began >= since + CONDEMNED => state.link = None,
            (Some(_), false) => {}
        }
    }
}

impl Model for Removed {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            manifest: Manifest::Live,
            removed: None,
            link: Some(Link {
                condemned_since: None,
            }),
            deleter: Deleter::Mark,
            restorer: Restorer::Read,
            collectors: [Collector::Idle; 2],
            passes: self.passes,
            now: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend([Action::Delete, Action::Restore]);
        actions.extend([Action::Collect(0), Action::Collect(1)]);
        if state.now < self.last_tick {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        match action {
            Action::Tick => state.now += 1,
            Action::Delete => self.delete(&mut state)?,
            Action::Restore => self.restore(&mut state)?,
            Action::Collect(number) => self.collect(&mut state, number)?,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a readable manifest has its blob", |_, state: &State| {
                state.manifest == Manifest::Absent || state.link.is_some()
            }),
            Property::always(
                "what was removed can be put back for a while",
                |_, state: &State| !state.remembers() || state.link.is_some(),
            ),
            reached!("put back", |_, state: &State| state.restorer
                == Restorer::Done),
            reached!("collected in the end", |_, state: &State| state
                .link
                .is_none()),
        ]
    }
}

const PART: &str = "removed";
const BASE: Removed = Removed {
    mutant: None,
    passes: 4,
    last_tick: 8,
};

pub(crate) fn safe(depth: Depth) -> Vec<Run> {
    let mut runs = vec![Run::new(PART, "deleted and put back", BASE)];
    if depth == Depth::Deep {
        let longer = Removed {
            passes: 7,
            last_tick: 13,
            ..BASE
        };
        runs.push(Run::new(PART, "deleted and put back, longer", longer));
    }
    runs
}

pub(crate) fn mutated(mutant: Mutant) -> Option<Run> {
    match mutant {
        Mutant::RemovedToldAfterwards
        | Mutant::RemovedIsNoReference
        | Mutant::RestoreProtectsNothing => {
            let mutant = Some(mutant);
            Some(Run::new(PART, "", Removed { mutant, ..BASE }))
        }
        _ => None,
    }
}
