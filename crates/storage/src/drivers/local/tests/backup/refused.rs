//! What is refused: damaged backups, folders that hold something, directories of something else.

use super::*;
use crate::drivers::local::tests::settings;

#[tokio::test]
async fn a_damaged_backup_is_refused_and_nothing_is_written() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let directory = other.path().join("backups");
    let store = open(&folder);
    let data = push(&store, "blob/1", pattern(1, 1000)).await;
    let report = back_up(&store, &directory, Guide::default()).await.unwrap();
    let target = other.path().join("restored");
    let object = file_of(&directory, &data);
    let own = directory.join(&report.number);
    let spoil = |path: &Path, damage: &dyn Fn(&mut Vec<u8>)| {
        let whole = std::fs::read(path).unwrap();
        let mut bytes = whole.clone();
        damage(&mut bytes);
        // A file of its own: the backup's may be the store's own, too.
        std::fs::remove_file(path).unwrap();
        put_file(path, &bytes);
        let refused = restore_backup(&restoring(&directory, &target), &Guide::default());
        let error = refused.expect_err("is damaged");
        assert_eq!(error.kind(), Kind::Corrupt, "{error}");
        assert!(!target.exists(), "{error}");
        put_file(path, &whole);
    };
    spoil(&object, &|bytes| bytes[500] ^= 1);
    spoil(&object, &|bytes| bytes.truncate(999));
    spoil(&own.join("records.redb"), &|bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    spoil(&own.join("backup.json"), &|bytes| bytes.truncate(10));
    std::fs::remove_file(&object).unwrap();
    let refused = restore_backup(&restoring(&directory, &target), &Guide::default());
    assert!(refused.unwrap_err().to_string().contains("is missing"));
    // The next backup mends the directory.
    back_up(&store, &directory, Guide::default()).await.unwrap();
    restore_backup(&restoring(&directory, &target), &Guide::default()).unwrap();
}

fn put_file(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(bytes).unwrap();
}

#[tokio::test]
async fn a_folder_that_is_not_empty_is_left_alone_unless_that_is_asked_for() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let directory = other.path().join("backups");
    let store = open(&folder);
    push(&store, "blob/1", pattern(1, 1000)).await;
    back_up(&store, &directory, Guide::default()).await.unwrap();
    let target = other.path().join("other");
    let there = open_at(&target).unwrap();
    push(&there, "blob/2", pattern(2, 1000)).await;
    let over = Restoring {
        overwrite: true,
        ..restoring(&directory, &target)
    };
    let refused = restore_backup(&over, &Guide::default());
    assert_eq!(refused.unwrap_err().kind(), Kind::Unavailable, "it is open");
    drop(there);
    let refused = restore_backup(&restoring(&directory, &target), &Guide::default());
    assert_eq!(refused.unwrap_err().kind(), Kind::Invalid);
    let stopped = Guide {
        stop_after: Some(2),
        ..Guide::default()
    };
    let broken = restore_backup(&over, &stopped);
    if broken.is_err() {
        let error = open_at(&target).expect_err("is half a store");
        assert_eq!(error.kind(), Kind::Corrupt);
    }
    restore_backup(&over, &Guide::default()).unwrap();
    let keys = contents(&open_at(&target).unwrap()).await;
    assert_eq!(keys[0].0, "blob/1");
    put_file(&target.join("mine.txt"), b"x");
    assert!(restore_backup(&over, &Guide::default()).is_err());
}

#[tokio::test]
async fn a_directory_of_something_else_or_in_the_data_folder_is_refused() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&folder);
    put_file(&other.path().join("letter.txt"), b"x");
    let inside = settings(&folder).path.join("backups");
    for directory in [other.path(), inside.as_path()] {
        let refused = back_up(&store, directory, Guide::default()).await;
        assert_eq!(refused.unwrap_err().kind(), Kind::Invalid);
    }
    assert!(list_backups(other.path()).is_err());
}
