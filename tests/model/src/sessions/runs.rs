//! The bounds of this part, and where each of its mutants is met.

use super::Sessions;
use crate::Mutant;
use crate::check::{Depth, Run};

const PART: &str = "sessions";

const BASE: Sessions = Sessions {
    mutant: None,
    has_bytes_in_hand: false,
    is_cancelled: false,
    has_another: true,
    counts_leaks: true,
    crashes: 1,
    last_tick: 5,
};

const CANCELLED: Sessions = Sessions {
    is_cancelled: true,
    has_another: false,
    ..BASE
};

/// No time goes by, and nobody dies.
const IN_HAND: Sessions = Sessions {
    has_bytes_in_hand: true,
    crashes: 0,
    last_tick: 0,
    ..CANCELLED
};

const IN_HAND_FOR_LONG: Sessions = Sessions {
    last_tick: BASE.last_tick,
    ..IN_HAND
};

pub(crate) fn safe(depth: Depth) -> Vec<Run> {
    let mut runs = vec![
        Run::new(PART, "a repeated PUT and another upload, a crash", BASE),
        Run::new(PART, "cancelled while closing, a crash", CANCELLED),
        Run::new(PART, "cancelled while closing, bytes in hand", IN_HAND),
        Run::new(
            PART,
            "cancelled while closing, bytes in hand, a crash, no loss",
            Sessions {
                counts_leaks: false,
                crashes: 1,
                ..IN_HAND_FOR_LONG
            },
        ),
    ];
    if depth == Depth::Deep {
        let longer = Sessions {
            is_cancelled: true,
            last_tick: 8,
            ..BASE
        };
        runs.push(Run::new(PART, "all at once, longer", longer));
    }
    runs
}

/// What is known to go wrong: a leak, and no loss.
pub(crate) fn gaps() -> Vec<Run> {
    let crashed = Sessions {
        crashes: 1,
        ..IN_HAND
    };
    vec![
        Run::new(
            PART,
            "cancelled while closing, bytes in hand, a crash",
            crashed,
        ),
        Run::new(
            PART,
            "cancelled while closing, bytes in hand, slowly",
            IN_HAND_FOR_LONG,
        ),
    ]
}

pub(crate) fn mutated(mutant: Mutant) -> Option<Run> {
    let model = match mutant {
        Mutant::RegisteredAtAnyTime
        | Mutant::WindowRenewed
        | Mutant::SweeperDoesNotWait
        | Mutant::SweeperDoesNotAsk
        | Mutant::SessionForgottenFirst
        | Mutant::GoneMeansCancelled
        | Mutant::OwnNotCompared => BASE,
        Mutant::CancelledUnclaimed | Mutant::NotCommitted => CANCELLED,
        Mutant::UnclaimedNotDropped => IN_HAND,
        _ => return None,
    };
    let mutant = Some(mutant);
    Some(Run::new(PART, "", Sessions { mutant, ..model }))
}
