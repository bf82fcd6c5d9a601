//! The collector of untagged manifests. It kills by condemned, then deleting, and goes on as DELETE does.

use super::{CONDEMNED, Record, Standing, State, Untagged};
use crate::Mutant;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Collector {
    Idle,
    References {
        began: u8,
        next: usize,
        found: bool,
    },
    Judge {
        began: u8,
        found: bool,
    },
    /// Only without a rule: it was judged to die, whatever it is by now.
    KillUnseen,
    Release {
        is_fresh: bool,
    },
    Remove {
        is_fresh: bool,
    },
}

impl Collector {
    pub(super) fn record_was_written(&mut self) {
        if let Self::Release { is_fresh } | Self::Remove { is_fresh } = self {
            *is_fresh = false;
        }
    }
}

impl Untagged {
    pub(super) fn collect(&self, state: &mut State, number: usize) -> Option<()> {
        match state.collectors[number] {
            Collector::Idle => {
                if state.passes == 0 || state.record.is_none() {
                    return None;
                }
                state.passes -= 1;
                state.collectors[number] = Collector::References {
                    began: state.now,
                    next: 0,
                    found: false,
                };
            }
            Collector::References { began, next, found } => {
                let found = found | state.has_reference(next, self.jobs[next]);
                let next = next + 1;
                state.collectors[number] = if next < self.jobs.len() {
                    Collector::References { began, next, found }
                } else {
                    Collector::Judge { began, found }
                };
            }
            Collector::Judge { began, found } => self.judge(state, number, began, found),
            Collector::KillUnseen => Self::kill(state, number),
            Collector::Release { is_fresh } => {
                if is_fresh {
                    state.set_tag(false);
                }
                state.collectors[number] = Collector::Remove { is_fresh };
            }
            Collector::Remove { is_fresh } => {
                if is_fresh {
                    state.set_record(None);
                }
                state.collectors[number] = Collector::Idle;
            }
        }
        state
            .collectors
            .sort_unstable_by(|one, other| other.cmp(one));
        Some(())
    }

    fn judge(&self, state: &mut State, number: usize, began: u8, found: bool) {
        state.collectors[number] = Collector::Idle;
        let Some(record) = state.record else { return };
        match (record.standing, found) {
            (Standing::Live, true) => {}
            (Standing::Live, false) => {
                state.set_record(Some(Record {
                    standing: Standing::Condemned,
                    modified: state.now,
                }));
                if self.is_without(Mutant::UntaggedNotScannedAgain) {
                    state.collectors[number] = Collector::Judge { began, found };
                }
            }
            (Standing::Condemned, true) => state.set_record(Some(super::LIVE)),
            (Standing::Condemned, false) => {
                let no_age = self.is_without(Mutant::UntaggedAgeNotWaited);
                let least = if no_age { 0 } else { CONDEMNED };
                let same_scan = self.is_without(Mutant::UntaggedNotScannedAgain);
                if began < record.modified + least && !same_scan {
                    return;
                }
                if self.is_without(Mutant::UntaggedKilledUnconditionally) {
                    state.collectors[number] = Collector::KillUnseen;
                } else {
                    Self::kill(state, number);
                }
            }
            // Somebody stopped half way.
            (Standing::Deleting, _) => {
                state.collectors[number] = Collector::Release { is_fresh: true };
            }
        }
    }

    fn kill(state: &mut State, number: usize) {
        state.collectors[number] = Collector::Idle;
        if state.record.is_none() {
            return;
        }
        state.set_record(Some(Record {
            standing: Standing::Deleting,
            modified: 0,
        }));
        state.collectors[number] = Collector::Release { is_fresh: true };
    }
}
