//! Writers that need what the collector is about to take.

use super::*;

/// A blob whose link is condemned and due, with everything behind it.
async fn condemned(fixture: &Fixture, content: &[u8]) -> Digest {
    let digest = push_blob(&fixture.registry, "a", content).await;
    fixture.clock.advance(GRACE);
    collect(&fixture.registry).await;
    assert_eq!(
        link_state(fixture, "a", &digest).await,
        Some(LinkState::Condemned)
    );
    fixture.clock.advance(AGE);
    digest
}

#[tokio::test]
async fn a_head_saves_a_condemned_blob() {
    let fixture = Fixture::new();
    let digest = condemned(&fixture, &large(1)).await;
    fixture
        .registry
        .blob_head(&name("a"), &digest)
        .await
        .unwrap();
    let report = collect(&fixture.registry).await;
    assert_eq!(
        (report.level_links.killed, report.level_links.condemned),
        (0, 0)
    );
    assert_eq!(
        link_state(&fixture, "a", &digest).await,
        Some(LinkState::Live)
    );
    assert_eq!(keys(&fixture, layout::CONDEMNED).await, [""; 0]);
}

#[tokio::test]
async fn a_manifest_saves_the_condemned_blob_that_it_names() {
    let fixture = Fixture::new();
    let content = large(2);
    condemned(&fixture, &content).await;
    push_blob(&fixture.registry, "a", b"config").await;
    let bytes = bytes_of(&image(&[b"config", &content]));
    put(&fixture.registry, "a", by_tag("latest"), &bytes)
        .await
        .unwrap();
    collect_all(&fixture).await;
    let digest = digest_of(&content);
    assert_eq!(
        read(&fixture.registry, "a", &digest).await.unwrap(),
        content
    );
}

#[tokio::test]
async fn an_upload_or_a_mount_saves_a_condemned_blob_record() {
    for is_mount in [false, true] {
        let fixture = Fixture::new();
        let content = large(3);
        let digest = condemned(&fixture, &content).await;
        if is_mount {
            // The source must be there: a second link, which is young.
            push_blob(&fixture.registry, "source", &content).await;
        }
        collect(&fixture.registry).await;
        assert_eq!(link_state(&fixture, "a", &digest).await, None);
        if is_mount {
            let source = name("source");
            let source = crate::MountSource::Repository(&source);
            let target = name("b");
            let mounting = fixture.registry.blob_mount(&target, &digest, source);
            assert_eq!(mounting.await.unwrap(), crate::Mounted::Yes);
        } else {
            let state = blob_state(&fixture, &digest).await;
            assert_eq!(state, Some(BlobState::Condemned));
            push_blob(&fixture.registry, "b", &content).await;
        }
        fixture.clock.advance(AGE);
        collect(&fixture.registry).await;
        assert_eq!(
            read(&fixture.registry, "b", &digest).await.unwrap(),
            content
        );
        assert_eq!(blob_state(&fixture, &digest).await, Some(BlobState::Live));
    }
}

#[tokio::test]
async fn a_reference_that_lands_while_its_link_is_condemned_is_found() {
    let fixture = Fixture::new();
    let (config, layer) = (b"config".to_vec(), large(4));
    for blob in [&config, &layer] {
        push_blob(&fixture.registry, "a", blob).await;
    }
    // A manifest whose push protected the links before they were condemned, and which lands after.
    let bytes = bytes_of(&image(&[&config, &layer]));
    put(&fixture.registry, "z", by_tag("latest"), &bytes)
        .await
        .unwrap_err();
    fixture.clock.advance(GRACE);
    assert_eq!(collect(&fixture.registry).await.level_links.condemned, 2);
    let late = fixture.replica(Settings {
        sparse: true,
        ..Settings::default()
    });
    put(&late, "other", by_tag("latest"), &bytes).await.unwrap();
    let key = layout::manifest(&name("other"), &digest_of(&bytes));
    let landed = fixture.records.get(&key).await.unwrap().record.unwrap();
    let key = layout::manifest(&name("a"), &digest_of(&bytes));
    let put = fixture
        .records
        .put(&key, landed.bytes, roadstead_storage::Condition::Any);
    let _ = put.await.unwrap();
    fixture.clock.advance(AGE);
    let report = collect(&fixture.registry).await;
    assert_eq!(
        (report.level_links.revived, report.level_links.killed),
        (2, 0)
    );
    let digest = digest_of(&layer);
    assert_eq!(read(&fixture.registry, "a", &digest).await.unwrap(), layer);
}
