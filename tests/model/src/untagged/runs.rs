//! The bounds of this part, and where each of its mutants is met.

use super::Job::{Index, Subject, Tag};
use super::Untagged;
use crate::Mutant;
use crate::check::{Depth, Run};

const PART: &str = "untagged";

const fn pushed(jobs: [super::Job; 2]) -> Untagged {
    Untagged {
        mutant: None,
        jobs,
        is_deleted_by_a_client: true,
        passes: 3,
        last_tick: 3,
    }
}

pub(crate) fn safe(depth: Depth) -> Vec<Run> {
    let mut runs = vec![
        Run::new(PART, "a tag and an index", pushed([Tag, Index])),
        Run::new(PART, "two indexes", pushed([Index, Index])),
        Run::new(PART, "a tag and a subject", pushed([Tag, Subject])),
    ];
    if depth == Depth::Deep {
        let longer = |jobs| Untagged {
            passes: 5,
            last_tick: 7,
            ..pushed(jobs)
        };
        runs.push(Run::new(
            PART,
            "a tag and an index, longer",
            longer([Tag, Index]),
        ));
        runs.push(Run::new(
            PART,
            "an index and a subject, longer",
            longer([Index, Subject]),
        ));
    }
    runs
}

pub(crate) fn mutated(mutant: Mutant) -> Option<Run> {
    let model = match mutant {
        Mutant::ChildNotProtected
        | Mutant::ParentSentAtAnyTime
        | Mutant::UntaggedAgeNotWaited
        | Mutant::UntaggedNotScannedAgain
        | Mutant::UntaggedKilledUnconditionally => pushed([Tag, Index]),
        Mutant::SubjectProtectsNothing => pushed([Tag, Subject]),
        _ => return None,
    };
    let mutant = Some(mutant);
    Some(Run::new(PART, "", Untagged { mutant, ..model }))
}
