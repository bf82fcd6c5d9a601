//! Clauses on unfinished uploads: who may go on with them, and what they leave behind.

use super::{Subject, assert_read_fails, fetch, pattern};
use crate::{DataRef, DataStore, Kind, Timestamp, Upload, UploadHint, UploadState};
use bytes::Bytes;
use futures::TryStreamExt;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const MIB: usize = 1024 * 1024;

/// Long enough to leave the memory of every driver: more than one part of 5 MiB.
const LONG: usize = 6 * MIB + 1;

async fn begin(data: &dyn DataStore) -> Upload {
    let mut upload = data.begin(UploadHint::default()).await.unwrap();
    data.reserve(&mut upload);
    upload
}

/// Goes on with an upload as another process does: from the state's serialised form.
fn resume(data: &dyn DataStore, state: &UploadState) -> Upload {
    let text = serde_json::to_string(state).unwrap();
    let state: UploadState = serde_json::from_str(&text).unwrap();
    let mut upload = Upload::resume(state);
    data.reserve(&mut upload);
    upload
}

async fn append(data: &dyn DataStore, upload: &mut Upload, bytes: &Bytes) {
    let mut rest = bytes.clone();
    while !rest.is_empty() {
        let piece = rest.split_to(rest.len().min(64 * 1024));
        data.append(upload, piece).await.unwrap();
    }
}

async fn checkpoint(data: &dyn DataStore, upload: &mut Upload) -> UploadState {
    data.checkpoint(upload).await.unwrap();
    upload.state().clone()
}

async fn assert_content(data: &dyn DataStore, finished: &DataRef, expected: &[u8]) {
    assert_eq!(finished.length, expected.len() as u64);
    let read = fetch(data, &finished.key, 0..finished.length)
        .await
        .unwrap();
    assert!(
        read == expected,
        "{} bytes came back otherwise",
        expected.len()
    );
}

pub async fn keys_of_uploads_are_never_the_same(store: Subject) {
    let mut keys = HashSet::new();
    for _ in 0..50 {
        let upload = begin(&*store.data).await;
        assert!(keys.insert(upload.state().key.clone()));
        store.data.abort(upload).await.unwrap();
    }
}

pub async fn an_upload_goes_on_from_its_serialised_state(store: Subject) {
    for lengths in [[10, 20, 0], [LONG, 5, 1], [1, LONG, 1], [LONG, LONG, LONG]] {
        let mut expected = Vec::new();
        let mut upload = begin(&*store.data).await;
        for (seed, length) in (0..).zip(lengths) {
            let bytes = pattern(seed, length);
            append(&*store.data, &mut upload, &bytes).await;
            expected.extend_from_slice(&bytes);
            let state = checkpoint(&*store.data, &mut upload).await;
            assert_eq!(state.length, expected.len() as u64);
            upload = resume(&*store.data, &state);
        }
        let finished = store.data.finish(upload).await.unwrap();
        assert_content(&*store.data, &finished, &expected).await;
    }
}

pub async fn an_upload_goes_on_after_a_restart(mut store: Subject) {
    for length in [1000, LONG] {
        let (first, second) = (pattern(1, length), pattern(2, length));
        let mut upload = begin(&*store.data).await;
        append(&*store.data, &mut upload, &first).await;
        let state = checkpoint(&*store.data, &mut upload).await;
        drop(upload);
        store = store.restarted().await;
        let mut upload = resume(&*store.data, &state);
        append(&*store.data, &mut upload, &second).await;
        let finished = store.data.finish(upload).await.unwrap();
        assert_content(&*store.data, &finished, &[first, second].concat()).await;
    }
}

pub async fn an_upload_without_bytes_goes_on_after_a_restart(store: Subject) {
    let upload = begin(&*store.data).await;
    let state = upload.state().clone();
    drop(upload);
    let store = store.restarted().await;
    let mut upload = resume(&*store.data, &state);
    append(&*store.data, &mut upload, &pattern(1, 99)).await;
    let finished = store.data.finish(upload).await.unwrap();
    assert_content(&*store.data, &finished, &pattern(1, 99)).await;
}

pub async fn bytes_after_the_last_checkpoint_are_written_again(store: Subject) {
    for (kept, lost, again) in [
        (10, 10, 10),
        (LONG, LONG, LONG),
        (LONG, LONG, 7),
        (0, LONG, 3),
    ] {
        let (kept, lost, again) = (pattern(1, kept), pattern(2, lost), pattern(3, again));
        let mut upload = begin(&*store.data).await;
        append(&*store.data, &mut upload, &kept).await;
        let state = checkpoint(&*store.data, &mut upload).await;
        append(&*store.data, &mut upload, &lost).await;
        drop(upload);
        let mut upload = resume(&*store.data, &state);
        append(&*store.data, &mut upload, &again).await;
        let finished = store.data.finish(upload).await.unwrap();
        assert_content(&*store.data, &finished, &[kept, again].concat()).await;
    }
}

pub async fn a_checkpoint_moves_the_length_and_nothing_else_does(store: Subject) {
    let mut upload = begin(&*store.data).await;
    append(&*store.data, &mut upload, &pattern(1, LONG)).await;
    assert_eq!(upload.state().length, 0);
    assert_eq!(
        checkpoint(&*store.data, &mut upload).await.length,
        LONG as u64
    );
    append(&*store.data, &mut upload, &pattern(2, 5)).await;
    assert_eq!(upload.state().length, LONG as u64);
    assert_eq!(
        checkpoint(&*store.data, &mut upload).await.length,
        LONG as u64 + 5
    );
}

pub async fn checkpointed_bytes_are_read_back(store: Subject) {
    for length in [0, 500, LONG] {
        let bytes = pattern(1, length);
        let mut upload = begin(&*store.data).await;
        append(&*store.data, &mut upload, &bytes).await;
        let state = checkpoint(&*store.data, &mut upload).await;
        append(&*store.data, &mut upload, &pattern(2, 100)).await;
        drop(upload);
        let mut upload = resume(&*store.data, &state);
        let pieces: Vec<Bytes> = store
            .data
            .read_back(&mut upload)
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        assert!(
            pieces.concat() == bytes,
            "{length} bytes came back otherwise"
        );
        append(&*store.data, &mut upload, &pattern(3, 10)).await;
        let finished = store.data.finish(upload).await.unwrap();
        assert_content(&*store.data, &finished, &[bytes, pattern(3, 10)].concat()).await;
    }
}

pub async fn a_checkpoint_of_this_boot_is_not_doubtful(store: Subject) {
    let mut upload = begin(&*store.data).await;
    assert!(!store.data.is_doubtful(upload.state()));
    append(&*store.data, &mut upload, &pattern(1, 100)).await;
    let state = checkpoint(&*store.data, &mut upload).await;
    assert!(!store.data.is_doubtful(&state));
    drop(upload);
    let store = store.restarted().await;
    assert!(!store.data.is_doubtful(&state));
}

pub async fn a_superseded_writer_changes_nothing(store: Subject) {
    for length in [100, LONG] {
        let first = pattern(1, length);
        let mut zombie = begin(&*store.data).await;
        append(&*store.data, &mut zombie, &first).await;
        let state = checkpoint(&*store.data, &mut zombie).await;

        let mut newer = resume(&*store.data, &state);
        let second = pattern(2, length);
        append(&*store.data, &mut newer, &second).await;
        let mut state = checkpoint(&*store.data, &mut newer).await;

        // The zombie need not be told, and may be told late; only its bytes must not arrive.
        for piece in 0..4 {
            let late = store
                .data
                .append(&mut zombie, pattern(3 + piece, length))
                .await;
            let checkpointed = store.data.checkpoint(&mut zombie).await;
            for error in [late.err(), checkpointed.err()].into_iter().flatten() {
                assert_eq!(error.kind(), Kind::Superseded);
            }
            if piece == 1 {
                append(&*store.data, &mut newer, &second).await;
                state = checkpoint(&*store.data, &mut newer).await;
            }
        }
        drop((newer, zombie));
        let newer = resume(&*store.data, &state);
        let finished = store.data.finish(newer).await.unwrap();
        assert_content(
            &*store.data,
            &finished,
            &[first, second.clone(), second].concat(),
        )
        .await;
    }
}

pub async fn a_shorter_second_writer_leaves_no_tail_of_the_first(store: Subject) {
    let mut first = begin(&*store.data).await;
    let state = first.state().clone();
    append(&*store.data, &mut first, &pattern(1, LONG)).await;
    store.data.checkpoint(&mut first).await.unwrap();
    drop(first);
    // The session record never heard of that checkpoint.
    let mut second = resume(&*store.data, &state);
    append(&*store.data, &mut second, &pattern(2, MIB)).await;
    let finished = store.data.finish(second).await.unwrap();
    assert_content(&*store.data, &finished, &pattern(2, MIB)).await;
}

pub async fn an_aborted_upload_leaves_nothing(store: Subject) {
    for length in [0, 100, LONG] {
        let mut upload = begin(&*store.data).await;
        append(&*store.data, &mut upload, &pattern(1, length)).await;
        let state = checkpoint(&*store.data, &mut upload).await;
        store.data.abort(upload).await.unwrap();
        let listed = store
            .data
            .uploads(Timestamp::from_millis(u64::MAX), 100)
            .await
            .unwrap();
        assert!(listed.iter().all(|upload| upload.state().key != state.key));
        assert_read_fails(&*store.data, &state.key, 0..0, &[Kind::NotFound]).await;

        let mut late = resume(&*store.data, &state);
        let appended = store.data.append(&mut late, pattern(2, 10)).await;
        let failed = match appended {
            Err(error) => error,
            Ok(()) => store.data.finish(late).await.unwrap_err(),
        };
        assert_eq!(failed.kind(), Kind::NotFound);
        assert_read_fails(&*store.data, &state.key, 0..0, &[Kind::NotFound]).await;
    }
}

pub async fn an_abort_is_idempotent_and_spares_a_finished_object(store: Subject) {
    let mut upload = begin(&*store.data).await;
    append(&*store.data, &mut upload, &pattern(1, 100)).await;
    let state = checkpoint(&*store.data, &mut upload).await;
    let finished = store.data.finish(upload).await.unwrap();
    store
        .data
        .abort(Upload::resume(state.clone()))
        .await
        .unwrap();
    assert_content(&*store.data, &finished, &pattern(1, 100)).await;

    let upload = begin(&*store.data).await;
    let state = upload.state().clone();
    store.data.abort(upload).await.unwrap();
    store.data.abort(Upload::resume(state)).await.unwrap();
}

pub async fn a_finish_is_idempotent(store: Subject) {
    for length in [0, 100, LONG] {
        let mut upload = begin(&*store.data).await;
        append(&*store.data, &mut upload, &pattern(1, length)).await;
        let state = checkpoint(&*store.data, &mut upload).await;
        let first = store.data.finish(upload).await.unwrap();
        let second = store
            .data
            .finish(resume(&*store.data, &state))
            .await
            .unwrap();
        assert_eq!(first, second);
        assert_content(&*store.data, &second, &pattern(1, length)).await;
    }
}

pub async fn a_finish_of_an_unknown_upload_is_refused(store: Subject) {
    let mut upload = begin(&*store.data).await;
    append(&*store.data, &mut upload, &pattern(1, LONG)).await;
    let mut state = checkpoint(&*store.data, &mut upload).await;
    let finished = store.data.finish(upload).await.unwrap();
    // Finished with another length: not the same upload, whatever it was.
    state.length -= 1;
    let error = store
        .data
        .finish(Upload::resume(state.clone()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    state.length += 1;
    // What the upload had besides its object goes beside the answer, and until then it can be
    // finished again.
    let end = std::time::Instant::now() + Duration::from_secs(20);
    let error = loop {
        store.data.delete(&finished.key).await.unwrap();
        match store.data.finish(Upload::resume(state.clone())).await {
            Err(error) => break error,
            Ok(_) => assert!(std::time::Instant::now() < end, "it is never refused"),
        }
    };
    assert_eq!(error.kind(), Kind::NotFound);
}

pub async fn an_unfinished_upload_is_listed(store: Subject) {
    let ever = Timestamp::from_millis(u64::MAX);
    let mut keys = HashSet::new();
    for seed in 0..3 {
        let mut upload = begin(&*store.data).await;
        append(&*store.data, &mut upload, &pattern(seed, LONG)).await;
        keys.insert(checkpoint(&*store.data, &mut upload).await.key);
    }
    let listed = store.data.uploads(ever, 100).await.unwrap();
    let found: HashSet<_> = listed
        .iter()
        .map(|upload| upload.state().key.clone())
        .collect();
    assert_eq!(found, keys);
    assert_eq!(store.data.uploads(ever, 2).await.unwrap().len(), 2);
    assert!(
        store
            .data
            .uploads(Timestamp::from_millis(0), 100)
            .await
            .unwrap()
            .is_empty()
    );
    for upload in listed {
        store.data.abort(upload).await.unwrap();
    }
    assert!(store.data.uploads(ever, 100).await.unwrap().is_empty());
}

pub async fn concurrent_uploads_do_not_mix(store: Subject) {
    let mut tasks = JoinSet::new();
    for seed in 0..8 {
        let data = Arc::clone(&store.data);
        tasks.spawn(async move {
            let length = MIB + 100_000 * usize::try_from(seed).unwrap();
            let bytes = pattern(seed, length);
            let mut upload = begin(&*data).await;
            append(&*data, &mut upload, &bytes).await;
            let finished = data.finish(upload).await.unwrap();
            assert_content(&*data, &finished, &bytes).await;
        });
    }
    tasks.join_all().await;
}

/// Not a clause of every driver: only one process that holds all writers can tell at once.
pub async fn a_superseded_writer_is_told(store: Subject) {
    for length in [100, LONG] {
        let mut zombie = begin(&*store.data).await;
        append(&*store.data, &mut zombie, &pattern(1, length)).await;
        let state = checkpoint(&*store.data, &mut zombie).await;
        let mut newer = resume(&*store.data, &state);
        append(&*store.data, &mut newer, &pattern(2, length)).await;
        store.data.checkpoint(&mut newer).await.unwrap();

        let error = store
            .data
            .append(&mut zombie, pattern(3, LONG))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Superseded);
        let error = store.data.checkpoint(&mut zombie).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Superseded);
        let error = store.data.finish(zombie).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Superseded);
        let finished = store.data.finish(newer).await.unwrap();
        let expected = [pattern(1, length), pattern(2, length)].concat();
        assert_content(&*store.data, &finished, &expected).await;
    }
}
