//! What the tests of the whole share: the real binary as a process, HTTP byte by byte, and content
//! to push.
//!
//! Nothing here but [`stored`] knows the registry's crates: what goes over the wire is read as a
//! stranger reads it.

#![expect(
    clippy::missing_panics_doc,
    reason = "everything here panics where a test has failed"
)]

pub mod binary;
pub mod campaign;
pub mod content;
pub mod frames;
pub mod http;
pub mod linearizable;
pub mod people;
pub mod push;
pub mod s3_fake;
pub mod server;
#[cfg(feature = "stored")]
pub mod stored;
pub mod waiting;
