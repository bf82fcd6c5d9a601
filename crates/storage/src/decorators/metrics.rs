//! Tells an observer of every storage call: which driver, what, how it ended, how long it took.
//!
//! The observer is a trait, so that this crate needs no library for metrics.

mod data;
mod observer;
mod records;

pub use data::ObservedData;
pub use observer::{Call, Ended, StorageObserver, Streamed};
pub use records::ObservedRecords;

#[cfg(test)]
mod tests;
