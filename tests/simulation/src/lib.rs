//! The registry's core, unchanged, over the memory driver, under a scheduler: several replicas,
//! clients, collector and sweeper at once. Every call to storage waits until the scheduler lets it
//! go; which one is next, whether it fails, whether its answer is lost, when a replica dies and how
//! much time passes comes from one seed. A seed that fails replays exactly.
//!
//! | file | job |
//! |---|---|
//! | `dice.rs` | numbers from the seed |
//! | `stores.rs` | stores whose calls wait for their turn |
//! | `scheduler.rs` | whose turn it is, faults, crashes, late requests |
//! | `content.rs` | the images that clients push |
//! | `clients.rs` | what clients do |
//! | `promises.rs` | what was answered, and what must hold therefore |
//! | `invariants.rs` | what must hold in the store at every moment |
//! | `ending.rs` | what must be left when all is over |
//! | `run.rs` | one history, from seed to verdict |
//!
//! Not simulated: drivers (the memory driver answers at once and never loses what it answered),
//! HTTP, clocks that jump on their own.

mod clients;
mod content;
mod dice;
mod ending;
mod invariants;
mod promises;
mod run;
mod scheduler;
mod stores;

pub use run::{Failure, Summary, simulate};
