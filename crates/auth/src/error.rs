//! What can go wrong when identities, rules or keys are read or changed.

use roadstead_storage::StorageError;

/// A failure of this crate. That a caller is not who they say, or may not, is no failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The record store failed.
    #[error("failed to reach the record store")]
    Storage(#[from] StorageError),
    /// A record is broken, or of a version that this program does not know.
    #[error("record {key:?} is unreadable: {reason}")]
    RecordUnreadable {
        /// The key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something of this name exists already.
    #[error("{0} exists already")]
    Exists(String),
    /// Nothing of this name exists.
    #[error("there is no {0}")]
    Absent(String),
    /// The change itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// An answer was lost and another change came after: this one was made and replaced, or never
    /// made. Look, and repeat it if it is still wanted.
    #[error("it is not known whether the change of {key:?} was made")]
    Uncertain {
        /// The key.
        key: String,
    },
    /// Others changed the record every time this change was tried.
    #[error("record {key:?} is changed by others all the time")]
    Contended {
        /// The key.
        key: String,
    },
    /// As many passwords are being verified as may be, and as many wait.
    #[error("too many passwords are being verified")]
    Busy,
    /// A password could not be hashed, or its hash is none.
    #[error("failed to hash a password: {0}")]
    Hash(String),
}

/// The result of this crate's calls.
pub type Result<T> = std::result::Result<T, AuthError>;
