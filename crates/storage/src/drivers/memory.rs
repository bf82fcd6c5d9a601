//! The memory driver: the reference that tests compare with. Nothing outlives the process.

mod data;
mod records;

pub use data::MemoryData;
pub use records::MemoryRecords;

#[cfg(test)]
mod tests;
