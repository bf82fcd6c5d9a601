//! What can go wrong in a storage call: a kind to act on and a cause to log.

use std::fmt;

/// What the caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The data object, or the upload's bytes, are not there.
    NotFound,
    /// The store is full, or below its reserve of free space; reads and deletes still work.
    Full,
    /// The store does not answer, or not in time; the same call may work later.
    Unavailable,
    /// The store refuses these credentials.
    Denied,
    /// What was read is not what was written: short, or not in a known format.
    Corrupt,
    /// A newer writer went on with this upload; this one must stop.
    Superseded,
    /// The call itself is wrong: an empty or too large record, a range outside the object.
    Invalid,
    /// An I/O error that no retry of this call mends; an fsync error is final for its file.
    Io,
}

impl Kind {
    /// Returns the kind's name as metrics show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Full => "full",
            Self::Unavailable => "unavailable",
            Self::Denied => "denied",
            Self::Corrupt => "corrupt",
            Self::Superseded => "superseded",
            Self::Invalid => "invalid",
            Self::Io => "io",
        }
    }
}

/// The storage call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Opening the store or probing it.
    Open,
    /// `RecordStore::get`
    Get,
    /// `RecordStore::put`
    Put,
    /// `RecordStore::delete`
    Delete,
    /// `RecordStore::list`
    List,
    /// `RecordStore::now`
    Now,
    /// `DataStore::begin`
    Begin,
    /// `DataStore::append`
    Append,
    /// `DataStore::checkpoint`
    Checkpoint,
    /// `DataStore::read_back`
    ReadBack,
    /// `DataStore::finish`
    Finish,
    /// `DataStore::abort`
    Abort,
    /// `DataStore::read`
    Read,
    /// `DataStore::delete`
    DeleteData,
    /// `DataStore::uploads`
    Uploads,
    /// `DataStore::objects`
    Objects,
    /// `Presign::presign`
    Presign,
}

impl Operation {
    /// Returns the operation's name as metrics and messages show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Get => "get",
            Self::Put => "put",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Now => "now",
            Self::Begin => "begin",
            Self::Append => "append",
            Self::Checkpoint => "checkpoint",
            Self::ReadBack => "read_back",
            Self::Finish => "finish",
            Self::Abort => "abort",
            Self::Read => "read",
            Self::DeleteData => "delete_data",
            Self::Uploads => "uploads",
            Self::Objects => "objects",
            Self::Presign => "presign",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A failed storage call: which, on which key, what kind, and why.
#[derive(Debug, thiserror::Error)]
#[error("storage {operation} of {key:?} failed: {cause}")]
pub struct StorageError {
    kind: Kind,
    operation: Operation,
    key: String,
    #[source]
    cause: Box<dyn std::error::Error + Send + Sync>,
}

impl StorageError {
    /// Makes an error from its cause, which may be a plain text.
    pub fn new(
        kind: Kind,
        operation: Operation,
        key: impl Into<String>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            operation,
            key: key.into(),
            cause: cause.into(),
        }
    }

    /// Returns what the caller can do about it.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the call that failed.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// Returns the key that the call was about; empty when it was about none.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}
