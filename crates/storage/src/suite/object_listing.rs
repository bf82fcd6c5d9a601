//! Clauses on the listing of finished data objects.

use super::{Subject, pattern, store};
use crate::{DataKey, DataStore, Kind, ListedObject, UploadHint};
use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// Lists all objects in pages of `limit`.
async fn list_all(data: &dyn DataStore, limit: usize) -> Vec<ListedObject> {
    let mut listed: Vec<ListedObject> = Vec::new();
    loop {
        let after = listed.last().map(|object| object.key.clone());
        let page = data.objects(after.as_ref(), limit).await.unwrap();
        assert!(page.objects.len() <= limit);
        assert!(!(page.more && page.objects.is_empty()));
        listed.extend(page.objects);
        if !page.more {
            return listed;
        }
    }
}

fn keys(listed: &[ListedObject]) -> Vec<DataKey> {
    listed.iter().map(|object| object.key.clone()).collect()
}

async fn store_some(subject: &Subject, count: u64) -> Vec<DataKey> {
    let mut stored = Vec::new();
    for seed in 0..count {
        stored.push(store(&*subject.data, &pattern(seed, 10)).await);
    }
    stored.sort();
    stored
}

pub async fn finished_objects_are_listed_in_byte_order_of_their_keys(subject: Subject) {
    let stored = store_some(&subject, 30).await;
    let listed = list_all(&*subject.data, 1000).await;
    assert_eq!(keys(&listed), stored);
}

pub async fn a_listing_of_objects_pages_to_the_end(subject: Subject) {
    let stored = store_some(&subject, 12).await;
    for limit in [1, 5, 6, 11, 12, 13] {
        let listed = list_all(&*subject.data, limit).await;
        assert_eq!(keys(&listed), stored, "in pages of {limit}");
    }
    let page = subject.data.objects(None, 12).await.unwrap();
    assert!(!page.more, "nothing follows after the last object");
}

pub async fn a_listing_of_objects_starts_after_a_key_that_need_not_exist(subject: Subject) {
    let stored = store_some(&subject, 5).await;
    for (index, key) in stored.iter().enumerate() {
        let page = subject.data.objects(Some(key), 10).await.unwrap();
        assert_eq!(keys(&page.objects), stored[index + 1..]);
    }
    subject.data.delete(&stored[2]).await.unwrap();
    let page = subject.data.objects(Some(&stored[2]), 10).await.unwrap();
    assert_eq!(keys(&page.objects), stored[3..]);
    let last = DataKey::new("f".repeat(32));
    let page = subject.data.objects(Some(&last), 10).await.unwrap();
    assert!(page.objects.is_empty() && !page.more);
}

pub async fn a_listing_of_objects_of_an_empty_store_is_empty(subject: Subject) {
    let page = subject.data.objects(None, 10).await.unwrap();
    assert!(page.objects.is_empty() && !page.more);
}

pub async fn a_deleted_object_is_not_listed(subject: Subject) {
    let mut stored = store_some(&subject, 4).await;
    subject.data.delete(&stored.remove(1)).await.unwrap();
    assert_eq!(keys(&list_all(&*subject.data, 2).await), stored);
}

pub async fn an_unfinished_upload_is_no_object_of_the_listing(subject: Subject) {
    let data = &*subject.data;
    let mut upload = data.begin(UploadHint::default()).await.unwrap();
    data.reserve(&mut upload);
    data.append(&mut upload, pattern(1, 11 * MIB))
        .await
        .unwrap();
    data.checkpoint(&mut upload).await.unwrap();
    assert!(list_all(data, 10).await.is_empty());
    let finished = data.finish(upload).await.unwrap();
    assert_eq!(keys(&list_all(data, 10).await), [finished.key]);
}

pub async fn a_listing_shows_the_length_and_the_time_of_each_object(subject: Subject) {
    let before = subject.records.now().await.unwrap();
    let mut expected = Vec::new();
    for length in [0, 1, 300_000, 9 * MIB] {
        let key = store(&*subject.data, &pattern(7, length)).await;
        expected.push((key, length as u64));
    }
    expected.sort();
    let after = subject.records.now().await.unwrap();
    // Dates of HTTP have no milliseconds, and a file system may count in ticks.
    let slack = Duration::from_secs(2);
    for (object, (key, length)) in list_all(&*subject.data, 10).await.iter().zip(&expected) {
        assert_eq!((&object.key, object.length), (key, *length));
        assert!(object.modified >= before.minus(slack), "{object:?}");
        assert!(object.modified.minus(slack) <= after, "{object:?}");
    }
}

pub async fn objects_are_listed_after_a_restart(subject: Subject) {
    let stored = store_some(&subject, 3).await;
    let subject = subject.restarted().await;
    assert_eq!(keys(&list_all(&*subject.data, 10).await), stored);
}

pub async fn a_page_of_no_or_of_too_many_objects_is_refused(subject: Subject) {
    for limit in [0, 10_001] {
        let error = subject.data.objects(None, limit).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
    }
    assert!(subject.data.objects(None, 10_000).await.is_ok());
}
