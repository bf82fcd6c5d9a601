//! What a push takes and what it refuses.

use super::*;
use roadstead_oci::Algorithm;

#[tokio::test]
async fn a_pushed_manifest_is_read_back_byte_for_byte() {
    let fixture = Fixture::new();
    let mut bytes = prepare(&fixture.registry, &[b"config", b"layer"])
        .await
        .to_vec();
    bytes.extend_from_slice(b" \n");
    let bytes = Bytes::from(bytes);

    let pushed = put(&fixture.registry, by_tag("latest"), &bytes)
        .await
        .unwrap();

    assert_eq!(pushed.digest, digest_of(&bytes));
    assert_eq!((pushed.subject, pushed.tags), (None, vec![]));
    assert_eq!(
        get(&fixture.registry, by_tag("latest")).await.unwrap(),
        bytes
    );
    assert_eq!(get_digest(&fixture.registry, &bytes).await.unwrap(), bytes);
}

#[tokio::test]
async fn the_same_push_succeeds_again() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;

    for _ in 0..2 {
        put(&fixture.registry, by_tag("latest"), &bytes)
            .await
            .unwrap();
        put_digest(&fixture.registry, &bytes).await.unwrap();
    }

    assert_eq!(
        get(&fixture.registry, by_tag("latest")).await.unwrap(),
        bytes
    );
}

#[tokio::test]
async fn a_manifest_is_kept_under_the_algorithm_it_was_pushed_with() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    let digest = Digest::of(Algorithm::Sha512, &bytes);
    let mut push = push_of(digest.clone().into(), &bytes);
    push.tags = vec![tag("b"), tag("a"), tag("b")];

    let pushed = fixture.registry.manifest_put(push).await.unwrap();

    assert_eq!(pushed.digest, digest);
    assert_eq!(pushed.tags, [tag("b"), tag("a")]);
    for text in ["a", "b"] {
        let meta = head(&fixture.registry, &by_tag(text)).await.unwrap();
        assert_eq!(meta.digest, digest);
    }
    assert!(is_unknown(&get_digest(&fixture.registry, &bytes).await));
}

#[tokio::test]
async fn content_under_another_digest_is_refused() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    let other = digest_of(b"other");

    let refused = put(&fixture.registry, other.clone().into(), &bytes).await;

    match refused {
        Err(RegistryError::DigestMismatch { expected, actual }) => {
            assert_eq!((*expected, *actual), (other, digest_of(&bytes)));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_invalid_document_leaves_no_record() {
    let fixture = Fixture::new();
    for text in [
        "",
        "null",
        "{",
        r#"{"schemaVersion":2}"#,
        r#"{"schemaVersion":1,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#,
    ] {
        let bytes = Bytes::from_static(text.as_bytes());
        let refused = put(&fixture.registry, by_tag("latest"), &bytes).await;
        assert!(
            matches!(refused, Err(RegistryError::ManifestInvalid(_))),
            "{text}"
        );
    }
    assert_eq!(keys(&fixture, "").await, [""; 0]);
}

#[tokio::test]
async fn a_manifest_beyond_the_limit_is_refused() {
    let settings = Settings {
        manifest_bytes: 200,
        ..Settings::default()
    };
    let fixture = Fixture::with(settings);
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    assert!(bytes.len() > 200);

    let refused = put_digest(&fixture.registry, &bytes).await;

    assert!(matches!(refused, Err(RegistryError::ManifestInvalid(_))));
}

#[tokio::test]
async fn everything_that_is_missing_is_named_at_once() {
    let fixture = Fixture::new();
    push_blob(&fixture.registry, b"present").await;
    let bytes = bytes_of(&image(&[b"config", b"present", b"one", b"two", b"one"]));

    let refused = put(&fixture.registry, by_tag("latest"), &bytes).await;

    let Err(RegistryError::ManifestBlobUnknown(mut missing)) = refused else {
        panic!("{refused:?}");
    };
    missing.sort();
    let mut expected: Vec<_> = [&b"config"[..], b"one", b"two"].map(digest_of).into();
    expected.sort();
    assert_eq!(missing, expected);
    assert_eq!(manifest_record(&fixture, &bytes).await, None);
    assert_eq!(tag_record(&fixture, "latest").await, None);
}

#[tokio::test]
async fn a_blob_of_another_repository_is_missing() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    let mut push = push_of(by_tag("latest"), &bytes);
    push.repository = name("team/other");

    let refused = fixture.registry.manifest_put(push).await;

    assert!(matches!(
        refused,
        Err(RegistryError::ManifestBlobUnknown(_))
    ));
}

#[tokio::test]
async fn a_described_size_must_be_the_stored_one() {
    let fixture = Fixture::new();
    prepare(&fixture.registry, &[b"config"]).await;
    let mut document = image(&[b"config"]);
    document["config"]["size"] = json!(7);

    let refused = put_digest(&fixture.registry, &bytes_of(&document)).await;

    match refused {
        Err(RegistryError::SizeMismatch {
            digest,
            described,
            stored,
        }) => assert_eq!((digest, described, stored), (digest_of(b"config"), 7, 6)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_sparse_registry_takes_what_names_missing_content() {
    let settings = Settings {
        sparse: true,
        ..Settings::default()
    };
    let fixture = Fixture::with(settings);
    let child = bytes_of(&image(&[b"config", b"layer"]));

    put_digest(&fixture.registry, &child).await.unwrap();
    let absent = bytes_of(&image(&[b"absent"]));
    let both = bytes_of(&index(&[&child, &absent]));
    put_digest(&fixture.registry, &both).await.unwrap();

    // What is there must still be as large as described.
    let mut wrong = index(&[&child]);
    wrong["manifests"][0]["size"] = json!(1);
    let refused = put_digest(&fixture.registry, &bytes_of(&wrong)).await;
    assert!(matches!(refused, Err(RegistryError::SizeMismatch { .. })));
}

#[tokio::test]
async fn a_layer_that_is_not_distributable_need_not_be_there_nor_have_its_size() {
    let fixture = Fixture::new();
    prepare(&fixture.registry, &[b"config", b"present"]).await;
    let mut document = image(&[b"config", b"present", b"absent"]);
    for layer in [0, 1] {
        document["layers"][layer]["mediaType"] =
            json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
        document["layers"][layer]["size"] = json!(123_456);
    }

    put_digest(&fixture.registry, &bytes_of(&document))
        .await
        .unwrap();

    // The same content as a plain layer is checked.
    let plain = descriptor("application/vnd.oci.image.layer.v1.tar", b"absent");
    document["layers"].as_array_mut().unwrap().push(plain);
    let refused = put_digest(&fixture.registry, &bytes_of(&document)).await;
    assert!(
        matches!(refused, Err(RegistryError::ManifestBlobUnknown(missing)) if missing == [digest_of(b"absent")])
    );
}

#[tokio::test]
async fn an_index_needs_its_manifests_as_manifests_and_the_rest_as_blobs() {
    let fixture = Fixture::new();
    let child = prepare(&fixture.registry, &[b"config"]).await;
    let mut document = index(&[&child]);
    // A manifest that is only there as a blob is not a manifest.
    push_blob(&fixture.registry, &child).await;
    let refused = put_digest(&fixture.registry, &bytes_of(&document)).await;
    assert!(
        matches!(refused, Err(RegistryError::ManifestBlobUnknown(missing)) if missing == [digest_of(&child)])
    );

    put_digest(&fixture.registry, &child).await.unwrap();
    let cache = descriptor("application/vnd.buildkit.cacheconfig.v0", b"cache");
    document["manifests"].as_array_mut().unwrap().push(cache);
    let refused = put_digest(&fixture.registry, &bytes_of(&document)).await;
    assert!(
        matches!(refused, Err(RegistryError::ManifestBlobUnknown(missing)) if missing == [digest_of(b"cache")])
    );

    push_blob(&fixture.registry, b"cache").await;
    put_digest(&fixture.registry, &bytes_of(&document))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_manifest_of_many_layers_is_taken() {
    let fixture = Fixture::new();
    let blobs: Vec<Vec<u8>> = (0..300_u32).map(|at| at.to_le_bytes().into()).collect();
    let blobs: Vec<&[u8]> = blobs.iter().map(Vec::as_slice).collect();
    let bytes = prepare(&fixture.registry, &blobs).await;

    put_digest(&fixture.registry, &bytes).await.unwrap();

    assert_eq!(get_digest(&fixture.registry, &bytes).await.unwrap(), bytes);
}

#[tokio::test]
async fn bytes_without_a_type_of_their_own_keep_the_type_of_their_first_push() {
    let fixture = Fixture::new();
    push_blob(&fixture.registry, b"config").await;
    let mut document = image(&[b"config"]);
    document.as_object_mut().unwrap().remove("mediaType");
    let bytes = bytes_of(&document);
    for (text, content_type) in [
        (
            "first",
            "application/vnd.docker.distribution.manifest.v2+json",
        ),
        ("second", OCI_IMAGE_MANIFEST),
    ] {
        let mut push = push_of(by_tag(text), &bytes);
        push.content_type = Some(content_type.to_owned());
        fixture.registry.manifest_put(push).await.unwrap();
    }

    // Both tags and the digest agree, or a client would see two types of one content.
    for reference in [by_tag("first"), by_tag("second"), digest_of(&bytes).into()] {
        let meta = head(&fixture.registry, &reference).await.unwrap();
        assert_eq!(
            meta.media_type,
            "application/vnd.docker.distribution.manifest.v2+json"
        );
    }
}
