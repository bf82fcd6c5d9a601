//! Reads: in blocks, ahead of the client, whole in spite of what is cut.

use crate::fixture::{Fixture, MIB, PART, pattern};
use crate::requests;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use roadstead_storage::{DataStore, Kind};
use roadstead_tests::s3_fake::{FakeOptions, Fault, Rule, S3Operation};
use std::time::Duration;

#[tokio::test]
async fn a_small_object_is_read_by_one_request_and_a_large_one_by_one_for_each_block() {
    let fixture = Fixture::new().await;
    for (length, expected) in [(1, 1), (PART, 1), (PART + 1, 2), (3 * PART, 3)] {
        let bytes = pattern(1, length);
        let key = fixture.store(&bytes).await;
        let _ = fixture.requests();
        fixture.assert_holds(&key, &bytes).await;
        let requests = fixture.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        let count = requests[&S3Operation::GetObject];
        // A slow machine takes smaller steps, but never larger ones.
        assert!(
            count >= expected && (length <= PART) == (count == 1),
            "{length}: {count}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_goes_on_where_it_ended() {
    let fixture = Fixture::new().await;
    let bytes = pattern(2, 2 * PART + 7);
    let key = fixture.store(&bytes).await;
    for fault in [
        Fault::TruncatedBody(1_000_000),
        Fault::TruncatedBody(0),
        Fault::SlowDown,
        Fault::AnswerLost,
    ] {
        let rule = Rule {
            times: 3,
            ..Rule::next(S3Operation::GetObject, fault)
        };
        fixture.fake.faults().add(rule);
        fixture.assert_holds(&key, &bytes).await;
    }
}

#[tokio::test]
async fn a_server_that_stops_sending_is_given_up() {
    let fixture = Fixture::with(FakeOptions::default(), |settings| {
        settings.stall_timeout = Duration::from_millis(100);
        settings.attempts = 2;
    })
    .await;
    let bytes = pattern(3, 1000);
    let key = fixture.store(&bytes).await;
    let delay = Fault::DelayBefore(Duration::from_mins(1));
    fixture.fake.faults().add(Rule {
        times: 2,
        ..Rule::next(S3Operation::GetObject, delay)
    });
    let error = fixture.fetch(&key, 0..1000).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    fixture.assert_holds(&key, &bytes).await;
}

#[tokio::test]
async fn a_slow_client_holds_no_connection_and_little_memory() {
    let fixture = Fixture::with(FakeOptions::default(), |settings| {
        settings.connections = 2;
        settings.read_buffer_bytes = 4 * MIB;
    })
    .await;
    let bytes = pattern(4, 3 * PART);
    let key = fixture.store(&bytes).await;
    // Ten clients that have begun and take nothing more, over two connections.
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut stream = fixture
            .data
            .read(&key, 0..bytes.len() as u64)
            .await
            .unwrap();
        let first = stream.next().await.unwrap().unwrap();
        streams.push((first, stream));
    }
    fixture.assert_holds(&key, &bytes).await;
    for (first, stream) in streams {
        let rest: Vec<Bytes> = stream.try_collect().await.unwrap();
        assert!([vec![first], rest].concat().concat() == bytes);
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_leaves_no_request_behind() {
    let fixture = Fixture::new().await;
    let bytes = pattern(5, 4 * PART);
    let key = fixture.store(&bytes).await;
    let _ = fixture.requests();
    let mut stream = fixture
        .data
        .read(&key, 0..bytes.len() as u64)
        .await
        .unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    let count = fixture.requests()[&S3Operation::GetObject];
    fixture.assert_holds(&key, &pattern(5, 4 * PART)).await;
    assert!(count <= 3, "{count}");
}

#[tokio::test]
async fn an_empty_range_asks_only_whether_the_object_is_there() {
    let fixture = Fixture::new().await;
    let key = fixture.store(&pattern(6, 10)).await;
    let _ = fixture.requests();
    assert_eq!(fixture.fetch(&key, 10..10).await.unwrap(), Bytes::new());
    assert_eq!(fixture.requests(), requests!(HeadObject: 1));
}
