//! The collector of links (level 1) and of blobs (level 2). A pass begins, looks at the references one
//! after the other, then judges. It may kill only what was condemned C before it began.

use super::writer::At;
use super::{Guarded, Job, Record, Standing, State};
use crate::Mutant;
use std::fmt;

#[derive(Clone, Copy, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Collector {
    Idle,
    /// Looks at reference number `next`.
    References {
        began: u8,
        next: usize,
        found: u8,
    },
    /// Judges link number `next`, or the blob.
    Judge {
        began: u8,
        next: usize,
        found: u8,
    },
    /// Only without a rule: the record was judged to die, whatever it is by now.
    KillUnseen {
        next: usize,
    },
    /// The data of a dead record goes.
    Data {
        key: u8,
        is_fresh: bool,
    },
    /// The dead record goes.
    Remove {
        key: u8,
        is_fresh: bool,
    },
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => write!(f, "-"),
            Self::References { began, next, .. } => write!(f, "scan({next}, since {began})"),
            Self::Judge { began, next, found } => {
                write!(f, "judge({next}, since {began}, found {found:b})")
            }
            Self::KillUnseen { .. } => write!(f, "kill"),
            Self::Data { key, .. } => write!(f, "delete(data {key})"),
            Self::Remove { key, .. } => write!(f, "remove(data {key} is gone)"),
        }
    }
}

impl Collector {
    pub(super) fn blob_was_written(&mut self) {
        if let Self::Data { is_fresh, .. } | Self::Remove { is_fresh, .. } = self {
            *is_fresh = false;
        }
    }
}

impl Guarded {
    pub(super) fn collect(&self, state: &mut State, number: usize) -> Option<()> {
        let level = usize::from(number >= 2);
        match state.collectors[number] {
            Collector::Idle => {
                let has_work = if level == 0 {
                    state.links.iter().any(Option::is_some)
                } else {
                    state.blob.is_some()
                };
                if state.passes[level] == 0 || !has_work {
                    return None;
                }
                state.passes[level] -= 1;
                state.collectors[number] = Collector::References {
                    began: state.now,
                    next: 0,
                    found: 0,
                };
            }
            Collector::References { began, next, found } => {
                let found = found | self.reference(state, level, next);
                state.collectors[number] = self.after_reference(level, began, next, found);
            }
            Collector::Judge { began, next, found } if level == 0 => {
                self.judge_link(state, number, began, next, found);
            }
            Collector::Judge { began, found, .. } => {
                self.judge_blob(state, number, began, found != 0);
            }
            Collector::KillUnseen { next } => {
                state.collectors[number] = Collector::Idle;
                if level == 0 {
                    state.write_link(next, None, self);
                } else {
                    self.kill_blob(state, number);
                }
            }
            Collector::Data { key, is_fresh } => {
                state.data &= !(1 << key);
                let removed = self.is_without(Mutant::RemovedBeforeItsData);
                state.collectors[number] = if removed {
                    Collector::Idle
                } else {
                    Collector::Remove { key, is_fresh }
                };
            }
            Collector::Remove { key, is_fresh } => {
                if is_fresh || self.is_without(Mutant::RemovedUnconditionally) {
                    state.write_blob(None);
                }
                let removed = self.is_without(Mutant::RemovedBeforeItsData);
                state.collectors[number] = if removed {
                    Collector::Data { key, is_fresh }
                } else {
                    Collector::Idle
                };
            }
        }
        Some(())
    }

    fn after_reference(&self, level: usize, began: u8, next: usize, found: u8) -> Collector {
        // Where nobody writes there is never a reference.
        let is_used = match level {
            0 => self.writers[1].is_some(),
            _ => self.uses_repository(self.order[1]),
        };
        if next == 0 && is_used {
            let next = 1;
            return Collector::References { began, next, found };
        }
        let next = 0;
        Collector::Judge { began, next, found }
    }

    fn uses_repository(&self, repository: usize) -> bool {
        let to = |job: &Job| job.repository == repository;
        self.writers.iter().flatten().any(to) || (self.is_linked && repository == 0)
    }

    /// Without the rule, a manifest that cannot be read counts as none.
    pub(super) fn pass_over(&self, state: &mut State, number: usize) {
        if let Collector::References { began, next, found } = state.collectors[number] {
            state.collectors[number] = self.after_reference(0, began, next, found);
        }
    }

    /// Looks at one reference: a manifest of level 1, a bit for each repository; a link of level 2.
    fn reference(&self, state: &State, level: usize, next: usize) -> u8 {
        if level == 0 {
            let is_there = state.writers[next].at == At::Acked;
            let repository = self.writers[next].map(|job| job.repository);
            return repository
                .filter(|_| is_there)
                .map_or(0, |there| 1 << there);
        }
        let counts = |link: &Record| match link.standing {
            Standing::Live | Standing::Dead => true,
            Standing::Condemned => !self.is_without(Mutant::CondemnedLinkIsNone),
            Standing::Hidden => !self.is_without(Mutant::HiddenLinkIsNone),
        };
        let link = state.links[self.order[next]];
        u8::from(link.as_ref().is_some_and(counts))
    }

    /// Tells whether something condemned at `modified` may die in a pass that began at `began`.
    fn may_die(&self, modified: u8, began: u8, now: u8) -> bool {
        if self.is_without(Mutant::CondemnedAgeNotWaited) {
            return modified <= began;
        }
        if self.is_without(Mutant::NoFreshScan) {
            return true;
        }
        let until = if self.is_without(Mutant::AgeCountedToTheKill) {
            now
        } else {
            began
        };
        until >= modified + self.condemned_age()
    }

    fn judge_link(&self, state: &mut State, number: usize, began: u8, next: usize, found: u8) {
        // Looking at what is not there does nothing.
        let there = (next..2).find(|place| state.links[*place].is_some());
        let Some((place, link)) = there.and_then(|place| Some((place, state.links[place]?))) else {
            state.collectors[number] = Collector::Idle;
            return;
        };
        let is_last = (place + 1..2).all(|later| state.links[later].is_none());
        state.collectors[number] = if is_last {
            Collector::Idle
        } else {
            let next = place + 1;
            Collector::Judge { began, next, found }
        };
        let is_named = found & (1 << place) != 0;
        let now = state.now;
        let changed = |standing| link.changed(standing, now);
        match (link.standing, is_named) {
            (Standing::Live, true) | (Standing::Dead, _) => {}
            (Standing::Live, false) => {
                state.write_link(place, Some(changed(Standing::Condemned)), self);
                if self.is_without(Mutant::NoFreshScan) {
                    state.collectors[number] = Collector::Judge {
                        began,
                        next: place,
                        found,
                    };
                }
            }
            (Standing::Hidden, true) if self.is_without(Mutant::HiddenNotBroughtBack) => {
                state.write_link(place, None, self);
            }
            (Standing::Condemned | Standing::Hidden, true) => {
                state.write_link(place, Some(changed(Standing::Live)), self);
            }
            (Standing::Condemned | Standing::Hidden, false) => {
                if !self.may_die(link.modified, began, state.now) {
                    return;
                }
                if self.is_without(Mutant::KilledUnconditionally) {
                    state.collectors[number] = Collector::KillUnseen { next: place };
                } else {
                    state.write_link(place, None, self);
                }
            }
        }
    }

    fn judge_blob(&self, state: &mut State, number: usize, began: u8, is_named: bool) {
        state.collectors[number] = Collector::Idle;
        let Some(blob) = state.blob else { return };
        let now = state.now;
        let changed = |standing| blob.changed(standing, now);
        match (blob.standing, is_named) {
            (Standing::Live, true) => {}
            (Standing::Live, false) => {
                state.write_blob(Some(changed(Standing::Condemned)));
                if self.is_without(Mutant::NoFreshScan) {
                    let (next, found) = (0, 0);
                    state.collectors[number] = Collector::Judge { began, next, found };
                }
            }
            (Standing::Condemned | Standing::Hidden, true) => {
                state.write_blob(Some(changed(Standing::Live)));
            }
            (Standing::Condemned | Standing::Hidden, false) => {
                if !self.may_die(blob.modified, began, state.now) {
                    return;
                }
                if self.is_without(Mutant::DataBeforeTheKill) {
                    state.data &= !(1 << blob.key);
                }
                if self.is_without(Mutant::KilledUnconditionally)
                    || self.is_without(Mutant::DataBeforeTheKill)
                {
                    state.collectors[number] = Collector::KillUnseen { next: 0 };
                } else {
                    self.kill_blob(state, number);
                }
            }
            // Another pass stopped half way.
            (Standing::Dead, _) => self.bury(state, number, blob.key),
        }
    }

    fn kill_blob(&self, state: &mut State, number: usize) {
        let Some(blob) = state.blob else { return };
        state.write_blob(Some(blob.changed(Standing::Dead, state.now)));
        self.bury(state, number, blob.key);
    }

    fn bury(&self, state: &mut State, number: usize, key: u8) {
        let is_fresh = true;
        state.collectors[number] = if self.is_without(Mutant::RemovedBeforeItsData) {
            Collector::Remove { key, is_fresh }
        } else {
            Collector::Data { key, is_fresh }
        };
    }
}
