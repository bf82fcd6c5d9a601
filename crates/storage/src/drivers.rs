//! The drivers: each implements both storage traits over one kind of store.

pub mod azure;
mod conditional;
pub mod local;
pub mod memory;
mod place;
mod read_ahead;
pub mod s3;
pub mod secret;
mod shares;
