//! A model of the storage protocol.

/// A situation that a model must come to, or it checks nothing.
macro_rules! reached {
    ($name:literal, $condition:expr) => {
        stateright::Property::sometimes(concat!("reached: ", $name), $condition)
    };
}

pub mod check;
mod guarded;
mod linear;
mod mutant;

pub use check::{Depth, Run};
pub use mutant::Mutant;

/// Returns the runs of a depth without any rule taken away.
#[must_use]
pub fn safe(depth: Depth) -> Vec<Run> {
    let mut runs = Vec::new();
    runs.extend(guarded::safe(depth));
    runs
}

/// Returns the run that a mutant is caught in.
#[must_use]
pub fn mutated(mutant: Mutant) -> Option<Run> {
    guarded::mutated(mutant)
}
