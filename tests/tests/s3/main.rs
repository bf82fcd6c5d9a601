//! The S3 driver over the strict fake: the suite of all drivers, and what only faults on demand show.

#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

mod alone;
mod data;
mod fixture;
mod reads;
mod records;
mod redirects;
mod suite;
mod tombstones;
mod uploads;
