//! Links and blobs under two collectors a level: uploads, mounts, manifests that name a link, explicit
//! DELETE of a blob (hidden links), kill, data, next generation.
//!
//! One digest. Every step of an actor is one storage call; a read and the compare-and-set that
//! follows it are one step where nothing between them matters, because the version is unchanged or
//! nothing happens. Whoever is not scheduled again has crashed.
//!
//! `protect.rs`, `link.rs`, `mount.rs`, `register.rs`, `blob.rs` of the registry are the writers here;
//! the collector is the one that was decided.

mod collector;
mod runs;
mod writer;

pub(crate) use runs::{mutated, safe};

use crate::Mutant;
use collector::Collector;
use stateright::{Model, Property};
use std::fmt;
use writer::{At, Writer};

/// D: a reference is sent in the tick of its `protect` only.
const WINDOW: u8 = 1;
/// R: a request lands in the tick in which it was sent or in the next one.
const REQUEST_LIFE: u8 = 1;
/// C: the least that is safe with these two.
const CONDEMNED: u8 = 2;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Standing {
    Live,
    Condemned,
    /// Of links alone: deleted by a client.
    Hidden,
    /// Of blobs alone: a link has no data, so its absence is its death.
    Dead,
}

/// A blob or link record that names the data `key`.
#[derive(Clone, Copy, Hash, PartialEq, Eq)]
struct Record {
    standing: Standing,
    key: u8,
    modified: u8,
}

impl Record {
    /// The same content in another state. When something live was written is asked by nobody: the
    /// collector's grace is nothing here, which is the worst case.
    const fn changed(self, standing: Standing, now: u8) -> Self {
        let modified = match standing {
            Standing::Condemned | Standing::Hidden => now,
            Standing::Live | Standing::Dead => 0,
        };
        Self {
            standing,
            modified,
            ..self
        }
    }

    const fn live(key: u8) -> Self {
        Self {
            standing: Standing::Live,
            key,
            modified: 0,
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}(data {}", self.standing, self.key)?;
        match self.standing {
            Standing::Condemned | Standing::Hidden => write!(f, ", since {})", self.modified),
            Standing::Live | Standing::Dead => write!(f, ")"),
        }
    }
}

/// What one writer pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Job {
    repository: usize,
    /// Where it tries to mount the blob from before it uploads.
    source: Option<usize>,
    /// Whether it pushes a manifest, too; otherwise its link is for others to mount from.
    names_it: bool,
}

/// Collectors 0 and 1 do level 1, the others level 2.
const COLLECTORS: usize = 4;

#[derive(Clone, Copy, Hash, PartialEq, Eq)]
struct State {
    blob: Option<Record>,
    links: [Option<Record>; 2],
    /// Data objects, a bit each.
    data: u16,
    writers: [Writer; 2],
    collectors: [Collector; COLLECTORS],
    passes: [u8; 2],
    deletes: u8,
    lost: u8,
    now: u8,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "tick {} blob {:?} links {:?}",
            self.now, self.blob, self.links
        )?;
        write!(f, " data {:b} {:?}", self.data, self.writers)?;
        for collector in &self.collectors {
            write!(f, " {collector:?}")?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Action {
    Write(usize),
    /// The write is applied and its answer is lost.
    WriteAnswerLost(usize),
    DeleteManifest(usize),
    /// A client deletes the blob from a repository.
    DeleteBlob(usize),
    Collect(usize),
    /// The collector meets a manifest that it cannot read.
    Unreadable(usize),
    Tick,
}

/// The model with its bounds.
#[derive(Clone, Debug)]
struct Guarded {
    mutant: Option<Mutant>,
    writers: [Option<Job>; 2],
    /// Whether repository 0 has a link at the start.
    is_linked: bool,
    last_tick: u8,
    passes: [u8; 2],
    deletes: u8,
    lost: u8,
    /// Uploads of one writer.
    tries: u8,
    /// Collectors of a level that are at work at once.
    at_once: usize,
    /// The order in which level 2 looks at the links.
    order: [usize; 2],
}

impl Guarded {
    fn is_without(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn is_open(&self, opened: u8, now: u8) -> bool {
        now - opened < WINDOW || self.is_without(Mutant::WindowNotChecked)
    }

    /// Makes equal what no later step can tell apart.
    fn forget(state: &mut State) {
        for level in state.collectors.chunks_mut(2) {
            // The first one is the one at work where there is one.
            level.sort_unstable_by(|one, other| other.cmp(one));
        }
        for writer in &mut state.writers {
            writer.forget_closed_window(state.now);
        }
    }

    fn condemned_age(&self) -> u8 {
        if self.is_without(Mutant::CondemnedAgeTooShort) {
            return WINDOW + REQUEST_LIFE - 1;
        }
        CONDEMNED
    }

    /// Brings a record back for somebody who is about to name it. A merged step: the version is
    /// unchanged between the read and the write.
    fn protect(&self, record: &mut Option<Record>, may_be_hidden: bool, now: u8) -> Option<u8> {
        let there = record.as_mut()?;
        let leaves = self.is_without(Mutant::CondemnedNotRevived);
        match there.standing {
            Standing::Live => {}
            Standing::Condemned if leaves => {}
            Standing::Hidden if !may_be_hidden => return None,
            Standing::Dead if !self.is_without(Mutant::DeadRevived) => return None,
            Standing::Condemned | Standing::Hidden | Standing::Dead => {
                *there = there.changed(Standing::Live, now);
            }
        }
        Some(there.key)
    }
}

impl State {
    /// Writes the blob record: who had read it holds an old version now.
    fn write_blob(&mut self, record: Option<Record>) {
        self.blob = record;
        for collector in &mut self.collectors {
            collector.blob_was_written();
        }
        for writer in &mut self.writers {
            writer.blob_was_written();
        }
    }

    fn write_link(&mut self, repository: usize, record: Option<Record>, model: &Guarded) {
        self.links[repository] = record;
        for (writer, job) in self.writers.iter_mut().zip(&model.writers) {
            if job.is_some_and(|job| job.repository == repository) {
                writer.link_was_written();
            }
        }
    }

    const fn has(&self, key: u8) -> bool {
        self.data & (1 << key) != 0
    }
}

impl Model for Guarded {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let old = Record::live(0);
        let writer = |job: Option<Job>| Writer::new(job.is_some());
        vec![State {
            blob: Some(old),
            links: [self.is_linked.then_some(old), None],
            data: 1,
            writers: self.writers.map(writer),
            collectors: [Collector::Idle; COLLECTORS],
            passes: self.passes,
            deletes: self.deletes,
            lost: self.lost,
            now: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (number, writer) in state.writers.iter().enumerate() {
            match writer.at {
                At::Acked => actions.push(Action::DeleteManifest(number)),
                At::Gone | At::Failed => {}
                _ => actions.push(Action::Write(number)),
            }
            if state.lost > 0 && writer.may_lose_an_answer() {
                actions.push(Action::WriteAnswerLost(number));
            }
        }
        if state.deletes > 0 {
            actions.extend([Action::DeleteBlob(0), Action::DeleteBlob(1)]);
        }
        for (number, collector) in state.collectors.iter().enumerate() {
            if number % 2 < self.at_once {
                actions.push(Action::Collect(number));
            }
            let reads = matches!(collector, Collector::References { .. });
            if reads && number < 2 && self.is_without(Mutant::UnreadableIsNoReference) {
                actions.push(Action::Unreadable(number));
            }
        }
        let all_land = state
            .writers
            .iter()
            .all(|writer| writer.may_wait(state.now));
        if state.now < self.last_tick && all_land {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        match action {
            Action::Tick => state.now += 1,
            Action::Write(number) => self.write(&mut state, number, false),
            Action::WriteAnswerLost(number) => {
                state.lost -= 1;
                self.write(&mut state, number, true);
            }
            Action::DeleteManifest(number) => state.writers[number].at = At::Gone,
            Action::DeleteBlob(repository) => self.delete_blob(&mut state, repository)?,
            Action::Collect(number) => self.collect(&mut state, number)?,
            Action::Unreadable(number) => self.pass_over(&mut state, number),
        }
        Self::forget(&mut state);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "an acknowledged manifest keeps its blob",
                |model: &Self, state: &State| {
                    let keeps = |(writer, job): (&Writer, &Option<Job>)| {
                        let Some(job) = job else { return true };
                        let link = state.links[job.repository];
                        writer.at != At::Acked || link.is_some_and(|link| state.has(link.key))
                    };
                    state.writers.iter().zip(&model.writers).all(keeps)
                },
            ),
            Property::always("no link names missing data", |_, state: &State| {
                let is_whole = |link: &Record| state.has(link.key);
                state.links.iter().flatten().all(is_whole)
            }),
            Property::always("a live blob record has its data", |_, state: &State| {
                let dead = |blob: &Record| blob.standing == Standing::Dead;
                state
                    .blob
                    .iter()
                    .all(|blob| dead(blob) || state.has(blob.key))
            }),
            Property::always("no data without an owner", |_, state: &State| {
                let mut owned = state.blob.map_or(0, |blob| 1u16 << blob.key);
                for writer in &state.writers {
                    owned |= writer.own.map_or(0, |key| 1 << key);
                }
                state.data & !owned == 0
            }),
            reached!("the first data is collected", |_, state: &State| !state
                .has(0)),
            reached!("acknowledged over a new generation", |_, state: &State| {
                let acked = state.writers.iter().any(|writer| writer.at == At::Acked);
                acked && !state.has(0)
            }),
        ]
    }
}
