//! The races of this part, and where each of its mutants is met.

use super::operation::Job::{Create, Delete, Overwrite, ReadTwice, Update};
use super::{Object, Register};
use crate::Mutant;
use crate::check::{Depth, Run};

const PART: &str = "register";

const fn race(jobs: [super::Job; 4], start: Option<Object>) -> Register {
    Register {
        mutant: None,
        jobs,
        start,
        retries: 1,
    }
}

const TWO_CREATE: Register = race([Create, Create, Delete, ReadTwice], None);
const TWO_DELETE: Register = race([Create, Delete, Delete, ReadTwice], None);
const UPDATED: Register = race([Create, Update, Delete, ReadTwice], Some(Object::Value(1)));
const OVER_A_TOMBSTONE: Register =
    race([Create, Create, Delete, Update], Some(Object::Tombstone(0)));
const OVERWRITTEN: Register = race(
    [Overwrite, Update, ReadTwice, Delete],
    Some(Object::Value(1)),
);

pub(crate) fn safe(depth: Depth) -> Vec<Run> {
    let races = [
        ("two create, one deletes", TWO_CREATE),
        ("one creates, two delete", TWO_DELETE),
        ("created, updated, deleted", UPDATED),
        ("created over a tombstone", OVER_A_TOMBSTONE),
        ("overwritten whatever is there", OVERWRITTEN),
    ];
    let mut runs = Vec::new();
    for (name, model) in races {
        if depth == Depth::Deep {
            let retries = 2;
            let longer = Register {
                retries,
                ..model.clone()
            };
            runs.push(Run::new(PART, format!("{name}, two retries"), longer));
        }
        runs.push(Run::new(PART, name, model));
    }
    runs
}

pub(crate) fn mutated(mutant: Mutant) -> Option<Run> {
    let model = match mutant {
        Mutant::TombstonesAlike => TWO_DELETE,
        Mutant::DeleteLeavesNothing
        | Mutant::TombstoneSweptAtOnce
        | Mutant::UnknownTriedAgain
        | Mutant::RefusalBelieved => TWO_CREATE,
        Mutant::UnknownIsConflict => UPDATED,
        Mutant::UnconditionalSentAgain => OVERWRITTEN,
        _ => return None,
    };
    let mutant = Some(mutant);
    Some(Run::new(PART, "", Register { mutant, ..model }))
}
