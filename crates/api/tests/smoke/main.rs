//! The HTTP face over the memory driver, spoken to over real sockets: that the parts fit together.
//! The protocol's finer points are tested elsewhere.

#![expect(clippy::unwrap_used, reason = "a test may panic, its fixture too")]

mod blobs;
mod files;
mod fixture;
mod manifests;
mod transport;
mod wire;
