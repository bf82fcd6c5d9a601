//! How sessions end without a blob: too large, too many, too old.

use super::{OWNER, patch, put, read, start};
use crate::testing::{Fixture, digest_of, large, name};
use crate::{RegistryError, Settings, layout};
use bytes::Bytes;
use roadstead_oci::Algorithm;
use roadstead_storage::{DataStore, RecordStore};
use std::time::Duration;

#[tokio::test]
async fn a_blob_over_the_limit_ends_the_session() {
    let fixture = Fixture::with(Settings {
        blob_bytes: 50_000,
        ..Settings::default()
    });
    let id = start(&fixture.registry).await;
    let mut writer = fixture
        .registry
        .upload_append(&name("a/b"), OWNER, id, None, None)
        .await
        .expect("opens");
    let refused = writer.write(Bytes::from(large(12))).await;
    assert!(
        matches!(refused, Err(RegistryError::BlobTooLarge { limit: 50_000 })),
        "{refused:?}"
    );
    let gone = fixture
        .registry
        .upload_status(&name("a/b"), OWNER, id)
        .await;
    assert!(
        matches!(gone, Err(RegistryError::UploadUnknown)),
        "{gone:?}"
    );
}

#[tokio::test]
async fn a_client_with_too_many_sessions_is_refused_until_one_ends_anywhere() {
    let fixture = Fixture::with(Settings {
        uploads_per_client: 2,
        ..Settings::default()
    });
    let other = fixture.replica(Settings::default());
    let ids = [
        start(&fixture.registry).await,
        start(&fixture.registry).await,
    ];
    let third = fixture
        .registry
        .upload_start(&name("a/b"), OWNER, "client", Algorithm::Sha256)
        .await;
    assert!(
        matches!(third, Err(RegistryError::TooManyUploads { limit: 2 })),
        "{third:?}"
    );
    fixture
        .registry
        .upload_start(&name("a/b"), OWNER, "another", Algorithm::Sha256)
        .await
        .expect("its own count");
    other
        .upload_cancel(&name("a/b"), OWNER, ids[0])
        .await
        .expect("open");
    fixture.clock.advance(Duration::from_secs(11));
    start(&fixture.registry).await;
}

#[tokio::test]
async fn an_idle_session_expires_and_its_data_is_swept() {
    let fixture = Fixture::new();
    let id = start(&fixture.registry).await;
    patch(&fixture.registry, id, &large(13)).await;
    fixture.clock.advance(Duration::from_hours(8 * 24));
    let expired = fixture
        .registry
        .upload_status(&name("a/b"), OWNER, id)
        .await;
    assert!(
        matches!(expired, Err(RegistryError::UploadUnknown)),
        "{expired:?}"
    );
    assert_eq!(fixture.registry.sweep_uploads().await.expect("sweeps"), 1);
    assert_eq!(
        fixture
            .records
            .list(layout::UPLOADS, None, 10)
            .await
            .expect("lists")
            .entries,
        []
    );
    fixture.clock.advance(Duration::from_secs(1));
    let left = fixture
        .data
        .uploads(roadstead_storage::Clock::now(&*fixture.clock), 10)
        .await
        .expect("lists");
    assert_eq!(left.len(), 0);
}

#[tokio::test]
async fn the_sweeper_keeps_the_data_that_the_blob_record_names() {
    let fixture = Fixture::new();
    let id = start(&fixture.registry).await;
    put(&fixture.registry, id, &digest_of(&large(14)), &large(14))
        .await
        .expect("pushed");
    fixture.clock.advance(Duration::from_hours(2));
    assert_eq!(fixture.registry.sweep_uploads().await.expect("sweeps"), 1);
    assert_eq!(
        read(&fixture.registry, &digest_of(&large(14)))
            .await
            .expect("readable"),
        large(14)
    );
}

#[tokio::test]
async fn an_administrator_sees_open_sessions_and_ends_them() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let (small, big) = (start(registry).await, start(registry).await);
    patch(registry, small, b"four").await;
    patch(registry, big, &large(3)).await;
    let first = registry.upload_sessions(None, 1).await.expect("lists");
    let next = first.next.expect("one more is there");
    let rest = registry
        .upload_sessions(Some(&next), 1)
        .await
        .expect("lists");
    assert_eq!(rest.next, None);
    let mut sizes: Vec<u64> = first
        .sessions
        .iter()
        .chain(&rest.sessions)
        .map(|open| open.session.offset())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [4, 200_000]);

    for id in [small, big] {
        registry.upload_abort(id).await.expect("is open");
        let again = registry.upload_abort(id).await;
        assert!(matches!(again, Err(RegistryError::UploadUnknown)));
        let gone = registry.upload_status(&name("a/b"), OWNER, id).await;
        assert!(matches!(gone, Err(RegistryError::UploadUnknown)));
    }
    let none = registry.upload_sessions(None, 10).await.expect("lists");
    assert!(none.sessions.is_empty());
}
