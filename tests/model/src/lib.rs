//! A model of Roadstead's storage protocol that a checker explores exhaustively within bounds.
//!
//! Each part is small, has the situations of one rule book, and is read beside the code that it follows;
//! the head of its file names that code.
//!
//! | part | what happens in it |
//! |---|---|
//! | `guarded` | links and blobs: upload, mount, manifest PUT, hidden links, two collectors a level |
//! | `names` | manifests, tags, generations, reverse entries, fences, history, referrers, catalog |
//! | `untagged` | level 0 under a policy: tags, indexes and subjects as references |
//! | `removed` | DELETE and undelete: what was removed keeps its links for a while |
//! | `batches` | lists of what is condemned or hidden |
//! | `sessions` | the end of an upload: closing twice, cancelling, sweeping |
//! | `memory` | what a replica remembers of the links that it protected |
//! | `grace` | the promise of HEAD |
//! | `register` | one record over conditional puts: tombstones, lost answers, late requests |
//!
//! # How a part is written
//!
//! A state holds the records, and of every actor where it is and what it knows. An action is one storage
//! call of one actor, or a tick of time. An actor that is not scheduled again has crashed, so every
//! state is judged as the last one. A version is not a number: an actor that read a record knows
//! whether somebody wrote it since (`is_fresh`), which is all that compare-and-set asks.
//!
//! A rule is a `Mutant`: where the model follows the rule, it asks `is_without` first. To change a
//! rule, look for its mutant; to add one, add the mutant, meet it in a run of `mutated`, and give it a
//! test.
//!
//! # How to read a counterexample
//!
//! `cargo run --release -p roadstead-model -- --mutants --trace TagSentAtAnyTime` prints what follows when that
//! rule is missing: the broken property, the state at the start, then for each step what was done
//! and the state after it. The way is among the shortest there are. Look at the last state first: it is
//! the one that breaks the property. Then go back to the step in which an actor read what was no longer
//! true when it wrote; the rule belongs between the two. What does not change from line to line is
//! of no matter.

/// A situation that a model must come to, or it checks nothing.
macro_rules! reached {
    ($name:literal, $condition:expr) => {
        stateright::Property::sometimes(concat!("reached: ", $name), $condition)
    };
}

mod batches;
mod check;
mod grace;
mod guarded;
mod linear;
mod memory;
mod mutant;
mod names;
mod register;
mod removed;
mod sessions;
mod untagged;

pub use check::{Counterexample, Depth, Report, Run};
pub use mutant::Mutant;

/// A part of the model: its runs, and the run that one of its mutants is caught in.
struct Part {
    safe: fn(Depth) -> Vec<Run>,
    mutated: fn(Mutant) -> Option<Run>,
}

macro_rules! parts {
    ($($part:ident),+) => {
        &[$(Part { safe: $part::safe, mutated: $part::mutated }),+]
    };
}

const PARTS: &[Part] = parts![
    guarded, names, untagged, removed, batches, sessions, memory, grace, register
];

/// Returns the runs with every rule in force. Each must be exhausted and break nothing.
#[must_use]
pub fn safe(depth: Depth) -> Vec<Run> {
    PARTS.iter().flat_map(|part| (part.safe)(depth)).collect()
}

/// Returns the run in which a missing rule is noticed.
#[must_use]
pub fn mutated(mutant: Mutant) -> Option<Run> {
    PARTS.iter().find_map(|part| (part.mutated)(mutant))
}

/// Returns the runs in which something is known to go wrong; `docs/reliability.md` says what.
#[must_use]
pub fn gaps() -> Vec<Run> {
    let mut runs = sessions::gaps();
    runs.extend(memory::gaps());
    runs
}
