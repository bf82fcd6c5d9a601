//! The two storage traits, their drivers, their decorators and the suite that every driver passes.
//!
//! This crate knows neither OCI nor HTTP. A record is a few bytes under a key, changed only by
//! compare-and-set; data is a large byte string, written once under a key that is never reused.
//! `docs/storage.md` tells the contract in prose; the suite in `suite` has a test for each clause.

pub mod clock;
pub mod data_file;
pub mod data_store;
pub mod decorators;
pub mod drivers;
pub mod error;
pub mod limits;
mod locks;
pub mod probe;
pub mod record_store;
#[cfg(any(test, feature = "suite"))]
#[expect(
    missing_docs,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "these are tests: the name of a clause says what it asserts"
)]
pub mod suite;

pub use clock::{Clock, ManualClock, Timestamp};
pub use data_file::DataFile;
pub use data_store::{
    DataKey, DataRef, DataStore, DataStream, ListedObject, ObjectPage, Presign, Upload, UploadHint,
    UploadState,
};
pub use drivers::local::{BackUp, BackupGuide, BackupReport, Look, NamedObject};
pub use error::{Kind, Operation, StorageError};
pub use record_store::{
    Condition, Entry, MAX_RECORD_BYTES, Outcome, Page, Part, Read, Record, RecordStore,
    TOMBSTONE_AGE, Version, WriteTogether,
};

/// The result of every storage call.
pub type Result<T> = std::result::Result<T, StorageError>;
