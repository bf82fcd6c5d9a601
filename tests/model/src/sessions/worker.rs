//! A closing PUT: finish the data, `committing`, blob record, link.

use super::{Blob, Key, MEMORY, Phase, Session, Sessions, State, WINDOW};
use crate::Mutant;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) enum At {
    Find,
    Finish,
    Commit,
    /// The session was written by another: it tells what became of it.
    LookAgain,
    DropUnclaimed,
    /// The data becomes the blob's, on the condition that there is no record.
    Register,
    ReadBlob,
    WriteBlob,
    DropOwn,
    Link,
    Forget,
    Done,
    Failed,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) struct Worker {
    pub(super) at: At,
    session_is_fresh: bool,
    blob_is_fresh: bool,
    /// When the session was read first.
    found: u8,
    /// When the session went to `committing`; afterwards, when the client was answered.
    opened: u8,
    /// When the blob record was protected.
    protected: u8,
}

impl Worker {
    pub(super) const fn new() -> Self {
        Self {
            at: At::Find,
            session_is_fresh: false,
            blob_is_fresh: false,
            found: 0,
            opened: 0,
            protected: 0,
        }
    }

    pub(super) const fn failed() -> Self {
        Self::ended(At::Failed)
    }

    const fn ended(at: At) -> Self {
        Self { at, ..Self::new() }
    }

    pub(super) fn session_was_written(&mut self) {
        self.session_is_fresh = false;
    }

    pub(super) fn blob_was_written(&mut self) {
        self.blob_is_fresh = false;
    }

    pub(super) fn forget(&mut self, now: u8) {
        if now > self.opened + WINDOW {
            self.opened = 0;
        }
        if now > self.protected + WINDOW {
            self.protected = 0;
        }
        let asks = matches!(self.at, At::Finish | At::Commit | At::LookAgain);
        if now >= self.found + MEMORY / 2 || !asks {
            self.found = 0;
        }
        if self.at == At::Forget {
            self.protected = 0;
            self.blob_is_fresh = false;
        }
    }

    /// A finished session is forgotten when nobody repeats its PUT any more.
    pub(super) const fn may_go_on(self, now: u8) -> bool {
        !matches!(self.at, At::Forget) || now >= self.opened + MEMORY
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "an iterator gives references"
    )]
    pub(super) fn was_answered(&self) -> bool {
        matches!(self.at, At::Forget | At::Done)
    }

    /// Whether it finished data that perhaps no session names any more, and will see to it.
    pub(super) fn holds_unclaimed(self) -> bool {
        matches!(self.at, At::Commit | At::LookAgain | At::DropUnclaimed)
    }
}

impl Sessions {
    pub(super) fn work(&self, state: &mut State, number: usize) {
        let now = state.now;
        let worker = state.workers[number];
        match worker.at {
            At::Find | At::LookAgain => {
                let looks_again = worker.at == At::LookAgain;
                let seen = state.session;
                let worker = &mut state.workers[number];
                worker.session_is_fresh = true;
                if !looks_again {
                    worker.found = now;
                }
                // A session that is gone was cancelled, unless it may have been finished and
                // forgotten since this request read it.
                let is_long_ago = now - worker.found >= MEMORY / 2;
                let may_be_forgotten =
                    seen.is_none() && is_long_ago && !self.is_without(Mutant::GoneMeansCancelled);
                match seen {
                    Some(session) if session.phase == Phase::Committing => {
                        // The same window, by the store's clock.
                        worker.opened = session.modified;
                        if self.is_without(Mutant::WindowRenewed) {
                            worker.opened = now;
                        }
                        worker.at = At::Register;
                    }
                    Some(session) if session.phase == Phase::Open && !looks_again => {
                        worker.at = At::Finish;
                    }
                    _ if looks_again
                        && !may_be_forgotten
                        && !self.is_without(Mutant::UnclaimedNotDropped) =>
                    {
                        worker.at = At::DropUnclaimed;
                    }
                    _ => *worker = Worker::failed(),
                }
            }
            At::Finish => {
                if state.parts || self.has_bytes_in_hand {
                    state.parts = false;
                    state.own = true;
                }
                let is_finished = state.own;
                let worker = &mut state.workers[number];
                worker.at = At::Commit;
                if !is_finished {
                    *worker = Worker::failed();
                }
            }
            At::Commit => {
                let is_claimed = worker.session_is_fresh;
                if is_claimed {
                    state.set_session(Some(Session {
                        phase: Phase::Committing,
                        modified: now,
                    }));
                }
                let goes_on = is_claimed || self.is_without(Mutant::NotCommitted);
                let worker = &mut state.workers[number];
                worker.session_is_fresh = is_claimed;
                worker.opened = now;
                worker.at = if goes_on { At::Register } else { At::LookAgain };
            }
            At::DropUnclaimed => {
                state.own = false;
                state.workers[number] = Worker::failed();
            }
            _ => self.register(state, number),
        }
    }

    fn is_in_time(&self, opened: u8, now: u8) -> bool {
        now - opened <= WINDOW || self.is_without(Mutant::RegisteredAtAnyTime)
    }

    fn register(&self, state: &mut State, number: usize) {
        let now = state.now;
        let worker = state.workers[number];
        let is_in_time = self.is_in_time(worker.opened, now);
        match worker.at {
            At::Register => {
                if is_in_time && state.blob.is_none() {
                    Self::become_the_blobs(state, number);
                } else {
                    state.workers[number].at = At::ReadBlob;
                }
            }
            At::ReadBlob => match state.blob {
                Some(there) if there.is_live => {
                    let protected = now;
                    state.set_blob(Some(Blob { protected, ..there }));
                    let is_own = there.key == Key::Own && !self.is_without(Mutant::OwnNotCompared);
                    let worker = &mut state.workers[number];
                    worker.protected = protected;
                    worker.at = if is_own { At::Link } else { At::DropOwn };
                }
                _ if !is_in_time => state.workers[number] = Worker::failed(),
                Some(dead) if dead.key == Key::Own => state.workers[number] = Worker::failed(),
                dead => {
                    // Its data goes before the record is written over.
                    if let Some(dead) = dead {
                        state.drop_data(dead.key);
                    }
                    let worker = &mut state.workers[number];
                    worker.blob_is_fresh = true;
                    worker.at = At::WriteBlob;
                }
            },
            At::WriteBlob => {
                if is_in_time && worker.blob_is_fresh {
                    Self::become_the_blobs(state, number);
                } else {
                    state.workers[number].at = At::ReadBlob;
                }
            }
            At::DropOwn => {
                state.own = false;
                state.workers[number].at = At::Link;
            }
            At::Link => {
                if now - worker.protected > WINDOW {
                    state.workers[number].at = At::Register;
                } else {
                    state.link = Some(now);
                    state.is_acked = true;
                    state.workers[number].at = At::Forget;
                    state.workers[number].opened = now;
                }
            }
            _ => {
                if worker.session_is_fresh {
                    state.set_session(None);
                }
                state.workers[number] = Worker::ended(At::Done);
            }
        }
    }

    fn become_the_blobs(state: &mut State, number: usize) {
        state.set_blob(Some(Blob {
            is_live: true,
            key: Key::Own,
            protected: state.now,
        }));
        state.workers[number].protected = state.now;
        state.workers[number].at = At::Link;
    }
}
