//! What becomes of pushed content: dead and pushed again, mounted, deleted, damaged and healed.

use super::{put, read, start};
use crate::record::{BlobRecord, BlobState, Encoded};
use crate::testing::{Fixture, digest_of, large, name};
use crate::{MountSource, Mounted, RegistryError, Settings, layout};
use roadstead_storage::{Condition, RecordStore};
use std::time::Duration;

#[tokio::test]
async fn a_dead_blob_is_pushed_again_under_a_new_data_key() {
    let fixture = Fixture::new();
    let digest = digest_of(&large(15));
    let id = start(&fixture.registry).await;
    put(&fixture.registry, id, &digest, &large(15))
        .await
        .expect("pushed");
    let key = layout::blob(&digest);
    let stored = fixture
        .records
        .get(&key)
        .await
        .expect("reads")
        .record
        .expect("is there");
    let blob = BlobRecord::decode(&key, &stored.bytes).expect("decodes");
    let dead = BlobRecord {
        state: BlobState::Dead,
        ..blob.clone()
    };
    let _ = fixture
        .records
        .put(&key, dead.encode(), Condition::Any)
        .await
        .expect("puts");
    let id = start(&fixture.registry).await;
    put(&fixture.registry, id, &digest, &large(15))
        .await
        .expect("pushed again");
    let stored = fixture
        .records
        .get(&key)
        .await
        .expect("reads")
        .record
        .expect("is there");
    let again = BlobRecord::decode(&key, &stored.bytes).expect("decodes");
    assert_eq!(again.state, BlobState::Live);
    assert_ne!(again.generation, blob.generation);
    assert_ne!(again.content, blob.content);
    assert_eq!(
        read(&fixture.registry, &digest).await.expect("readable"),
        large(15)
    );
}

#[tokio::test]
async fn past_the_window_a_closed_session_cannot_register_its_data() {
    let fixture = Fixture::new();
    let digest = digest_of(&large(16));
    let id = start(&fixture.registry).await;
    put(&fixture.registry, id, &digest, &large(16))
        .await
        .expect("pushed");
    let _ = fixture
        .records
        .delete(&layout::blob(&digest), Condition::Any)
        .await
        .expect("collected");
    fixture.clock.advance(Duration::from_secs(301));
    let late = put(&fixture.registry, id, &digest, b"").await;
    assert!(
        matches!(late, Err(RegistryError::UploadUnknown)),
        "{late:?}"
    );
}

#[tokio::test]
async fn a_mount_shows_the_blob_in_another_repository_only_if_the_source_has_it() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let id = start(registry).await;
    let digest = digest_of(b"small");
    put(registry, id, &digest, b"small").await.expect("pushed");
    let (source, target, closed) = (name("a/b"), name("t"), name("x"));
    let from_closed = registry
        .blob_mount(&target, &digest, MountSource::Repository(&closed))
        .await;
    assert_eq!(from_closed.expect("answers"), Mounted::No);
    let nobody = |_: &roadstead_oci::RepositoryName| false;
    let hidden = registry
        .blob_mount(&target, &digest, MountSource::Anywhere(&nobody))
        .await;
    assert_eq!(hidden.expect("answers"), Mounted::No);
    assert!(registry.blob_head(&target, &digest).await.is_err());
    let everybody = |_: &roadstead_oci::RepositoryName| true;
    let found = registry
        .blob_mount(&target, &digest, MountSource::Anywhere(&everybody))
        .await;
    assert_eq!(found.expect("answers"), Mounted::Yes);
    assert_eq!(
        registry
            .blob_head(&target, &digest)
            .await
            .expect("mounted")
            .size,
        5
    );
    registry
        .blob_delete(&source, &digest)
        .await
        .expect("deleted");
    assert!(registry.blob_head(&source, &digest).await.is_err());
    assert_eq!(
        registry
            .blob_head(&target, &digest)
            .await
            .expect("its own link")
            .size,
        5
    );
}

#[tokio::test]
async fn a_deleted_blob_is_gone_at_once_and_comes_back_with_a_push() {
    let fixture = Fixture::new();
    let digest = digest_of(&large(17));
    let id = start(&fixture.registry).await;
    put(&fixture.registry, id, &digest, &large(17))
        .await
        .expect("pushed");
    fixture
        .registry
        .blob_delete(&name("a/b"), &digest)
        .await
        .expect("deleted");
    assert!(matches!(
        fixture.registry.blob_delete(&name("a/b"), &digest).await,
        Err(RegistryError::BlobUnknown(_))
    ));
    assert!(matches!(
        read(&fixture.registry, &digest).await,
        Err(RegistryError::BlobUnknown(_))
    ));
    let id = start(&fixture.registry).await;
    put(&fixture.registry, id, &digest, &large(17))
        .await
        .expect("pushed again");
    assert_eq!(
        read(&fixture.registry, &digest).await.expect("readable"),
        large(17)
    );
}

#[tokio::test]
async fn damaged_bytes_never_arrive_whole_and_a_new_push_heals_them() {
    let fixture = Fixture::new();
    let digest = digest_of(&large(18));
    let id = start(&fixture.registry).await;
    put(&fixture.registry, id, &digest, &large(18))
        .await
        .expect("pushed");
    let key = layout::blob(&digest);
    let stored = fixture
        .records
        .get(&key)
        .await
        .expect("reads")
        .record
        .expect("is there");
    let blob = BlobRecord::decode(&key, &stored.bytes).expect("decodes");
    let data = blob.content.data().expect("too large for a record").clone();
    fixture.data.corrupt(&data.key, 5);
    let cut = read(&fixture.registry, &digest).await;
    assert!(matches!(cut, Err(RegistryError::Storage(_))), "{cut:?}");
    fixture.registry.inner.background.shutdown().await;
    assert!(matches!(
        read(&fixture.registry, &digest).await,
        Err(RegistryError::BlobRotten(_))
    ));
    let other = fixture.replica(Settings::default());
    assert!(matches!(
        other.blob_head(&name("a/b"), &digest).await,
        Err(RegistryError::BlobUnknown(_))
    ));
    let id = start(&other).await;
    put(&other, id, &digest, &large(18))
        .await
        .expect("pushed again");
    assert_eq!(
        read(&fixture.registry, &digest).await.expect("healed"),
        large(18)
    );
}
