//! One record over a store whose only means is the conditional put: tombstones, lost answers, requests
//! that land late, the sweep of tombstones. `drivers/conditional.rs` of the storage crate is the code.
//!
//! The store itself is atomic. Each actor writes once, so its number stands for its nonce, and the
//! nonce for the entity tag of what it wrote.

mod operation;
mod runs;

pub(crate) use runs::{mutated, safe};

use crate::Mutant;
use crate::linear::Log;
use operation::{Job, Operation};
use stateright::{Model, Property};

const ACTORS: usize = 4;

/// What is in the store.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Object {
    Value(u8),
    Tombstone(u8),
}

impl Object {
    const fn tag(self) -> u8 {
        match self {
            Self::Value(tag) | Self::Tombstone(tag) => tag,
        }
    }
}

/// What the store checks before it takes a put.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Guard {
    Nothing,
    NoObject,
    Tag(u8),
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Request {
    guard: Guard,
    /// A tombstone was written since this was sent.
    is_old: bool,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum At {
    Start,
    /// The value to replace was read.
    Chosen,
    Waiting,
    /// Refused, and no answer was lost before.
    Refused,
    /// An answer was lost, or a refusal came after one: the key is read.
    Resolve,
    Done,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Actor {
    at: At,
    request: Option<Request>,
    /// Nobody waits for it any more, and it may yet land.
    late: Option<Request>,
    is_uncertain: bool,
    retries: u8,
    seen: u8,
    call: u8,
}

const IDLE: Actor = Actor {
    at: At::Start,
    request: None,
    late: None,
    is_uncertain: false,
    retries: 0,
    seen: 0,
    call: 0,
};

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct State {
    object: Option<Object>,
    actors: [Actor; ACTORS],
    log: Log<Operation>,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Action {
    /// The actor calls, reads or decides.
    Step(usize),
    Answer(usize),
    /// The request is executed and its answer lost.
    AnswerLost(usize),
    /// The actor waits no longer; the request is still on its way.
    GiveUpWaiting(usize),
    LandLate(usize),
    Sweep,
}

#[derive(Clone, Debug)]
struct Register {
    mutant: Option<Mutant>,
    jobs: [Job; ACTORS],
    start: Option<Object>,
    retries: u8,
}

impl Register {
    fn is_without(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// What an actor's put leaves in the store.
    fn written(&self, number: usize) -> Option<Object> {
        let nonce = operation::nonce(number);
        match self.jobs[number] {
            Job::Delete if self.is_without(Mutant::DeleteLeavesNothing) => None,
            Job::Delete if self.is_without(Mutant::TombstonesAlike) => Some(Object::Tombstone(0)),
            Job::Delete => Some(Object::Tombstone(nonce)),
            Job::Create | Job::Update | Job::Overwrite | Job::ReadTwice => {
                Some(Object::Value(nonce))
            }
        }
    }

    /// Does what a request asks, if its guard holds.
    fn execute(&self, state: &mut State, number: usize, guard: Guard) -> bool {
        let fits = match guard {
            Guard::Nothing => true,
            Guard::NoObject => state.object.is_none(),
            Guard::Tag(tag) => state.object.is_some_and(|object| object.tag() == tag),
        };
        if fits {
            state.object = self.written(number);
            if !matches!(state.object, Some(Object::Value(_))) {
                for actor in &mut state.actors {
                    let under_way = [actor.request.as_mut(), actor.late.as_mut()];
                    for request in under_way.into_iter().flatten() {
                        request.is_old = true;
                    }
                }
            }
        }
        fits
    }

    fn send(state: &mut State, number: usize, guard: Guard) {
        let is_old = false;
        state.actors[number].request = Some(Request { guard, is_old });
        state.actors[number].at = At::Waiting;
    }

    fn end(state: &mut State, number: usize) {
        let late = state.actors[number].late;
        state.actors[number] = Actor {
            at: At::Done,
            late,
            ..IDLE
        };
    }

    fn answer(&self, state: &mut State, number: usize, is_applied: bool) {
        let actor = state.actors[number];
        let operation = self.jobs[number].operation(number, actor.seen, is_applied);
        state.log.answer(actor.call, operation);
        Self::end(state, number);
    }

    fn step(&self, state: &mut State, number: usize) {
        let job = self.jobs[number];
        let actor = state.actors[number];
        match actor.at {
            At::Start => match (job, state.value()) {
                (Job::ReadTwice, value) => {
                    state.log = state.log.with(Operation::Get(value));
                    state.actors[number].retries += 1;
                    if state.actors[number].retries == 2 {
                        Self::end(state, number);
                    }
                }
                (Job::Create | Job::Overwrite, _) => {
                    let operation = job.operation(number, 0, false);
                    state.actors[number].call = state.log.call(operation);
                    let guard = match job {
                        Job::Create => Guard::NoObject,
                        _ => Guard::Nothing,
                    };
                    Self::send(state, number, guard);
                }
                (Job::Update | Job::Delete, Some(value)) => {
                    state.actors[number].seen = value;
                    state.actors[number].at = At::Chosen;
                }
                (Job::Update | Job::Delete, None) => Self::end(state, number),
            },
            At::Chosen => {
                let operation = job.operation(number, actor.seen, false);
                state.actors[number].call = state.log.call(operation);
                Self::send(state, number, Guard::Tag(actor.seen));
            }
            At::Refused => self.refused(state, number),
            At::Resolve => self.resolve(state, number),
            At::Waiting | At::Done => {}
        }
    }

    /// A refusal that can be believed. `Absent` matches a tombstone, too.
    fn refused(&self, state: &mut State, number: usize) {
        let holds_a_record = matches!(state.object, Some(Object::Value(_)));
        if self.jobs[number] != Job::Create || holds_a_record {
            return self.answer(state, number, false);
        }
        if state.actors[number].retries >= self.retries {
            return Self::end(state, number);
        }
        state.actors[number].retries += 1;
        let tag = state.object.map(Object::tag);
        Self::send(state, number, tag.map_or(Guard::NoObject, Guard::Tag));
    }

    fn resolve(&self, state: &mut State, number: usize) {
        let actor = &mut state.actors[number];
        let guard = actor
            .request
            .map_or(Guard::Nothing, |request| request.guard);
        if state.object == self.written(number) {
            return self.answer(state, number, true);
        }
        let fits = match (guard, state.object) {
            (Guard::NoObject, None) => true,
            (Guard::Tag(tag), Some(object)) => object.tag() == tag,
            (Guard::Nothing, _) => self.is_without(Mutant::UnconditionalSentAgain),
            _ => false,
        };
        let may_go_on = actor.retries < self.retries;
        actor.retries += 1;
        if fits && may_go_on {
            Self::send(state, number, guard);
        } else if fits {
            Self::end(state, number);
        } else if self.is_without(Mutant::UnknownIsConflict) {
            self.answer(state, number, false);
        } else if self.is_without(Mutant::UnknownTriedAgain)
            && self.jobs[number] == Job::Create
            && state.value().is_none()
            && may_go_on
        {
            let tag = state.object.map(Object::tag);
            Self::send(state, number, tag.map_or(Guard::NoObject, Guard::Tag));
        } else {
            Self::end(state, number);
        }
    }
}

impl State {
    const fn value(&self) -> Option<u8> {
        match self.object {
            Some(Object::Value(value)) => Some(value),
            Some(Object::Tombstone(_)) | None => None,
        }
    }
}

impl Model for Register {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            object: self.start,
            actors: [IDLE; ACTORS],
            log: Log::new(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let mut has_old = false;
        for (number, actor) in state.actors.iter().enumerate() {
            match actor.at {
                At::Start | At::Chosen | At::Refused | At::Resolve => {
                    actions.push(Action::Step(number));
                }
                At::Waiting => {
                    actions.push(Action::Answer(number));
                    actions.push(Action::AnswerLost(number));
                    if actor.late.is_none() {
                        actions.push(Action::GiveUpWaiting(number));
                    }
                }
                At::Done => {}
            }
            if actor.late.is_some() {
                actions.push(Action::LandLate(number));
            }
            let mut under_way = actor.request.iter().chain(&actor.late);
            has_old |= under_way.any(|request| request.is_old);
        }
        // A tombstone is swept when whatever was sent before it has landed.
        let waits = has_old && !self.is_without(Mutant::TombstoneSweptAtOnce);
        if matches!(state.object, Some(Object::Tombstone(_))) && !waits {
            actions.push(Action::Sweep);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        match action {
            Action::Sweep => state.object = None,
            Action::LandLate(number) => {
                let request = state.actors[number].late.take()?;
                self.execute(&mut state, number, request.guard);
            }
            Action::GiveUpWaiting(number) => {
                let actor = &mut state.actors[number];
                actor.late = actor.request;
                actor.is_uncertain = true;
                actor.at = At::Resolve;
            }
            Action::AnswerLost(number) => {
                let request = state.actors[number].request?;
                self.execute(&mut state, number, request.guard);
                state.actors[number].is_uncertain = true;
                state.actors[number].at = At::Resolve;
            }
            Action::Answer(number) => {
                let actor = state.actors[number];
                let believes = self.is_without(Mutant::RefusalBelieved);
                if self.execute(&mut state, number, actor.request?.guard) {
                    self.answer(&mut state, number, true);
                } else if actor.is_uncertain && !believes {
                    state.actors[number].at = At::Resolve;
                } else {
                    state.actors[number].at = At::Refused;
                }
            }
            Action::Step(number) => self.step(&mut state, number),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "a record is a linearizable register",
                |model: &Self, state: &State| {
                    let log = state.log.with(Operation::Get(state.value()));
                    let start = match model.start {
                        Some(Object::Value(value)) => Some(value),
                        Some(Object::Tombstone(_)) | None => None,
                    };
                    log.is_linearizable(start)
                },
            ),
            reached!("a request lands late", |_, state: &State| {
                state
                    .actors
                    .iter()
                    .any(|actor| actor.late.is_some() && actor.at == At::Done)
            }),
        ]
    }
}
