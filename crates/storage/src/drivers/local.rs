//! The local driver: records in one redb file, data in plain files, for one server on one folder.
//!
//! ```text
//! <folder>/lock            held by the server that has the folder open
//! <folder>/format          what the folder is, and the version of its layout
//! <folder>/records.redb    the records
//! <folder>/records.journal  those written last, until the file above is brought to the disk
//! <folder>/uploads/<id>    unfinished uploads
//! <folder>/data/<hh>/<hh>/<id>   finished data objects, by the first digits of their id
//! ```

mod backend;
mod backup;
mod batch;
mod data;
mod database;
mod direct;
mod disk;
mod failure;
mod finished;
mod folder;
mod gather;
mod journal;
mod listing;
mod place;
mod publish;
mod reader;
mod records;
mod settings;
mod snapshot;
mod space;
mod staging;
mod steady;
mod upload;
mod value;
mod writer;

pub use backup::{
    BackUp, BackupEntry, BackupGuide, BackupInfo, BackupReport, Look, NamedObject, Restoring,
    VerifyReport, list_backups, restore_backup, verify_backup,
};
pub use data::LocalData;
pub use records::LocalRecords;
pub use settings::LocalSettings;

use crate::clock::Clock;
use crate::{Kind, Operation, Result, StorageError};
use std::path::Path;
use std::sync::Arc;

/// An open data folder. The lock on it is released when the last clone of this and of its two
/// halves is dropped.
#[derive(Clone, Debug)]
pub struct LocalStore {
    records: LocalRecords,
    data: LocalData,
}

impl LocalStore {
    /// Opens the folder, or makes it, and repairs the record file after a crash. Blocks. Errors
    /// are sentences for whoever starts the server: `Unavailable` when another server has the
    /// folder open, `Denied` when it is not writable, `Corrupt` when another version wrote it.
    pub fn open(settings: &LocalSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_on(settings, clock, Arc::new(disk::Kernel))
    }

    fn open_on(
        settings: &LocalSettings,
        clock: Arc<dyn Clock>,
        disk: Arc<dyn disk::Disk>,
    ) -> Result<Self> {
        let folder = Arc::new(folder::Folder::open(settings, Arc::clone(&clock), disk)?);
        let records = LocalRecords::open(Arc::clone(&folder), settings, clock)?;
        let data = LocalData::new(folder, settings.upload_buffer_bytes, records.clock());
        Ok(Self { records, data })
    }

    /// Returns the records.
    #[must_use]
    pub fn records(&self) -> LocalRecords {
        self.records.clone()
    }

    /// Returns the data.
    #[must_use]
    pub fn data(&self) -> LocalData {
        self.data.clone()
    }

    /// Applies the writes that wait, closes the record file and ends its thread. Every later call
    /// on records fails with `Unavailable`. Dropping everything does the same.
    pub async fn shutdown(&self) -> Result<()> {
        let records = self.records.clone();
        let closed = tokio::task::spawn_blocking(move || records.close()).await;
        closed.map_err(|error| StorageError::new(Kind::Unavailable, Operation::Open, "", error))
    }
}

impl BackUp for LocalStore {
    fn back_up(&self, directory: &Path, guide: &dyn BackupGuide) -> Result<BackupReport> {
        let (folder, published) = (self.records.folder(), self.records.published());
        let now = || self.records.clock_now();
        backup::create(folder, published, now, directory, guide)
    }
}

#[cfg(test)]
mod tests;
