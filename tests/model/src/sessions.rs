//! An upload session at its end: the closing PUT, the same PUT again at another replica, a cancellation,
//! the sweeper, another upload of the same digest, and the collector behind them.
//!
//! `upload.rs`, `upload/{open,commit,forget}.rs`, `register.rs` and `sweep.rs` of the registry are the code. D and R
//! are one here: what is sent in its window lands within it. The collector keeps what part
//! `guarded` shows: nothing dies within C of its last protection, or while it is named.

mod ending;
mod runs;
mod worker;

pub(crate) use runs::{gaps, mutated, safe};

use crate::Mutant;
use ending::{Canceller, Sweeper};
use stateright::{Model, Property};
use std::fmt;
use worker::{At, Worker};

/// D and R: ticks after the one in which a window opened, in which a request may land.
const WINDOW: u8 = 1;
/// C.
const CONDEMNED: u8 = 2;
/// After so many ticks the sweeper judges a session that is `committing`.
const COMMITTING_AGE: u8 = 2;

/// A finished session answers a repeated PUT for so long.
const MEMORY: u8 = 2;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Phase {
    Open,
    Committing,
    Aborted,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Session {
    phase: Phase,
    modified: u8,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Key {
    Own,
    Other,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Blob {
    is_live: bool,
    key: Key,
    /// When it was made or protected last.
    protected: u8,
}

/// The collector of the blob.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Collector {
    Idle,
    Data(Key),
    Remove { is_fresh: bool },
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "a state is a handful of facts, each true or not"
)]
#[derive(Clone, Copy, Hash, PartialEq, Eq)]
struct State {
    session: Option<Session>,
    /// Bytes that are not finished yet.
    parts: bool,
    own: bool,
    other: bool,
    blob: Option<Blob>,
    /// When the link of this session's repository, and the other upload's, was written.
    link: Option<u8>,
    other_link: Option<u8>,
    is_other_done: bool,
    is_acked: bool,
    workers: [Worker; 2],
    canceller: Canceller,
    sweeper: Sweeper,
    collector: Collector,
    crashes: u8,
    now: u8,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "tick {} {:?} parts {} ",
            self.now, self.session, self.parts
        )?;
        write!(f, "own {} other {} {:?} ", self.own, self.other, self.blob)?;
        write!(f, "link {:?} {:?} ", self.link, self.workers)?;
        write!(
            f,
            "{:?} {:?} {:?}",
            self.canceller, self.sweeper, self.collector
        )
    }
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Action {
    Work(usize),
    /// The replica of a worker dies.
    Crash(usize),
    Cancel,
    Sweep,
    UploadAnother,
    Unlink,
    UnlinkOther,
    Collect,
    Tick,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "a state is a handful of facts, each true or not"
)]
#[derive(Clone, Debug)]
struct Sessions {
    mutant: Option<Mutant>,
    /// The worker has all bytes in its hands and stores them in one request when it finishes, so
    /// that ending the upload does not keep it from doing so.
    has_bytes_in_hand: bool,
    is_cancelled: bool,
    has_another: bool,
    /// Whether data that nothing names is a mistake: with bytes in hand it is known to happen.
    counts_leaks: bool,
    crashes: u8,
    last_tick: u8,
}

impl Sessions {
    fn is_without(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}

impl State {
    fn set_session(&mut self, session: Option<Session>) {
        self.session = session;
        for worker in &mut self.workers {
            worker.session_was_written();
        }
        self.canceller.session_was_written();
        self.sweeper.session_was_written();
    }

    fn set_blob(&mut self, blob: Option<Blob>) {
        self.blob = blob;
        for worker in &mut self.workers {
            worker.blob_was_written();
        }
        if let Collector::Remove { is_fresh } = &mut self.collector {
            *is_fresh = false;
        }
    }

    fn drop_data(&mut self, key: Key) {
        match key {
            Key::Own => self.own = false,
            Key::Other => self.other = false,
        }
    }

    const fn has(&self, key: Key) -> bool {
        match key {
            Key::Own => self.own,
            Key::Other => self.other,
        }
    }

    /// Makes equal what no later step can tell apart: what is over is over, however long.
    fn forget(&mut self) {
        let now = self.now;
        let old = |tick: &mut u8| {
            if now >= *tick + CONDEMNED {
                *tick = 0;
            }
        };
        self.link.iter_mut().for_each(old);
        self.other_link.iter_mut().for_each(old);
        self.blob
            .iter_mut()
            .for_each(|blob| old(&mut blob.protected));
        if let Some(session) = &mut self.session
            && now >= session.modified + COMMITTING_AGE
        {
            session.modified = 0;
        }
        for worker in &mut self.workers {
            worker.forget(now);
        }
    }

    fn upload_another(&mut self) {
        self.is_other_done = true;
        let live = Blob {
            is_live: true,
            key: Key::Other,
            protected: self.now,
        };
        match self.blob {
            Some(there) if there.is_live => {
                let protected = self.now;
                self.set_blob(Some(Blob { protected, ..there }));
            }
            dead => {
                if let Some(dead) = dead {
                    self.drop_data(dead.key);
                }
                self.other = true;
                self.set_blob(Some(live));
            }
        }
        self.other_link = Some(self.now);
    }

    fn collect(&mut self) -> Option<()> {
        match self.collector {
            Collector::Idle => {
                let blob = self.blob?;
                let is_named = self.link.is_some() || self.other_link.is_some();
                let is_young = self.now < blob.protected + CONDEMNED;
                if blob.is_live && (is_named || is_young) {
                    return None;
                }
                let is_live = false;
                let protected = 0;
                self.set_blob(Some(Blob {
                    is_live,
                    protected,
                    ..blob
                }));
                self.collector = Collector::Data(blob.key);
            }
            Collector::Data(key) => {
                self.drop_data(key);
                // Another life has another key, so what is removed is this life, or nothing is.
                let is_fresh = self
                    .blob
                    .is_some_and(|blob| !blob.is_live && blob.key == key);
                self.collector = Collector::Remove { is_fresh };
            }
            Collector::Remove { is_fresh } => {
                if is_fresh {
                    self.set_blob(None);
                }
                self.collector = Collector::Idle;
            }
        }
        Some(())
    }
}

impl Model for Sessions {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            session: Some(Session {
                phase: Phase::Open,
                modified: 0,
            }),
            parts: true,
            own: false,
            other: false,
            blob: None,
            link: None,
            other_link: None,
            is_other_done: !self.has_another,
            is_acked: false,
            workers: [Worker::new(); 2],
            canceller: Canceller::new(self.is_cancelled),
            sweeper: Sweeper::Idle,
            collector: Collector::Idle,
            crashes: self.crashes,
            now: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (number, worker) in state.workers.iter().enumerate() {
            if !matches!(worker.at, At::Done | At::Failed) {
                if worker.may_go_on(state.now) {
                    actions.push(Action::Work(number));
                }
                if state.crashes > 0 {
                    actions.push(Action::Crash(number));
                }
            }
        }
        actions.extend([Action::Cancel, Action::Sweep, Action::Collect]);
        actions.extend([Action::Unlink, Action::UnlinkOther]);
        if !state.is_other_done {
            actions.push(Action::UploadAnother);
        }
        if state.now < self.last_tick {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        match action {
            Action::Tick => state.now += 1,
            Action::Work(number) => self.work(&mut state, number),
            Action::Crash(number) => {
                state.crashes -= 1;
                state.workers[number] = Worker::failed();
            }
            Action::Cancel => self.cancel(&mut state)?,
            Action::Sweep => self.sweep(&mut state)?,
            Action::UploadAnother => state.upload_another(),
            Action::Unlink => {
                if state.now < state.link? + CONDEMNED {
                    return None;
                }
                state.link = None;
                state.is_acked = false;
            }
            Action::UnlinkOther => {
                if state.now < state.other_link? + CONDEMNED {
                    return None;
                }
                state.other_link = None;
            }
            Action::Collect => state.collect()?,
        }
        state.forget();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("a live blob record has its data", |_, state: &State| {
                state
                    .blob
                    .is_none_or(|blob| !blob.is_live || state.has(blob.key))
            }),
            Property::always("an acknowledged upload is readable", |_, state: &State| {
                let is_readable = |blob: Blob| blob.is_live && state.has(blob.key);
                !state.is_acked || state.blob.is_some_and(is_readable)
            }),
        ];
        if self.counts_leaks {
            properties.push(Property::always(
                "no data without an owner",
                |_, state: &State| {
                    let holds = |worker: &Worker| worker.holds_unclaimed();
                    let has_session = state.session.is_some() || state.workers.iter().any(holds);
                    let named = state.blob.map(|blob| blob.key);
                    let own_is_owned = has_session || named == Some(Key::Own);
                    let is_owned = (!state.parts || has_session) && (!state.own || own_is_owned);
                    is_owned && (!state.other || named == Some(Key::Other))
                },
            ));
        }
        if self.last_tick > MEMORY {
            properties.extend([
                reached!(
                    "the sweeper finds the data registered",
                    |_, state: &State| {
                        matches!(state.sweeper, Sweeper::Forget { .. }) && state.own
                    }
                ),
                reached!("a worker comes too late", |_, state: &State| {
                    state.workers[0].at == At::Failed
                }),
                reached!("everything is collected", |_, state: &State| {
                    state.session.is_none() && !state.own && !state.parts && state.blob.is_none()
                }),
            ]);
        }
        if self.crashes == 0 {
            properties.push(reached!("both are answered", |_, state: &State| {
                state.workers.iter().all(Worker::was_answered)
            }));
        }
        properties
    }
}
