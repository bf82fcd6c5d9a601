//! The bounds of this part, and where each of its mutants is met.

use super::Large;
use crate::Mutant;
use crate::check::{Depth, Run};

const PART: &str = "large";

const BASE: Large = Large {
    mutant: None,
    deleters: 2,
    lost: 0,
    last_tick: 3,
};

const LOST: Large = Large {
    deleters: 1,
    lost: 1,
    ..BASE
};

pub(crate) fn safe(depth: Depth) -> Vec<Run> {
    let mut runs = vec![
        Run::new(PART, "two push, two delete", BASE),
        Run::new(PART, "two push, one deletes, an answer lost", LOST),
    ];
    if depth == Depth::Deep {
        let longer = Large {
            lost: 2,
            last_tick: 7,
            ..BASE
        };
        runs.push(Run::new(PART, "two push, two delete, longer", longer));
    }
    runs
}

pub(crate) fn mutated(mutant: Mutant) -> Option<Run> {
    let model = match mutant {
        Mutant::LargeRegisteredAtAnyTime
        | Mutant::LargeDataBeforeDead
        | Mutant::LargeDeadDataLeft
        | Mutant::LargeRemovedUnconditionally
        | Mutant::SweeperDoesNotAskTheManifest => BASE,
        Mutant::StagedDroppedAfterLostAnswer => LOST,
        _ => return None,
    };
    let mutant = Some(mutant);
    Some(Run::new(PART, "", Large { mutant, ..model }))
}
