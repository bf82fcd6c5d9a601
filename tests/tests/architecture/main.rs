//! The shape of the project: which crate may import which, and no circles among the modules of one.

mod circles;
mod crates;
