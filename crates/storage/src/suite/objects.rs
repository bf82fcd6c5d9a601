//! Clauses on finished data objects: their bytes, their ranges, their end.

use super::{Subject, assert_read_fails, fetch, pattern, store};
use crate::{DataKey, Kind, UploadHint};
use futures::TryStreamExt;
use std::sync::Arc;
use tokio::task::JoinSet;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

pub async fn sizes_around_every_limit_round_trip(subject: Subject) {
    let limits = [
        32 * KIB,
        64 * KIB,
        256 * KIB,
        MIB,
        5 * MIB,
        8 * MIB,
        10 * MIB,
    ];
    let around = limits
        .into_iter()
        .flat_map(|limit| [limit - 1, limit, limit + 1]);
    for length in [0, 1].into_iter().chain(around) {
        let bytes = pattern(length as u64, length);
        let key = store(&*subject.data, &bytes).await;
        let read = fetch(&*subject.data, &key, 0..length as u64).await.unwrap();
        assert!(
            read == bytes,
            "an object of {length} bytes came back otherwise"
        );
        subject.data.delete(&key).await.unwrap();
    }
}

pub async fn an_object_is_not_readable_before_it_is_finished(subject: Subject) {
    let mut upload = subject
        .data
        .begin(UploadHint { length: Some(9) })
        .await
        .unwrap();
    subject.data.reserve(&mut upload);
    let key = upload.state().key.clone();
    assert_read_fails(&*subject.data, &key, 0..0, &[Kind::NotFound]).await;
    subject
        .data
        .append(&mut upload, pattern(1, 9))
        .await
        .unwrap();
    subject.data.checkpoint(&mut upload).await.unwrap();
    assert_read_fails(&*subject.data, &key, 0..9, &[Kind::NotFound]).await;
    let finished = subject.data.finish(upload).await.unwrap();
    assert_eq!(finished.key, key);
    assert_eq!(
        fetch(&*subject.data, &key, 0..9).await.unwrap(),
        pattern(1, 9)
    );
}

pub async fn ranges_at_every_edge_are_exact(subject: Subject) {
    let length = MIB + 3;
    let bytes = pattern(2, length);
    let key = store(&*subject.data, &bytes).await;
    let block = 256 * KIB;
    let edges = [
        0,
        1,
        2,
        block - 1,
        block,
        block + 1,
        2 * block,
        MIB - 1,
        MIB,
        length - 1,
        length,
    ];
    for start in edges {
        for end in edges.into_iter().filter(|end| *end >= start) {
            let read = fetch(&*subject.data, &key, start as u64..end as u64)
                .await
                .unwrap();
            assert!(
                read == bytes[start..end],
                "bytes {start}..{end} came back otherwise"
            );
        }
    }
}

pub async fn an_absent_object_is_not_found(subject: Subject) {
    let key = store(&*subject.data, &pattern(3, 10)).await;
    subject.data.delete(&key).await.unwrap();
    for range in [0..0, 0..1, 0..10, 5..6] {
        assert_read_fails(&*subject.data, &key, range, &[Kind::NotFound]).await;
    }
}

pub async fn a_range_beyond_the_end_is_corrupt(subject: Subject) {
    for length in [0_u64, 1, 300_000] {
        let key = store(
            &*subject.data,
            &pattern(4, usize::try_from(length).unwrap()),
        )
        .await;
        let beyond = [
            0..length + 1,
            length..length + 1,
            length + 1..length + 2,
            0..length + MIB as u64,
        ];
        for range in beyond {
            assert_read_fails(&*subject.data, &key, range, &[Kind::Corrupt]).await;
        }
    }
}

pub async fn a_range_that_ends_before_it_starts_is_refused(subject: Subject) {
    let key = store(&*subject.data, &pattern(5, 10)).await;
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is refused")]
    let range = 5..4;
    assert_read_fails(&*subject.data, &key, range, &[Kind::Invalid]).await;
}

pub async fn a_key_that_no_driver_made_reads_nothing(subject: Subject) {
    let longest = "a".repeat(5000);
    let texts = [
        "",
        ".",
        "..",
        "../..",
        "/etc/passwd",
        "../../../etc/passwd",
        "a/b",
        "\0",
        "é",
        &longest,
    ];
    for text in texts {
        let key = DataKey::new(text);
        assert_read_fails(&*subject.data, &key, 0..1, &[Kind::NotFound, Kind::Invalid]).await;
        if let Err(error) = subject.data.delete(&key).await {
            assert_eq!(error.kind(), Kind::Invalid);
        }
    }
}

pub async fn a_delete_is_idempotent(subject: Subject) {
    let key = store(&*subject.data, &pattern(6, 100)).await;
    let other = store(&*subject.data, &pattern(7, 100)).await;
    subject.data.delete(&key).await.unwrap();
    subject.data.delete(&key).await.unwrap();
    assert_eq!(
        fetch(&*subject.data, &other, 0..100).await.unwrap(),
        pattern(7, 100)
    );
}

pub async fn a_reader_of_a_deleted_object_never_sees_other_bytes(subject: Subject) {
    let bytes = pattern(8, 4 * MIB);
    let key = store(&*subject.data, &bytes).await;
    let mut stream = subject
        .data
        .read(&key, 0..bytes.len() as u64)
        .await
        .unwrap();
    let mut read = stream.try_next().await.unwrap().unwrap().to_vec();
    subject.data.delete(&key).await.unwrap();
    store(&*subject.data, &pattern(9, 4 * MIB)).await;
    while let Ok(Some(piece)) = stream.try_next().await {
        read.extend_from_slice(&piece);
    }
    assert!(
        bytes.starts_with(&read),
        "the reader saw bytes of something else"
    );
}

pub async fn concurrent_readers_each_get_all_bytes(subject: Subject) {
    let bytes = pattern(10, 3 * MIB + 17);
    let key = store(&*subject.data, &bytes).await;
    let mut tasks = JoinSet::new();
    for _ in 0..40 {
        let (data, key, bytes) = (Arc::clone(&subject.data), key.clone(), bytes.clone());
        tasks.spawn(async move {
            let read = fetch(&*data, &key, 0..bytes.len() as u64).await.unwrap();
            assert!(read == bytes);
        });
    }
    tasks.join_all().await;
}

pub async fn objects_survive_a_restart(subject: Subject) {
    let (small, large) = (pattern(11, 100), pattern(12, 3 * MIB));
    let small_key = store(&*subject.data, &small).await;
    let large_key = store(&*subject.data, &large).await;
    let subject = subject.restarted().await;
    assert!(fetch(&*subject.data, &small_key, 0..100).await.unwrap() == small);
    assert!(
        fetch(&*subject.data, &large_key, 0..large.len() as u64)
            .await
            .unwrap()
            == large
    );
}
