//! The bounds of this part, and where each of its mutants is met.

use super::{Guarded, Job};
use crate::Mutant;
use crate::check::{Depth, Run};

const PART: &str = "guarded";

const fn to(repository: usize) -> Option<Job> {
    Some(Job {
        repository,
        source: None,
        names_it: true,
    })
}

const MOUNT: Option<Job> = Some(Job {
    repository: 1,
    source: Some(0),
    names_it: true,
});

/// One writer, one repository, two collectors a level.
const ALONE: Guarded = Guarded {
    mutant: None,
    writers: [to(0), None],
    is_linked: true,
    last_tick: 4,
    passes: [2, 2],
    deletes: 0,
    lost: 0,
    tries: 1,
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

fn mount(model: &Guarded) -> Guarded {
    Guarded {
        writers: [to(0), MOUNT],
        ..model.clone()
    }
}

fn both(model: &Guarded) -> Guarded {
    Guarded {
        writers: [to(0), to(0)],
        ..model.clone()
    }
}

pub(crate) fn safe(depth: Depth) -> Vec<Run> {
    let run = |name, least, model| Run::new(PART, name, least, model);
    let mut runs = vec![
        run("one upload", 1, ALONE),
        run("one upload, a client deletes the blob", 1, Guarded { deletes: 1, ..ALONE }),
        run("one upload, an answer is lost", 1, Guarded { lost: 1, ..ALONE }),
        run("two uploads to one repository", 1, both(&ALONE)),
        run("upload and mount", 1, Guarded{at_once:1,..mount(&ALONE)}),
        run("upload and mount, unlinked", 1, UNLINKED),
    ];
    if depth == Depth::Deep {
        runs.push(run("two uploads to one repository, longer", 1, Guarded { tries: 2, ..both(&ALONE) }));
    }
    runs
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
        | Mutant::CondemnedLinkIsNone => Guarded { tries: 2, ..ALONE },
        Mutant::HiddenDiesAtOnce | Mutant::HiddenLinkIsNone | Mutant::HiddenNotBroughtBack => {
            Guarded { deletes: 1, ..ALONE }
        }
        Mutant::RetryNotChecked => Guarded { deletes: 1, at_once: 1, ..ALONE },
        Mutant::OwnWriteNotKnown => Guarded { lost: 1, ..ALONE },
        Mutant::MountProtectsTheLink => UNLINKED,
        _ => return None,
    };
    let mutant = Some(mutant);
    Some(Run::new(PART, "", 0, Guarded { mutant, ..model }))
}
