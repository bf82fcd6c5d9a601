//! Clauses on single records: what is put is read back, under exactly its key.

use super::{Subject, applied, pattern};
use crate::limits::MAX_KEY_BYTES;
use crate::{Condition, Kind, MAX_RECORD_BYTES, Version};
use bytes::Bytes;
use std::time::Duration;

pub async fn a_key_that_was_never_written_reads_as_absent(store: Subject) {
    let first = store.records.get("nothing").await.unwrap();
    let second = store.records.get("nothing").await.unwrap();
    assert_eq!(first.record, None);
    assert_eq!(first, second, "nothing was written between the two reads");
    assert_eq!(first.version, Version::NEVER);
}

pub async fn a_put_is_read_back_whole(store: Subject) {
    let bytes = pattern(1, 1000);
    let outcome = store
        .records
        .put("key", bytes.clone(), Condition::Any)
        .await
        .unwrap();
    let read = store.records.get("key").await.unwrap();
    assert_eq!(read.record.unwrap().bytes, bytes);
    assert_eq!(read.version, applied(outcome));
}

pub async fn a_record_of_one_byte_and_the_largest_record_are_kept(store: Subject) {
    for length in [1, 2, 15, 16, 17, 18, 25, 4096, 65_537, MAX_RECORD_BYTES] {
        let bytes = pattern(2, length);
        applied(
            store
                .records
                .put("key", bytes.clone(), Condition::Any)
                .await
                .unwrap(),
        );
        let read = store.records.get("key").await.unwrap();
        assert_eq!(
            read.record.unwrap().bytes,
            bytes,
            "a record of {length} bytes"
        );
    }
    let zeros = Bytes::from_static(&[0; 17]);
    applied(
        store
            .records
            .put("zeros", zeros.clone(), Condition::Any)
            .await
            .unwrap(),
    );
    assert_eq!(
        store
            .records
            .get("zeros")
            .await
            .unwrap()
            .record
            .unwrap()
            .bytes,
        zeros
    );
}

pub async fn an_empty_or_too_large_record_is_refused(store: Subject) {
    for length in [0, MAX_RECORD_BYTES + 1] {
        let bytes = Bytes::from(vec![7; length]);
        let error = store
            .records
            .put("key", bytes, Condition::Any)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
    }
    assert_eq!(
        store.records.get("key").await.unwrap().version,
        Version::NEVER
    );
}

pub async fn an_empty_or_too_long_key_is_refused(store: Subject) {
    for key in [String::new(), "k".repeat(MAX_KEY_BYTES + 1)] {
        let put = store
            .records
            .put(&key, Bytes::from_static(b"x"), Condition::Any)
            .await;
        assert_eq!(put.unwrap_err().kind(), Kind::Invalid);
        assert_eq!(
            store.records.get(&key).await.unwrap_err().kind(),
            Kind::Invalid
        );
        let deleted = store.records.delete(&key, Condition::Any).await;
        assert_eq!(deleted.unwrap_err().kind(), Kind::Invalid);
    }
}

pub async fn odd_characters_in_keys_stay_apart(store: Subject) {
    let keys = [
        "a b",
        "a%20b",
        "a%2Fb",
        "a/b",
        "a+b",
        "a:b",
        "a..b",
        "A",
        "a",
        "a_",
        "a-",
        "a.",
        "a~b",
        "(x)",
        "a@b",
        "a,b",
        "a;b",
        "a=b&c",
        "a'b",
        "a\"b",
        "a#b",
        "a?b",
        "a*b",
        "a!b",
        "a$b",
        "é",
        "e\u{301}",
        "日本",
        "a\u{10ffff}",
    ];
    for key in keys {
        let bytes = Bytes::copy_from_slice(key.as_bytes());
        applied(
            store
                .records
                .put(key, bytes, Condition::Absent)
                .await
                .unwrap(),
        );
    }
    for key in keys {
        let read = store.records.get(key).await.unwrap();
        assert_eq!(read.record.unwrap().bytes, key.as_bytes());
    }
    let mut sorted = keys.map(str::to_owned);
    sorted.sort();
    let page = store.records.list("", None, 1000).await.unwrap();
    let listed: Vec<String> = page.entries.into_iter().map(|entry| entry.key).collect();
    assert_eq!(listed, sorted);
}

pub async fn keys_that_are_prefixes_of_each_other_live_together(store: Subject) {
    let keys = ["a", "a/b", "a/b/c", "a-", "a0", "ab"];
    for key in keys {
        let bytes = Bytes::copy_from_slice(key.as_bytes());
        applied(
            store
                .records
                .put(key, bytes, Condition::Absent)
                .await
                .unwrap(),
        );
    }
    applied(store.records.delete("a", Condition::Any).await.unwrap());
    assert_eq!(store.records.get("a").await.unwrap().record, None);
    for key in &keys[1..] {
        let read = store.records.get(key).await.unwrap();
        assert_eq!(read.record.unwrap().bytes, key.as_bytes());
    }
    let page = store.records.list("a/", None, 10).await.unwrap();
    let listed: Vec<String> = page.entries.into_iter().map(|entry| entry.key).collect();
    assert_eq!(listed, ["a/b", "a/b/c"]);
}

pub async fn a_put_carries_the_time_of_the_store(store: Subject) {
    let before = store.records.now().await.unwrap();
    applied(
        store
            .records
            .put("key", pattern(3, 9), Condition::Any)
            .await
            .unwrap(),
    );
    let after = store.records.now().await.unwrap();
    let modified = store
        .records
        .get("key")
        .await
        .unwrap()
        .record
        .unwrap()
        .modified;
    // Object stores tell whole seconds, so each of the three may be cut down to its second.
    let tolerance = Duration::from_secs(1);
    assert!(
        before.since(modified) <= tolerance,
        "{modified:?} is before {before:?}"
    );
    assert!(
        modified.since(after) <= tolerance,
        "{modified:?} is after {after:?}"
    );
}

pub async fn records_survive_a_restart(store: Subject) {
    let bytes = pattern(4, 3000);
    applied(
        store
            .records
            .put("kept", bytes.clone(), Condition::Any)
            .await
            .unwrap(),
    );
    let before = store.records.get("kept").await.unwrap();
    let store = store.restarted().await;
    assert_eq!(store.records.get("kept").await.unwrap(), before);
}
