//! The S3 driver over the strict fake: the suite of all drivers, and what only faults on demand show.

mod data;
mod fixture;
mod reads;
mod records;
mod suite;
mod tombstones;
mod uploads;
