//! Opens the store that the configuration names, and says in one sentence why it cannot.

use anyhow::{Context, anyhow, bail};
use roadstead_config::{ByteSize, LocalStorage, Storage};
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::local::{LocalSettings, LocalStore};
use roadstead_storage::drivers::memory::{MemoryData, MemoryRecords};
use roadstead_storage::{Clock, DataStore, Kind, RecordStore, StorageError};
use std::error::Error;
use std::sync::Arc;

/// An open store: its two halves and the clock they go by.
pub(crate) struct Stores {
    pub(crate) records: Arc<dyn RecordStore>,
    pub(crate) data: Arc<dyn DataStore>,
    pub(crate) clock: Arc<dyn Clock>,
    local: Option<LocalStore>,
}

impl Stores {
    /// Opens the configured store. Blocks while a store repairs itself after a crash.
    pub(crate) fn open(storage: &Storage) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(MachineClock::new());
        match storage {
            Storage::Memory => Ok(Self {
                records: Arc::new(MemoryRecords::new(Arc::clone(&clock))),
                data: Arc::new(MemoryData::new(Arc::clone(&clock))),
                clock,
                local: None,
            }),
            Storage::Local(local) => {
                let store = open_local(local, Arc::clone(&clock))?;
                Ok(Self {
                    records: Arc::new(store.records()),
                    data: Arc::new(store.data()),
                    clock,
                    local: Some(store),
                })
            }
        }
    }

    /// Finishes what waits to be written. Later calls on the store fail.
    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        if let Some(local) = &self.local {
            local
                .shutdown()
                .await
                .context("cannot close the data folder in order")?;
        }
        Ok(())
    }
}

fn open_local(local: &LocalStorage, clock: Arc<dyn Clock>) -> anyhow::Result<LocalStore> {
    let settings = LocalSettings {
        reserve_bytes: local.reserve.as_u64(),
        record_cache_bytes: local.cache.as_usize(),
        ..LocalSettings::new(&local.path)
    };
    let store = LocalStore::open(&settings, clock).map_err(|error| sentence(&error))?;
    check_reserve(local)?;
    Ok(store)
}

/// Returns the sentence that the driver says, and what to do where that helps.
fn sentence(error: &StorageError) -> anyhow::Error {
    let reason = error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string);
    match error.kind() {
        Kind::Denied | Kind::Unavailable => anyhow!("{reason}; choose another with --data"),
        _ => anyhow!("{reason}"),
    }
}

/// Refuses to begin where no upload could be taken.
fn check_reserve(local: &LocalStorage) -> anyhow::Result<()> {
    let path = local.path.display();
    let status = rustix::fs::statvfs(&local.path)
        .with_context(|| format!("cannot tell the free space of {path}"))?;
    let free = ByteSize::bytes(status.f_bavail.saturating_mul(status.f_frsize));
    if free < local.reserve {
        bail!(
            "the disk of the data folder {path} has {} free, less than the reserve of {}; free \
             some space or lower storage.local.reserve",
            rounded(free),
            local.reserve
        );
    }
    Ok(())
}

/// Returns a size as people say it, to the whole MiB.
fn rounded(size: ByteSize) -> ByteSize {
    ByteSize::mib(size.as_u64() >> 20)
}
