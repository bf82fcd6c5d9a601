//! The record file: opens it, publishes what is durable in it, opens it again after a failed write.

use super::backend::{Headroom, Health, WatchedFile};
use super::batch::Batch;
use super::disk::Root;
use super::failure;
use super::publish;
use super::snapshot::{Snapshot, Tombstone};
use super::value::{CLOCK, CLOCK_STEP, LATEST, RECORDS, TOMBSTONES};
use crate::{Kind, Operation, Result, StorageError, Timestamp};
use redb::{Database, ReadableDatabase};
use rustix::fs::{AtFlags, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The name of the record file in the data folder.
const NAME: &str = "records.redb";

/// The snapshot that readers use now; none while the file is closed.
#[derive(Debug, Default)]
pub(super) struct Published(RwLock<Option<Arc<Snapshot>>>);

impl Published {
    /// Returns the records as of the last durable commit.
    pub(super) fn current(&self, operation: Operation, key: &str) -> Result<Arc<Snapshot>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        current.clone().ok_or_else(|| {
            let reason = "the record file is closed, or not open again yet after a failed write";
            StorageError::new(Kind::Unavailable, operation, key, reason)
        })
    }

    fn set(&self, snapshot: Option<Arc<Snapshot>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }
}

/// The record file, owned by the writer thread.
pub(super) struct RecordFile {
    root: Arc<Root>,
    /// Where the file is, for messages.
    path: PathBuf,
    cache_bytes: usize,
    health: Arc<Health>,
    database: Option<Database>,
    published: Arc<Published>,
    headroom: Option<Arc<Headroom>>,
    /// The time that is kept in the file.
    kept_time: Timestamp,
    /// Whether the last commit took down which pages are in use, so that the file would be opened
    /// after a crash without being read as a whole.
    is_settled: bool,
}

impl RecordFile {
    /// Opens or makes the file, repairing it after a crash.
    pub(super) fn open(
        root: Arc<Root>,
        folder: &Path,
        cache_bytes: usize,
        published: Arc<Published>,
    ) -> Result<Self> {
        let mut file = Self {
            root,
            path: folder.join(NAME),
            cache_bytes,
            health: Arc::default(),
            database: None,
            published,
            headroom: None,
            kept_time: Timestamp::default(),
            is_settled: true,
        };
        file.make_if_missing()
            .map_err(|error| explain(&file.path, error))?;
        file.reopen()?;
        let kept_time = file.read_time();
        file.kept_time = kept_time.map_err(|error| explain(&file.path, error))?;
        Ok(file)
    }

    /// Returns the state that a batch begins on, after opening the file again where that is
    /// needed; an error tells why nothing can be written.
    pub(super) fn ready(&mut self) -> Result<Arc<Snapshot>> {
        if self.health.has_sync_failed() {
            let reason = "an earlier fsync of the record file failed, so no write can be trusted; \
                          check the disk, then start the server again";
            return Err(StorageError::new(Kind::Io, Operation::Put, "", reason));
        }
        if self.database.is_none() {
            self.reopen()?;
            tracing::info!(path = %self.path.display(), "opened the record file again");
        }
        self.published.current(Operation::Put, "")
    }

    /// Commits a batch and shows it to readers. After an error the batch may be durable or not.
    pub(super) fn commit(&mut self, batch: &Batch<'_>, old: &[Tombstone]) -> Result<()> {
        let database = self
            .database
            .as_ref()
            .expect("`ready` opened it for this batch");
        let keeps_time = batch.now() >= self.kept_time.plus(CLOCK_STEP);
        self.is_settled = false;
        let committed = batch
            .commit(database, old, keeps_time)
            .and_then(|()| self.publish());
        if committed.is_ok() && keeps_time {
            self.kept_time = batch.now();
        }
        committed.map_err(|error| {
            let error = failure::from_redb(Operation::Put, "", error);
            tracing::error!(%error, "failed to commit records");
            self.recover();
            error
        })
    }

    /// Tells whether the file would be opened after a crash without being read as a whole.
    pub(super) const fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Takes down in the file which of its pages are in use. Every commit could do that, but it
    /// takes a second fsync and a few bytes for each page of the file; so it is done when nobody
    /// waits. No record changes.
    pub(super) fn settle(&mut self) {
        let Some(database) = &self.database else {
            return;
        };
        // Once: after a failure the file is opened again, and the next write comes back to this.
        self.is_settled = true;
        let settled = database.begin_write().map_err(redb::Error::from);
        let settled = settled.and_then(|mut transaction| {
            transaction.set_quick_repair(true);
            Ok(transaction.commit()?)
        });
        if let Err(error) = settled.and_then(|()| self.publish()) {
            let error = failure::from_redb(Operation::Put, "", error);
            tracing::error!(%error, "failed to settle the record file");
            self.recover();
        }
    }

    /// Returns a time that no record of the file is later than.
    pub(super) fn least_time(&self) -> Timestamp {
        if self.kept_time == Timestamp::default() {
            return self.kept_time;
        }
        self.kept_time.plus(CLOCK_STEP)
    }

    /// Tells whether the disk has no more room for the file than what is kept for deletes.
    pub(super) fn is_low(&self) -> bool {
        self.headroom.as_ref().is_some_and(|room| room.is_low())
    }

    fn read_time(&self) -> std::result::Result<Timestamp, redb::Error> {
        let database = self.database.as_ref().expect("it has just been opened");
        match database.begin_read()?.open_table(CLOCK) {
            Ok(table) => {
                let latest = table.get(LATEST)?;
                let millis = latest.map_or(0, |latest| latest.value());
                Ok(Timestamp::from_millis(millis))
            }
            // An earlier version kept none.
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(Timestamp::default()),
            Err(other) => Err(other.into()),
        }
    }

    /// Closes the file; readers get errors from now on.
    pub(super) fn close(&mut self) {
        self.published.set(None);
        let Some(database) = self.database.take() else {
            return;
        };
        if let Err(error) = database.close() {
            tracing::warn!(%error, "failed to close the record file in good order");
        }
    }

    /// Opens the file again, because redb takes no more writes after an error of a commit. After a
    /// failed fsync it stays as it is: readers go on with what is durable for certain.
    fn recover(&mut self) {
        if self.health.has_sync_failed() {
            return;
        }
        self.close();
        if let Err(error) = self.reopen() {
            tracing::error!(%error, "failed to open the record file again, the next write retries");
        }
    }

    fn publish(&self) -> std::result::Result<(), redb::Error> {
        let database = self
            .database
            .as_ref()
            .expect("only an open file is published");
        self.published
            .set(Some(Arc::new(Snapshot::open(database)?)));
        Ok(())
    }

    fn reopen(&mut self) -> Result<()> {
        let opened = self.open_database(NAME, OFlags::empty());
        let (database, headroom, was_repaired) =
            opened.map_err(|error| explain(&self.path, error))?;
        self.is_settled = !was_repaired;
        (self.database, self.headroom) = (Some(database), Some(headroom));
        self.publish().map_err(|error| {
            self.database = None;
            explain(&self.path, error)
        })
    }

    /// Makes the file under another name first: redb does not open one that it has only begun,
    /// which is what a crash at the wrong moment would leave.
    fn make_if_missing(&self) -> std::result::Result<(), redb::Error> {
        match rustix::fs::statat(self.root.directory(), NAME, AtFlags::empty()) {
            Err(Errno::NOENT) => {}
            other => return Ok(other.map(drop).map_err(std::io::Error::from)?),
        }
        let (database, ..) = self.open_database(&publish::staged_name(NAME), OFlags::TRUNC)?;
        let transaction = database.begin_write()?;
        transaction.open_table(RECORDS)?;
        transaction.open_table(TOMBSTONES)?;
        transaction.commit()?;
        database.close()?;
        Ok(publish::settle(&self.root, NAME).map_err(std::io::Error::from)?)
    }

    fn open_database(
        &self,
        name: &str,
        flags: OFlags,
    ) -> std::result::Result<(Database, Arc<Headroom>, bool), redb::Error> {
        let file = open_file(&self.root, name, flags)?;
        let health = Arc::clone(&self.health);
        let backend = WatchedFile::new(Arc::clone(&self.root), file, health)?;
        let headroom = backend.headroom();
        let was_repaired = Arc::<AtomicBool>::default();
        let repaired = Arc::clone(&was_repaired);
        let database = redb::Builder::new()
            .set_cache_size(self.cache_bytes)
            .set_repair_callback(move |repair| {
                repaired.store(true, Ordering::Relaxed);
                tracing::info!(
                    progress = repair.progress(),
                    "checking the record file after a crash"
                );
            })
            .create_with_backend(backend)?;
        Ok((database, headroom, was_repaired.load(Ordering::Relaxed)))
    }
}

fn open_file(root: &Root, name: &str, flags: OFlags) -> std::io::Result<File> {
    let file = File::from(root.create(name, OFlags::RDWR | flags)?);
    // What an earlier process failed to bring to the disk may still be in the page cache, where it
    // would be believed. Only a hint: where it is not taken, nothing is worse than before.
    let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    Ok(file)
}

fn explain(path: &Path, error: redb::Error) -> StorageError {
    let path = path.display().to_string();
    let reason = match &error {
        redb::Error::UpgradeRequired(version) => format!(
            "the record file has redb's format {version}, which this version cannot read; \
             use the version that wrote it"
        ),
        redb::Error::DatabaseAlreadyOpen => "another process has the record file open".to_owned(),
        redb::Error::TableTypeMismatch { table, .. } => {
            format!("the table {table} of the record file is not one that this version wrote")
        }
        _ => return failure::from_redb(Operation::Open, &path, error),
    };
    let kind = failure::from_redb(Operation::Open, &path, error).kind();
    StorageError::new(kind, Operation::Open, path, reason)
}
