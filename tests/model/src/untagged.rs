//! Level 0, where a policy removes untagged manifests: one manifest, what may name it (a tag, indexes, its
//! subject), explicit DELETE, and two collectors. `manifest/references.rs` and `manifest/live.rs` of the registry
//! are the writers, the collector is the one that was decided.
//!
//! D and R are one: what is sent in its window lands within it.

mod collector;

pub(crate) use runs::{mutated, safe};

use crate::Mutant;
use collector::Collector;
use stateright::{Model, Property};

mod runs;

/// D and R: ticks after the one in which a window opened, in which a request may land.
const WINDOW: u8 = 1;
/// C, or the age that the policy names if it is greater.
const CONDEMNED: u8 = 2;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Standing {
    Live,
    Condemned,
    Deleting,
}

/// The manifest record that is guarded.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Record {
    standing: Standing,
    modified: u8,
}

const LIVE: Record = Record {
    standing: Standing::Live,
    modified: 0,
};

/// What a client pushes, and by it names the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    /// The manifest again, by a tag.
    Tag,
    /// An index that lists it.
    Index,
    /// The manifest that it refers to as its subject.
    Subject,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum At {
    ReadTag,
    Protect,
    /// A deletion that was begun is finished: its names first.
    Release,
    Replace,
    Send,
    Acked,
    /// The client deleted what it had pushed.
    Gone,
    Failed,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Pusher {
    at: At,
    opened: u8,
    tag_is_fresh: bool,
    record_is_fresh: bool,
    /// The manifest was there, so this push keeps it.
    keeps_it: bool,
}

/// A client's DELETE of the manifest.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Deleter {
    Start,
    Release { is_fresh: bool },
    Remove { is_fresh: bool },
    Done,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct State {
    record: Option<Record>,
    is_tagged: bool,
    pushers: [Pusher; 2],
    deleter: Deleter,
    is_deleted: bool,
    collectors: [Collector; 2],
    passes: u8,
    now: u8,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Action {
    Push(usize),
    DeleteReference(usize),
    DeleteManifest,
    Collect(usize),
    Tick,
}

#[derive(Clone, Debug)]
struct Untagged {
    mutant: Option<Mutant>,
    jobs: [Job; 2],
    is_deleted_by_a_client: bool,
    passes: u8,
    last_tick: u8,
}

impl Untagged {
    fn is_without(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn push(&self, state: &mut State, number: usize) {
        let job = self.jobs[number];
        let now = state.now;
        let pusher = state.pushers[number];
        match pusher.at {
            At::ReadTag => {
                state.pushers[number].tag_is_fresh = true;
                state.pushers[number].at = At::Protect;
            }
            At::Protect => self.protect(state, number),
            At::Release => {
                state.set_tag(false);
                state.pushers[number].at = At::Replace;
            }
            At::Replace => {
                if pusher.record_is_fresh {
                    state.set_record(Some(LIVE));
                    state.pushers[number].opened = now;
                    state.pushers[number].keeps_it = true;
                }
                // The tag that was read before is out of date.
                state.pushers[number].at = At::ReadTag;
            }
            At::Send if !self.is_open(pusher.opened, now) => {
                state.pushers[number].at = At::Protect;
            }
            At::Send => {
                if job == Job::Tag && !pusher.tag_is_fresh {
                    state.pushers[number].at = At::ReadTag;
                    return;
                }
                if job == Job::Tag {
                    state.set_tag(true);
                }
                let pusher = &mut state.pushers[number];
                pusher.at = At::Acked;
                pusher.tag_is_fresh = false;
            }
            At::Acked | At::Gone | At::Failed => {}
        }
        state.pushers[number].opened *= u8::from(state.pushers[number].at == At::Send);
        state.pushers[number].record_is_fresh &=
            matches!(state.pushers[number].at, At::Release | At::Replace);
    }

    fn is_open(&self, opened: u8, now: u8) -> bool {
        now - opened <= WINDOW || self.is_without(Mutant::ParentSentAtAnyTime)
    }

    fn protect(&self, state: &mut State, number: usize) {
        let job = self.jobs[number];
        let looks_only = self.is_without(Mutant::ChildNotProtected)
            || (job == Job::Subject && self.is_without(Mutant::SubjectProtectsNothing));
        state.pushers[number].opened = state.now;
        state.pushers[number].keeps_it = true;
        let standing = state.record.map(|record| record.standing);
        let next = match (standing, job) {
            (Some(Standing::Live), _) => At::Send,
            (Some(Standing::Condemned), _) => {
                if !looks_only {
                    state.set_record(Some(LIVE));
                }
                At::Send
            }
            (Some(Standing::Deleting), Job::Tag) => At::Release,
            (None, Job::Tag) => {
                state.set_record(Some(LIVE));
                At::Send
            }
            (Some(Standing::Deleting) | None, Job::Index) => At::Failed,
            (Some(Standing::Deleting) | None, Job::Subject) => {
                state.pushers[number].keeps_it = false;
                At::Send
            }
        };
        state.pushers[number].at = next;
        state.pushers[number].record_is_fresh = next == At::Release;
    }
}

impl State {
    fn set_record(&mut self, record: Option<Record>) {
        self.record = record;
        for pusher in &mut self.pushers {
            pusher.record_is_fresh = false;
        }
        for collector in &mut self.collectors {
            collector.record_was_written();
        }
        if let Deleter::Release { is_fresh } | Deleter::Remove { is_fresh } = &mut self.deleter {
            *is_fresh = false;
        }
    }

    /// Sets or fences the tag.
    fn set_tag(&mut self, is_tagged: bool) {
        self.is_tagged = is_tagged;
        for pusher in &mut self.pushers {
            pusher.tag_is_fresh = false;
        }
    }

    /// What a client's push names, as a scan sees it.
    fn has_reference(&self, number: usize, job: Job) -> bool {
        match job {
            Job::Tag => self.is_tagged,
            Job::Index | Job::Subject => self.pushers[number].at == At::Acked,
        }
    }

    fn delete_manifest(&mut self) -> Option<()> {
        self.deleter = match self.deleter {
            Deleter::Done => return None,
            Deleter::Start => {
                let there = self.record?;
                let deleting = Record {
                    standing: Standing::Deleting,
                    modified: 0,
                };
                if there != deleting {
                    self.set_record(Some(deleting));
                }
                self.is_deleted = true;
                Deleter::Release { is_fresh: true }
            }
            Deleter::Release { is_fresh } => {
                if is_fresh {
                    self.set_tag(false);
                }
                Deleter::Remove { is_fresh }
            }
            Deleter::Remove { is_fresh } => {
                if is_fresh {
                    self.set_record(None);
                }
                Deleter::Done
            }
        };
        Some(())
    }
}

impl Model for Untagged {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let pusher = |job| Pusher {
            at: if job == Job::Tag {
                At::ReadTag
            } else {
                At::Protect
            },
            opened: 0,
            tag_is_fresh: false,
            record_is_fresh: false,
            keeps_it: false,
        };
        let deletes = self.is_deleted_by_a_client;
        vec![State {
            record: Some(LIVE),
            is_tagged: false,
            pushers: self.jobs.map(pusher),
            deleter: if deletes {
                Deleter::Start
            } else {
                Deleter::Done
            },
            is_deleted: false,
            collectors: [Collector::Idle; 2],
            passes: self.passes,
            now: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (number, pusher) in state.pushers.iter().enumerate() {
            match pusher.at {
                At::Acked => actions.push(Action::DeleteReference(number)),
                At::Gone | At::Failed => {}
                _ => actions.push(Action::Push(number)),
            }
        }
        actions.extend([
            Action::DeleteManifest,
            Action::Collect(0),
            Action::Collect(1),
        ]);
        if state.now < self.last_tick {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        match action {
            Action::Tick => state.now += 1,
            Action::Push(number) => self.push(&mut state, number),
            Action::DeleteReference(number) => {
                state.pushers[number].at = At::Gone;
                if self.jobs[number] == Job::Tag {
                    state.set_tag(false);
                }
            }
            Action::DeleteManifest => state.delete_manifest()?,
            Action::Collect(number) => self.collect(&mut state, number)?,
        }
        for pusher in &mut state.pushers {
            // A window that closed is closed for ever.
            if state.now > pusher.opened + WINDOW {
                pusher.opened = 0;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "what an acknowledged push names stays",
                |model: &Self, state: &State| {
                    let keeps = |(pusher, job): (&Pusher, &Job)| {
                        let counts = pusher.at == At::Acked && pusher.keeps_it && !state.is_deleted;
                        let is_named = *job != Job::Tag || state.is_tagged;
                        !counts || (is_named && state.record.is_some())
                    };
                    state.pushers.iter().zip(&model.jobs).all(keeps)
                },
            ),
            Property::always("no tag dangles", |_, state: &State| {
                !state.is_tagged || state.record.is_some()
            }),
            reached!("the manifest is collected", |_, state: &State| {
                state.record.is_none() && !state.is_deleted
            }),
            reached!("a condemned manifest is pushed for", |_, state: &State| {
                let condemned = |record: Record| record.standing == Standing::Condemned;
                let waits = |pusher: &Pusher| pusher.at == At::Protect;
                state.record.is_some_and(condemned) && state.pushers.iter().any(waits)
            }),
        ]
    }
}
