//! Opening a data folder: who may, and what it says when it refuses.

use super::{open, settings};
use crate::clock::MachineClock;
use crate::drivers::local::LocalStore;
use crate::{Condition, Kind, RecordStore, StorageError};
use bytes::Bytes;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tempfile::TempDir;

fn refusal(folder: &TempDir) -> StorageError {
    LocalStore::open(&settings(folder), Arc::new(MachineClock::new())).unwrap_err()
}

#[expect(clippy::disallowed_methods, reason = "a test spoils a file on purpose")]
fn spoil(folder: &TempDir, name: &str, content: &[u8]) {
    std::fs::write(folder.path().join("data").join(name), content).unwrap();
}

#[tokio::test]
async fn a_missing_folder_is_made_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder);
    for name in ["data", "data/data", "data/uploads"] {
        let mode = std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700, "{name}");
    }
    let mode = std::fs::metadata(folder.path().join("data/records.redb"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_second_server_on_the_folder_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let error = refusal(&folder);
    assert_eq!(error.kind(), Kind::Unavailable);
    let sentence = format!(
        "another server has the data folder {} open",
        folder.path().join("data").display()
    );
    assert!(error.to_string().ends_with(&sentence), "{error}");
    drop(store);
    open(&folder);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "a file where the folder should be"
    )]
    std::fs::write(folder.path().join("data"), b"").unwrap();
    let error = refusal(&folder);
    assert!(
        error.to_string().contains("cannot make the data folder"),
        "{error}"
    );
}

#[tokio::test]
async fn a_folder_of_another_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(&folder));
    spoil(&folder, "format", b"roadstead data folder, layout 2\n");
    let error = refusal(&folder);
    assert_eq!(error.kind(), Kind::Corrupt);
    assert!(error.to_string().contains("layout 2"), "{error}");
}

#[tokio::test]
async fn a_folder_that_was_copied_in_part_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(&folder));
    std::fs::remove_file(folder.path().join("data/format")).unwrap();
    let error = refusal(&folder);
    assert_eq!(error.kind(), Kind::Corrupt);
    assert!(
        error.to_string().contains("lost its file `format`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_record_file_of_an_unknown_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(&folder));
    let path = folder.path().join("data/records.redb");
    let good = std::fs::read(&path).unwrap();
    // The first commit slot follows the file's own header of 64 bytes and the second one 128 bytes
    // later; the first byte of each is redb's format version.
    let mut unknown = good.clone();
    unknown[64] = 99;
    unknown[192] = 99;
    spoil(&folder, "records.redb", &unknown);
    assert_eq!(refusal(&folder).kind(), Kind::Corrupt);

    spoil(&folder, "records.redb", b"this is no record file at all");
    assert_eq!(refusal(&folder).kind(), Kind::Corrupt);

    spoil(&folder, "records.redb", &good);
    open(&folder);
}

#[tokio::test]
async fn a_shut_down_store_refuses_writes_and_reads() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let records = store.records();
    let _ = records
        .put("key", Bytes::from_static(b"x"), Condition::Any)
        .await
        .unwrap();
    store.shutdown().await.unwrap();
    store.shutdown().await.unwrap();
    let put = records
        .put("key", Bytes::from_static(b"y"), Condition::Any)
        .await;
    assert_eq!(put.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(
        records.get("key").await.unwrap_err().kind(),
        Kind::Unavailable
    );
    drop((store, records));
    let record = open(&folder)
        .records()
        .get("key")
        .await
        .unwrap()
        .record
        .unwrap();
    assert_eq!(record.bytes, "x");
}
