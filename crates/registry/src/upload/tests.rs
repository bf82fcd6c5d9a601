//! Upload sessions over the memory driver: two replicas, lost clients, repeated and racing requests.

mod ends;
mod lifecycle;

use super::Closing;
use crate::testing::{Fixture, digest_of, large, name};
use crate::{BlobBody, Registry, RegistryError, Settings, UploadId, layout};
use bytes::Bytes;
use futures::StreamExt;
use roadstead_oci::{Algorithm, Digest};
use roadstead_storage::{DataStore, RecordStore};
use std::time::Duration;

const OWNER: &str = "";

async fn start(registry: &Registry) -> UploadId {
    registry
        .upload_start(&name("a/b"), OWNER, "client", Algorithm::Sha256)
        .await
        .expect("a session starts")
}

async fn patch(registry: &Registry, id: UploadId, content: &[u8]) -> u64 {
    let mut writer = registry
        .upload_append(&name("a/b"), OWNER, id, None, None)
        .await
        .expect("the session is open");
    for chunk in content.chunks(10_000) {
        writer
            .write(Bytes::copy_from_slice(chunk))
            .await
            .expect("the store takes bytes");
    }
    writer.suspend().await.expect("the session is kept")
}

async fn put(
    registry: &Registry,
    id: UploadId,
    digest: &Digest,
    content: &[u8],
) -> crate::Result<()> {
    let length = Some(content.len() as u64);
    match registry
        .upload_close(&name("a/b"), OWNER, id, digest, None, length)
        .await?
    {
        Closing::Repeated => Ok(()),
        Closing::Writer(mut writer) => {
            if !content.is_empty() {
                writer.write(Bytes::copy_from_slice(content)).await?;
            }
            writer.commit().await
        }
    }
}

async fn read(registry: &Registry, digest: &Digest) -> crate::Result<Vec<u8>> {
    let blob = registry.blob_open(&name("a/b"), digest).await?;
    match blob.read(0..blob.size()).await? {
        BlobBody::Inline(bytes) => Ok(bytes.to_vec()),
        BlobBody::Stream(mut stream) => {
            let mut content = Vec::new();
            while let Some(block) = stream.next().await {
                content.extend_from_slice(&block?);
            }
            Ok(content)
        }
    }
}

#[tokio::test]
async fn chunks_at_two_replicas_make_one_blob() {
    let fixture = Fixture::new();
    let (first, second) = (
        fixture.registry.clone(),
        fixture.replica(Settings::default()),
    );
    for content in [b"".to_vec(), b"small".to_vec(), large(1)] {
        let digest = digest_of(&content);
        let id = start(&first).await;
        let (head, tail) = content.split_at(content.len() / 2);
        assert_eq!(patch(&second, id, head).await, head.len() as u64);
        assert_eq!(
            first
                .upload_status(&name("a/b"), OWNER, id)
                .await
                .expect("open"),
            head.len() as u64
        );
        assert_eq!(patch(&first, id, tail).await, content.len() as u64);
        put(&second, id, &digest, b"")
            .await
            .expect("the digest is right");
        assert_eq!(read(&first, &digest).await.expect("readable"), content);
    }
}

#[tokio::test]
async fn a_whole_blob_in_the_closing_request_is_readable() {
    let fixture = Fixture::new();
    for content in [b"".to_vec(), b"small".to_vec(), large(2)] {
        let id = start(&fixture.registry).await;
        put(&fixture.registry, id, &digest_of(&content), &content)
            .await
            .expect("the digest is right");
        assert_eq!(
            read(&fixture.registry, &digest_of(&content))
                .await
                .expect("readable"),
            content
        );
    }
}

#[tokio::test]
async fn a_blob_in_one_request_that_breaks_off_leaves_no_session() {
    let fixture = Fixture::new();
    let content = large(3);
    let mut writer = fixture
        .registry
        .blob_push(
            &name("a/b"),
            OWNER,
            "c",
            &digest_of(&content),
            Some(200_000),
        )
        .await
        .expect("opens");
    writer
        .write(Bytes::copy_from_slice(&content[..100_000]))
        .await
        .expect("taken");
    assert_eq!(fixture.registry.open_uploads(), 1);
    writer.interrupt().await;
    assert_eq!(fixture.registry.open_uploads(), 0);
    let sessions = fixture
        .records
        .list(layout::UPLOADS, None, 10)
        .await
        .expect("lists");
    assert!(sessions.entries.is_empty(), "{sessions:?}");
}

#[tokio::test]
async fn a_blob_in_one_request_is_readable_and_leaves_no_session() {
    let fixture = Fixture::new();
    for content in [b"small".to_vec(), large(3)] {
        let digest = digest_of(&content);
        let mut writer = fixture
            .registry
            .blob_push(&name("a/b"), OWNER, "c", &digest, None)
            .await
            .expect("opens");
        for chunk in content.chunks(7_000) {
            writer
                .write(Bytes::copy_from_slice(chunk))
                .await
                .expect("taken");
        }
        writer.commit().await.expect("the digest is right");
        assert_eq!(
            read(&fixture.registry, &digest).await.expect("readable"),
            content
        );
    }
    fixture.clock.advance(Duration::from_mins(10));
    fixture.registry.forget_due().await;
    let sessions = fixture
        .records
        .list(layout::UPLOADS, None, 10)
        .await
        .expect("lists");
    assert_eq!(sessions.entries, []);
}

#[tokio::test]
async fn a_wrong_digest_leaves_no_blob_no_session_and_no_data() {
    let fixture = Fixture::new();
    for content in [b"small".to_vec(), large(4)] {
        let wrong = digest_of(b"something else");
        let id = start(&fixture.registry).await;
        patch(&fixture.registry, id, &content).await;
        let refused = put(&fixture.registry, id, &wrong, b"").await;
        assert!(
            matches!(refused, Err(RegistryError::DigestMismatch { .. })),
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
        assert!(read(&fixture.registry, &wrong).await.is_err());
        fixture.clock.advance(Duration::from_hours(1));
        let uploads = fixture
            .data
            .uploads(roadstead_storage::Clock::now(&*fixture.clock), 10)
            .await;
        assert_eq!(uploads.expect("lists").len(), 0);
    }
}

#[tokio::test]
async fn a_chunk_at_the_wrong_offset_is_refused_and_the_session_lives() {
    let fixture = Fixture::new();
    let id = start(&fixture.registry).await;
    patch(&fixture.registry, id, b"0123456789").await;
    for start in [0, 5, 11] {
        let refused = fixture
            .registry
            .upload_append(&name("a/b"), OWNER, id, Some(start), Some(4))
            .await;
        assert!(matches!(
            refused,
            Err(RegistryError::UploadOutOfOrder { offset: 10 })
        ));
    }
    assert_eq!(patch(&fixture.registry, id, b"ab").await, 12);
}

#[tokio::test]
async fn a_session_is_unknown_in_another_repository_and_to_another_owner() {
    let fixture = Fixture::new();
    let id = start(&fixture.registry).await;
    for (repository, owner) in [("a/c", OWNER), ("a/b", "somebody")] {
        let status = fixture
            .registry
            .upload_status(&name(repository), owner, id)
            .await;
        assert!(
            matches!(status, Err(RegistryError::UploadUnknown)),
            "{status:?}"
        );
    }
    assert_eq!(
        fixture
            .registry
            .upload_status(&name("a/b"), OWNER, id)
            .await
            .expect("untouched"),
        0
    );
}

#[tokio::test]
async fn a_repeated_closing_request_is_answered_again_at_another_replica() {
    let fixture = Fixture::new();
    let other = fixture.replica(Settings::default());
    for content in [b"small".to_vec(), large(5)] {
        let id = start(&fixture.registry).await;
        put(&fixture.registry, id, &digest_of(&content), &content)
            .await
            .expect("the digest is right");
        put(&other, id, &digest_of(&content), b"")
            .await
            .expect("the same again");
        let another = put(&other, id, &digest_of(b"another"), b"").await;
        assert!(
            matches!(another, Err(RegistryError::UploadUnknown)),
            "{another:?}"
        );
        assert_eq!(
            read(&other, &digest_of(&content)).await.expect("readable"),
            content
        );
    }
}

#[tokio::test]
async fn of_two_patches_at_once_one_is_kept() {
    let fixture = Fixture::new();
    let id = start(&fixture.registry).await;
    let mut first = fixture
        .registry
        .upload_append(&name("a/b"), OWNER, id, None, None)
        .await
        .expect("opens");
    first.write(Bytes::from(large(6))).await.expect("taken");
    let mut second = fixture
        .registry
        .upload_append(&name("a/b"), OWNER, id, None, None)
        .await
        .expect("opens");
    second.write(Bytes::from(large(7))).await.expect("taken");
    let late = first.suspend().await;
    assert!(
        matches!(late, Err(RegistryError::UploadOutOfOrder { .. })),
        "{late:?}"
    );
    assert_eq!(second.suspend().await.expect("kept"), large(7).len() as u64);
    put(&fixture.registry, id, &digest_of(&large(7)), b"")
        .await
        .expect("the second one's bytes");
}

#[tokio::test]
async fn a_client_that_goes_away_finds_what_it_sent() {
    let fixture = Fixture::new();
    let id = start(&fixture.registry).await;
    let mut writer = fixture
        .registry
        .upload_append(&name("a/b"), OWNER, id, None, None)
        .await
        .expect("opens");
    writer.write(Bytes::from(large(8))).await.expect("taken");
    drop(writer);
    fixture.registry.inner.background.shutdown().await;
    let offset = fixture
        .registry
        .upload_status(&name("a/b"), OWNER, id)
        .await
        .expect("open");
    assert_eq!(offset, large(8).len() as u64);
    put(&fixture.registry, id, &digest_of(&large(8)), b"")
        .await
        .expect("goes on");
}

#[tokio::test]
async fn a_closing_body_that_is_cut_rolls_back_to_the_offset_before_it() {
    let fixture = Fixture::new();
    for first in [b"start".to_vec(), large(9)] {
        let id = start(&fixture.registry).await;
        patch(&fixture.registry, id, &first).await;
        let content = [first.clone(), large(10)].concat();
        let digest = digest_of(&content);
        let closing = fixture
            .registry
            .upload_close(&name("a/b"), OWNER, id, &digest, None, None)
            .await;
        let Ok(Closing::Writer(mut writer)) = closing else {
            panic!("the session is open")
        };
        writer
            .write(Bytes::from(large(10)).slice(..150_000))
            .await
            .expect("taken");
        writer.interrupt().await;
        let offset = fixture
            .registry
            .upload_status(&name("a/b"), OWNER, id)
            .await
            .expect("open");
        assert_eq!(offset, first.len() as u64);
        put(&fixture.registry, id, &digest, &large(10))
            .await
            .expect("the identical retry works");
        assert_eq!(
            read(&fixture.registry, &digest).await.expect("readable"),
            content
        );
    }
}

#[tokio::test]
async fn closing_with_another_algorithm_reads_the_bytes_once() {
    let fixture = Fixture::new();
    for content in [b"small".to_vec(), large(11)] {
        let digest = Digest::of(Algorithm::Sha512, &content);
        let id = start(&fixture.registry).await;
        patch(&fixture.registry, id, &content).await;
        put(&fixture.registry, id, &digest, b"")
            .await
            .expect("sha512 of the same bytes");
        assert_eq!(
            read(&fixture.registry, &digest).await.expect("readable"),
            content
        );
    }
}
