//! The drivers: each implements both storage traits over one kind of store.

pub mod local;
pub mod memory;
