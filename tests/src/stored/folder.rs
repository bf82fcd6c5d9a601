//! A data folder while no server is at it: what lies there, and how its clock goes on.

use super::inventory::Inventory;
use anyhow::Context;
use bytes::Bytes;
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::local::{LocalSettings, LocalStore};
use roadstead_storage::{Clock, Condition, ManualClock, RecordStore};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a server may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is tried whether it is.
const GLANCE: Duration = Duration::from_millis(20);
/// The key of the record with which time passes.
const LATER: &str = "meta/later";

/// Reads every record of a data folder and walks over its files.
///
/// # Errors
/// What the driver says, a record that cannot be read, or a file system that fails.
pub async fn inventory_of_folder(folder: &Path) -> anyhow::Result<Inventory> {
    let mut inventory = Inventory::default();
    let store = open(folder, Arc::new(MachineClock::new())).await?;
    let read = inventory.read_records(&store.records()).await;
    store.shutdown().await?;
    read?;
    for (path, length) in files_below(folder)? {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            ["data", _, _, _] => {
                inventory.objects.insert(name, length);
            }
            ["uploads", _] => {
                inventory.open.insert(name);
            }
            // The record file and what belongs to it, and where a running server is spoken to.
            [_] | ["admin", "socket"] => {}
            _ => inventory.strange.push(path),
        }
    }
    Ok(inventory)
}

/// Lets time pass in a data folder: the clock of its store goes on from its last write.
///
/// # Errors
/// What the driver says.
pub async fn let_time_pass(folder: &Path, time: Duration) -> anyhow::Result<()> {
    // It may be ahead of the machine's clock already.
    let store = open(folder, Arc::new(MachineClock::new())).await?;
    let now = store.records().now().await;
    store.shutdown().await?;
    // It holds the folder as long as it is there.
    drop(store);
    let later = now?.plus(time);
    let store = open(folder, Arc::new(ManualClock::new(later))).await?;
    let record = Bytes::from_static(b"later");
    let records = store.records();
    let put = records.put(LATER, record, Condition::Any).await;
    let deleted = records.delete(LATER, Condition::Any).await;
    store.shutdown().await?;
    let written = put.and(deleted).context("the folder takes no record");
    written.map(|_| ())
}

/// Opens a data folder. A server that was killed under a tracer lets go of it a little later.
async fn open(folder: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<LocalStore> {
    let settings = LocalSettings::new(folder);
    let end = Instant::now() + PATIENCE;
    loop {
        match LocalStore::open(&settings, Arc::clone(&clock)) {
            Ok(store) => return Ok(store),
            Err(error) if Instant::now() > end => return Err(error.into()),
            Err(_) => tokio::time::sleep(GLANCE).await,
        }
    }
}

/// Returns the files below a folder: their paths from there, and their lengths.
fn files_below(folder: &Path) -> anyhow::Result<Vec<(String, u64)>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
                continue;
            }
            let path = entry.path();
            let below = path.strip_prefix(folder)?;
            let below = below.to_str().context("a name is not text")?;
            files.push((below.to_owned(), entry.metadata()?.len()));
        }
    }
    Ok(files)
}
