//! The races of this part, and where each of its mutants is met.

use super::Names;
use super::operation::Job::{self, Delete, DeleteTag, Get, GetTag, Put, PutTag};
use crate::Mutant;
use crate::check::{Depth, Run};

const PART: &str = "names";

const fn race(jobs: [Option<Job>; 4], is_tagged: bool) -> Names {
    Names {
        mutant: None,
        jobs,
        is_tagged,
        has_subject: false,
        tries: 2,
        lost: 0,
        agings: 0,
    }
}

const PUSHED_TWICE: Names = race(
    [
        Some(PutTag(0)),
        Some(PutTag(0)),
        Some(Delete(0)),
        Some(GetTag),
    ],
    false,
);
const DELETED_TWICE: Names = race(
    [
        Some(PutTag(0)),
        Some(Delete(0)),
        Some(Delete(0)),
        Some(GetTag),
    ],
    true,
);
const TAG_DELETED: Names = race(
    [
        Some(PutTag(0)),
        Some(PutTag(1)),
        Some(DeleteTag),
        Some(GetTag),
    ],
    true,
);
const TAG_MOVED: Names = race(
    [
        Some(PutTag(0)),
        Some(PutTag(1)),
        Some(Delete(0)),
        Some(GetTag),
    ],
    true,
);
const BOTH_DELETED: Names = race(
    [
        Some(PutTag(0)),
        Some(DeleteTag),
        Some(Delete(0)),
        Some(GetTag),
    ],
    true,
);
const BY_DIGEST: Names = race(
    [Some(Put(0)), Some(PutTag(0)), Some(Delete(0)), Some(Get(0))],
    true,
);
const HALF_DONE: Names = race(
    [Some(Put(0)), Some(Delete(0)), Some(Delete(0)), Some(GetTag)],
    true,
);
const FIRST_PUSH: Names = race(
    [Some(PutTag(0)), Some(Delete(0)), Some(Get(0)), None],
    false,
);
const REFERRER: Names = Names {
    has_subject: true,
    ..race([Some(Put(0)), Some(Put(0)), Some(Delete(0)), None], false)
};
const TAGGED_REFERRER: Names = Names {
    has_subject: true,
    ..race([Some(PutTag(0)), Some(Delete(0)), None, None], true)
};
const AGED: Names = Names {
    agings: 1,
    ..race(
        [Some(PutTag(0)), Some(Delete(0)), Some(GetTag), None],
        false,
    )
};

pub(crate) fn safe(depth: Depth) -> Vec<Run> {
    let races = [
        ("two push a tag, one deletes", 0, PUSHED_TWICE),
        ("one pushes a tag, two delete", 0, DELETED_TWICE),
        ("two digests, the tag is deleted", 1, TAG_DELETED),
        ("two digests, one is deleted", 0, TAG_MOVED),
        ("tag and manifest are deleted", 1, BOTH_DELETED),
        ("pushed by digest and by tag, deleted", 0, BY_DIGEST),
        ("pushed by digest, two delete", 1, HALF_DONE),
        ("first push, deleted", 1, FIRST_PUSH),
        ("two push a referrer, one deletes", 1, REFERRER),
        ("a referrer with a tag, deleted", 1, TAGGED_REFERRER),
        ("a push that takes too long, deleted", 1, AGED),
    ];
    let mut runs = Vec::new();
    for (name, lost, model) in races {
        let most = if depth == Depth::Deep { 2 } else { lost };
        for lost in 0..=most {
            let model = Names {
                lost,
                ..model.clone()
            };
            let told = match lost {
                0 => String::new(),
                1 => ", an answer lost".to_owned(),
                _ => format!(", {lost} answers lost"),
            };
            runs.push(Run::new(PART, format!("{name}{told}"), model));
        }
    }
    runs
}

pub(crate) fn mutated(mutant: Mutant) -> Option<Run> {
    let (model, lost) = match mutant {
        Mutant::NotFenced
        | Mutant::ManifestBeforeTag
        | Mutant::NotLookedAtAgain
        | Mutant::TagNotFollowed => (TAG_MOVED, 0),
        Mutant::AbsenceHasNoVersion
        | Mutant::ReverseAfterManifest
        | Mutant::ReverseRemoved
        | Mutant::NoGenerations
        | Mutant::NotMarked
        | Mutant::ManifestRemovedUnconditionally => (PUSHED_TWICE, 0),
        Mutant::DeleteNotFinished => (HALF_DONE, 0),
        Mutant::RecordBeforeNames => (DELETED_TWICE, 0),
        Mutant::HistoryAfterTag => (TAG_DELETED, 0),
        Mutant::LostIsConflict | Mutant::HistoryNotAsked => (TAG_DELETED, 1),
        Mutant::DeletesTheNext => (BOTH_DELETED, 1),
        Mutant::RestartIsNoRetry | Mutant::CatalogAfterAnswer => (FIRST_PUSH, 0),
        Mutant::EntryNotFenced => (REFERRER, 0),
        Mutant::TagSentAtAnyTime => (AGED, 0),
        _ => return None,
    };
    let mutant = Some(mutant);
    Some(Run::new(
        PART,
        "",
        Names {
            mutant,
            lost,
            ..model
        },
    ))
}
