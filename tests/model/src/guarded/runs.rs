//! The bounds of this part, and where each of its mutants is met.

use super::{Guarded, Job};
use crate::Mutant;
use crate::check::{Depth, Run};

const PART: &str = "guarded";

const UPLOAD: Option<Job> = Some(Job {
    repository: 0,
    source: None,
    names_it: true,
});

const MOUNT: Option<Job> = Some(Job {
    repository: 1,
    source: Some(0),
    names_it: true,
});

/// One writer, one repository, two collectors a level.
const ALONE: Guarded = Guarded {
    mutant: None,
    writers: [UPLOAD, None],
    is_linked: true,
    last_tick: 4,
    passes: [2, 2],
    deletes: 0,
    lost: 0,
    tries: 2,
    at_once: 2,
    order: [0, 1],
};

/// A blob that no repository has; level 2 looks at the mount's target before its source.
const UNLINKED: Guarded = Guarded {
    writers: [
        Some(Job {
            repository: 0,
            source: None,
            names_it: false,
        }),
        MOUNT,
    ],
    is_linked: false,
    at_once: 1,
    last_tick: 3,
    order: [1, 0],
    ..ALONE
};

/// An upload beside a mount from the same repository, one collector a level.
const MOUNTED: Guarded = Guarded {
    writers: [UPLOAD, MOUNT],
    at_once: 1,
    ..ALONE
};

const TWICE: Guarded = Guarded {
    writers: [UPLOAD, UPLOAD],
    tries: 1,
    ..ALONE
};

const HIDDEN: Guarded = Guarded {
    deletes: 1,
    tries: 1,
    ..ALONE
};

const LOST: Guarded = Guarded { lost: 1, ..ALONE };

pub(crate) fn safe(depth: Depth) -> Vec<Run> {
    let mut models = vec![
        ("one upload", ALONE),
        ("one upload, a client deletes the blob", HIDDEN),
        ("one upload, an answer lost", LOST),
        ("two uploads to one repository", TWICE),
        ("an upload and a mount", MOUNTED),
        ("a mount of what nothing names", UNLINKED),
    ];
    if depth == Depth::Deep {
        models.extend([
            (
                "one upload, all that may happen",
                Guarded {
                    deletes: 1,
                    lost: 1,
                    last_tick: 5,
                    ..ALONE
                },
            ),
            ("two uploads, each twice", Guarded { tries: 2, ..TWICE }),
            (
                "two uploads, a client deletes the blob",
                Guarded {
                    deletes: 1,
                    ..TWICE
                },
            ),
            (
                "an upload and a mount, two collectors a level",
                Guarded {
                    at_once: 2,
                    ..MOUNTED
                },
            ),
        ]);
    }
    let run = |(name, model)| Run::new(PART, name, model);
    models.into_iter().map(run).collect()
}

pub(crate) fn mutated(mutant: Mutant) -> Option<Run> {
    let model = match mutant {
        Mutant::WindowNotChecked
        | Mutant::CondemnedAgeNotWaited
        | Mutant::CondemnedAgeTooShort
        | Mutant::NoFreshScan
        | Mutant::AgeCountedToTheKill
        | Mutant::UnreadableIsNoReference
        | Mutant::KilledUnconditionally
        | Mutant::CondemnedNotRevived
        | Mutant::DataBeforeTheKill
        | Mutant::RemovedBeforeItsData
        | Mutant::RemovedUnconditionally
        | Mutant::DeadDataLeft
        | Mutant::DeadRevived
        | Mutant::DataKeyReused
        | Mutant::CondemnedLinkIsNone => ALONE,
        Mutant::HiddenDiesAtOnce | Mutant::HiddenLinkIsNone | Mutant::HiddenNotBroughtBack => {
            HIDDEN
        }
        Mutant::RetryNotChecked => Guarded {
            at_once: 1,
            ..HIDDEN
        },
        Mutant::OwnWriteNotKnown => LOST,
        Mutant::MountProtectsTheLink => UNLINKED,
        _ => return None,
    };
    let mutant = Some(mutant);
    Some(Run::new(PART, "", Guarded { mutant, ..model }))
}
