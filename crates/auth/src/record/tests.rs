//! Tests of the encoding and of changes: races, lost answers, foreign versions.

mod golden;

use super::*;
use crate::testing::{Fixture, faulty};
use roadstead_storage::decorators::fault::Fault;
use roadstead_storage::{Kind, Operation};

const KEY: &str = "auth/user/ops";

async fn add_one(records: &Records) -> Result<u32> {
    change(records, KEY, |count: Option<u32>| {
        let next = count.unwrap_or(0) + 1;
        Ok(Step::Put(next, next))
    })
    .await
}

#[test]
fn the_bytes_of_a_record_are_pinned() {
    let bytes = encode(0xab, &serde_json::json!({"name": "ops"}));
    assert_eq!(bytes[0], 1);
    assert_eq!(
        std::str::from_utf8(&bytes[1..]).unwrap(),
        r#"{"nonce":"000000000000000000000000000000ab","value":{"name":"ops"}}"#
    );
}

#[tokio::test]
async fn an_unknown_version_is_named_and_nothing_is_written_over_it() {
    let fixture = Fixture::new();
    let outcome = fixture
        .records
        .put(KEY, Bytes::from_static(b"\x02{}"), Condition::Any)
        .await
        .unwrap();
    assert!(matches!(outcome, roadstead_storage::Outcome::Applied(_)));
    let error = add_one(&fixture.records).await.unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
}

#[tokio::test]
async fn no_change_is_lost_when_many_make_one() {
    let fixture = Fixture::new();
    let one = || add_one(&fixture.records);
    let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
    for outcome in [a, b, c, d] {
        outcome.unwrap();
    }
    assert_eq!(read::<u32>(&fixture.records, KEY).await.unwrap(), Some(4));
}

#[tokio::test]
async fn a_lost_answer_of_an_own_write_is_a_success() {
    let (records, plan) = faulty();
    plan.once(Operation::Put, Fault::UnknownApplied);
    assert_eq!(add_one(&records).await.unwrap(), 1);
    assert_eq!(read::<u32>(&records, KEY).await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_write_that_may_not_have_happened_is_not_made_twice() {
    let (records, plan) = faulty();
    plan.once(Operation::Put, Fault::UnknownUnapplied);
    let error = add_one(&records).await.unwrap_err();
    assert!(matches!(error, AuthError::Uncertain { .. }), "{error}");
    assert_eq!(read::<u32>(&records, KEY).await.unwrap(), None);
}

#[tokio::test]
async fn a_removal_whose_answer_was_lost_is_a_success_when_the_record_is_gone() {
    let (records, plan) = faulty();
    add_one(&records).await.unwrap();
    plan.once(Operation::Delete, Fault::UnknownApplied);
    change(&records, KEY, |_: Option<u32>| Ok(Step::Remove(())))
        .await
        .unwrap();
    assert_eq!(read::<u32>(&records, KEY).await.unwrap(), None);
}

#[tokio::test]
async fn a_store_that_fails_is_an_error_of_storage() {
    let (records, plan) = faulty();
    plan.once(Operation::Put, Fault::Fail(Kind::Unavailable));
    let error = add_one(&records).await.unwrap_err();
    assert!(matches!(error, AuthError::Storage(_)), "{error}");
}
