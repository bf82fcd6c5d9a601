//! The promise of HEAD and of an upload: what was answered for is there for half the grace and C, though nothing
//! names it. One guarded record, two clients, two collectors; nothing ever names the record.

use crate::Mutant;
use crate::check::{Depth, Run};
use stateright::{Model, Property};

/// G.
const GRACE: u8 = 4;
/// C.
const CONDEMNED: u8 = 2;
/// How long a client may count on an answer.
const PROMISED: u8 = GRACE / 2 + CONDEMNED;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Record {
    is_condemned: bool,
    modified: u8,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
enum Collector {
    Idle,
    Judge { began: u8 },
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct State {
    record: Option<Record>,
    /// When each client was answered last.
    answered: [Option<u8>; 2],
    collectors: [Collector; 2],
    heads: u8,
    now: u8,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Action {
    Head(usize),
    Collect(usize),
    Tick,
}

#[derive(Clone, Debug)]
struct Grace {
    mutant: Option<Mutant>,
    heads: u8,
    last_tick: u8,
}

impl Grace {
    fn is_without(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn head(&self, state: &mut State, number: usize) -> Option<()> {
        let now = state.now;
        let record = state.record.as_mut()?;
        let is_old = now - record.modified >= GRACE / 2;
        let touches = is_old && !self.is_without(Mutant::OldNotTouched);
        let revives = record.is_condemned && !self.is_without(Mutant::HeadLeavesCondemned);
        if revives || (touches && !record.is_condemned) {
            record.is_condemned = false;
            record.modified = now;
        }
        state.heads = state.heads.checked_sub(1)?;
        state.answered[number] = Some(now);
        Some(())
    }

    fn collect(&self, state: &mut State, number: usize) -> Option<()> {
        let now = state.now;
        let began = match state.collectors[number] {
            Collector::Idle => {
                state.record?;
                state.collectors[number] = Collector::Judge { began: now };
                return Some(());
            }
            Collector::Judge { began } => began,
        };
        state.collectors[number] = Collector::Idle;
        let Some(record) = &mut state.record else {
            return Some(());
        };
        let is_young = now < record.modified + GRACE && !self.is_without(Mutant::GraceNotWaited);
        if record.is_condemned && began >= record.modified + CONDEMNED {
            state.record = None;
        } else if !record.is_condemned && !is_young {
            record.is_condemned = true;
            record.modified = now;
        }
        Some(())
    }
}

impl Model for Grace {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            record: Some(Record {
                is_condemned: false,
                modified: 0,
            }),
            answered: [None; 2],
            collectors: [Collector::Idle; 2],
            heads: self.heads,
            now: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend([Action::Head(0), Action::Head(1)]);
        actions.extend([Action::Collect(0), Action::Collect(1)]);
        if state.now < self.last_tick {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        match action {
            Action::Tick => state.now += 1,
            Action::Head(number) => self.head(&mut state, number)?,
            Action::Collect(number) => self.collect(&mut state, number)?,
        }
        state.collectors.sort_unstable();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what was answered for stays a while", |_, state: &State| {
                let counts = |answered: &u8| state.now < answered + PROMISED;
                state.record.is_some() || !state.answered.iter().flatten().any(counts)
            }),
            reached!("collected in the end", |_, state: &State| {
                state.record.is_none() && state.answered.iter().all(Option::is_some)
            }),
        ]
    }
}

const PART: &str = "grace";
const BASE: Grace = Grace {
    mutant: None,
    heads: 3,
    last_tick: 11,
};

pub(crate) fn safe(depth: Depth) -> Vec<Run> {
    let mut runs = vec![Run::new(PART, "two clients and two collectors", BASE)];
    if depth == Depth::Deep {
        let longer = Grace {
            heads: 7,
            last_tick: 30,
            ..BASE
        };
        runs.push(Run::new(
            PART,
            "two clients and two collectors, longer",
            longer,
        ));
    }
    runs
}

pub(crate) fn mutated(mutant: Mutant) -> Option<Run> {
    match mutant {
        Mutant::OldNotTouched | Mutant::GraceNotWaited | Mutant::HeadLeavesCondemned => {
            let mutant = Some(mutant);
            Some(Run::new(PART, "", Grace { mutant, ..BASE }))
        }
        _ => None,
    }
}
