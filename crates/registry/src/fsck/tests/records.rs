//! Records that are missing, left over, or of another life.

use super::planting::{REPOSITORY, Store, manifest_key, problems, push};
use crate::layout;
use crate::record::{
    BlobRecord, BlobState, LinkRecord, LinkState, ManifestRecord, ManifestState, TagRecord,
};
use crate::testing::{by_tag, digest_of, name, tag};
use crate::{Generation, RandomIds};
use bytes::Bytes;

fn repository() -> roadstead_oci::RepositoryName {
    name(REPOSITORY)
}

#[tokio::test]
async fn a_tag_whose_manifest_is_gone_is_an_error_that_stays() {
    let store = Store::new().await;
    store.remove(&manifest_key(&store.index)).await;
    store.assert_told("tag-without-manifest").await;
    push(store.registry(), by_tag("index"), &store.index)
        .await
        .unwrap();
    assert!(store.check().await.is_clean());
}

#[tokio::test]
async fn a_tag_of_an_earlier_life_of_its_manifest_is_told() {
    let store = Store::new().await;
    let key = layout::tag(&repository(), &tag("index"));
    let other = Generation::draw(&RandomIds);
    store
        .change(&key, |value: TagRecord| TagRecord {
            generation: other,
            ..value
        })
        .await;
    store.assert_told("tag-of-earlier-manifest").await;
}

#[tokio::test]
async fn a_missing_reverse_entry_is_made_again_and_a_delete_finds_the_tag_then() {
    let store = Store::new().await;
    let digest = digest_of(&store.index);
    store
        .remove(&layout::tagged(&repository(), &digest, &tag("index")))
        .await;
    store.assert_mended("tag-without-reverse-entry").await;
    let registry = store.registry();
    registry
        .manifest_delete(&repository(), &digest, "")
        .await
        .unwrap();
    let value = registry
        .tag_value(&repository(), &tag("index"))
        .await
        .unwrap();
    assert!(value.is_none());
}

#[tokio::test]
async fn a_reverse_entry_whose_tag_is_gone_is_removed() {
    let store = Store::new().await;
    store
        .remove(&layout::tag(&repository(), &tag("index")))
        .await;
    store.assert_mended("stale-reverse-entry").await;
}

#[tokio::test]
async fn a_young_reverse_entry_is_left_alone() {
    let store = Store::new().await;
    push(store.registry(), by_tag("new"), &store.index)
        .await
        .unwrap();
    store.remove(&layout::tag(&repository(), &tag("new"))).await;
    let report = store.repair().await;
    assert!(report.problems.is_empty(), "{report:?}");
}

#[tokio::test]
async fn a_repository_that_is_not_in_the_catalog_is_entered() {
    let store = Store::new().await;
    store.remove(&layout::catalog(&repository())).await;
    store.assert_mended("missing-catalog-entry").await;
}

#[tokio::test]
async fn a_missing_referrer_entry_is_made_again() {
    let store = Store::new().await;
    let (subject, referrer) = (digest_of(&store.image), digest_of(&store.referrer));
    let key = layout::referrer(&repository(), &subject, &referrer);
    let before: crate::record::ReferrerRecord = store.get(&key).await;
    store.remove(&key).await;
    store.assert_mended("missing-referrer-entry").await;
    let after: crate::record::ReferrerRecord = store.get(&key).await;
    assert_eq!(after.descriptor, before.descriptor);
    assert_eq!(after.generation, before.generation);
}

#[tokio::test]
async fn a_referrer_entry_of_a_manifest_that_is_gone_is_removed() {
    let store = Store::new().await;
    store.remove(&manifest_key(&store.referrer)).await;
    store.assert_mended("stale-referrer-entry").await;
}

#[tokio::test]
async fn a_lost_link_is_an_error_and_a_deleted_blob_a_warning() {
    let store = Store::new().await;
    let digest = store.layer_digest();
    store
        .registry()
        .blob_delete(&repository(), &digest)
        .await
        .unwrap();
    store.age();
    store.assert_told("deleted-content").await;
    assert_eq!(store.check().await.errors, 0);
    store.remove(&layout::link(&repository(), &digest)).await;
    store.assert_told("missing-content").await;
    assert_eq!(store.check().await.errors, 1);
}

#[tokio::test]
async fn a_child_that_was_deleted_is_a_warning() {
    let store = Store::new().await;
    let digest = digest_of(&store.image);
    store
        .registry()
        .manifest_delete(&repository(), &digest, "")
        .await
        .unwrap();
    // Deleting leaves reverse entries behind, which the repair removes.
    store.repair().await;
    store.assert_told("missing-child").await;
    assert_eq!(store.check().await.errors, 0);
}

#[tokio::test]
async fn a_link_without_a_blob_record_keeps_its_data() {
    let store = Store::new().await;
    let key = layout::blob(&store.layer_digest());
    let blob: BlobRecord = store.get(&key).await;
    store.remove(&key).await;
    store.age();
    store.assert_told("link-without-blob").await;
    let data = blob.content.data().unwrap();
    assert!(store.is_stored(&data.key).await);
    roadstead_storage::DataStore::delete(&store.fixture.data, &data.key)
        .await
        .unwrap();
    store.assert_told("link-without-content").await;
}

#[tokio::test]
async fn removals_that_were_cut_off_are_finished() {
    let store = Store::new().await;
    let key = manifest_key(&store.index);
    store
        .change(&key, |record: ManifestRecord| ManifestRecord {
            state: ManifestState::Deleting,
            ..record
        })
        .await;
    store.assert_mended_to_the_end(&key).await;

    let key = manifest_key(&store.long);
    let long: ManifestRecord = store.get(&key).await;
    let data = long.content.data().unwrap().clone();
    store
        .remove(&layout::tag(&repository(), &tag("long")))
        .await;
    store
        .change(&key, |record: ManifestRecord| ManifestRecord {
            state: ManifestState::Dead,
            ..record
        })
        .await;
    store.assert_mended_to_the_end(&key).await;
    assert!(!store.is_stored(&data.key).await);

    let data = store.store_data(b"of a dead blob").await;
    let digest = digest_of(b"of a dead blob");
    let dead = BlobRecord {
        state: BlobState::Dead,
        generation: Generation::draw(&RandomIds),
        content: crate::record::Content::Data(data.clone()),
        nonce: crate::Nonce::draw(&RandomIds),
    };
    let key = layout::blob(&digest);
    store.put(&key, crate::record::Encoded::encode(&dead)).await;
    store.age();
    store.assert_mended_to_the_end(&key).await;
    assert!(!store.is_stored(&data.key).await);

    let link = LinkRecord {
        state: LinkState::Dead,
        content: crate::record::Content::Inline(Bytes::from_static(b"x")),
        nonce: crate::Nonce::draw(&RandomIds),
    };
    let key = layout::link(&repository(), &digest_of(b"x"));
    store.put(&key, crate::record::Encoded::encode(&link)).await;
    store.age();
    store.assert_mended_to_the_end(&key).await;
}

impl Store {
    async fn assert_mended_to_the_end(&self, key: &str) {
        let report = self.repair().await;
        let finding = report
            .findings
            .iter()
            .find(|finding| finding.key == key)
            .unwrap();
        assert_eq!(finding.problem, "half-done-removal");
        assert!(finding.repaired.is_some(), "{report:?}");
        self.repair().await;
        let report = self.check().await;
        assert!(problems(&report).is_empty(), "{report:?}");
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_an_error_and_an_unknown_key_a_warning() {
    let store = Store::new().await;
    store
        .put("blob/sha256/x", Bytes::from_static(b"\x01"))
        .await;
    store.assert_told("unknown-record").await;
    store.remove("blob/sha256/x").await;
    let key = layout::blob(&digest_of(b"of another version"));
    store.put(&key, Bytes::from_static(b"\x02...")).await;
    store.assert_told("unreadable-record").await;
    assert_eq!(store.check().await.errors, 1);
    store.remove(&key).await;
    for key in [
        "gc/unheard-of",
        "repo/a/_unheard/x",
        "zzz",
        "blob/~",
        "blob/é",
        "link/é/é",
    ] {
        store.put(key, Bytes::from_static(b"\x01")).await;
        store.assert_told("unknown-record").await;
        store.remove(key).await;
    }
}

#[tokio::test]
async fn records_of_other_parts_of_the_program_are_known() {
    let store = Store::new().await;
    store
        .put("auth/user/ops", Bytes::from_static(b"\x01{}"))
        .await;
    store.put("meta/writer", Bytes::from_static(b"\x01")).await;
    let report = store.check().await;
    assert!(report.problems.is_empty(), "{report:?}");
    store
        .put("auth/user/ops", Bytes::from_static(b"\x01{"))
        .await;
    store.assert_told("unreadable-record").await;
}
