//! Who ends a session without its content: a client that cancels it, and the sweeper.

use super::{COMMITTING_AGE, Key, Phase, Session, Sessions, State};
use crate::Mutant;

/// A client's DELETE of an open session; what the sweeper does with an idle one is the same.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) enum Canceller {
    Find,
    Claim { is_fresh: bool },
    Abort { is_fresh: bool },
    Delete { is_fresh: bool },
    Remove { is_fresh: bool },
    Done,
}

impl Canceller {
    pub(super) const fn new(is_there: bool) -> Self {
        if is_there { Self::Find } else { Self::Done }
    }

    pub(super) fn session_was_written(&mut self) {
        match self {
            Self::Claim { is_fresh }
            | Self::Abort { is_fresh }
            | Self::Delete { is_fresh }
            | Self::Remove { is_fresh } => *is_fresh = false,
            Self::Find | Self::Done => {}
        }
    }
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) enum Sweeper {
    Idle,
    /// Of a `committing` session: does the blob record name its data?
    Ask {
        is_fresh: bool,
    },
    Delete {
        is_fresh: bool,
    },
    Forget {
        is_fresh: bool,
    },
}

impl Sweeper {
    pub(super) fn session_was_written(&mut self) {
        match self {
            Self::Ask { is_fresh } | Self::Delete { is_fresh } | Self::Forget { is_fresh } => {
                *is_fresh = false;
            }
            Self::Idle => {}
        }
    }
}

impl Sessions {
    pub(super) fn cancel(&self, state: &mut State) -> Option<()> {
        state.canceller = match state.canceller {
            Canceller::Done => return None,
            Canceller::Find => match state.session {
                Some(session) if session.phase == Phase::Open => {
                    let is_fresh = true;
                    if self.is_without(Mutant::CancelledUnclaimed) {
                        Canceller::Abort { is_fresh }
                    } else {
                        Canceller::Claim { is_fresh }
                    }
                }
                _ => Canceller::Done,
            },
            Canceller::Claim { is_fresh: false } => Canceller::Find,
            Canceller::Claim { is_fresh: true } => {
                state.set_session(Some(Session {
                    phase: Phase::Aborted,
                    modified: state.now,
                }));
                Canceller::Abort { is_fresh: true }
            }
            Canceller::Abort { is_fresh } => {
                state.parts = false;
                Canceller::Delete { is_fresh }
            }
            Canceller::Delete { is_fresh } => {
                state.own = false;
                Canceller::Remove { is_fresh }
            }
            Canceller::Remove { is_fresh } => {
                if is_fresh {
                    state.set_session(None);
                }
                Canceller::Done
            }
        };
        Some(())
    }

    pub(super) fn sweep(&self, state: &mut State) -> Option<()> {
        let forgets_first = self.is_without(Mutant::SessionForgottenFirst);
        state.sweeper = match state.sweeper {
            Sweeper::Idle => {
                let session = state.session?;
                let waits = !self.is_without(Mutant::SweeperDoesNotWait);
                if waits && state.now < session.modified + COMMITTING_AGE {
                    return None;
                }
                let is_fresh = true;
                match session.phase {
                    // Claimed first, as a cancellation is.
                    Phase::Open => return None,
                    Phase::Committing if self.is_without(Mutant::SweeperDoesNotAsk) => {
                        Sweeper::Delete { is_fresh }
                    }
                    Phase::Committing => Sweeper::Ask { is_fresh },
                    Phase::Aborted => {
                        state.parts = false;
                        Sweeper::Delete { is_fresh }
                    }
                }
            }
            Sweeper::Ask { is_fresh } => {
                let names_own = |blob: super::Blob| blob.is_live && blob.key == Key::Own;
                if state.blob.is_some_and(names_own) {
                    Sweeper::Forget { is_fresh }
                } else {
                    Sweeper::Delete { is_fresh }
                }
            }
            Sweeper::Delete { is_fresh } => {
                if forgets_first && is_fresh {
                    state.set_session(None);
                } else {
                    state.own = false;
                }
                Sweeper::Forget { is_fresh }
            }
            Sweeper::Forget { is_fresh } => {
                if is_fresh {
                    state.set_session(None);
                }
                if forgets_first {
                    state.own = false;
                }
                Sweeper::Idle
            }
        };
        Some(())
    }
}
