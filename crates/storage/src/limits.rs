//! What every driver refuses before it does anything, so that all of them refuse the same.

use crate::{Kind, MAX_RECORD_BYTES, Operation, Part, Result, StorageError};
use std::ops::Range;

/// The longest key a store takes, in bytes; what S3 allows.
pub const MAX_KEY_BYTES: usize = 1024;

/// The longest page of a listing, in entries.
pub const MAX_PAGE_ENTRIES: usize = 10_000;

/// Refuses a record key that is empty or longer than [`MAX_KEY_BYTES`].
pub(crate) fn check_key(operation: Operation, key: &str) -> Result<()> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        let reason = format!(
            "a key has 1 to {MAX_KEY_BYTES} bytes, this has {}",
            key.len()
        );
        return Err(StorageError::new(Kind::Invalid, operation, key, reason));
    }
    Ok(())
}

/// Refuses a record that is empty or longer than [`MAX_RECORD_BYTES`].
pub(crate) fn check_record(key: &str, bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() || bytes.len() > MAX_RECORD_BYTES {
        let reason = format!(
            "a record has 1 to {MAX_RECORD_BYTES} bytes, this has {}",
            bytes.len()
        );
        return Err(StorageError::new(
            Kind::Invalid,
            Operation::Put,
            key,
            reason,
        ));
    }
    Ok(())
}

/// Refuses parts of a write of which two have the same key, or one has a wrong key or record.
pub(crate) fn check_parts(parts: &[Part]) -> Result<()> {
    for (index, part) in parts.iter().enumerate() {
        check_key(Operation::Put, &part.key)?;
        if let Some(bytes) = &part.bytes {
            check_record(&part.key, bytes)?;
        }
        if parts[..index].iter().any(|other| other.key == part.key) {
            let (kind, reason) = (Kind::Invalid, "two parts of one write have this key");
            return Err(StorageError::new(kind, Operation::Put, &*part.key, reason));
        }
    }
    Ok(())
}

/// Refuses a page of no or of more than [`MAX_PAGE_ENTRIES`] entries.
pub(crate) fn check_page(prefix: &str, limit: usize) -> Result<()> {
    check_entries(Operation::List, prefix, limit)
}

/// Refuses a page of no or of more than [`MAX_PAGE_ENTRIES`] data objects.
pub(crate) fn check_objects(limit: usize) -> Result<()> {
    check_entries(Operation::Objects, "", limit)
}

fn check_entries(operation: Operation, what: &str, limit: usize) -> Result<()> {
    if limit == 0 || limit > MAX_PAGE_ENTRIES {
        let reason = format!("a page has 1 to {MAX_PAGE_ENTRIES} entries, asked for {limit}");
        return Err(StorageError::new(Kind::Invalid, operation, what, reason));
    }
    Ok(())
}

/// Refuses a range that ends before it starts.
pub(crate) fn check_range(key: &str, range: &Range<u64>) -> Result<()> {
    if range.start > range.end {
        let reason = format!(
            "the range {}..{} ends before it starts",
            range.start, range.end
        );
        return Err(StorageError::new(
            Kind::Invalid,
            Operation::Read,
            key,
            reason,
        ));
    }
    Ok(())
}

/// Makes the error for an object that is shorter than a range's end.
pub(crate) fn too_short(key: &str, length: u64, range: &Range<u64>) -> StorageError {
    let reason = format!(
        "bytes {}..{} of an object of {length} bytes",
        range.start, range.end
    );
    StorageError::new(Kind::Corrupt, Operation::Read, key, reason)
}
