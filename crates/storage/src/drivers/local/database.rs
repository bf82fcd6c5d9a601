//! The record file and its journal: opens them, publishes what is durable, opens them again after a
//! failed write.

use super::backend::{Headroom, Health, WatchedFile};
use super::batch::{self, Batch};
use super::disk::Root;
use super::failure;
use super::journal::{Cycle, Entered, Journal, Position};
use super::publish;
use super::snapshot::{Snapshot, Tombstone};
use super::value::{CLOCK, CLOCK_STEP, CYCLE, JOURNAL, LATEST, RECORDS, TOMBSTONES};
use crate::{Kind, Operation, Result, StorageError, Timestamp};
use redb::{Database, Durability, ReadableDatabase, WriteTransaction};
use rustix::fs::{AtFlags, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The name of the record file in the data folder.
const NAME: &str = "records.redb";

/// How much of the disk is kept for the file beyond what it uses, in bytes: as much as the cache, for
/// that holds what the journal has, but no more and no less than this. Half of it is always there; a
/// quarter is what the changes in the journal may take up.
const LEAST_HEADROOM: u64 = 4 * 1024 * 1024;
const MOST_HEADROOM: u64 = 32 * 1024 * 1024;

/// The snapshot that readers use now; none while the file is closed.
#[derive(Debug, Default)]
pub(super) struct Published(RwLock<Option<Arc<Snapshot>>>);

impl Published {
    /// Returns the records as of the last batch that is durable.
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

/// How far a transaction reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// The journal has it already.
    Memory,
    /// To the disk, with all before it.
    Disk,
}

/// The record file and its journal, owned by the writer thread.
pub(super) struct RecordFile {
    root: Arc<Root>,
    /// Where the file is, for messages.
    path: PathBuf,
    cache_bytes: usize,
    health: Arc<Health>,
    database: Option<Database>,
    published: Arc<Published>,
    headroom: Option<Arc<Headroom>>,
    headroom_bytes: u64,
    journal: Journal,
    /// The time that is kept in the file.
    kept_time: Timestamp,
    /// Whether the file on the disk is all that there is: the journal has nothing beyond it.
    is_settled: bool,
}

impl RecordFile {
    /// Opens or makes the files; after a crash the records get what the journal has beyond their file.
    pub(super) fn open(
        root: Arc<Root>,
        folder: &Path,
        cache_bytes: usize,
        published: Arc<Published>,
    ) -> Result<Self> {
        let path = folder.join(NAME);
        let headroom_bytes = (cache_bytes as u64).clamp(LEAST_HEADROOM, MOST_HEADROOM);
        let journal = Journal::open(Arc::clone(&root), headroom_bytes / 4)
            .map_err(|error| explain(&path, error.into()))?;
        let mut file = Self {
            root,
            path,
            cache_bytes,
            health: Arc::default(),
            database: None,
            published,
            headroom: None,
            headroom_bytes,
            journal,
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

    /// Makes a batch durable and shows it to readers. After an error it may be durable or not.
    pub(super) fn commit(&mut self, batch: &Batch<'_>, old: &[Tombstone]) -> Result<()> {
        let keeps_time = batch.now() >= self.kept_time.plus(CLOCK_STEP);
        // Tombstones that a crash brings back are swept again.
        let is_durable = batch.is_empty() || self.enter(batch)? == Entered::Durable;
        let reach = if is_durable {
            Reach::Memory
        } else {
            Reach::Disk
        };
        let committed = self.transact(reach, |transaction| {
            batch.apply(transaction, old, keeps_time)
        });
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

    /// Tells whether the file on the disk is all that there is: a start after a crash would have
    /// nothing to do.
    pub(super) const fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Brings the file to the disk, so that the journal is empty. No record changes.
    pub(super) fn settle(&mut self) {
        if self.database.is_none() {
            return;
        }
        if let Err(error) = self.transact(Reach::Disk, |_| Ok(())) {
            let error = failure::from_redb(Operation::Put, "", error);
            tracing::error!(%error, "failed to bring the record file to the disk");
            self.recover();
        }
    }

    fn enter(&mut self, batch: &Batch<'_>) -> Result<Entered> {
        self.journal.enter(batch.changes()).map_err(|error| {
            self.health.note_failed_sync();
            let error = failure::from_io(Operation::Put, "", error);
            tracing::error!(%error, "failed to bring the journal to the disk");
            error
        })
    }

    /// Runs one transaction and shows it to readers.
    fn transact(
        &mut self,
        reach: Reach,
        fill: impl FnOnce(&WriteTransaction) -> std::result::Result<(), redb::Error>,
    ) -> std::result::Result<(), redb::Error> {
        let database = self.database.as_ref();
        let mut transaction = database.expect("`ready` opened it").begin_write()?;
        let cycle = Cycle::after(self.journal.cycle());
        match reach {
            Reach::Memory => transaction.set_durability(Durability::None)?,
            Reach::Disk => {
                // It takes down which pages are in use; without that, a start after a crash would
                // read the whole file to find out.
                transaction.set_quick_repair(true);
                let mut journal = transaction.open_table(JOURNAL)?;
                journal.insert(CYCLE, cycle.encode().as_slice())?;
            }
        }
        // Also where it fails, for the time until the file is opened again.
        self.is_settled = false;
        fill(&transaction)?;
        transaction.commit()?;
        if reach == Reach::Disk {
            self.journal.begin(Some(cycle));
            self.is_settled = true;
        }
        self.publish()
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

    /// Brings the file to the disk and closes it; readers get errors from now on.
    pub(super) fn close(&mut self) {
        if !self.is_settled && !self.health.has_sync_failed() {
            self.settle();
        }
        self.shut();
    }

    fn shut(&mut self) {
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
        self.shut();
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
        self.catch_up().map_err(|error| {
            self.shut();
            explain(&self.path, error)
        })
    }

    /// Applies what the journal has beyond the file. That takes no room on the disk: only a commit
    /// that reaches it does.
    fn catch_up(&mut self) -> std::result::Result<(), redb::Error> {
        self.journal.begin(self.read_cycle()?);
        let entries = self.journal.entries();
        if entries.are_none()? {
            return self.publish();
        }
        // The process that wrote them may have been killed before they were on the disk.
        if let Err(error) = self.journal.sync() {
            self.health.note_failed_sync();
            return Err(Error::from(error).into());
        }
        let mut next = Position::default();
        self.transact(Reach::Memory, |transaction| {
            let mut records = transaction.open_table(RECORDS)?;
            let mut tombstones = transaction.open_table(TOMBSTONES)?;
            let mut latest = Timestamp::default();
            next = entries.replay(|key, value| {
                batch::insert(&mut records, &mut tombstones, key, value)?;
                latest = latest.max(value.modified);
                Ok::<_, redb::Error>(())
            })?;
            let mut clock = transaction.open_table(CLOCK)?;
            clock.insert(LATEST, latest.as_millis())?;
            Ok(())
        })?;
        self.journal.go_on(next);
        tracing::info!(
            entries = next.entries_before(),
            "the records have what the journal had beyond their file"
        );
        Ok(())
    }

    fn read_cycle(&self) -> std::result::Result<Option<Cycle>, redb::Error> {
        let database = self.database.as_ref().expect("it has just been opened");
        match database.begin_read()?.open_table(JOURNAL) {
            Ok(table) => Ok(table
                .get(CYCLE)?
                .and_then(|cycle| Cycle::decode(cycle.value()))),
            // It has never been brought to the disk with a journal beside it.
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(other) => Err(other.into()),
        }
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
        let root = Arc::clone(&self.root);
        let backend = WatchedFile::new(root, file, self.headroom_bytes, health)?;
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
