//! Manifests too large for a record.

use super::*;
use crate::INLINE_MANIFEST_BYTES;
use crate::record::{Content, ManifestState};
use roadstead_storage::{Condition, DataStore, Kind};
use std::time::Duration;

/// A manifest of more than one record's bytes.
async fn prepare_large(registry: &Registry, seed: &str) -> Bytes {
    push_blob(registry, b"config").await;
    let mut document = image(&[b"config"]);
    document["annotations"] = json!({"long": seed.repeat(INLINE_MANIFEST_BYTES / seed.len() + 1)});
    bytes_of(&document)
}

async fn content(fixture: &Fixture, bytes: &Bytes) -> Content {
    manifest_record(fixture, bytes).await.unwrap().content
}

async fn is_stored(fixture: &Fixture, content: &Content) -> bool {
    let data = content.data().unwrap();
    match fixture.data.read(&data.key, 0..data.length).await {
        Ok(_) => true,
        Err(error) if error.kind() == Kind::NotFound => false,
        Err(error) => panic!("{error}"),
    }
}

/// Lets tasks in the background end.
async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_manifest_of_the_inline_limit_is_in_its_record_and_one_byte_more_is_not() {
    let fixture = Fixture::new();
    push_blob(&fixture.registry, b"config").await;
    let base = bytes_of(&image(&[b"config"]));
    for (length, is_inline) in [
        (INLINE_MANIFEST_BYTES, true),
        (INLINE_MANIFEST_BYTES + 1, false),
    ] {
        let mut bytes = base.to_vec();
        bytes.resize(length, b' ');
        let bytes = Bytes::from(bytes);
        put(&fixture.registry, by_tag("latest"), &bytes)
            .await
            .unwrap();
        let stored = content(&fixture, &bytes).await;
        assert_eq!(stored.data().is_none(), is_inline);
        assert_eq!(
            get(&fixture.registry, by_tag("latest")).await.unwrap(),
            bytes
        );
    }
}

#[tokio::test]
async fn a_large_manifest_leaves_no_session() {
    let fixture = Fixture::new();
    let bytes = prepare_large(&fixture.registry, "x").await;
    for _ in 0..2 {
        put(&fixture.registry, by_tag("latest"), &bytes)
            .await
            .unwrap();
    }
    settle().await;
    assert_eq!(keys(&fixture, layout::UPLOADS).await, [""; 0]);
}

#[tokio::test]
async fn deleting_a_large_manifest_deletes_its_data() {
    let fixture = Fixture::new();
    let bytes = prepare_large(&fixture.registry, "x").await;
    put(&fixture.registry, by_tag("latest"), &bytes)
        .await
        .unwrap();
    let first = content(&fixture, &bytes).await;

    delete(&fixture.registry, &bytes).await.unwrap();

    assert!(!is_stored(&fixture, &first).await);
    assert_eq!(manifest_record(&fixture, &bytes).await, None);
    put_digest(&fixture.registry, &bytes).await.unwrap();
    assert_ne!(content(&fixture, &bytes).await, first);
    assert_eq!(get_digest(&fixture.registry, &bytes).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_push_over_an_unfinished_delete_takes_a_new_data_key_and_leaves_no_orphan() {
    for state in [ManifestState::Deleting, ManifestState::Dead] {
        let fixture = Fixture::new();
        let bytes = prepare_large(&fixture.registry, "x").await;
        put(&fixture.registry, by_tag("latest"), &bytes)
            .await
            .unwrap();
        let record = manifest_record(&fixture, &bytes).await.unwrap();
        let first = record.content.clone();
        let marked = ManifestRecord { state, ..record };
        let key = layout::manifest(&name(REPOSITORY), &digest_of(&bytes));
        let written = fixture.records.put(&key, marked.encode(), Condition::Any);
        let _ = written.await.unwrap();

        put_digest(&fixture.registry, &bytes).await.unwrap();

        assert!(!is_stored(&fixture, &first).await);
        assert_eq!(get_digest(&fixture.registry, &bytes).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn two_pushers_of_one_large_manifest_leave_one_data_object() {
    let fixture = Fixture::new();
    let bytes = prepare_large(&fixture.registry, "x").await;
    let script = super::intercepted::Script::default();
    let registry = over(&fixture, Arc::new(script.view(fixture.records.clone())));
    let (other, same) = (fixture.registry.clone(), bytes.clone());
    script.before("put", "/_manifest/", async move {
        put_digest(&other, &same).await.unwrap();
    });

    put(&registry, by_tag("latest"), &bytes).await.unwrap();

    settle().await;
    assert!(script.is_played());
    assert_eq!(get(&registry, by_tag("latest")).await.unwrap(), bytes);
    assert_eq!(keys(&fixture, layout::UPLOADS).await, [""; 0]);
    // Keys of the memory driver are numbers: the second object is the one that was dropped.
    let kept = content(&fixture, &bytes).await;
    let dropped = Content::Data(roadstead_storage::DataRef {
        key: roadstead_storage::DataKey::new(format!("{:032x}", 1)),
        length: bytes.len() as u64,
    });
    assert_ne!(kept, dropped);
    assert!(is_stored(&fixture, &kept).await);
    assert!(!is_stored(&fixture, &dropped).await);
}

#[tokio::test]
async fn the_sweeper_frees_the_data_of_a_push_that_died_and_keeps_what_is_named() {
    let fixture = Fixture::new();
    let (dead, named) = (
        prepare_large(&fixture.registry, "x").await,
        prepare_large(&fixture.registry, "y").await,
    );
    // The first dies before its record is written, the second before its session is forgotten.
    let script = super::intercepted::Script::default();
    let registry = over(&fixture, Arc::new(script.view(fixture.records.clone())));
    script.before("put", "/_manifest/", std::future::pending());
    {
        let push = put_digest(&registry, &dead);
        assert!(futures::FutureExt::now_or_never(push).is_none());
    }
    script.before("delete", layout::UPLOADS, std::future::pending());
    put_digest(&registry, &named).await.unwrap();
    settle().await;
    assert_eq!(keys(&fixture, layout::UPLOADS).await.len(), 2);

    fixture.clock.advance(Duration::from_secs(3700));
    fixture.registry.sweep_uploads().await.unwrap();

    assert_eq!(keys(&fixture, layout::UPLOADS).await, [""; 0]);
    assert_eq!(get_digest(&fixture.registry, &named).await.unwrap(), named);
    let orphan = Content::Data(roadstead_storage::DataRef {
        key: roadstead_storage::DataKey::new(format!("{:032x}", 1)),
        length: dead.len() as u64,
    });
    assert!(!is_stored(&fixture, &orphan).await);
}

#[tokio::test]
async fn a_lost_answer_does_not_register_the_same_data_twice() {
    let fixture = Fixture::new();
    let bytes = prepare_large(&fixture.registry, "x").await;
    let script = super::intercepted::Script::default();
    let registry = over(&fixture, Arc::new(script.view(fixture.records.clone())));
    // Written, answer lost; deleted to the end by another before the push looks again.
    script.lose("put", "/_manifest/");
    let (other, same) = (fixture.registry.clone(), bytes.clone());
    script.before("get", "/_manifest/", async {});
    script.before("get", "/_manifest/", async move {
        delete(&other, &same).await.unwrap();
    });

    put(&registry, by_tag("latest"), &bytes).await.unwrap();

    assert!(script.is_played());
    assert_eq!(get(&registry, by_tag("latest")).await.unwrap(), bytes);
}

#[tokio::test]
async fn damaged_data_is_an_error_and_not_other_bytes() {
    let fixture = Fixture::new();
    let bytes = prepare_large(&fixture.registry, "x").await;
    let other = prepare_large(&fixture.registry, "y").await;
    put_digest(&fixture.registry, &bytes).await.unwrap();
    put_digest(&fixture.registry, &other).await.unwrap();
    let record = manifest_record(&fixture, &bytes).await.unwrap();
    let swapped = ManifestRecord {
        content: content(&fixture, &other).await,
        ..record.clone()
    };
    let key = layout::manifest(&name(REPOSITORY), &digest_of(&bytes));
    let _ = fixture
        .records
        .put(&key, swapped.encode(), Condition::Any)
        .await
        .unwrap();
    let read = get_digest(&fixture.registry, &bytes).await;
    assert!(matches!(read, Err(RegistryError::ManifestRotten(_))));

    let _ = fixture
        .records
        .put(&key, record.encode(), Condition::Any)
        .await
        .unwrap();
    fixture
        .data
        .delete(&record.content.data().unwrap().key)
        .await
        .unwrap();
    let read = get_digest(&fixture.registry, &bytes).await;
    assert!(matches!(read, Err(RegistryError::ManifestRotten(_))));
}
