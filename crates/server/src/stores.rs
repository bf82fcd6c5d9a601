//! Opens the store that the configuration names, and says in one sentence why it cannot.

use crate::alone::{Alone, wait_for_lone_server};
use crate::azure_store::open_azure;
use crate::s3_store::open_s3;
use crate::wiring::registry_settings;
use anyhow::{Context, anyhow, bail};
use roadstead_config::{ByteSize, Config, LocalStorage, Storage};
use roadstead_registry::{Background, RandomIds, Registry};
use roadstead_storage::clock::MachineClock;
use roadstead_storage::decorators::metrics::{ObservedData, ObservedRecords, StorageObserver};
use roadstead_storage::drivers::azure::AzureStore;
use roadstead_storage::drivers::local::{LocalSettings, LocalStore};
use roadstead_storage::drivers::memory::{MemoryData, MemoryRecords};
use roadstead_storage::drivers::s3::{S3Store, Sweep};
use roadstead_storage::probe::{Capabilities, Serving, probe};
use roadstead_storage::{Clock, DataStore, Kind, RecordStore, StorageError};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// How long a server that stops waits for deletes that nobody else waits for.
const SETTLE: Duration = Duration::from_secs(5);

/// Each sweep lists all records once, at every server.
const SWEEP_TOMBSTONES_EVERY: Duration = Duration::from_hours(6);

/// An open store: its two halves and the clock they go by.
pub(crate) struct Stores {
    pub(crate) records: Arc<dyn RecordStore>,
    pub(crate) data: Arc<dyn DataStore>,
    pub(crate) clock: Arc<dyn Clock>,
    local: Option<LocalStore>,
    shared: Option<Shared>,
    alone: Option<Alone>,
}

/// A store that several servers share, for what it wants done now and then.
#[derive(Clone)]
enum Shared {
    S3(S3Store),
    Azure(AzureStore),
}

impl Stores {
    /// Opens the configured store; the observer is told of every call. Blocks while a store
    /// repairs itself after a crash.
    pub(crate) async fn open(
        config: &Config,
        observer: Option<Arc<dyn StorageObserver>>,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(MachineClock::new());
        match &config.storage {
            Storage::Memory => {
                let records = MemoryRecords::new(Arc::clone(&clock));
                let data = MemoryData::new(Arc::clone(&clock));
                Ok(Self::assemble("memory", records, data, clock, observer))
            }
            Storage::Local(local) => {
                let store = open_local(config, local, Arc::clone(&clock))?;
                let (records, data) = (store.records(), store.data());
                let stores = Self::assemble("local", records, data, clock, observer);
                Ok(Self {
                    local: Some(store),
                    ..stores
                })
            }
            Storage::S3(s3) => {
                let store = open_s3(s3, Arc::clone(&clock)).await?;
                let (records, data) = (store.records(), store.data());
                let stores = Self::assemble("s3", records, data, clock, observer);
                Ok(Self {
                    shared: Some(Shared::S3(store)),
                    ..stores
                })
            }
            Storage::Azure(azure) => {
                let store = open_azure(azure, Arc::clone(&clock))?;
                let (records, data) = (store.records(), store.data());
                let stores = Self::assemble("azure", records, data, clock, observer);
                Ok(Self {
                    shared: Some(Shared::Azure(store)),
                    ..stores
                })
            }
        }
    }

    fn assemble(
        driver: &'static str,
        records: impl RecordStore,
        data: impl DataStore,
        clock: Arc<dyn Clock>,
        observer: Option<Arc<dyn StorageObserver>>,
    ) -> Self {
        let Some(observer) = observer else {
            return Self {
                records: Arc::new(records),
                data: Arc::new(data),
                clock,
                local: None,
                shared: None,
                alone: None,
            };
        };
        let timer = Arc::clone(&clock);
        let records = ObservedRecords::new(records, driver, Arc::clone(&observer), timer);
        let data = ObservedData::new(data, driver, observer, Arc::clone(&clock));
        Self {
            records: Arc::new(records),
            data: Arc::new(data),
            clock,
            local: None,
            shared: None,
            alone: None,
        }
    }

    /// Makes the registry over this store; it makes backups where the store can.
    pub(crate) fn registry(&self, config: &Config, background: &Background) -> Registry {
        let registry = Registry::new(
            Arc::clone(&self.records),
            Arc::clone(&self.data),
            registry_settings(config),
            Arc::clone(&self.clock),
            Arc::new(RandomIds),
            background.clone(),
        );
        if let Some(local) = &self.local {
            registry.set_backup(Arc::new(local.clone()));
        }
        registry
    }

    /// Tries on the store what the registry relies on.
    pub(crate) async fn probe(&self) -> Capabilities {
        probe(&*self.records, &*self.data).await
    }

    /// Tries the store and gets it ready to be written to. A store that lacks nothing but conditions
    /// is served by this server alone; one on which acknowledged pushes would not be safe is refused
    /// with the first trial that says so; `storage check` shows all.
    pub(crate) async fn prepare(&mut self) -> anyhow::Result<()> {
        let capabilities = self.probe().await;
        match capabilities.serving().context("no trial was made")? {
            Serving::Many => self.wait_for_lone_server().await,
            Serving::Alone(why) => {
                let alone = Alone::begin(&self.records, &self.clock, why).await?;
                self.records = alone.records();
                if let Some(Shared::S3(s3)) = &self.shared {
                    s3.keep_conditions();
                }
                self.alone = Some(alone);
                Ok(())
            }
            Serving::Refused(wrong) => bail!(
                "the store does not do what the registry relies on: {}: {}; `roadstead storage \
                 check` tells more",
                wrong.tried,
                wrong.came_back
            ),
        }
    }

    /// Waits until no server serves the store alone; an error names one that goes on.
    pub(crate) async fn wait_for_lone_server(&self) -> anyhow::Result<()> {
        if self.shared.is_some() {
            wait_for_lone_server(&*self.records, &*self.clock).await?;
        }
        Ok(())
    }

    /// Tells whether old tombstones are swept; nothing for a driver that leaves none.
    pub(crate) async fn sweeps_tombstones(&self) -> Option<Result<bool, StorageError>> {
        Some(match self.shared.as_ref()? {
            Shared::S3(store) => store.deletes_by_condition().await,
            Shared::Azure(store) => store.deletes_by_condition().await,
        })
    }

    /// Returns when this server may not write any more, with the reason. Where many may write, never.
    pub(crate) async fn lost(&self) -> anyhow::Error {
        match &self.alone {
            Some(alone) => alone.keep().await,
            None => std::future::pending().await,
        }
    }

    /// Begins what the store wants done now and then.
    pub(crate) fn start_maintenance(&self, background: &Background) {
        let Some(store) = self.shared.clone() else {
            return;
        };
        let stop = background.stop();
        background.spawn(async move {
            let mut due = tokio::time::interval(SWEEP_TOMBSTONES_EVERY);
            // The first tick is at once: nothing is old yet that the last server has not seen.
            due.tick().await;
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = due.tick() => sweep_tombstones(&store).await,
                }
            }
        });
    }

    /// Finishes what waits to be written. Later calls on the store fail.
    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        if let Some(Shared::S3(store)) = &self.shared {
            // What is cut off here is swept later.
            let _ = tokio::time::timeout(SETTLE, store.settled()).await;
        }
        if let Some(alone) = &self.alone {
            alone.end().await;
        }
        if let Some(local) = &self.local {
            local
                .shutdown()
                .await
                .context("cannot close the data folder in order")?;
        }
        Ok(())
    }
}

async fn sweep_tombstones(store: &Shared) {
    let swept = match store {
        Shared::S3(store) => store.sweep_tombstones().await,
        Shared::Azure(store) => store.sweep_tombstones().await,
    };
    match swept {
        Ok(Sweep::Swept(0)) => {}
        Ok(Sweep::Swept(swept)) => tracing::info!(swept, "removed old tombstones"),
        Ok(Sweep::Impossible) => tracing::debug!(
            "old tombstones stay: the store takes no notice of conditions on deletes"
        ),
        Err(error) => tracing::warn!(%error, "failed to sweep tombstones; it is tried again"),
    }
}

fn open_local(
    config: &Config,
    local: &LocalStorage,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<LocalStore> {
    let settings = LocalSettings {
        reserve_bytes: local.reserve.as_u64(),
        record_cache_bytes: local.cache.as_usize(),
        request_life: config.gc.request_life.as_duration(),
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
