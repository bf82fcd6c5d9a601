//! Stores that fail on purpose: by a script, or at random from a seed.

mod data;
mod plan;
mod records;

pub use data::FaultyData;
pub use plan::{Fault, FaultPlan, Gate};
pub use records::FaultyRecords;

#[cfg(test)]
mod tests;
