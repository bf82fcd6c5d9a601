//! What was deleted, brought back.

use super::intercepted::{Answer, Intercepted};
use super::*;
use crate::record::{LinkRecord, LinkState};
use crate::{Availability, ManifestRestore, ReferrersQuery, Restored};
use roadstead_storage::{Condition, Timestamp};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

const WEEK: Duration = Duration::from_hours(7 * 24);
pub(super) const SECOND: Duration = Duration::from_secs(1);

fn of(bytes: &Bytes) -> ManifestRestore {
    ManifestRestore {
        repository: name(REPOSITORY),
        digest: digest_of(bytes),
        tags: Vec::new(),
        kept_tags: Vec::new(),
        by: "carol".to_owned(),
    }
}

pub(super) async fn restore(registry: &Registry, bytes: &Bytes) -> Result<Restored> {
    registry.manifest_restore(&of(bytes)).await
}

/// A replica that makes `survives` storage calls and then no more; it tells when it dies.
pub(super) fn mortal(fixture: &Fixture, survives: usize) -> (Registry, Arc<Notify>) {
    let left = AtomicUsize::new(survives);
    let died = Arc::new(Notify::new());
    let told = died.clone();
    let records = Intercepted::new(fixture.records.clone(), move |_| {
        let order = Ordering::SeqCst;
        let is_alive = left.fetch_update(order, order, |left| left.checked_sub(1));
        let (is_alive, told) = (is_alive.is_ok(), told.clone());
        Box::pin(async move {
            if !is_alive {
                told.notify_one();
                std::future::pending::<()>().await;
            }
            Answer::Arrives
        })
    });
    (over(fixture, Arc::new(records)), died)
}

/// Takes a blob away as the collector does at last.
async fn kill_link(fixture: &Fixture, content: &[u8]) {
    let key = layout::link(&name(REPOSITORY), &digest_of(content));
    let link: LinkRecord = record_of(fixture, &key).await.unwrap();
    let dead = LinkRecord {
        state: LinkState::Dead,
        ..link
    };
    let killed = fixture.records.put(&key, dead.encode(), Condition::Any);
    let _ = killed.await.unwrap();
}

#[tokio::test]
async fn a_deleted_manifest_comes_back_byte_for_byte() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config", b"layer"]).await;
    put(&fixture.registry, by_tag("latest"), &bytes)
        .await
        .unwrap();
    delete(&fixture.registry, &bytes).await.unwrap();

    let mut with_tag = of(&bytes);
    with_tag.tags = vec![tag("again")];
    let restored = fixture.registry.manifest_restore(&with_tag).await.unwrap();

    assert!(restored.was_removed);
    assert_eq!(get_digest(&fixture.registry, &bytes).await.unwrap(), bytes);
    assert_eq!(
        get(&fixture.registry, by_tag("again")).await.unwrap(),
        bytes
    );
    assert!(is_unknown(&get(&fixture.registry, by_tag("latest")).await));
    // It stays until its time is over: the collector must see one of the two at any moment.
    let key = layout::removed(&name(REPOSITORY), &digest_of(&bytes));
    assert!(fixture.records.get(&key).await.unwrap().record.is_some());
}

#[tokio::test]
async fn a_restored_referrer_is_listed_again() {
    let fixture = Fixture::new();
    let subject = prepare(&fixture.registry, &[b"config"]).await;
    let mut document = image(&[b"config"]);
    document["subject"] = descriptor(OCI_IMAGE_MANIFEST, &subject);
    let referrer = bytes_of(&document);
    put_digest(&fixture.registry, &referrer).await.unwrap();
    let count = async || {
        let query = ReferrersQuery {
            artifact_types: &[],
            after: None,
            limit: None,
            max_bytes: 4 << 20,
        };
        let (repository, subject) = (name(REPOSITORY), digest_of(&subject));
        let page = fixture.registry.referrers(&repository, &subject, query);
        page.await.unwrap().descriptors.len()
    };
    fixture.clock.advance(SECOND);
    delete(&fixture.registry, &referrer).await.unwrap();
    assert_eq!(count().await, 0);

    restore(&fixture.registry, &referrer).await.unwrap();

    assert_eq!(count().await, 1);
}

#[tokio::test]
async fn an_index_comes_back_with_the_children_that_were_deleted() {
    let fixture = Fixture::new();
    let first = prepare(&fixture.registry, &[b"first"]).await;
    let second = prepare(&fixture.registry, &[b"second"]).await;
    for child in [&first, &second] {
        put_digest(&fixture.registry, child).await.unwrap();
    }
    let inner = bytes_of(&index(&[&first]));
    put_digest(&fixture.registry, &inner).await.unwrap();
    let mut document = index(&[&inner, &second]);
    document["manifests"][0]["mediaType"] = json!(OCI_IMAGE_INDEX);
    let outer = bytes_of(&document);
    put_digest(&fixture.registry, &outer).await.unwrap();
    for gone in [&outer, &inner, &first] {
        delete(&fixture.registry, gone).await.unwrap();
    }

    let restored = restore(&fixture.registry, &outer).await.unwrap();

    assert_eq!(restored.children, [digest_of(&first), digest_of(&inner)]);
    for there in [&outer, &inner, &first, &second] {
        assert_eq!(get_digest(&fixture.registry, there).await.unwrap(), **there);
    }
}

#[tokio::test]
async fn an_index_whose_child_is_gone_for_good_stays_away_and_names_the_child() {
    let fixture = Fixture::new();
    let child = prepare(&fixture.registry, &[b"config"]).await;
    put_digest(&fixture.registry, &child).await.unwrap();
    let parent = bytes_of(&index(&[&child]));
    put_digest(&fixture.registry, &parent).await.unwrap();
    delete(&fixture.registry, &parent).await.unwrap();
    let off = fixture.replica(Settings {
        deleted_retention: None,
        ..Settings::default()
    });
    delete(&off, &child).await.unwrap();

    let refused = restore(&fixture.registry, &parent).await.unwrap_err();

    let RegistryError::ContentGone { digest, missing } = &refused else {
        panic!("{refused}");
    };
    assert_eq!(
        (&**digest, &missing[..]),
        (&digest_of(&parent), &[digest_of(&child)][..])
    );
    assert!(refused.to_string().contains(&digest_of(&child).to_string()));
    assert!(is_unknown(&get_digest(&fixture.registry, &parent).await));
}

#[tokio::test]
async fn a_manifest_whose_blobs_are_gone_stays_away_and_one_that_is_condemned_comes_back() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config", b"layer"]).await;
    put_digest(&fixture.registry, &bytes).await.unwrap();
    delete(&fixture.registry, &bytes).await.unwrap();
    let (repository, config) = (name(REPOSITORY), digest_of(b"config"));
    let hidden = fixture.registry.blob_delete(&repository, &config);
    hidden.await.unwrap();
    restore(&fixture.registry, &bytes).await.unwrap();
    assert!(
        fixture
            .registry
            .blob_head(&repository, &config)
            .await
            .is_ok()
    );

    delete(&fixture.registry, &bytes).await.unwrap();
    kill_link(&fixture, b"layer").await;
    let replica = fixture.replica(Settings::default());
    let refused = restore(&replica, &bytes).await.unwrap_err();
    assert!(
        matches!(&refused, RegistryError::ContentGone { missing, .. } if *missing == [digest_of(b"layer")]),
        "{refused}"
    );
    assert!(is_unknown(&get_digest(&replica, &bytes).await));
}

#[tokio::test]
async fn what_is_not_retained_does_not_come_back() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    let refused = restore(&fixture.registry, &bytes).await;
    assert!(matches!(refused, Err(RegistryError::NothingToRestore(_))));

    put_digest(&fixture.registry, &bytes).await.unwrap();
    delete(&fixture.registry, &bytes).await.unwrap();
    let (repository, digest) = (name(REPOSITORY), digest_of(&bytes));
    let availability = async || {
        let found = fixture.registry.manifest_availability(&repository, &digest);
        found.await.unwrap()
    };
    assert!(matches!(availability().await, Availability::Removed { .. }));
    fixture.clock.advance(WEEK);
    assert_eq!(availability().await, Availability::Gone);
    let key = layout::removed(&repository, &digest);
    let expired = fixture.registry.expire_removed(&key, Timestamp::default());
    expired.await.unwrap();
    let refused = restore(&fixture.registry, &bytes).await;
    assert!(matches!(refused, Err(RegistryError::NothingToRestore(_))));
}

#[tokio::test]
async fn a_delete_that_died_anywhere_leaves_what_a_restore_needs() {
    for survives in 0.. {
        let fixture = Fixture::new();
        let bytes = prepare(&fixture.registry, &[b"config"]).await;
        put(&fixture.registry, by_tag("latest"), &bytes)
            .await
            .unwrap();
        let (registry, died) = mortal(&fixture, survives);
        let has_finished = tokio::select! {
            biased;
            deleted = delete(&registry, &bytes) => deleted.is_ok(),
            () = died.notified() => false,
        };

        let restored = restore(&fixture.registry, &bytes).await;
        assert!(
            restored.is_ok(),
            "died before call {survives}: {restored:?}"
        );
        assert_eq!(get_digest(&fixture.registry, &bytes).await.unwrap(), bytes);
        // Whatever the first one left, a second delete works and is restored from.
        delete(&fixture.registry, &bytes).await.unwrap();
        assert!(
            restore(&fixture.registry, &bytes)
                .await
                .unwrap()
                .was_removed
        );
        if has_finished {
            assert!(survives > 5, "{survives}");
            return;
        }
    }
}
