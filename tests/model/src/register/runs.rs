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
const OVER_A_TOMBSTONE: Register = race(
    [Create, Create, Delete, Update],
    Some(Object::Tombstone(0)),
);
const OVERWRITTEN: Register = race([Overwrite, Update, ReadTwice, Delete], Some(Object::Value(1)));

pub(crate) fn safe(depth: Depth) -> Vec<Run> {
    let races = [
        ("two create, one deletes", 1, TWO_CREATE),
        ("one creates, two delete", 1, TWO_DELETE),
        ("created, updated, deleted", 1, UPDATED),
        ("created over a tombstone", 1, OVER_A_TOMBSTONE),
        ("overwritten whatever is there", 1, OVERWRITTEN),
    ];
    let mut runs = Vec::new();
    for (name, least, model) in races {
        if depth == Depth::Deep {
            let retries = 2;
            let longer = Register { retries, ..model.clone() };
            runs.push(Run::new(PART, format!("{name}, two retries"), least, longer));
        }
        runs.push(Run::new(PART, name, least, model));
    }
    runs
}

pub(crate) fn mutated(mutant: Mutant) -> Option<Run> {
    let model = match mutant {
        Mutant::TombstonesAlike => Register { retries: 2, ..TWO_DELETE },
        Mutant::DeleteLeavesNothing
        | Mutant::TombstoneSweptAtOnce
        | Mutant::UnknownTriedAgain
        | Mutant::RefusalBelieved => TWO_CREATE,
        Mutant::UnknownIsConflict => UPDATED,
        Mutant::UnconditionalSentAgain => OVERWRITTEN,
        _ => return None,
    };
    let mutant = Some(mutant);
    Some(Run::new(PART, "", 0, Register { mutant, ..model }))
}
