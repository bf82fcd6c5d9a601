//! Clauses on conditions, versions, tombstones and fences.

use super::{Subject, applied};
use crate::{Condition, Outcome, Version};
use bytes::Bytes;

const ONE: Bytes = Bytes::from_static(b"one");
const TWO: Bytes = Bytes::from_static(b"two");

async fn put(store: &Subject, bytes: Bytes, condition: Condition) -> Outcome {
    store.records.put("key", bytes, condition).await.unwrap()
}

async fn delete(store: &Subject, condition: Condition) -> Outcome {
    store.records.delete("key", condition).await.unwrap()
}

async fn content(store: &Subject) -> Option<Bytes> {
    store
        .records
        .get("key")
        .await
        .unwrap()
        .record
        .map(|record| record.bytes)
}

async fn version(store: &Subject) -> Version {
    store.records.get("key").await.unwrap().version
}

pub async fn an_absent_put_succeeds_once(store: Subject) {
    let first = applied(put(&store, ONE, Condition::Absent).await);
    assert_eq!(put(&store, TWO, Condition::Absent).await, Outcome::Conflict);
    assert_eq!(content(&store).await, Some(ONE));
    assert_eq!(version(&store).await, first);
}

pub async fn an_absent_put_over_a_deleted_key_succeeds(store: Subject) {
    applied(put(&store, ONE, Condition::Absent).await);
    applied(delete(&store, Condition::Any).await);
    applied(put(&store, TWO, Condition::Absent).await);
    assert_eq!(content(&store).await, Some(TWO));
}

pub async fn a_matching_put_replaces_the_record(store: Subject) {
    let first = applied(put(&store, ONE, Condition::Any).await);
    let second = applied(put(&store, TWO, Condition::Matches(first.clone())).await);
    assert_ne!(first, second);
    assert_eq!(content(&store).await, Some(TWO));
    assert_eq!(version(&store).await, second);
}

pub async fn a_stale_put_is_refused_and_changes_nothing(store: Subject) {
    let stale = applied(put(&store, ONE, Condition::Any).await);
    let current = applied(put(&store, TWO, Condition::Any).await);
    for wrong in [stale, Version::NEVER] {
        assert_eq!(
            put(&store, ONE, Condition::Matches(wrong)).await,
            Outcome::Conflict
        );
        assert_eq!(content(&store).await, Some(TWO));
        assert_eq!(version(&store).await, current);
    }
}

pub async fn equal_bytes_give_a_new_version(store: Subject) {
    let first = applied(put(&store, ONE, Condition::Any).await);
    let second = applied(put(&store, ONE, Condition::Any).await);
    assert_ne!(first, second);
    assert_eq!(
        put(&store, TWO, Condition::Matches(first)).await,
        Outcome::Conflict
    );
    applied(put(&store, TWO, Condition::Matches(second)).await);
}

pub async fn a_put_that_matches_an_absence_creates_the_record(store: Subject) {
    let never = version(&store).await;
    applied(put(&store, ONE, Condition::Matches(never)).await);
    applied(delete(&store, Condition::Any).await);
    let deleted = version(&store).await;
    applied(put(&store, TWO, Condition::Matches(deleted)).await);
    assert_eq!(content(&store).await, Some(TWO));
}

pub async fn a_put_that_matches_an_older_absence_is_refused(store: Subject) {
    let never = version(&store).await;
    applied(put(&store, ONE, Condition::Any).await);
    let first_absence = applied(delete(&store, Condition::Any).await);
    applied(put(&store, ONE, Condition::Any).await);
    applied(delete(&store, Condition::Any).await);
    for older in [never, first_absence] {
        assert_eq!(
            put(&store, TWO, Condition::Matches(older)).await,
            Outcome::Conflict
        );
        assert_eq!(content(&store).await, None);
    }
}

pub async fn a_delete_leaves_an_absence_with_its_own_version(store: Subject) {
    let never = version(&store).await;
    let record = applied(put(&store, ONE, Condition::Any).await);
    let answered = applied(delete(&store, Condition::Any).await);
    let read = store.records.get("key").await.unwrap();
    assert_eq!(read.record, None);
    assert_eq!(read.version, answered);
    assert_ne!(read.version, never);
    assert_ne!(read.version, record);
}

pub async fn a_stale_delete_is_refused_and_the_record_stays(store: Subject) {
    let stale = applied(put(&store, ONE, Condition::Any).await);
    let current = applied(put(&store, TWO, Condition::Any).await);
    for wrong in [stale, Version::NEVER] {
        assert_eq!(
            delete(&store, Condition::Matches(wrong)).await,
            Outcome::Conflict
        );
        assert_eq!(content(&store).await, Some(TWO));
        assert_eq!(version(&store).await, current);
    }
}

pub async fn a_delete_that_matches_removes_the_record(store: Subject) {
    let current = applied(put(&store, ONE, Condition::Any).await);
    applied(delete(&store, Condition::Matches(current.clone())).await);
    assert_eq!(content(&store).await, None);
    assert_eq!(
        delete(&store, Condition::Matches(current)).await,
        Outcome::Conflict
    );
}

pub async fn a_delete_of_an_absence_fences_it(store: Subject) {
    applied(put(&store, ONE, Condition::Any).await);
    let seen = applied(delete(&store, Condition::Any).await);
    let fenced = applied(delete(&store, Condition::Matches(seen.clone())).await);
    assert_ne!(seen, fenced);
    assert_eq!(
        put(&store, TWO, Condition::Matches(seen)).await,
        Outcome::Conflict
    );
    assert_eq!(version(&store).await, fenced);
    applied(put(&store, TWO, Condition::Matches(fenced)).await);
}

pub async fn a_delete_of_a_key_that_was_never_written_fences_it(store: Subject) {
    let never = version(&store).await;
    let fenced = applied(delete(&store, Condition::Matches(never.clone())).await);
    assert_ne!(never, fenced);
    assert_eq!(
        put(&store, ONE, Condition::Matches(never)).await,
        Outcome::Conflict
    );
    assert_eq!(content(&store).await, None);
    applied(put(&store, ONE, Condition::Absent).await);
}

pub async fn an_unconditional_delete_of_an_absent_key_is_applied(store: Subject) {
    applied(delete(&store, Condition::Any).await);
    let first = version(&store).await;
    applied(delete(&store, Condition::Any).await);
    assert_eq!(content(&store).await, None);
    applied(put(&store, ONE, Condition::Absent).await);
    assert_ne!(version(&store).await, first);
}

pub async fn an_absent_delete_is_refused_while_there_is_a_record(store: Subject) {
    let current = applied(put(&store, ONE, Condition::Any).await);
    assert_eq!(delete(&store, Condition::Absent).await, Outcome::Conflict);
    assert_eq!(version(&store).await, current);
    let absence = applied(delete(&store, Condition::Any).await);
    let fenced = applied(delete(&store, Condition::Absent).await);
    assert_ne!(absence, fenced);
}

pub async fn a_record_that_comes_back_has_a_new_version(store: Subject) {
    let first = applied(put(&store, ONE, Condition::Any).await);
    applied(delete(&store, Condition::Matches(first.clone())).await);
    let second = applied(put(&store, ONE, Condition::Absent).await);
    assert_ne!(first, second);
    assert_eq!(
        put(&store, TWO, Condition::Matches(first.clone())).await,
        Outcome::Conflict
    );
    assert_eq!(
        delete(&store, Condition::Matches(first)).await,
        Outcome::Conflict
    );
    assert_eq!(content(&store).await, Some(ONE));
}

pub async fn versions_survive_a_restart(store: Subject) {
    let current = applied(put(&store, ONE, Condition::Any).await);
    applied(
        store
            .records
            .put("gone", ONE, Condition::Any)
            .await
            .unwrap(),
    );
    let absence = applied(store.records.delete("gone", Condition::Any).await.unwrap());
    let store = store.restarted().await;
    assert_eq!(store.records.get("gone").await.unwrap().version, absence);
    applied(
        store
            .records
            .put("gone", TWO, Condition::Matches(absence))
            .await
            .unwrap(),
    );
    applied(put(&store, TWO, Condition::Matches(current)).await);
}
