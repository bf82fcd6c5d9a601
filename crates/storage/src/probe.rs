//! Tries on the real store what the contract asks of it, and tells what came back.
//!
//! A server does this at its start: it serves alone where only conditions are missing, and refuses a
//! store that lacks anything else the protocol rests on; `roadstead storage check` shows the whole
//! table.

mod capabilities;
mod data;
mod records;

pub use capabilities::{Ability, Capabilities, Serving, Trial, Verdict};

use crate::{DataStore, RecordStore};

/// Makes every trial under fresh keys `meta/probe/…` and cleans up after itself. Never fails: an
/// error is what came back. Leaves tombstones, which are swept as any other.
pub async fn probe(records: &dyn RecordStore, data: &dyn DataStore) -> Capabilities {
    let mut capabilities = Capabilities::default();
    let prefix = format!("meta/probe/{:032x}", rand::random::<u128>());
    records::probe(&mut capabilities, records, &prefix).await;
    data::probe(&mut capabilities, data).await;
    records::clean_up(records, &prefix).await;
    capabilities
}

#[cfg(test)]
mod tests;
