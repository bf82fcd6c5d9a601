//! What a replica remembers of the links that it protected: HEAD, DELETE of the blob, and a push that trusts the
//! memory. `protected.rs`, `protect.rs` and `blob.rs` of the registry are the code.
//!
//! D and R are one: what is sent in its window lands within it.

use crate::Mutant;
use crate::check::{Depth, Run};
use stateright::{Model, Property};

/// D and R: ticks after the one in which a window opened, in which a request may land.
const WINDOW: u8 = 1;
/// C.
const CONDEMNED: u8 = 2;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Link {
    Absent,
    Live,
    Condemned { since: u8 },
    Hidden { since: u8 },
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Head {
    Start,
    /// It looked and will remember.
    Insert {
        opened: u8,
        is_forgotten: bool,
    },
    Done,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Deleter {
    Hide,
    Forget,
    Answered,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Pusher {
    Start,
    Send { opened: u8, is_after_delete: bool },
    Acked { is_after_delete: bool },
    Failed,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Collector {
    Idle,
    Judge { began: u8, is_named: bool },
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct State {
    link: Link,
    /// When the window of what the replica remembers opened.
    memory: Option<u8>,
    heads: [Head; 2],
    deleter: Deleter,
    pusher: Pusher,
    collector: Collector,
    passes: u8,
    now: u8,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Action {
    Head(usize),
    Delete,
    Push,
    Collect,
    Tick,
}

#[derive(Clone, Debug)]
struct Memory {
    mutant: Option<Mutant>,
    /// Whether the DELETE is sent to the replica that remembers.
    is_one_replica: bool,
    /// Whether a push that names a hidden blob is a mistake: over two replicas it is known to happen.
    counts_hidden: bool,
    passes: u8,
    last_tick: u8,
}

impl Memory {
    fn is_without(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn head(state: &mut State, number: usize) -> Option<()> {
        state.heads[number] = match state.heads[number] {
            Head::Start => match state.link {
                Link::Absent | Link::Hidden { .. } => Head::Done,
                Link::Live | Link::Condemned { .. } => {
                    state.link = Link::Live;
                    let (opened, is_forgotten) = (state.now, false);
                    Head::Insert {
                        opened,
                        is_forgotten,
                    }
                }
            },
            Head::Insert {
                opened,
                is_forgotten,
            } => {
                if !is_forgotten {
                    state.memory = Some(opened);
                }
                Head::Done
            }
            Head::Done => return None,
        };
        Some(())
    }

    fn delete(&self, state: &mut State) -> Option<()> {
        state.deleter = match state.deleter {
            Deleter::Hide => {
                let since = state.now;
                match state.link {
                    Link::Live | Link::Condemned { .. } => state.link = Link::Hidden { since },
                    Link::Absent | Link::Hidden { .. } => return None,
                }
                Deleter::Forget
            }
            Deleter::Forget => {
                if self.is_one_replica && !self.is_without(Mutant::MemoryNotForgotten) {
                    self.forget(state);
                }
                Deleter::Answered
            }
            Deleter::Answered => return None,
        };
        Some(())
    }

    /// What was read before this counts for nothing, also when it is remembered after it.
    fn forget(&self, state: &mut State) {
        state.memory = None;
        for head in &mut state.heads {
            if let Head::Insert { is_forgotten, .. } = head {
                *is_forgotten = !self.is_without(Mutant::ForgetsOnlyWhatIsThere);
            }
        }
    }

    fn push(&self, state: &mut State) -> Option<()> {
        let now = state.now;
        state.pusher = match state.pusher {
            Pusher::Start => {
                let is_after_delete = state.deleter == Deleter::Answered;
                let outlives = self.is_without(Mutant::MemoryOutlivesItsWindow);
                match state.memory {
                    Some(_) if outlives => Pusher::Send {
                        opened: now,
                        is_after_delete,
                    },
                    Some(opened) if now - opened <= WINDOW => Pusher::Send {
                        opened,
                        is_after_delete,
                    },
                    _ if state.link == Link::Absent => Pusher::Failed,
                    _ => {
                        state.link = Link::Live;
                        Pusher::Send {
                            opened: now,
                            is_after_delete,
                        }
                    }
                }
            }
            Pusher::Send { opened, .. } if now - opened > WINDOW => Pusher::Start,
            Pusher::Send {
                is_after_delete, ..
            } => Pusher::Acked { is_after_delete },
            Pusher::Acked { .. } | Pusher::Failed => return None,
        };
        Some(())
    }

    fn collect(state: &mut State) -> Option<()> {
        state.collector = match state.collector {
            Collector::Idle => {
                if state.passes == 0 || state.link == Link::Absent {
                    return None;
                }
                state.passes -= 1;
                let is_named = matches!(state.pusher, Pusher::Acked { .. });
                let began = state.now;
                Collector::Judge { began, is_named }
            }
            Collector::Judge { began, is_named } => {
                let since = state.now;
                state.link = match state.link {
                    Link::Live if !is_named => Link::Condemned { since },
                    Link::Condemned { .. } | Link::Hidden { .. } if is_named => Link::Live,
                    Link::Condemned { since } | Link::Hidden { since }
                        if began >= since + CONDEMNED =>
                    {
                        Link::Absent
                    }
                    other => other,
                };
                Collector::Idle
            }
        };
        Some(())
    }
}

impl Model for Memory {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            link: Link::Live,
            memory: None,
            heads: [Head::Start; 2],
            deleter: Deleter::Hide,
            pusher: Pusher::Start,
            collector: Collector::Idle,
            passes: self.passes,
            now: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend([Action::Head(0), Action::Head(1), Action::Delete]);
        actions.extend([Action::Push, Action::Collect]);
        if state.now < self.last_tick {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        match action {
            Action::Tick => state.now += 1,
            Action::Head(number) => Self::head(&mut state, number)?,
            Action::Delete => self.delete(&mut state)?,
            Action::Push => self.push(&mut state)?,
            Action::Collect => Self::collect(&mut state)?,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(
                "an acknowledged manifest keeps its blob",
                |_, state: &State| {
                    !matches!(state.pusher, Pusher::Acked { .. }) || state.link != Link::Absent
                },
            ),
            reached!("a push trusts the memory", |_, state: &State| {
                state.memory.is_some() && matches!(state.pusher, Pusher::Acked { .. })
            }),
            reached!("a hidden link is collected", |_, state: &State| {
                state.deleter == Deleter::Answered && state.link == Link::Absent
            }),
        ];
        if self.counts_hidden {
            let name = "a push after a DELETE brings the blob back";
            properties.push(Property::always(name, |_, state: &State| {
                let pushed = matches!(
                    state.pusher,
                    Pusher::Acked {
                        is_after_delete: true
                    }
                );
                !pushed || !matches!(state.link, Link::Hidden { .. })
            }));
        }
        properties
    }
}

const PART: &str = "memory";
const BASE: Memory = Memory {
    mutant: None,
    is_one_replica: true,
    counts_hidden: true,
    passes: 3,
    last_tick: 5,
};

pub(crate) fn safe(depth: Depth) -> Vec<Run> {
    let two = Memory {
        is_one_replica: false,
        counts_hidden: false,
        ..BASE
    };
    let mut runs = vec![
        Run::new(PART, "one replica", BASE),
        Run::new(PART, "two replicas, no loss", two),
    ];
    if depth == Depth::Deep {
        let longer = Memory {
            passes: 8,
            last_tick: 12,
            ..BASE
        };
        runs.push(Run::new(PART, "one replica, longer", longer));
    }
    runs
}

/// What is known to go wrong for a while: the collector mends it.
pub(crate) fn gaps() -> Vec<Run> {
    let is_one_replica = false;
    let model = Memory {
        is_one_replica,
        ..BASE
    };
    vec![Run::new(
        PART,
        "the blob is deleted at another replica",
        model,
    )]
}

pub(crate) fn mutated(mutant: Mutant) -> Option<Run> {
    match mutant {
        Mutant::MemoryNotForgotten
        | Mutant::ForgetsOnlyWhatIsThere
        | Mutant::MemoryOutlivesItsWindow => {
            let mutant = Some(mutant);
            Some(Run::new(PART, "", Memory { mutant, ..BASE }))
        }
        _ => None,
    }
}
