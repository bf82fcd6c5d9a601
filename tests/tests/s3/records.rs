//! Records on a server that fails.

use crate::fixture::{BUCKET, Fixture, applied, pattern};
use crate::requests;
use bytes::Bytes;
use roadstead_storage::drivers::s3::{S3Credentials, S3Encryption, Secret};
use roadstead_storage::{Condition, Kind, Outcome, RecordStore, Version};
use roadstead_tests::s3_fake::{FakeOptions, Fault, Rule, S3Operation};
use std::time::Duration;
use tokio::task::JoinSet;

const X: Bytes = Bytes::from_static(b"x");

async fn put_with(fault: Fault) -> (Fixture, Outcome) {
    let fixture = Fixture::new().await;
    fixture
        .fake
        .faults()
        .add(Rule::next(S3Operation::PutObject, fault));
    let outcome = fixture
        .records
        .put("key", X, Condition::Absent)
        .await
        .unwrap();
    (fixture, outcome)
}

#[tokio::test]
async fn a_put_that_was_applied_without_an_answer_is_applied_once() {
    for fault in [Fault::AnswerLost, Fault::InternalErrorAfter] {
        let (fixture, outcome) = put_with(fault).await;
        let version = applied(outcome);
        assert_eq!(
            fixture.requests(),
            requests!(PutObject: 1, GetObject: 1),
            "{fault:?}"
        );
        assert_eq!(fixture.records.get("key").await.unwrap().version, version);
    }
}

#[tokio::test]
async fn a_put_that_was_lost_on_the_way_is_sent_again() {
    for fault in [Fault::RequestLost, Fault::InternalError] {
        let (fixture, outcome) = put_with(fault).await;
        applied(outcome);
        assert_eq!(
            fixture.requests(),
            requests!(PutObject: 2, GetObject: 1),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_put_that_was_turned_away_is_sent_again_without_looking() {
    for fault in [Fault::SlowDown, Fault::ConditionalConflict] {
        let (fixture, outcome) = put_with(fault).await;
        applied(outcome);
        assert_eq!(fixture.requests(), requests!(PutObject: 2), "{fault:?}");
    }
}

#[tokio::test]
async fn a_conflict_after_a_lost_answer_is_never_told_as_one() {
    let fixture = Fixture::with(FakeOptions::default(), |settings| {
        settings.record_timeout = Duration::from_millis(300);
    })
    .await;
    let other = Fixture::over(fixture.fake.clone(), |_| {}).await;
    let first = applied(
        fixture
            .records
            .put("key", X, Condition::Absent)
            .await
            .unwrap(),
    );
    let late = Fault::DelayAfter(Duration::from_secs(2));
    fixture
        .fake
        .faults()
        .add(Rule::next(S3Operation::PutObject, late));
    let condition = Condition::Matches(first);
    let slow = fixture
        .records
        .put("key", Bytes::from_static(b"slow"), condition);
    let fast = async {
        // The slow one is applied at once, only its answer comes late.
        loop {
            let read = other.records.get("key").await.unwrap();
            if read.record.is_some_and(|record| record.bytes == "slow") {
                let condition = Condition::Matches(read.version);
                let replaced = Bytes::from_static(b"fast");
                return other.records.put("key", replaced, condition).await.unwrap();
            }
        }
    };
    let (slow, fast) = tokio::join!(slow, fast);
    applied(fast);
    assert_eq!(slow.unwrap(), Outcome::Unknown);
}

#[tokio::test]
async fn a_clean_conflict_costs_one_request() {
    let fixture = Fixture::new().await;
    applied(
        fixture
            .records
            .put("key", X, Condition::Absent)
            .await
            .unwrap(),
    );
    let _ = fixture.requests();
    let stale = Condition::Matches(Version::NEVER);
    assert_eq!(
        fixture.records.put("key", X, stale).await.unwrap(),
        Outcome::Conflict
    );
    assert_eq!(fixture.requests(), requests!(PutObject: 1));
}

#[tokio::test]
async fn each_operation_costs_the_requests_that_the_design_says() {
    let fixture = Fixture::new().await;
    let records = &fixture.records;
    let version = applied(records.put("key", X, Condition::Any).await.unwrap());
    assert_eq!(fixture.requests(), requests!(PutObject: 1));
    let version = applied(
        records
            .put("key", X, Condition::Matches(version))
            .await
            .unwrap(),
    );
    assert_eq!(fixture.requests(), requests!(PutObject: 1));
    records.get("key").await.unwrap();
    assert_eq!(fixture.requests(), requests!(GetObject: 1));
    records.list("", None, 1000).await.unwrap();
    assert_eq!(fixture.requests(), requests!(ListObjects: 1));
    applied(
        records
            .delete("key", Condition::Matches(version))
            .await
            .unwrap(),
    );
    assert_eq!(fixture.requests(), requests!(PutObject: 1));
    applied(records.put("key", X, Condition::Absent).await.unwrap());
    assert_eq!(
        fixture.requests(),
        requests!(PutObject: 2, GetObject: 1),
        "over a tombstone"
    );
    records.now().await.unwrap();
    assert_eq!(fixture.requests(), requests!());
    assert_eq!(
        fixture.fake.counts().connections(),
        1,
        "connections are used again"
    );
}

#[tokio::test]
async fn a_cut_or_slow_answer_is_asked_for_again() {
    let fixture = Fixture::with(FakeOptions::default(), |settings| {
        settings.record_timeout = Duration::from_millis(500);
    })
    .await;
    let bytes = pattern(1, 200_000);
    applied(
        fixture
            .records
            .put("key", bytes.clone(), Condition::Any)
            .await
            .unwrap(),
    );
    let faults = [
        Fault::TruncatedBody(1000),
        Fault::AnswerLost,
        Fault::SlowDown,
        Fault::DelayBefore(Duration::from_secs(5)),
    ];
    for fault in faults {
        fixture
            .fake
            .faults()
            .add(Rule::next(S3Operation::GetObject, fault));
        let read = fixture.records.get("key").await.unwrap();
        assert_eq!(read.record.unwrap().bytes, bytes, "{fault:?}");
    }
    fixture.fake.faults().add(Rule::next(
        S3Operation::ListObjects,
        Fault::TruncatedBody(10),
    ));
    assert_eq!(
        fixture
            .records
            .list("", None, 10)
            .await
            .unwrap()
            .entries
            .len(),
        1
    );
}

#[tokio::test]
async fn a_server_that_only_fails_is_unavailable() {
    let fixture = Fixture::new().await;
    let always = Rule {
        times: 1000,
        operation: None,
        ..Rule::next(S3Operation::Other, Fault::SlowDown)
    };
    fixture.fake.faults().add(always);
    let error = fixture.records.get("key").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.to_string().contains("503 SlowDown"), "{error}");
    let error = fixture
        .records
        .put("key", X, Condition::Any)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
}

#[tokio::test]
async fn wrong_keys_are_denied_and_a_missing_bucket_is_named() {
    let fixture = Fixture::with(FakeOptions::default(), |settings| {
        settings.credentials = S3Credentials::Keys {
            access_key: "fake-access-key".to_owned(),
            secret_key: Secret::new("another"),
            session_token: None,
        };
    })
    .await;
    let error = fixture.records.get("key").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(
        error.to_string().contains("SignatureDoesNotMatch"),
        "{error}"
    );
    assert!(!error.to_string().contains("another"), "{error}");

    let fixture = Fixture::with(FakeOptions::default(), |settings| {
        settings.bucket = "elsewhere".to_owned();
    })
    .await;
    for error in [
        fixture.records.get("key").await.unwrap_err(),
        fixture
            .records
            .put("key", X, Condition::Any)
            .await
            .unwrap_err(),
        fixture.records.list("", None, 1).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(error.to_string().contains("NoSuchBucket"), "{error}");
    }
}

#[tokio::test]
async fn the_time_is_that_of_the_store() {
    let fixture = Fixture::new().await;
    let day = Duration::from_hours(24);
    let almost_a_day = Duration::from_hours(23);
    let before = fixture.records.now().await.unwrap();
    fixture.fake.clock().advance(day);
    applied(fixture.records.put("key", X, Condition::Any).await.unwrap());
    let after = fixture.records.now().await.unwrap();
    assert!(after.since(before) >= almost_a_day, "{before:?} {after:?}");
    let modified = fixture
        .records
        .get("key")
        .await
        .unwrap()
        .record
        .unwrap()
        .modified;
    assert!(modified.since(before) >= almost_a_day);
}

#[tokio::test]
async fn records_are_encrypted_as_it_is_set_and_have_no_storage_class() {
    let fixture = Fixture::with(FakeOptions::default(), |settings| {
        settings.encryption = S3Encryption::KeyService {
            key: Some("the-key".to_owned()),
        };
        settings.storage_class = Some("STANDARD_IA".to_owned());
    })
    .await;
    applied(
        fixture
            .records
            .put("key", X, Condition::Absent)
            .await
            .unwrap(),
    );
    applied(
        fixture
            .records
            .delete("gone", Condition::Any)
            .await
            .unwrap(),
    );
    for key in ["key", "gone"] {
        let object = fixture
            .fake
            .object(BUCKET, &format!("a/prefix/records/{key}!"))
            .unwrap();
        assert_eq!(object.writable.encryption.as_deref(), Some("aws:kms"));
        assert_eq!(object.writable.kms_key.as_deref(), Some("the-key"));
        assert_eq!(object.writable.storage_class, None);
    }
}

/// Adds one to the counter until it was done or may have been done.
async fn add_one(records: &impl RecordStore) -> bool {
    loop {
        let Ok(read) = records.get("counter").await else {
            continue;
        };
        let count = read.record.map_or(0, |record| {
            u32::from_be_bytes(record.bytes.as_ref().try_into().unwrap())
        });
        let bytes = Bytes::copy_from_slice(&(count + 1).to_be_bytes());
        match records
            .put("counter", bytes, Condition::Matches(read.version))
            .await
        {
            Ok(Outcome::Applied(_)) => return true,
            Ok(Outcome::Conflict) => {}
            Ok(Outcome::Unknown) | Err(_) => return false,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_writers_lose_nothing_whatever_the_server_loses() {
    let fixture = Fixture::with(FakeOptions::default(), |settings| {
        settings.retry_budget = 10_000;
    })
    .await;
    let faults = vec![
        (60, Fault::AnswerLost),
        (60, Fault::RequestLost),
        (30, Fault::InternalErrorAfter),
        (30, Fault::SlowDown),
        (30, Fault::ConditionalConflict),
        (20, Fault::TruncatedBody(3)),
    ];
    fixture.fake.faults().at_random(7, faults);
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let replica = Fixture::over(fixture.fake.clone(), |settings| {
            settings.retry_budget = 10_000;
        })
        .await;
        tasks.spawn(async move {
            let mut done = Vec::new();
            for _ in 0..15 {
                done.push(add_one(&replica.records).await);
            }
            done
        });
    }
    let done = tasks.join_all().await.concat();
    fixture.fake.faults().clear();
    let certain = done.iter().filter(|is_certain| **is_certain).count();
    let record = fixture
        .records
        .get("counter")
        .await
        .unwrap()
        .record
        .unwrap();
    let count = u32::from_be_bytes(record.bytes.as_ref().try_into().unwrap()) as usize;
    assert!((certain..=done.len()).contains(&count), "{certain} {count}");
    // How many there were depends on how often the writers met; without conflicts there are 240
    // requests, and one in five is harmed.
    assert!(fixture.fake.faults().done() > 20);
}
