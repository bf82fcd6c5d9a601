//! A memory of referrer entries, bounded in bytes.

use bytes::Bytes;
use moka::sync::Cache;
use roadstead_storage::Timestamp;

/// Memory for entries that were read lately, in bytes.
const CACHE_BYTES: u64 = 4 << 20;

/// What a listing shows of a referrer.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) artifact_type: Option<String>,
    pub(crate) descriptor: Bytes,
}

/// Entries that were read lately. The listing decides what is there; this only spares the reads of
/// entries that were not written since.
pub(crate) struct ListedReferrers {
    pub(crate) recent: Cache<String, (Timestamp, Listed)>,
}

impl ListedReferrers {
    pub(crate) fn new() -> Self {
        let weigh = |key: &String, (_, listed): &(Timestamp, Listed)| {
            let bytes = key.len() + listed.descriptor.len() + 128;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self {
            recent: Cache::builder()
                .weigher(weigh)
                .max_capacity(CACHE_BYTES)
                .build(),
        }
    }
}
