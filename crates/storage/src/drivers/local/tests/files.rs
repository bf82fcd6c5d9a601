//! Data files: kill points, the reserve, fences, and reads that the page cache cannot answer.

use super::{open, settings};
use crate::clock::MachineClock;
use crate::drivers::local::LocalStore;
use crate::suite::{assert_read_fails, fetch, pattern, store};
use crate::{DataKey, DataStore, Kind, Timestamp, Upload, UploadHint};
use bytes::Bytes;
use futures::TryStreamExt;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

const MIB: usize = 1024 * 1024;
const EVER: Timestamp = Timestamp::from_millis(u64::MAX);

fn staged(folder: &TempDir, key: &DataKey) -> PathBuf {
    folder.path().join("data/uploads").join(key.as_str())
}

fn published(folder: &TempDir, key: &DataKey) -> PathBuf {
    let text = key.as_str();
    folder
        .path()
        .join("data/data")
        .join(&text[..2])
        .join(&text[2..4])
        .join(text)
}

async fn begin(data: &dyn DataStore) -> Upload {
    let mut upload = data.begin(UploadHint::default()).await.unwrap();
    data.reserve(&mut upload);
    upload
}

#[tokio::test]
async fn a_small_object_leaves_no_trace_before_it_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    let mut upload = begin(&data).await;
    data.append(&mut upload, pattern(1, 1000)).await.unwrap();
    let key = upload.state().key.clone();
    assert!(!staged(&folder, &key).exists());
    data.finish(upload).await.unwrap();
    assert!(!staged(&folder, &key).exists());
    assert!(published(&folder, &key).exists());
}

#[test]
fn a_writer_that_is_killed_leaves_its_checkpoint_to_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let first_process = tokio::runtime::Runtime::new().unwrap();
    let state = first_process.block_on(async {
        let data = open(&folder).data();
        let mut upload = begin(&data).await;
        data.append(&mut upload, pattern(1, 3 * MIB)).await.unwrap();
        data.checkpoint(&mut upload).await.unwrap();
        let state = upload.state().clone();
        data.append(&mut upload, pattern(2, 5 * MIB)).await.unwrap();
        state
    });
    // This waits for the write that is under way, as the end of a process does.
    drop(first_process);

    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let data = open(&folder).data();
        let listed = data.uploads(EVER, 10).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].state().key, state.key);
        let mut upload = Upload::resume(state.clone());
        data.reserve(&mut upload);
        let length = data.finish(upload).await.unwrap().length;
        assert_eq!(length, 3 * MIB as u64);
        assert_eq!(
            fetch(&data, &state.key, 0..length).await.unwrap(),
            pattern(1, 3 * MIB)
        );
        assert!(data.uploads(EVER, 10).await.unwrap().is_empty());
    });
}

#[tokio::test]
async fn a_checkpoint_of_another_boot_is_doubtful() {
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    let mut upload = begin(&data).await;
    data.append(&mut upload, pattern(1, 10)).await.unwrap();
    data.checkpoint(&mut upload).await.unwrap();
    let mut state = upload.state().clone();
    assert!(!data.is_doubtful(&state));
    state.driver = serde_json::json!({ "boot": "of last week" });
    assert!(data.is_doubtful(&state));
    state.driver = serde_json::Value::Null;
    assert!(data.is_doubtful(&state));
    state.length = 0;
    assert!(!data.is_doubtful(&state));
}

#[tokio::test]
async fn an_upload_whose_bytes_the_disk_lost_does_not_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    let mut upload = begin(&data).await;
    data.append(&mut upload, pattern(1, 1000)).await.unwrap();
    data.checkpoint(&mut upload).await.unwrap();
    let state = upload.state().clone();
    drop(upload);
    let file = OpenOptions::new()
        .write(true)
        .open(staged(&folder, &state.key))
        .unwrap();
    file.set_len(500).unwrap();

    let mut upload = Upload::resume(state.clone());
    data.append(&mut upload, pattern(2, 10)).await.unwrap();
    assert_eq!(data.finish(upload).await.unwrap_err().kind(), Kind::Corrupt);
    std::fs::remove_file(staged(&folder, &state.key)).unwrap();
    let error = data.finish(Upload::resume(state)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
}

#[tokio::test]
async fn a_late_first_write_of_an_older_writer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    let begun = begin(&data).await;
    let mut older = Upload::resume(begun.state().clone());
    data.reserve(&mut older);
    let mut newer = Upload::resume(older.state().clone());
    data.reserve(&mut newer);
    data.append(&mut newer, pattern(1, 1000)).await.unwrap();
    data.checkpoint(&mut newer).await.unwrap();
    let state = newer.state().clone();
    drop((begun, newer));

    // The older writer has never been seen here, and the newer one has gone.
    let error = data.append(&mut older, pattern(2, 1000)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Superseded);
    let finished = data.finish(Upload::resume(state)).await.unwrap();
    assert_eq!(
        fetch(&data, &finished.key, 0..1000).await.unwrap(),
        pattern(1, 1000)
    );
}

#[tokio::test]
async fn a_finish_with_other_bytes_is_not_taken_for_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = open(&folder).data();
    let mut upload = begin(&data).await;
    data.append(&mut upload, pattern(1, 1000)).await.unwrap();
    data.checkpoint(&mut upload).await.unwrap();
    let state = upload.state().clone();
    data.append(&mut upload, pattern(2, 500)).await.unwrap();
    data.finish(upload).await.unwrap();

    for _ in 0..2 {
        let mut same = Upload::resume(state.clone());
        if data.append(&mut same, pattern(2, 500)).await.is_ok() {
            assert_eq!(data.finish(same).await.unwrap().length, 1500);
        }
        let mut other = Upload::resume(state.clone());
        if data.append(&mut other, pattern(3, 500)).await.is_ok() {
            assert_eq!(data.finish(other).await.unwrap_err().kind(), Kind::NotFound);
        }
        // The second time in a process that has not seen the first finish.
        drop(data);
        data = open(&folder).data();
    }
    let read = fetch(&data, &state.key, 0..1500).await.unwrap();
    assert_eq!(read, [pattern(1, 1000), pattern(2, 500)].concat());
}

#[tokio::test]
async fn an_upload_that_was_finished_before_a_kill_takes_the_same_bytes_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    let mut upload = begin(&data).await;
    data.append(&mut upload, pattern(1, MIB)).await.unwrap();
    data.checkpoint(&mut upload).await.unwrap();
    let state = upload.state().clone();
    // More than a writer gathers, so that some of it is written before the finish.
    data.append(&mut upload, pattern(2, 5 * MIB)).await.unwrap();
    data.finish(upload).await.unwrap();
    drop(data);

    let data = open(&folder).data();
    for (bytes, is_same) in [(pattern(3, 5 * MIB), false), (pattern(2, 5 * MIB), true)] {
        let mut again = Upload::resume(state.clone());
        data.reserve(&mut again);
        let mut result = Ok(());
        for start in (0..bytes.len()).step_by(MIB) {
            let piece = bytes.slice(start..start + MIB);
            result = result.and(data.append(&mut again, piece).await);
        }
        let finished = match result {
            Ok(()) => data.finish(again).await.map(|finished| finished.length),
            Err(error) => Err(error),
        };
        if is_same {
            assert_eq!(finished.unwrap(), 6 * MIB as u64);
        } else {
            assert_eq!(finished.unwrap_err().kind(), Kind::NotFound);
        }
    }
    let read = fetch(&data, &state.key, 0..6 * MIB as u64).await.unwrap();
    assert_eq!(read, [pattern(1, MIB), pattern(2, 5 * MIB)].concat());
}

#[tokio::test]
async fn what_an_upload_kept_is_read_back_though_it_was_finished_before_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    let mut upload = begin(&data).await;
    data.append(&mut upload, pattern(1, 1000)).await.unwrap();
    data.checkpoint(&mut upload).await.unwrap();
    let state = upload.state().clone();
    data.append(&mut upload, pattern(2, 1000)).await.unwrap();
    data.finish(upload).await.unwrap();
    let mut ended = Upload::resume(state.clone());
    let error = data.read_back(&mut ended).await.err().unwrap();
    assert_eq!(error.kind(), Kind::NotFound);
    drop(data);

    // Another algorithm's digest closes it, which must hash what came before.
    let data = open(&folder).data();
    let mut again = Upload::resume(state);
    let blocks = data.read_back(&mut again).await.unwrap();
    let blocks: Vec<Bytes> = blocks.try_collect().await.unwrap();
    assert_eq!(blocks.concat(), pattern(1, 1000));
}

#[tokio::test]
async fn a_finished_upload_is_not_begun_again_by_a_late_writer() {
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    let upload = begin(&data).await;
    let state = upload.state().clone();
    data.finish(upload).await.unwrap();
    drop(data);

    let data = open(&folder).data();
    let mut late = Upload::resume(state.clone());
    data.append(&mut late, pattern(1, 10)).await.unwrap();
    assert_eq!(
        data.checkpoint(&mut late).await.unwrap_err().kind(),
        Kind::NotFound
    );
    assert_eq!(
        std::fs::metadata(published(&folder, &state.key))
            .unwrap()
            .len(),
        0
    );
    assert!(!staged(&folder, &state.key).exists());
}

#[tokio::test]
async fn below_the_reserve_uploads_are_refused_and_deletes_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let object = store(&open(&folder).data(), &pattern(1, 100)).await;
    let mut small = settings(&folder);
    small.reserve_bytes = 1 << 60;
    let data = LocalStore::open(&small, Arc::new(MachineClock::new()))
        .unwrap()
        .data();

    assert_eq!(
        data.begin(UploadHint::default()).await.unwrap_err().kind(),
        Kind::Full
    );
    let place = DataKey::new(format!("{:032x}", 7));
    let state = crate::UploadState {
        key: place,
        length: 0,
        epoch: 1,
        driver: serde_json::Value::Null,
    };
    let mut upload = Upload::resume(state.clone());
    let error = data
        .append(&mut upload, pattern(2, 2 * MIB))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Full);
    let mut upload = Upload::resume(state);
    data.append(&mut upload, pattern(2, 10)).await.unwrap();
    assert_eq!(
        data.checkpoint(&mut upload).await.unwrap_err().kind(),
        Kind::Full
    );
    assert_eq!(data.finish(upload).await.unwrap_err().kind(), Kind::Full);

    assert_eq!(
        fetch(&data, &object, 0..100).await.unwrap(),
        pattern(1, 100)
    );
    data.delete(&object).await.unwrap();
    assert_read_fails(&data, &object, 0..100, &[Kind::NotFound]).await;
}

#[tokio::test]
async fn a_hint_that_does_not_fit_is_refused_before_the_first_byte() {
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    let hint = UploadHint {
        length: Some(1 << 60),
    };
    assert_eq!(data.begin(hint).await.unwrap_err().kind(), Kind::Full);
}

#[tokio::test]
async fn an_object_beyond_five_gib_is_read_at_every_edge() {
    const LENGTH: u64 = 5 * 1024 * 1024 * 1024 + 7;
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    let mut upload = begin(&data).await;
    data.append(&mut upload, pattern(1, 1000)).await.unwrap();
    data.checkpoint(&mut upload).await.unwrap();
    let mut state = upload.state().clone();
    drop(upload);
    // A hole in the middle stands for the bytes that would take a minute to write.
    let file = OpenOptions::new()
        .write(true)
        .open(staged(&folder, &state.key))
        .unwrap();
    file.set_len(LENGTH).unwrap();
    state.length = LENGTH;
    let mut upload = Upload::resume(state);
    data.append(&mut upload, pattern(2, 1000)).await.unwrap();
    let finished = data.finish(upload).await.unwrap();

    assert_eq!(finished.length, LENGTH + 1000);
    let read = |range| fetch(&data, &finished.key, range);
    assert_eq!(read(0..1000).await.unwrap(), pattern(1, 1000));
    assert_eq!(read(LENGTH..LENGTH + 1000).await.unwrap(), pattern(2, 1000));
    let border = 4 * 1024 * 1024 * 1024;
    assert_eq!(read(border - 5..border + 5).await.unwrap(), [0; 10]);
    let end = LENGTH + 1001;
    assert_read_fails(&data, &finished.key, LENGTH..end, &[Kind::Corrupt]).await;
}

#[tokio::test]
async fn bytes_that_are_not_in_the_page_cache_are_read_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    let bytes = pattern(1, 9 * MIB + 123);
    let key = store(&data, &bytes).await;
    for range in [0..bytes.len(), 1..MIB, 5 * MIB..bytes.len()] {
        let file = std::fs::File::open(published(&folder, &key)).unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        let read = fetch(&data, &key, range.start as u64..range.end as u64)
            .await
            .unwrap();
        assert!(read == bytes[range]);
    }
}

#[tokio::test]
async fn a_file_that_was_cut_short_is_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    let key = store(&data, &pattern(1, 2 * MIB)).await;
    let mut stream = data.read(&key, 0..2 * MIB as u64).await.unwrap();
    let file = OpenOptions::new()
        .write(true)
        .open(published(&folder, &key))
        .unwrap();
    file.set_len(MIB as u64 + 3).unwrap();

    let mut read = 0;
    let error = loop {
        match stream.try_next().await {
            Ok(piece) => read += piece.expect("it must not end well").len(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), Kind::Corrupt);
    assert_eq!(read, MIB + 3);
    assert!(
        stream.try_next().await.unwrap().is_none(),
        "an error ends the stream"
    );
    assert_read_fails(&data, &key, 0..2 * MIB as u64, &[Kind::Corrupt]).await;
}

#[tokio::test]
async fn a_steady_stream_uses_one_block_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    let key = store(&data, &pattern(1, 4 * MIB)).await;
    let mut stream = data.read(&key, 0..4 * MIB as u64).await.unwrap();
    let mut places = Vec::new();
    while let Some(piece) = stream.try_next().await.unwrap() {
        places.push(piece.as_ptr());
    }
    places.dedup();
    assert_eq!(
        places.len(),
        1,
        "every piece was dropped before the next was asked for"
    );
}

#[tokio::test]
async fn a_piece_that_the_consumer_keeps_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    let bytes = pattern(1, 2 * MIB);
    let key = store(&data, &bytes).await;
    let stream = data.read(&key, 0..2 * MIB as u64).await.unwrap();
    let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
    assert!(pieces.concat() == bytes);
}

#[tokio::test]
async fn foreign_files_among_the_uploads_are_not_listed() {
    let folder = tempfile::tempdir().unwrap();
    let data = open(&folder).data();
    for name in ["lost+found", "0123", "0123456789abcdef0123456789ABCDEF"] {
        std::fs::create_dir(folder.path().join("data/uploads").join(name)).unwrap();
    }
    assert!(data.uploads(EVER, 10).await.unwrap().is_empty());
}
