//! Makes big stores fast: a folder that the local driver opens, as if a registry had been pushed to
//! for years. What is in it is told by [`plan`]; records go through the storage crate, a thousand at
//! once, and are of the registry's own types.

mod content;
mod files;
mod past_clock;
pub mod plan;
mod progress;
mod records;

pub use content::{blob, manifest};
pub use plan::Plan;

use anyhow::{Context, bail};
use past_clock::PastClock;
use records::Writing;
use roadstead_storage::drivers::local::{LocalSettings, LocalStore};
use roadstead_storage::{Clock, RecordStore};
use std::path::Path;
use std::sync::Arc;

/// Memory for the pages of the record file: a tree of some hundred MiB is written all over.
const RECORD_CACHE_BYTES: usize = 1 << 30;

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// Records of all kinds.
    pub records: u64,
    /// Links among them.
    pub links: u64,
    /// Blobs that no manifest names.
    pub garbage: u64,
    /// Data files of those.
    pub garbage_files: u64,
}

/// Makes the store of a plan in a folder that is empty or not there. `tell` is given lines that say
/// how far it is.
///
/// # Errors
/// A sentence for whoever asked for it.
pub async fn make(
    folder: &Path,
    plan: &Plan,
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Made> {
    plan.check()?;
    if folder.join("format").exists() {
        bail!("{} is a data folder already", folder.display());
    }
    let clock = Arc::new(PastClock::new(plan.age()));
    let settings = LocalSettings {
        record_cache_bytes: RECORD_CACHE_BYTES,
        ..LocalSettings::new(folder)
    };
    let clock: Arc<dyn Clock> = clock;
    let store = LocalStore::open(&settings, Arc::clone(&clock))
        .with_context(|| format!("failed to open {}", folder.display()))?;
    let placed = files::place_all(folder, plan, &*clock, tell)?;
    let records = store.records();
    let at = records.now().await?;
    let written = Writing::new(plan, &placed, at)
        .write(&records, tell)
        .await?;
    store.shutdown().await?;
    Ok(Made {
        records: written,
        links: plan.links(),
        garbage: plan.blobs - plan.live(),
        garbage_files: plan.data_files - plan.files_before(plan.live()),
    })
}
