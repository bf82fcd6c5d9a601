//! The suite over the local driver, and what only this driver can show.

mod backup;
mod files;
mod folder;
mod records;

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

fn subject(folder: TempDir) -> Subject {
    let store = open(&folder);
    let (records, data) = (Arc::new(store.records()), Arc::new(store.data()));
    Subject::new(records, data, move || {
        async move { subject(folder) }.boxed()
    })
}

crate::driver_suite!(local, || async { subject(tempfile::tempdir().unwrap()) });

#[tokio::test]
async fn a_superseded_writer_is_told() {
    crate::suite::uploads::a_superseded_writer_is_told(subject(tempfile::tempdir().unwrap())).await;
}
