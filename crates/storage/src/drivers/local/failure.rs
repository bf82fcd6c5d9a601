//! Turns the errors of the operating system and of redb into storage errors.

use crate::{Kind, Operation, StorageError};
use std::io;

/// Makes a storage error of an I/O error.
pub(super) fn from_io(
    operation: Operation,
    key: &str,
    error: impl Into<io::Error>,
) -> StorageError {
    let error = error.into();
    StorageError::new(kind(&error), operation, key, error)
}

/// Makes a storage error of whatever redb reports.
pub(super) fn from_redb(
    operation: Operation,
    key: &str,
    error: impl Into<redb::Error>,
) -> StorageError {
    let error = error.into();
    let kind = match &error {
        redb::Error::Io(error) => kind(error),
        redb::Error::Corrupted(_)
        | redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. } => Kind::Corrupt,
        redb::Error::DatabaseClosed | redb::Error::PreviousIo => Kind::Unavailable,
        _ => Kind::Io,
    };
    StorageError::new(kind, operation, key, error)
}

/// Tells what the caller can do about an I/O error.
pub(super) fn kind(error: &io::Error) -> Kind {
    use io::ErrorKind as E;
    match error.kind() {
        E::NotFound => Kind::NotFound,
        E::StorageFull | E::QuotaExceeded => Kind::Full,
        E::PermissionDenied | E::ReadOnlyFilesystem => Kind::Denied,
        E::UnexpectedEof | E::InvalidData => Kind::Corrupt,
        E::OutOfMemory | E::TimedOut => Kind::Unavailable,
        _ if is_out_of_handles(error) => Kind::Unavailable,
        _ => Kind::Io,
    }
}

/// Too many open files, here or in the whole system: the same call may work later.
fn is_out_of_handles(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE]
        .iter()
        .any(|errno| number == Some(errno.raw_os_error()))
}
