//! The suite over the local driver, and what only this driver can show.

mod backup;
mod clocks;
mod disk_states;
mod faults;
mod files;
mod folder;
mod journal;
mod ledger;
mod power_cut;
mod records;
mod scenario;
mod watched;

use super::disk::Disk;
use super::{LocalSettings, LocalStore};
use crate::clock::MachineClock;
use crate::suite::Subject;
use futures::FutureExt;
use std::sync::Arc;
use tempfile::TempDir;

fn settings(folder: &TempDir) -> LocalSettings {
    let mut settings = LocalSettings::new(folder.path().join("data"));
    settings.reserve_bytes = 1024 * 1024;
    settings
}

fn open(folder: &TempDir) -> LocalStore {
    LocalStore::open(&settings(folder), Arc::new(MachineClock::new())).unwrap()
}

/// Opens the folder `store` in a folder over a disk of the test's own.
fn open_on(folder: &TempDir, disk: &Arc<impl Disk>) -> crate::Result<LocalStore> {
    let settings = LocalSettings {
        path: folder.path().join("store"),
        reserve_bytes: 1024 * 1024,
        record_cache_bytes: 1024 * 1024,
        ..LocalSettings::new("")
    };
    let disk = Arc::clone(disk) as Arc<dyn Disk>;
    LocalStore::open_on(&settings, Arc::new(MachineClock::new()), disk)
}

/// Makes a folder in memory where there is such a place: nothing in it has to outlive the test.
fn fast_folder() -> TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).unwrap()
}

/// Tells figures, which `--nocapture` shows.
#[expect(clippy::print_stderr, reason = "for whoever runs a campaign by hand")]
fn tell(text: &str) {
    eprintln!("{text}");
}

/// A runtime on which one call follows the other.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

fn subject(folder: TempDir) -> Subject {
    let store = open(&folder);
    let (records, data) = (Arc::new(store.records()), Arc::new(store.data()));
    Subject::new(records, data, move || {
        async move { subject(folder) }.boxed()
    })
}

crate::driver_suite!(local, || async { subject(tempfile::tempdir().unwrap()) });

#[tokio::test]
async fn several_records_are_written_in_one_step() {
    let store = subject(tempfile::tempdir().unwrap());
    assert!(store.records.as_together().is_some());
}

#[tokio::test]
async fn a_superseded_writer_is_told() {
    crate::suite::uploads::a_superseded_writer_is_told(subject(tempfile::tempdir().unwrap())).await;
}
