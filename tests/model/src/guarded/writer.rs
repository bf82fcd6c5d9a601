//! A client that pushes a blob and a manifest which names it: HEAD, mount or upload, manifest PUT.

use super::{Guarded, REQUEST_LIFE, Record, Standing, State, WINDOW};
use crate::Mutant;
use std::fmt;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) enum At {
    Head,
    MountRead,
    /// The blob record is protected for the link, in a mount or because the window closed.
    ProtectBlob,
    /// Own data is there and becomes the blob's, unless there is one.
    Register,
    DropOwn,
    /// The data that a dead record names goes before the record is written over.
    ClearDead,
    WriteOver,
    SendLink,
    LinkUnderWay,
    SendManifest,
    ManifestUnderWay,
    Acked,
    /// The client deleted its manifest.
    Gone,
    Failed,
}

#[derive(Clone, Copy, Hash, PartialEq, Eq)]
pub(super) struct Writer {
    pub(super) at: At,
    tries: u8,
    /// Uploaded data that the session owns.
    pub(super) own: Option<u8>,
    /// The data that the protected or dead blob record names.
    key: u8,
    /// When the window opened.
    opened: u8,
    /// When what is under way was sent.
    sent: u8,
    /// The link is put on the condition that there is none, whatever was read.
    is_blind: bool,
    /// Nobody wrote the record since this writer read it.
    is_fresh: bool,
    /// A link that conflicted is sent again.
    is_again: bool,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.at)?;
        if let Some(own) = self.own {
            write!(f, " owns {own}")?;
        }
        match self.at {
            At::SendLink | At::SendManifest => write!(f, " opened {}", self.opened),
            At::LinkUnderWay | At::ManifestUnderWay => write!(f, " sent {}", self.sent),
            _ => Ok(()),
        }
    }
}

impl Writer {
    pub(super) const fn new(has_a_job: bool) -> Self {
        Self {
            at: if has_a_job { At::Head } else { At::Failed },
            tries: 0,
            own: None,
            key: 0,
            opened: 0,
            sent: 0,
            is_blind: false,
            is_fresh: false,
            is_again: false,
        }
    }

    pub(super) fn blob_was_written(&mut self) {
        if matches!(self.at, At::ClearDead | At::WriteOver) {
            self.is_fresh = false;
        }
    }

    pub(super) fn link_was_written(&mut self) {
        if self.at == At::LinkUnderWay {
            self.is_fresh = false;
        }
    }

    /// Tells whether time may go on: what is under way lands within the life of a request.
    pub(super) fn may_wait(&self, now: u8) -> bool {
        let is_under_way = matches!(self.at, At::LinkUnderWay | At::ManifestUnderWay);
        !is_under_way || now < self.sent + REQUEST_LIFE
    }

    /// A window that closed is closed for ever, whenever it opened.
    pub(super) fn forget_closed_window(&mut self, now: u8) {
        if now - self.opened >= WINDOW {
            self.opened = 0;
        }
    }

    pub(super) fn may_lose_an_answer(&self) -> bool {
        matches!(self.at, At::Register | At::WriteOver | At::LinkUnderWay)
    }

    /// Drops what no later step looks at, so that equal situations are one state.
    fn go(&mut self, at: At) {
        self.at = at;
        if !matches!(at, At::LinkUnderWay | At::ManifestUnderWay) {
            self.sent = 0;
        }
        if !matches!(at, At::ClearDead | At::WriteOver | At::LinkUnderWay) {
            self.is_fresh = false;
        }
        if !matches!(at, At::SendLink | At::LinkUnderWay) {
            self.is_blind = false;
            self.is_again = false;
        }
        if matches!(at, At::SendManifest | At::ManifestUnderWay | At::Acked) {
            self.key = 0;
        }
        if matches!(at, At::ManifestUnderWay | At::Acked | At::Failed) {
            self.opened = 0;
        }
        if matches!(at, At::Acked | At::Failed) {
            self.tries = 0;
        }
    }
}

impl Guarded {
    /// Does one step of a writer; `is_lost` when its answer never comes.
    pub(super) fn write(&self, state: &mut State, number: usize, is_lost: bool) {
        let Some(job) = self.writers[number] else {
            return;
        };
        match state.writers[number].at {
            At::Head => {
                let found = self.protect(&mut state.links[job.repository], false, state.now);
                if found.is_some() {
                    state.writers[number].opened = state.now;
                    state.writers[number].go(At::SendManifest);
                } else if job.source.is_some() && state.writers[number].tries == 0 {
                    state.writers[number].go(At::MountRead);
                } else {
                    self.upload(state, number);
                }
            }
            At::MountRead => {
                let source = job.source.and_then(|source| state.links[source]);
                let is_visible =
                    |link: Record| matches!(link.standing, Standing::Live | Standing::Condemned);
                if source.is_some_and(is_visible) {
                    state.writers[number].go(At::ProtectBlob);
                } else {
                    self.upload(state, number);
                }
            }
            At::ProtectBlob => self.protect_blob(state, number),
            At::Register => self.register(state, number, is_lost),
            At::DropOwn => {
                if let Some(own) = state.writers[number].own.take() {
                    state.data &= !(1 << own);
                }
                state.writers[number].is_blind = true;
                state.writers[number].at = At::SendLink;
            }
            At::ClearDead => {
                let key = state.writers[number].key;
                if !self.is_without(Mutant::DeadDataLeft) {
                    state.data &= !(1 << key);
                }
                state.writers[number].at = At::WriteOver;
            }
            At::WriteOver => {
                let is_fresh = state.writers[number].is_fresh;
                if is_fresh {
                    Self::become_the_blobs(state, number, is_lost);
                } else {
                    state.writers[number].go(At::Register);
                }
            }
            At::SendLink => self.send_link(state, number),
            At::LinkUnderWay => self.land_link(state, number, is_lost),
            At::SendManifest => self.send_manifest(state, number),
            At::ManifestUnderWay => state.writers[number].go(At::Acked),
            At::Acked | At::Gone | At::Failed => {}
        }
    }

    /// Uploads the bytes: a session owns them.
    fn upload(&self, state: &mut State, number: usize) {
        let writer = &mut state.writers[number];
        if let Some(own) = writer.own.take() {
            state.data &= !(1 << own);
        }
        writer.tries += 1;
        if writer.tries > self.tries {
            writer.go(At::Failed);
            return;
        }
        let second = if number == 0 { 0 } else { self.tries };
        let mut key = second + writer.tries;
        if self.is_without(Mutant::DataKeyReused) {
            key = 0;
        }
        writer.own = Some(key);
        writer.go(At::Register);
        state.data |= 1 << key;
    }

    fn protect_blob(&self, state: &mut State, number: usize) {
        let job = self.writers[number];
        let source = job.and_then(|job| job.source);
        let in_mount = source.filter(|_| state.writers[number].own.is_none());
        let found = match in_mount {
            Some(source) if self.is_without(Mutant::MountProtectsTheLink) => {
                self.protect(&mut state.links[source], false, state.now)
            }
            _ => self.protect_blob_record(state),
        };
        let writer = &mut state.writers[number];
        match found {
            Some(key) => {
                writer.opened = state.now;
                writer.key = key;
                writer.go(At::SendLink);
                writer.is_blind = true;
            }
            None => self.upload(state, number),
        }
    }

    fn protect_blob_record(&self, state: &mut State) -> Option<u8> {
        let mut record = state.blob;
        let key = self.protect(&mut record, false, state.now)?;
        if record != state.blob {
            state.write_blob(record);
        }
        Some(key)
    }

    fn register(&self, state: &mut State, number: usize, is_lost: bool) {
        let writer = &mut state.writers[number];
        let own = writer.own.expect("a registering writer has uploaded data");
        match state.blob {
            None => Self::become_the_blobs(state, number, is_lost),
            Some(dead) if dead.standing == Standing::Dead => {
                if dead.key == own {
                    writer.own = None;
                    writer.go(At::Failed);
                    return;
                }
                writer.key = dead.key;
                writer.go(At::ClearDead);
                writer.is_fresh = true;
            }
            Some(_) => {
                let key = self.protect_blob_record(state);
                let writer = &mut state.writers[number];
                writer.key = key.expect("the record is not dead");
                writer.opened = state.now;
                let is_own = writer.key == own && !self.is_without(Mutant::OwnWriteNotKnown);
                if is_own {
                    writer.own = None;
                    writer.go(At::SendLink);
                    writer.is_blind = true;
                } else {
                    writer.go(At::DropOwn);
                }
            }
        }
    }

    fn become_the_blobs(state: &mut State, number: usize, is_lost: bool) {
        let own = state.writers[number].own;
        let own = own.expect("a registering writer has uploaded data");
        state.write_blob(Some(Record::live(own)));
        let writer = &mut state.writers[number];
        if is_lost {
            writer.go(At::Register);
            return;
        }
        writer.own = None;
        writer.key = own;
        writer.opened = state.now;
        writer.go(At::SendLink);
        writer.is_blind = true;
    }

    fn send_link(&self, state: &mut State, number: usize) {
        let Some(job) = self.writers[number] else {
            return;
        };
        let link = state.links[job.repository];
        let writer = &mut state.writers[number];
        let unchecked = writer.is_again && self.is_without(Mutant::RetryNotChecked);
        if !self.is_open(writer.opened, state.now) && !unchecked {
            writer.go(At::ProtectBlob);
            return;
        }
        let is_done = |link: Record| link.standing == Standing::Live && link.key == writer.key;
        if !writer.is_blind && link.is_some_and(is_done) {
            writer.go(At::SendManifest);
            return;
        }
        writer.sent = state.now;
        writer.is_fresh = true;
        writer.at = At::LinkUnderWay;
    }

    fn land_link(&self, state: &mut State, number: usize, is_lost: bool) {
        let Some(job) = self.writers[number] else {
            return;
        };
        let writer = state.writers[number];
        let fits = if writer.is_blind {
            state.links[job.repository].is_none()
        } else {
            writer.is_fresh
        };
        if fits {
            let link = Record::live(writer.key);
            state.write_link(job.repository, Some(link), self);
        }
        let writer = &mut state.writers[number];
        if fits && !is_lost {
            writer.go(At::SendManifest);
        } else {
            writer.go(At::SendLink);
            writer.is_blind = false;
            writer.is_again = true;
        }
    }

    fn send_manifest(&self, state: &mut State, number: usize) {
        let Some(job) = self.writers[number] else {
            return;
        };
        if !job.names_it {
            state.writers[number].go(At::Failed);
            return;
        }
        // Within the window the replica remembers that it protected the link.
        if !self.is_open(state.writers[number].opened, state.now) {
            let mut link = state.links[job.repository];
            if self.protect(&mut link, true, state.now).is_none() {
                self.upload(state, number);
                return;
            }
            if link != state.links[job.repository] {
                state.write_link(job.repository, link, self);
            }
        }
        state.writers[number].go(At::ManifestUnderWay);
        state.writers[number].sent = state.now;
    }

    pub(super) fn delete_blob(&self, state: &mut State, repository: usize) -> Option<()> {
        let link = state.links[repository]?;
        if link.standing == Standing::Hidden {
            return None;
        }
        let hidden = link.changed(Standing::Hidden, state.now);
        let at_once = self.is_without(Mutant::HiddenDiesAtOnce);
        state.deletes -= 1;
        state.write_link(repository, (!at_once).then_some(hidden), self);
        Some(())
    }
}
