//! What is asked beside a tag where a read waits for another machine, and that only the tag decides.

use super::intercepted::{Answer, Intercepted};
use super::*;
use futures::FutureExt;
use roadstead_oci::DOCKER_MANIFEST;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Barrier;

async fn tagged(fixture: &Fixture, content: &[u8]) -> Bytes {
    let bytes = prepare(&fixture.registry, &[content]).await;
    put(&fixture.registry, by_tag("latest"), &bytes)
        .await
        .unwrap();
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_manifest_is_asked_for_together_with_the_tag_that_named_it_before() {
    let fixture = Fixture::distant();
    let bytes = tagged(&fixture, b"config").await;
    let (both, waits) = (Arc::new(Barrier::new(2)), Arc::new(AtomicBool::new(false)));
    let held = waits.clone();
    let records = Intercepted::new(fixture.records.clone(), move |_| {
        let (both, waits) = (both.clone(), held.load(Ordering::SeqCst));
        async move {
            if waits {
                both.wait().await;
            }
            Answer::Arrives
        }
        .boxed()
    });
    let registry = over(&fixture, Arc::new(records));
    assert_eq!(get(&registry, by_tag("latest")).await.unwrap(), bytes);

    waits.store(true, Ordering::SeqCst);
    let again = get(&registry, by_tag("latest"));
    let again = tokio::time::timeout(Duration::from_mins(1), again).await;
    assert_eq!(again.expect("neither waits for the other").unwrap(), bytes);
}

#[tokio::test]
async fn a_tag_that_was_moved_or_deleted_elsewhere_is_not_what_it_was() {
    let fixture = Fixture::distant();
    let reader = fixture.replica(Settings::default());
    for content in [&b"one"[..], b"two", b"one"] {
        let bytes = tagged(&fixture, content).await;
        for _ in 0..2 {
            assert_eq!(get(&reader, by_tag("latest")).await.unwrap(), bytes);
        }
    }
    let (repository, latest) = (name(REPOSITORY), tag("latest"));
    let deleted = fixture.registry.tag_delete(&repository, &latest, "bob");
    deleted.await.unwrap();
    assert!(is_unknown(&get(&reader, by_tag("latest")).await));
}

#[tokio::test]
async fn a_manifest_that_was_deleted_and_pushed_again_elsewhere_is_read_again() {
    let fixture = Fixture::distant();
    let reader = fixture.replica(Settings::default());
    let bytes = tagged(&fixture, b"config").await;
    get(&reader, by_tag("latest")).await.unwrap();
    delete(&fixture.registry, &bytes).await.unwrap();
    assert!(is_unknown(&get(&reader, by_tag("latest")).await));
    assert_eq!(tagged(&fixture, b"config").await, bytes);
    assert_eq!(get(&reader, by_tag("latest")).await.unwrap(), bytes);
}

/// A reader beside whom a manifest is pushed, once it is told to: when the manifest was looked for
/// already and the tag is still on its way.
fn met_by(fixture: &Fixture, push: ManifestPush) -> (Registry, Arc<AtomicBool>) {
    let is_told = Arc::new(AtomicBool::new(false));
    let (told, writer) = (is_told.clone(), fixture.registry.clone());
    let records = Intercepted::new(fixture.records.clone(), move |call| {
        let is_time = call.is("get", "latest") && told.swap(false, Ordering::SeqCst);
        let (writer, push) = (writer.clone(), push.clone());
        async move {
            if is_time {
                tokio::task::yield_now().await;
                let (repository, digest) = (name(REPOSITORY), digest_of(&push.bytes));
                // It may be gone already.
                let _ = writer.manifest_delete(&repository, &digest, "bob").await;
                writer.manifest_put(push).await.unwrap();
            }
            Answer::Arrives
        }
        .boxed()
    });
    (over(fixture, Arc::new(records)), is_told)
}

#[tokio::test]
async fn a_manifest_that_comes_to_be_after_it_was_asked_for_beside_its_tag_is_found() {
    let fixture = Fixture::distant();
    let bytes = tagged(&fixture, b"config").await;
    let (reader, is_told) = met_by(&fixture, push_of(by_tag("latest"), &bytes));
    assert_eq!(get(&reader, by_tag("latest")).await.unwrap(), bytes);
    delete(&fixture.registry, &bytes).await.unwrap();
    is_told.store(true, Ordering::SeqCst);
    assert_eq!(get(&reader, by_tag("latest")).await.unwrap(), bytes);
    assert!(!is_told.load(Ordering::SeqCst));
}

#[tokio::test]
async fn the_same_bytes_pushed_again_as_another_media_type_are_not_told_as_what_they_were() {
    let fixture = Fixture::distant();
    push_blob(&fixture.registry, b"config").await;
    let mut document = image(&[b"config"]);
    document.as_object_mut().unwrap().remove("mediaType");
    let bytes = bytes_of(&document);
    let push_as = |media_type: &str| ManifestPush {
        content_type: Some(media_type.to_owned()),
        ..push_of(by_tag("latest"), &bytes)
    };
    let first = fixture.registry.manifest_put(push_as(OCI_IMAGE_MANIFEST));
    first.await.unwrap();
    let (reader, is_told) = met_by(&fixture, push_as(DOCKER_MANIFEST));
    let (repository, latest) = (name(REPOSITORY), by_tag("latest"));
    for (tells, media_type) in [(false, OCI_IMAGE_MANIFEST), (true, DOCKER_MANIFEST)] {
        is_told.store(tells, Ordering::SeqCst);
        let stored = reader.manifest_get(&repository, &latest).await.unwrap();
        assert_eq!(stored.meta.media_type, media_type);
    }
}
