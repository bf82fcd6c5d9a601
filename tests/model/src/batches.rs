//! The lists of what is condemned: a list is written before anything in it is condemned or hidden, and goes when
//! it is old and nothing in it is. A link that no list has would be judged by no pass.
//!
//! One link; whether a manifest names it is anybody's guess at every moment. Each actor has a place for one list;
//! writing it again makes another list.

use crate::Mutant;
use crate::check::{Depth, Run};
use stateright::{Model, Property};

/// D and R: ticks after the one in which a list was written, in which what it announces may land.
const WINDOW: u8 = 1;
/// C.
const CONDEMNED: u8 = 2;
/// A list that is older than D and R announces nothing that is under way.
const LIST_AGE: u8 = 2;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Link {
    Absent,
    Live,
    Condemned { since: u8 },
    Hidden { since: u8 },
}

/// Two collectors and a client that deletes the blob.
const ACTORS: usize = 3;
const CLIENT: usize = 2;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum At {
    Idle,
    /// The list is written next.
    Announce,
    /// The link is condemned or hidden next.
    Mark {
        is_fresh: bool,
    },
    /// A list was read: its link is judged next.
    Judge {
        began: u8,
        list: usize,
        is_same: bool,
        is_old: bool,
    },
    /// The link was not condemned: the list goes next.
    Remove {
        list: usize,
        is_same: bool,
        is_old: bool,
    },
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct State {
    link: Link,
    /// When the list of each actor was written.
    lists: [Option<u8>; ACTORS],
    at: [At; ACTORS],
    passes: u8,
    deletes: u8,
    pushes: u8,
    now: u8,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Action {
    Step(usize),
    /// A pass reads a list.
    Read(usize, usize),
    /// A pass judges the link as named by a manifest.
    JudgeNamed(usize),
    /// A client pushes the blob or a manifest that names it.
    Push,
    Tick,
}

#[derive(Clone, Debug)]
struct Batches {
    mutant: Option<Mutant>,
    passes: u8,
    deletes: u8,
    pushes: u8,
    last_tick: u8,
}

impl State {
    fn set_link(&mut self, link: Link) {
        self.link = link;
        for at in &mut self.at {
            if let At::Mark { is_fresh } = at {
                *is_fresh = false;
            }
        }
    }

    fn set_list(&mut self, list: usize, written: Option<u8>) {
        self.lists[list] = written;
        for at in &mut self.at {
            match at {
                At::Judge {
                    list: read,
                    is_same,
                    ..
                }
                | At::Remove {
                    list: read,
                    is_same,
                    ..
                } if *read == list => {
                    *is_same = false;
                }
                _ => {}
            }
        }
    }

    fn is_old(&self, list: usize) -> bool {
        self.lists[list].is_some_and(|written| self.now >= written + LIST_AGE)
    }

    fn after_judgement(&self, number: usize) -> At {
        match self.at[number] {
            At::Judge {
                list,
                is_same,
                is_old,
                ..
            } if !self.is_marked() => At::Remove {
                list,
                is_same,
                is_old,
            },
            _ => At::Idle,
        }
    }

    const fn is_marked(&self) -> bool {
        matches!(self.link, Link::Condemned { .. } | Link::Hidden { .. })
    }
}

impl Batches {
    fn is_without(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn step(&self, state: &mut State, number: usize) -> Option<()> {
        state.at[number] = match state.at[number] {
            At::Idle => {
                let budget = if number == CLIENT {
                    &mut state.deletes
                } else {
                    &mut state.passes
                };
                let may_mark = match state.link {
                    Link::Live => true,
                    Link::Condemned { .. } => number == CLIENT,
                    Link::Hidden { .. } | Link::Absent => false,
                };
                if *budget == 0 || !may_mark {
                    return None;
                }
                *budget -= 1;
                if self.is_without(Mutant::ListedAfterwards) {
                    At::Mark { is_fresh: true }
                } else {
                    At::Announce
                }
            }
            At::Announce => {
                state.set_list(number, Some(state.now));
                let is_over = self.is_without(Mutant::ListedAfterwards);
                if is_over {
                    At::Idle
                } else {
                    At::Mark { is_fresh: true }
                }
            }
            At::Mark { is_fresh } => self.mark(state, number, is_fresh),
            At::Judge { began, .. } => {
                Self::judge(state, began, false);
                state.after_judgement(number)
            }
            At::Remove {
                list,
                is_same,
                is_old,
            } => {
                let is_old = is_old
                    || self.is_without(Mutant::ListRemovedYoung)
                    || (self.is_without(Mutant::ListAgeAskedAfterwards) && state.is_old(list));
                if is_old && is_same {
                    state.set_list(list, None);
                }
                At::Idle
            }
        };
        Some(())
    }

    fn mark(&self, state: &mut State, number: usize, is_fresh: bool) -> At {
        let is_late = state.lists[number].is_none_or(|written| state.now - written > WINDOW);
        let lists_later = self.is_without(Mutant::ListedAfterwards);
        if is_late && !lists_later && !self.is_without(Mutant::CondemnedLongAfterItsList) {
            return At::Announce;
        }
        if !is_fresh {
            return At::Idle;
        }
        let since = state.now;
        state.set_link(if number == CLIENT {
            Link::Hidden { since }
        } else {
            Link::Condemned { since }
        });
        if lists_later { At::Announce } else { At::Idle }
    }

    fn judge(state: &mut State, began: u8, is_named: bool) {
        match state.link {
            Link::Condemned { since } | Link::Hidden { since } => {
                if is_named {
                    state.set_link(Link::Live);
                } else if began >= since + CONDEMNED {
                    state.set_link(Link::Absent);
                }
            }
            Link::Live | Link::Absent => {}
        }
    }
}

impl Model for Batches {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            link: Link::Live,
            lists: [None; ACTORS],
            at: [At::Idle; ACTORS],
            passes: self.passes,
            deletes: self.deletes,
            pushes: self.pushes,
            now: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (number, at) in state.at.iter().enumerate() {
            actions.push(Action::Step(number));
            match at {
                At::Idle if number != CLIENT && state.passes > 0 => {
                    for (list, written) in state.lists.iter().enumerate() {
                        if written.is_some() {
                            actions.push(Action::Read(number, list));
                        }
                    }
                }
                At::Judge { .. } => actions.push(Action::JudgeNamed(number)),
                _ => {}
            }
        }
        if state.pushes > 0 && state.link != Link::Live {
            actions.push(Action::Push);
        }
        if state.now < self.last_tick {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        match action {
            Action::Tick => state.now += 1,
            Action::Step(number) => self.step(&mut state, number)?,
            Action::Read(number, which) => {
                state.passes -= 1;
                let (began, is_same) = (state.now, true);
                // Old before its link is looked at: what it announced has landed by then.
                let is_old = state.is_old(which);
                state.at[number] = At::Judge {
                    began,
                    list: which,
                    is_same,
                    is_old,
                };
            }
            Action::JudgeNamed(number) => {
                if let At::Judge { began, .. } = state.at[number] {
                    Self::judge(&mut state, began, true);
                    state.at[number] = state.after_judgement(number);
                }
            }
            Action::Push => {
                state.pushes -= 1;
                state.set_link(Link::Live);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "what is condemned or hidden is listed",
                |_, state: &State| !state.is_marked() || state.lists.iter().any(Option::is_some),
            ),
            reached!("the link is collected", |_, state: &State| state.link
                == Link::Absent),
            reached!("all lists are gone", |_, state: &State| {
                state.passes == 0 && state.lists.iter().all(Option::is_none)
            }),
        ]
    }
}

const PART: &str = "batches";
const BASE: Batches = Batches {
    mutant: None,
    passes: 3,
    deletes: 1,
    pushes: 1,
    last_tick: 5,
};

pub(crate) fn safe(depth: Depth) -> Vec<Run> {
    let mut runs = vec![Run::new(PART, "a client and two collectors", BASE)];
    if depth == Depth::Deep {
        let longer = Batches {
            passes: 6,
            deletes: 2,
            pushes: 2,
            last_tick: 7,
            ..BASE
        };
        runs.push(Run::new(
            PART,
            "a client and two collectors, longer",
            longer,
        ));
    }
    runs
}

pub(crate) fn mutated(mutant: Mutant) -> Option<Run> {
    match mutant {
        Mutant::ListedAfterwards
        | Mutant::ListRemovedYoung
        | Mutant::ListAgeAskedAfterwards
        | Mutant::CondemnedLongAfterItsList => {
            let mutant = Some(mutant);
            Some(Run::new(PART, "", Batches { mutant, ..BASE }))
        }
        _ => None,
    }
}
