//! Clauses on listings: order, pages, prefixes, and tombstones that do not show.

use super::{Subject, applied};
use crate::{Condition, Kind, Page, RecordStore};
use bytes::Bytes;
use futures::{StreamExt, stream};
use std::time::Duration;

const X: Bytes = Bytes::from_static(b"x");

async fn fill(records: &dyn RecordStore, keys: impl IntoIterator<Item = String>) {
    let puts = keys.into_iter().map(|key| async move {
        applied(records.put(&key, X, Condition::Any).await.unwrap());
    });
    stream::iter(puts)
        .buffer_unordered(64)
        .collect::<Vec<()>>()
        .await;
}

async fn remove(records: &dyn RecordStore, keys: impl IntoIterator<Item = String>) {
    let deletes = keys.into_iter().map(|key| async move {
        applied(records.delete(&key, Condition::Any).await.unwrap());
    });
    stream::iter(deletes)
        .buffer_unordered(64)
        .collect::<Vec<()>>()
        .await;
}

fn keys(page: &Page) -> Vec<&str> {
    page.entries
        .iter()
        .map(|entry| entry.key.as_str())
        .collect()
}

/// Lists page by page to the end.
async fn walk(records: &dyn RecordStore, prefix: &str, limit: usize) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    loop {
        let page = records
            .list(prefix, all.last().map(String::as_str), limit)
            .await
            .unwrap();
        assert!(page.entries.len() <= limit);
        assert!(
            !page.more || !page.entries.is_empty(),
            "more is never set on an empty page"
        );
        all.extend(page.entries.into_iter().map(|entry| entry.key));
        if !page.more {
            return all;
        }
    }
}

pub async fn a_list_is_in_byte_order(store: Subject) {
    let mut expected = [
        "b", "a", "a/b", "a-b", "a.b", "aB", "ab", "B", "é", "z", "10", "9", "_",
    ];
    fill(&*store.records, expected.map(str::to_owned)).await;
    expected.sort_unstable();
    let page = store.records.list("", None, 100).await.unwrap();
    assert_eq!(keys(&page), expected);
    assert!(!page.more);
}

pub async fn a_list_of_nothing_is_empty(store: Subject) {
    assert_eq!(
        store.records.list("", None, 10).await.unwrap(),
        Page::default()
    );
    fill(&*store.records, ["a".to_owned()]).await;
    assert_eq!(
        store.records.list("b", None, 10).await.unwrap(),
        Page::default()
    );
    assert_eq!(
        store.records.list("", Some("a"), 10).await.unwrap(),
        Page::default()
    );
}

pub async fn a_list_pages_beyond_a_thousand_keys(store: Subject) {
    let expected: Vec<String> = (0..1103)
        .map(|number| format!("page/{number:04}"))
        .collect();
    fill(&*store.records, expected.iter().cloned()).await;
    fill(&*store.records, ["page".to_owned(), "pagf".to_owned()]).await;
    for limit in [100, 999, 1000, 1001, 1103, 2000] {
        assert_eq!(
            walk(&*store.records, "page/", limit).await,
            expected,
            "pages of {limit}"
        );
    }
    let page = store.records.list("page/", None, 1103).await.unwrap();
    assert!(!page.more, "nothing follows a page that holds all");
    let page = store.records.list("page/", None, 1102).await.unwrap();
    assert!(page.more);
}

pub async fn a_list_takes_a_page_of_ten_thousand(store: Subject) {
    fill(&*store.records, (0..20).map(|number| format!("k{number}"))).await;
    let page = store.records.list("k", None, 10_000).await.unwrap();
    assert_eq!(page.entries.len(), 20);
    assert!(!page.more);
}

pub async fn a_list_leaves_tombstones_out(store: Subject) {
    fill(&*store.records, (0..10).map(|number| format!("k{number}"))).await;
    remove(
        &*store.records,
        (0..10).step_by(2).map(|number| format!("k{number}")),
    )
    .await;
    let page = store.records.list("k", None, 5).await.unwrap();
    assert_eq!(keys(&page), ["k1", "k3", "k5", "k7", "k9"]);
    assert_eq!(walk(&*store.records, "k", 1).await, keys(&page));
    fill(&*store.records, ["k4".to_owned()]).await;
    assert_eq!(
        walk(&*store.records, "k", 2).await,
        ["k1", "k3", "k4", "k5", "k7", "k9"]
    );
}

pub async fn more_is_unset_when_only_tombstones_follow(store: Subject) {
    fill(&*store.records, (0..6).map(|number| format!("k{number}"))).await;
    remove(&*store.records, (3..6).map(|number| format!("k{number}"))).await;
    let page = store.records.list("k", None, 3).await.unwrap();
    assert_eq!(keys(&page), ["k0", "k1", "k2"]);
    assert!(!page.more);
    let page = store.records.list("k", Some("k2"), 3).await.unwrap();
    assert_eq!(page, Page::default());
}

pub async fn a_page_full_of_tombstones_is_passed_over(store: Subject) {
    let dead = || (0..1050).map(|number| format!("k/{number:04}"));
    fill(&*store.records, dead()).await;
    remove(&*store.records, dead()).await;
    fill(&*store.records, ["k/9999".to_owned()]).await;
    let page = store.records.list("k/", None, 10).await.unwrap();
    assert_eq!(keys(&page), ["k/9999"]);
    assert!(!page.more);
}

pub async fn a_list_keeps_to_its_prefix(store: Subject) {
    let all = ["p", "p/", "p/a", "p/b", "p0", "p/a/c", "o", "q"];
    fill(&*store.records, all.map(str::to_owned)).await;
    assert_eq!(
        walk(&*store.records, "p/", 1).await,
        ["p/", "p/a", "p/a/c", "p/b"]
    );
    assert_eq!(
        walk(&*store.records, "p", 2).await,
        ["p", "p/", "p/a", "p/a/c", "p/b", "p0"]
    );
    assert_eq!(walk(&*store.records, "p/a", 10).await, ["p/a", "p/a/c"]);
    assert_eq!(walk(&*store.records, "", 3).await.len(), all.len());
}

pub async fn a_list_starts_after_a_key_that_need_not_exist(store: Subject) {
    fill(&*store.records, ["p/a", "p/c", "p/e"].map(str::to_owned)).await;
    let cases: [(&str, &[&str]); 8] = [
        ("p/a", &["p/c", "p/e"]),
        ("p/b", &["p/c", "p/e"]),
        ("p/c", &["p/e"]),
        ("p/c0", &["p/e"]),
        ("p/e", &[]),
        ("p/z", &[]),
        ("z", &[]),
        ("a", &["p/a", "p/c", "p/e"]),
    ];
    for (start_after, expected) in cases {
        let page = store
            .records
            .list("p/", Some(start_after), 10)
            .await
            .unwrap();
        assert_eq!(keys(&page), expected, "after {start_after}");
    }
}

pub async fn a_list_shows_the_time_of_each_record(store: Subject) {
    fill(&*store.records, ["a".to_owned(), "b".to_owned()]).await;
    for entry in store.records.list("", None, 10).await.unwrap().entries {
        let modified = store
            .records
            .get(&entry.key)
            .await
            .unwrap()
            .record
            .unwrap()
            .modified;
        let apart = entry
            .modified
            .since(modified)
            .max(modified.since(entry.modified));
        // A read of an object store tells whole seconds, its listing milliseconds.
        assert!(
            apart < Duration::from_secs(1),
            "{:?} and {modified:?}",
            entry.modified
        );
    }
}

pub async fn a_page_of_no_or_of_too_many_entries_is_refused(store: Subject) {
    for limit in [0, 10_001] {
        let error = store.records.list("", None, limit).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
    }
}
