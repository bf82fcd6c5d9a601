//! Data objects: how they come about, and what they cost.

use crate::fixture::{BUCKET, Fixture, MIB, PART, applied, pattern};
use crate::requests;
use bytes::Bytes;
use futures::TryStreamExt;
use roadstead_storage::drivers::s3::S3Encryption;
use roadstead_storage::{Condition, DataStore, Presign, RecordStore};
use roadstead_tests::s3_fake::{FakeOptions, Fault, Rule, S3Operation};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

#[tokio::test]
async fn an_object_shorter_than_a_part_is_put_by_one_request() {
    let fixture = Fixture::new().await;
    for length in [0, 1, PART - 1] {
        let bytes = pattern(1, length);
        let key = fixture.store(&bytes).await;
        assert_eq!(fixture.requests(), requests!(PutObject: 1), "{length}");
        fixture.assert_holds(&key, &bytes).await;
        let _ = fixture.requests();
    }
}

#[tokio::test]
async fn a_longer_object_is_sent_in_parts_while_it_arrives() {
    let fixture = Fixture::new().await;
    let bytes = pattern(2, 3 * PART + 5);
    let mut upload = fixture.begin().await;
    fixture.append(&mut upload, &bytes.slice(..2 * PART)).await;
    // The first part has arrived before the second was sent.
    assert!(fixture.fake.counts().of(S3Operation::UploadPart) >= 1);
    fixture.append(&mut upload, &bytes.slice(2 * PART..)).await;
    let key = fixture.data.finish(upload).await.unwrap().key;
    let expected = requests!(CreateMultipartUpload: 1, UploadPart: 4, CompleteMultipartUpload: 1);
    assert_eq!(fixture.requests(), expected);
    fixture.assert_holds(&key, &bytes).await;
    assert_eq!(fixture.names("data").len(), 1);
    assert_eq!(fixture.names("tails"), [""; 0]);
    assert!(fixture.fake.open_uploads(BUCKET).is_empty());
}

#[tokio::test]
async fn the_last_step_survives_what_the_server_loses() {
    for fault in [
        Fault::AnswerLost,
        Fault::RequestLost,
        Fault::InternalErrorAfter,
        Fault::InternalError,
        Fault::SlowDown,
        Fault::ConditionalConflict,
        Fault::TruncatedBody(20),
    ] {
        let fixture = Fixture::new().await;
        for (operation, length) in [
            (S3Operation::PutObject, 1000),
            (S3Operation::CompleteMultipartUpload, PART + 1000),
        ] {
            let bytes = pattern(3, length);
            fixture.fake.faults().add(Rule::next(operation, fault));
            let key = fixture.store(&bytes).await;
            fixture.assert_holds(&key, &bytes).await;
        }
        assert!(fixture.fake.open_uploads(BUCKET).is_empty(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_part_is_sent_again_until_it_arrives() {
    let fixture = Fixture::new().await;
    for fault in [
        Fault::AnswerLost,
        Fault::RequestLost,
        Fault::SlowDown,
        Fault::InternalErrorAfter,
    ] {
        fixture
            .fake
            .faults()
            .add(Rule::next(S3Operation::UploadPart, fault));
    }
    let bytes = pattern(4, 2 * PART + 9);
    let key = fixture.store(&bytes).await;
    fixture.assert_holds(&key, &bytes).await;
    assert_eq!(fixture.fake.counts().of(S3Operation::UploadPart), 7);
}

#[tokio::test]
async fn a_server_that_stops_reading_is_given_up_and_tried_again() {
    let fixture = Fixture::with(FakeOptions::default(), |settings| {
        settings.stall_timeout = Duration::from_millis(200);
    })
    .await;
    let delay = Fault::DelayBefore(Duration::from_mins(1));
    fixture
        .fake
        .faults()
        .add(Rule::next(S3Operation::UploadPart, delay));
    let bytes = pattern(5, PART);
    let key = fixture.store(&bytes).await;
    fixture.assert_holds(&key, &bytes).await;
}

#[tokio::test]
async fn everything_that_is_made_is_encrypted_and_of_the_storage_class() {
    let fixture = Fixture::with(FakeOptions::default(), |settings| {
        settings.encryption = S3Encryption::Store;
        settings.storage_class = Some("STANDARD_IA".to_owned());
    })
    .await;
    fixture.store(&pattern(6, 10)).await;
    fixture.store(&pattern(6, PART + 10)).await;
    let mut upload = fixture.begin().await;
    fixture.append(&mut upload, &pattern(6, 10)).await;
    fixture.checkpoint(&mut upload).await;
    let names = fixture.fake.keys(BUCKET);
    assert_eq!(names.len(), 3);
    for name in names {
        let writable = fixture.fake.object(BUCKET, &name).unwrap().writable;
        assert_eq!(writable.encryption.as_deref(), Some("AES256"), "{name}");
        let class = name.contains("/data/").then_some("STANDARD_IA");
        assert_eq!(writable.storage_class.as_deref(), class, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_uploads_than_there_is_memory_for_wait_for_each_other() {
    let fixture = Fixture::with(FakeOptions::default(), |settings| {
        settings.upload_buffer_bytes = 3 * PART;
        settings.connections = 4;
    })
    .await;
    let bytes = pattern(7, 2 * PART + MIB);
    let mut tasks = JoinSet::new();
    for _ in 0..12 {
        let replica = Fixture::over(fixture.fake.clone(), |_| {}).await;
        let (data, bytes) = (fixture.data.clone(), bytes.clone());
        tasks.spawn(async move {
            let fixture = Fixture { data, ..replica };
            let key = fixture.store(&bytes).await;
            fixture.assert_holds(&key, &bytes).await;
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn a_presigned_address_gives_the_object_to_anybody() {
    let fixture = Fixture::new().await;
    let bytes = pattern(8, 100);
    let key = fixture.store(&bytes).await;
    let address = fixture
        .data
        .presign(&key, Duration::from_mins(5))
        .await
        .unwrap();
    let path = address.strip_prefix(&fixture.fake.endpoint()).unwrap();
    let other = path.replacen("/data/", "/tails/", 1);
    for (path, status) in [(path, "200"), (&other, "403")] {
        let host = fixture.fake.endpoint().replace("http://", "");
        let mut socket = tokio::net::TcpStream::connect(&host).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        let head = format!("HTTP/1.1 {status}");
        assert!(
            answer.starts_with(head.as_bytes()),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        assert_eq!(answer.ends_with(&bytes), status == "200");
    }
}

#[tokio::test]
async fn records_and_data_of_two_prefixes_do_not_meet() {
    let fixture = Fixture::new().await;
    let other = Fixture::over(fixture.fake.clone(), |settings| settings.prefix.clear()).await;
    applied(
        fixture
            .records
            .put("key", Bytes::from_static(b"x"), Condition::Any)
            .await
            .unwrap(),
    );
    let key = fixture.store(&pattern(9, 10)).await;
    assert!(other.records.get("key").await.unwrap().record.is_none());
    assert!(other.fetch(&key, 0..10).await.is_err());
    assert!(
        other
            .records
            .list("", None, 10)
            .await
            .unwrap()
            .entries
            .is_empty()
    );
}

#[tokio::test]
async fn bytes_that_are_parts_already_are_read_back() {
    for tail in [0, 9] {
        for more in [0, 10, PART] {
            let fixture = Fixture::new().await;
            let bytes = pattern(10, 2 * PART + tail);
            let mut upload = fixture.begin().await;
            fixture.append(&mut upload, &bytes).await;
            let state = fixture.checkpoint(&mut upload).await;
            let mut upload = fixture.resume(&state);
            let read = fixture.data.read_back(&mut upload).await.unwrap();
            let read: Vec<Bytes> = read.try_collect().await.unwrap();
            assert!(read.concat() == bytes);
            // The state was never kept: a second process does the same again.
            let mut upload = fixture.resume(&state);
            let read = fixture.data.read_back(&mut upload).await.unwrap();
            let read: Vec<Bytes> = read.try_collect().await.unwrap();
            assert!(read.concat() == bytes);

            let added = pattern(11, more);
            fixture.append(&mut upload, &added).await;
            let state = fixture.checkpoint(&mut upload).await;
            assert_eq!(state.length, (bytes.len() + more) as u64);
            let finished = fixture.data.finish(fixture.resume(&state)).await.unwrap();
            let expected = [bytes, added].concat().into();
            fixture.assert_holds(&finished.key, &expected).await;
        }
    }
}
