//! A model of the storage protocol.

/// A situation that a model must come to, or it checks nothing.
macro_rules! reached {
    ($name:literal, $condition:expr) => {
        stateright::Property::sometimes(concat!("reached: ", $name), $condition)
    };
}

mod batches;
pub mod check;
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

pub use check::{Depth, Run};
pub use mutant::Mutant;

/// Returns the runs of a depth without any rule taken away.
#[must_use]
pub fn safe(depth: Depth) -> Vec<Run> {
    let mut runs = Vec::new();
    for part in PARTS {
        runs.extend((part.safe)(depth));
    }
    runs
}

/// Returns the run that a mutant is caught in.
#[must_use]
pub fn mutated(mutant: Mutant) -> Option<Run> {
    PARTS.iter().find_map(|part| (part.mutated)(mutant))
}

/// Returns the runs in which something is known to go wrong.
#[must_use]
pub fn gaps() -> Vec<Run> {
    let mut runs = sessions::gaps();
    runs.extend(memory::gaps());
    runs
}

struct Part {
    safe: fn(Depth) -> Vec<Run>,
    mutated: fn(Mutant) -> Option<Run>,
}

const PARTS: &[Part] = &[
    Part { safe: guarded::safe, mutated: guarded::mutated },
    Part { safe: names::safe, mutated: names::mutated },
    Part { safe: register::safe, mutated: register::mutated },
    Part { safe: sessions::safe, mutated: sessions::mutated },
    Part { safe: untagged::safe, mutated: untagged::mutated },
    Part { safe: removed::safe, mutated: removed::mutated },
    Part { safe: batches::safe, mutated: batches::mutated },
    Part { safe: memory::safe, mutated: memory::mutated },
    Part { safe: grace::safe, mutated: grace::mutated },
];
