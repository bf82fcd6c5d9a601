//! Data that is missing, damaged, or nobody's.

use super::planting::{REPOSITORY, Store, data_of, manifest_key, push, push_blob};
use crate::record::{BlobRecord, LinkRecord, ManifestRecord};
use crate::testing::{by_tag, digest_of, name};
use crate::{RegistryError, layout};
use bytes::Bytes;
use roadstead_oci::Reference;
use roadstead_storage::DataStore;
use std::time::Duration;

#[tokio::test]
async fn data_that_is_missing_is_an_error_and_a_push_heals_it_after_the_repair() {
    let store = Store::new().await;
    let digest = store.layer_digest();
    let blob: BlobRecord = store.get(&layout::blob(&digest)).await;
    store
        .fixture
        .data
        .delete(&data_of(&blob.content).key)
        .await
        .unwrap();
    let report = store.check().await;
    assert_eq!(super::planting::problems(&report), ["missing-data"]);
    let report = store.repair().await;
    assert_eq!((report.errors, report.repaired), (1, 1), "{report:?}");
    let head = store.registry().blob_head(&name(REPOSITORY), &digest).await;
    assert!(matches!(head, Err(RegistryError::BlobUnknown(_))));
    push_blob(store.registry(), &store.layer).await;
    let report = store.checksum().await;
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn data_of_another_length_is_an_error() {
    let store = Store::new().await;
    let digest = store.layer_digest();
    let key = layout::blob(&digest);
    store
        .change(&key, |blob: BlobRecord| {
            let mut data = data_of(&blob.content);
            data.length -= 1;
            BlobRecord {
                content: crate::record::Content::Data(data),
                ..blob
            }
        })
        .await;
    let report = store.check().await;
    assert!(report.problems.contains_key("missing-data"), "{report:?}");
}

#[tokio::test]
async fn damaged_content_is_found_by_its_checksum_and_quarantined_everywhere() {
    let store = Store::new().await;
    let digest = store.layer_digest();
    let other = name("other/app");
    let blob: BlobRecord = store.get(&layout::blob(&digest)).await;
    let link: LinkRecord = store.get(&layout::link(&name(REPOSITORY), &digest)).await;
    let bytes = crate::record::Encoded::encode(&link);
    store.put(&layout::link(&other, &digest), bytes).await;
    store
        .fixture
        .data
        .corrupt(&data_of(&blob.content).key, 100_000);
    assert!(
        store.check().await.is_clean(),
        "without a checksum nothing is seen"
    );
    let report = store.checksum().await;
    assert_eq!(super::planting::problems(&report), ["damaged-blob"]);
    for repository in [&name(REPOSITORY), &other] {
        assert!(
            store
                .registry()
                .blob_head(repository, &digest)
                .await
                .is_ok()
        );
    }
    let report = store.repair().await;
    assert_eq!(report.repaired, 1, "{report:?}");
    for repository in [&name(REPOSITORY), &other] {
        let head = store.registry().blob_head(repository, &digest).await;
        assert!(matches!(head, Err(RegistryError::BlobUnknown(_))));
        let open = store.registry().blob_open(repository, &digest).await;
        assert!(matches!(open, Err(RegistryError::BlobRotten(_))));
    }
    // The damage goes on to be told until it is healed.
    assert!(!store.check().await.is_clean());
    push_blob(store.registry(), &store.layer).await;
    assert!(store.registry().blob_open(&other, &digest).await.is_ok());
    let report = store.checksum().await;
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn data_that_nobody_names_is_deleted_when_it_is_a_day_old() {
    let store = Store::new().await;
    let data = store.store_data(b"nobody's").await;
    store.fixture.clock.advance(Duration::from_hours(24));
    let report = store.repair().await;
    assert!(
        report.problems.is_empty(),
        "it may be under way: {report:?}"
    );
    store.fixture.clock.advance(Duration::from_secs(1));
    store.assert_mended("orphaned-data").await;
    assert!(!store.is_stored(&data.key).await);
}

#[tokio::test]
async fn data_is_kept_while_there_is_a_record_that_may_name_it() {
    let store = Store::new().await;
    let data = store.store_data(b"a later version's").await;
    store
        .put("gc/unheard-of", Bytes::from_static(b"\x01"))
        .await;
    store.age();
    let report = store.repair().await;
    assert!(report.problems.contains_key("orphaned-data"));
    assert_eq!(report.repaired, 0, "{report:?}");
    assert!(store.is_stored(&data.key).await);
}

#[tokio::test]
async fn a_large_manifest_that_rotted_is_an_error_to_readers_and_healed_by_a_push() {
    let store = Store::new().await;
    let registry = store.registry();
    let repository = name(REPOSITORY);
    let digest = digest_of(&store.long);
    let before: ManifestRecord = store.get(&manifest_key(&store.long)).await;
    store
        .fixture
        .data
        .corrupt(&data_of(&before.content).key, 1000);
    let report = store.check().await;
    assert_eq!(super::planting::problems(&report), ["damaged-manifest"]);
    let references: [Reference; 2] = [by_tag("long"), digest.clone().into()];
    for reference in &references {
        assert!(registry.manifest_head(&repository, reference).await.is_ok());
    }
    let report = store.repair().await;
    assert_eq!(report.repaired, 1, "{report:?}");
    for reference in &references {
        let head = registry.manifest_head(&repository, reference).await;
        assert!(
            matches!(head, Err(RegistryError::ManifestUnknown(_))),
            "{head:?}"
        );
        let got = registry.manifest_get(&repository, reference).await;
        assert!(
            matches!(got, Err(RegistryError::ManifestRotten(_))),
            "{got:?}"
        );
    }
    push(registry, by_tag("long"), &store.long).await.unwrap();
    for reference in &references {
        assert!(registry.manifest_head(&repository, reference).await.is_ok());
        let got = registry.manifest_get(&repository, reference).await.unwrap();
        assert_eq!(got.bytes, store.long);
    }
    let after: ManifestRecord = store.get(&manifest_key(&store.long)).await;
    assert_eq!(after.generation, before.generation, "tags go on to name it");
    assert!(!store.is_stored(&data_of(&before.content).key).await);
    registry.inner.background.wait_until_idle().await;
    let report = store.checksum().await;
    assert!(report.problems.is_empty(), "{report:?}");
}

#[tokio::test]
async fn a_push_heals_a_large_manifest_of_which_nobody_knows_that_it_rotted() {
    let store = Store::new().await;
    let before: ManifestRecord = store.get(&manifest_key(&store.long)).await;
    store
        .fixture
        .data
        .corrupt(&data_of(&before.content).key, 1000);
    push(store.registry(), by_tag("long"), &store.long)
        .await
        .unwrap();
    let got = store
        .registry()
        .manifest_get(&name(REPOSITORY), &by_tag("long"))
        .await
        .unwrap();
    assert_eq!(got.bytes, store.long);
}

#[tokio::test]
async fn a_reader_marks_a_large_manifest_whose_data_is_gone() {
    let store = Store::new().await;
    let before: ManifestRecord = store.get(&manifest_key(&store.long)).await;
    store
        .fixture
        .data
        .delete(&data_of(&before.content).key)
        .await
        .unwrap();
    let registry = store.registry();
    let got = registry
        .manifest_get(&name(REPOSITORY), &by_tag("long"))
        .await;
    assert!(
        matches!(got, Err(RegistryError::ManifestRotten(_))),
        "{got:?}"
    );
    let head = registry
        .manifest_head(&name(REPOSITORY), &by_tag("long"))
        .await;
    assert!(
        matches!(head, Err(RegistryError::ManifestUnknown(_))),
        "{head:?}"
    );
    push(registry, by_tag("long"), &store.long).await.unwrap();
    assert!(
        registry
            .manifest_head(&name(REPOSITORY), &by_tag("long"))
            .await
            .is_ok()
    );
}
