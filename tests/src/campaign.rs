//! Clients that push, pull, move, delete and mount at random, and a model of what they were told:
//! the crash rounds run them against one server, the chaos rounds against replicas over a store
//! that fails.
//!
//! A campaign has rounds. In a round clients work while something goes wrong; then everything is
//! started afresh and [`verify::verify`] compares what is there with what may be there.

pub mod collecting;
pub mod connection;
pub(crate) mod content;
pub mod load;
pub mod named;
pub(crate) mod register;
pub(crate) mod session;
pub mod shared;
pub mod verify;
pub mod world;

/// How many findings a report tells; a broken server has many.
pub const MOST_TOLD: usize = 10;

/// Writes a line to the standard output. Who closed it does not want to read it.
pub fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
