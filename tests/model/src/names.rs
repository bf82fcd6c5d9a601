//! Names of manifests: tags and referrer entries, with the reverse index, the history and the catalog, under
//! PUT, DELETE and PUT again. `manifest/{push,live,delete}.rs`, `tag.rs`, `history.rs` and
//! `referrer.rs` of the registry are the code.
//!
//! Two digests, one tag; the manifest of digest 0 may have a subject, and then a referrer entry.
//! Every step is one storage call. A version is modelled by what it is for: whether anybody wrote since
//! it was read. Every state is judged as if whoever has not finished never went on, so a crash needs
//! no action.

mod actor;
mod delete;
mod operation;
mod push;
mod read;
mod runs;

pub(crate) use runs::{mutated, safe};

use crate::Mutant;
use crate::linear::Log;
use actor::{Actor, At, IDLE};
use operation::{Job, Operation, Truth};
use stateright::{Model, Property};
use std::fmt;

const ACTORS: usize = 4;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Manifest {
    is_live: bool,
    generation: u8,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Value {
    digest: usize,
    generation: u8,
    nonce: u8,
}

/// A reverse entry, by its age.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Reverse {
    None,
    Young,
    Old,
}

#[derive(Clone, Copy, Hash, PartialEq, Eq)]
struct State {
    manifests: [Option<Manifest>; 2],
    tag: Option<Value>,
    reverse: [Reverse; 2],
    /// The referrer entry of digest 0: the generation that it names.
    entry: Option<u8>,
    /// Values that are in the history, and those that a client was told are set; a bit for each nonce.
    history: u32,
    acked: u32,
    is_in_catalog: bool,
    is_acked: bool,
    lost: u8,
    agings: u8,
    actors: [Actor; ACTORS],
    log: Log<Operation>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for manifest in &self.manifests {
            match manifest {
                Some(there) if there.is_live => write!(f, "live({}) ", there.generation)?,
                Some(there) => write!(f, "deleting({}) ", there.generation)?,
                None => write!(f, "absent ")?,
            }
        }
        match self.tag {
            Some(tag) => write!(f, "tag {}({})#{}", tag.digest, tag.generation, tag.nonce)?,
            None => write!(f, "tag -")?,
        }
        let at: Vec<_> = self.actors.iter().map(|actor| actor.at).collect();
        write!(
            f,
            " entry {:?} reverse {:?} {at:?}",
            self.entry, self.reverse
        )
    }
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Action {
    Step(usize),
    /// In the first wave: the tag is read before the reverse entry is put.
    TagFirst(usize),
    /// The step is applied and its answer is lost.
    AnswerLost(usize),
    /// D and R go by since the reverse entry of a digest was put.
    Age(usize),
}

/// The generation and the nonce of what is there at the start.
const FIRST: u8 = 30;

#[derive(Clone, Debug)]
struct Names {
    mutant: Option<Mutant>,
    jobs: [Option<Job>; ACTORS],
    /// Whether manifest 0 is there at the start, and the tag names it.
    is_tagged: bool,
    has_subject: bool,
    tries: u8,
    lost: u8,
    agings: u8,
}

impl Names {
    fn is_without(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn has_entry(&self, digest: usize) -> bool {
        self.has_subject && digest == 0
    }

    /// A number that no other attempt has.
    fn fresh_id(actor: &mut Actor, number: usize) -> u8 {
        actor.ids += 1;
        u8::try_from(number).map_or(0, |number| number * 7) + actor.ids
    }

    fn set_manifest(state: &mut State, digest: usize, manifest: Option<Manifest>, jobs: &Self) {
        state.manifests[digest] = manifest;
        for (actor, job) in state.actors.iter_mut().zip(&jobs.jobs) {
            if job.is_some_and(|job| job.digest() == Some(digest)) {
                actor.manifest_is_fresh = false;
            }
        }
    }

    fn set_tag(state: &mut State, value: Option<Value>) {
        state.tag = value;
        for actor in &mut state.actors {
            actor.tag_is_fresh = false;
        }
    }

    fn set_entry(state: &mut State, entry: Option<u8>) {
        state.entry = entry;
        for actor in &mut state.actors {
            actor.entry_is_fresh = false;
        }
    }

    /// Whether a compare-and-set on the tag that was read succeeds.
    fn tag_matches(&self, state: &State, actor: &Actor) -> bool {
        let versionless = self.is_without(Mutant::AbsenceHasNoVersion);
        let both_absent = state.tag.is_none() && actor.tag.is_none();
        actor.tag_is_fresh || (versionless && both_absent)
    }

    /// Drops what no later step and no property looks at, so that equal situations are one state.
    fn forget(state: &mut State, number: usize) {
        let current = state.tag.map_or(0, |tag| 1u32 << tag.nonce);
        state.acked &= !state.history | current;
        let mut asked = state.acked | current;
        for actor in &state.actors {
            if actor.nonce != 0 {
                asked |= 1 << actor.nonce;
            }
        }
        state.history &= asked;
        let actor = &mut state.actors[number];
        if matches!(actor.at, At::Done | At::GaveUp) {
            *actor = Actor {
                at: actor.at,
                ..IDLE
            };
        }
        if matches!(
            actor.at,
            At::ReadTagAgain | At::ListReverse | At::Remove | At::DeleteRead
        ) {
            actor.tag = None;
            actor.tag_is_fresh = false;
            actor.nonce = 0;
        }
        if !matches!(
            actor.at,
            At::ListReverse | At::CheckTag | At::TagHistory | At::RemoveTag
        ) {
            actor.sees_young = false;
        }
    }

    fn age(state: &mut State, digest: usize, jobs: &Self) {
        state.agings -= 1;
        state.reverse[digest] = Reverse::Old;
        for (actor, job) in state.actors.iter_mut().zip(&jobs.jobs) {
            if *job == Some(Job::PutTag(digest)) && actor.has_reverse {
                actor.is_late = true;
            }
        }
    }
}

impl Model for Names {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let first = Manifest {
            is_live: true,
            generation: FIRST,
        };
        let value = Value {
            digest: 0,
            generation: FIRST,
            nonce: FIRST,
        };
        let reverse = if self.is_tagged {
            Reverse::Young
        } else {
            Reverse::None
        };
        let actor = |job: Option<Job>| Actor {
            at: if job.is_some() { At::Start } else { At::Done },
            ..IDLE
        };
        vec![State {
            manifests: [self.is_tagged.then_some(first), None],
            tag: self.is_tagged.then_some(value),
            reverse: [reverse, Reverse::None],
            entry: (self.is_tagged && self.has_subject).then_some(FIRST),
            history: 0,
            acked: if self.is_tagged { 1 << FIRST } else { 0 },
            is_in_catalog: self.is_tagged,
            is_acked: false,
            lost: self.lost,
            agings: self.agings,
            actors: self.jobs.map(actor),
            log: Log::new(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (number, actor) in state.actors.iter().enumerate() {
            if !matches!(actor.at, At::Done | At::GaveUp) {
                actions.push(Action::Step(number));
            }
            if actor.at == At::WriteReverse
                && !actor.has_tag
                && !self.is_without(Mutant::ManifestBeforeTag)
            {
                actions.push(Action::TagFirst(number));
            }
            let may_lose = matches!(
                actor.at,
                At::Create | At::Replace | At::SetTag | At::Mark | At::TagDelete | At::Remove
            );
            if state.lost > 0 && may_lose {
                actions.push(Action::AnswerLost(number));
            }
        }
        for digest in 0..2 {
            if state.agings > 0 && state.reverse[digest] == Reverse::Young {
                actions.push(Action::Age(digest));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        let (number, is_lost) = match action {
            Action::Step(number) => (number, false),
            Action::AnswerLost(number) => {
                state.lost -= 1;
                (number, true)
            }
            Action::TagFirst(number) => {
                Self::read_tag(&mut state, number, At::WriteReverse);
                return Some(state);
            }
            Action::Age(digest) => {
                Self::age(&mut state, digest, self);
                return Some(state);
            }
        };
        match self.jobs[number]? {
            Job::Put(digest) | Job::PutTag(digest) => self.put(&mut state, number, digest, is_lost),
            Job::Delete(digest) => self.delete(&mut state, number, digest, is_lost),
            Job::DeleteTag => self.delete_tag(&mut state, number, is_lost),
            Job::GetTag => self.get_tag(&mut state, number),
            Job::Get(digest) => {
                let is_there = state.manifests[digest].is_some();
                state.log = state.log.with(Operation::Get(digest, is_there));
                state.actors[number].at = At::Done;
            }
        }
        Self::forget(&mut state, number);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(
                "tags, manifests and entries are linearizable",
                |model: &Self, state| {
                    let look = Operation::Look(Truth::of(state));
                    state.log.with(look).is_linearizable(model.start_truth())
                },
            ),
            Property::always("no tag dangles", |_, state: &State| {
                state.tag.is_none_or(|tag| {
                    let named = state.manifests[tag.digest];
                    named.is_some_and(|named| named.generation == tag.generation)
                })
            }),
            Property::always("no referrer entry dangles", |_, state: &State| {
                state.entry.is_none_or(|entry| {
                    state.manifests[0].is_some_and(|named| named.generation == entry)
                })
            }),
            Property::always(
                "acknowledged values are in the history",
                |_, state: &State| {
                    let current = state.tag.map_or(0, |tag| 1u32 << tag.nonce);
                    state.acked & !state.history & !current == 0
                },
            ),
            Property::always("a tag has its reverse entry", |_, state: &State| {
                let has = |tag: Value| state.reverse[tag.digest] != Reverse::None;
                state.tag.is_none_or(has)
            }),
            Property::always(
                "an acknowledged push is in the catalog",
                |_, state: &State| !state.is_acked || state.is_in_catalog,
            ),
        ];
        if self
            .jobs
            .iter()
            .flatten()
            .any(|job| matches!(job, Job::Delete(_)))
        {
            properties.push(reached!("a manifest is deleted", |_, state: &State| {
                state.manifests.iter().flatten().any(|there| !there.is_live)
            }));
        }
        properties
    }
}
