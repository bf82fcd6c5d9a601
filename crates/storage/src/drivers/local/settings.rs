//! What can be set on the local driver.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of the local driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalSettings {
    /// The data folder; made with mode 0700 when it is missing.
    pub path: PathBuf,
    /// Bytes of the file system that uploads leave free. Reads, deletes and records go on below it.
    pub reserve_bytes: u64,
    /// The most memory that the record store uses for its pages, in bytes.
    pub record_cache_bytes: usize,
    /// Memory that all uploads together should use for bytes on their way to the disk, in bytes.
    /// Each has 64 KiB at least and 1 MiB at most, and once more while a write is under way.
    pub upload_buffer_bytes: usize,
    /// How old a write may be when it is applied; an older one is refused.
    pub request_life: Duration,
}

impl LocalSettings {
    /// Makes the default settings for a folder: a reserve of 1 GiB, 32 MiB of record cache, 16 MiB
    /// of upload buffers, 15 minutes for a write to be applied.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            reserve_bytes: 1024 * 1024 * 1024,
            record_cache_bytes: 32 * 1024 * 1024,
            upload_buffer_bytes: 16 * 1024 * 1024,
            request_life: Duration::from_mins(15),
        }
    }
}
