//! Referrers.

use super::*;
use crate::{ReferrersPage, ReferrersQuery};

const ALL: ReferrersQuery<'static> = ReferrersQuery {
    artifact_types: &[],
    after: None,
    limit: None,
    max_bytes: 4 << 20,
};

/// An artifact of a type that refers to `subject`.
fn artifact(subject: &Bytes, artifact_type: &str, annotations: &Value) -> Value {
    let mut document = image(&[b"{}"]);
    document["config"]["mediaType"] = json!("application/vnd.oci.empty.v1+json");
    document["subject"] = descriptor(OCI_IMAGE_MANIFEST, subject);
    document["artifactType"] = json!(artifact_type);
    document["annotations"] = annotations.clone();
    document
}

async fn refer(registry: &Registry, subject: &Bytes, artifact_type: &str, at: usize) -> Bytes {
    push_blob(registry, b"{}").await;
    let bytes = bytes_of(&artifact(
        subject,
        artifact_type,
        &json!({"at": at.to_string()}),
    ));
    put_digest(registry, &bytes).await.unwrap();
    bytes
}

async fn list(registry: &Registry, subject: &Bytes, query: ReferrersQuery<'_>) -> ReferrersPage {
    let (repository, subject) = (name(REPOSITORY), digest_of(subject));
    registry
        .referrers(&repository, &subject, query)
        .await
        .unwrap()
}

fn digests(page: &ReferrersPage) -> Vec<Digest> {
    let digest_in = |descriptor: &Bytes| {
        let descriptor: roadstead_oci::Descriptor = serde_json::from_slice(descriptor).unwrap();
        descriptor.digest
    };
    page.descriptors.iter().map(digest_in).collect()
}

#[tokio::test]
async fn a_referrer_is_listed_whether_or_not_its_subject_is_there() {
    let fixture = Fixture::new();
    let subject = bytes_of(&image(&[b"never pushed"]));
    assert_eq!(
        list(&fixture.registry, &subject, ALL).await,
        ReferrersPage::default()
    );

    push_blob(&fixture.registry, b"{}").await;
    let bytes = bytes_of(&artifact(
        &subject,
        "text/sbom",
        &json!({"z": "1", "a": "é\n"}),
    ));
    let pushed = put(&fixture.registry, by_tag("tagged-too"), &bytes)
        .await
        .unwrap();

    assert_eq!(pushed.subject, Some(digest_of(&subject)));
    let page = list(&fixture.registry, &subject, ALL).await;
    let expected = json!({
        "mediaType": OCI_IMAGE_MANIFEST,
        "digest": digest_of(&bytes).to_string(),
        "size": bytes.len(),
        "artifactType": "text/sbom",
        "annotations": {"z": "1", "a": "é\n"},
    });
    assert_eq!(page.next, None);
    let [descriptor] = &page.descriptors[..] else {
        panic!("{page:?}");
    };
    assert_eq!(
        serde_json::from_slice::<Value>(descriptor).unwrap(),
        expected
    );
}

#[tokio::test]
async fn the_type_of_a_referrer_may_come_from_its_configuration_or_be_missing() {
    let fixture = Fixture::new();
    let subject = bytes_of(&image(&[b"subject"]));
    push_blob(&fixture.registry, b"{}").await;
    let mut by_config = artifact(&subject, "", &Value::Null);
    by_config["config"]["mediaType"] = json!("application/x-config");
    let mut of_index = index(&[]);
    of_index["subject"] = descriptor(OCI_IMAGE_MANIFEST, &subject);
    for document in [&by_config, &of_index] {
        put_digest(&fixture.registry, &bytes_of(document))
            .await
            .unwrap();
    }

    let wanted = |text: &str| vec![text.to_owned()];
    for (types, document) in [
        (wanted("application/x-config"), &by_config),
        (wanted(""), &of_index),
    ] {
        let query = ReferrersQuery {
            artifact_types: &types,
            ..ALL
        };
        let page = list(&fixture.registry, &subject, query).await;
        assert_eq!(digests(&page), [digest_of(&bytes_of(document))]);
    }
}

#[tokio::test]
async fn several_types_are_any_of_them_compared_byte_for_byte() {
    let fixture = Fixture::new();
    let subject = bytes_of(&image(&[b"subject"]));
    let mut expected = Vec::new();
    for (at, artifact_type) in ["a/b+c", "a/b c", "a/b", "A/B"].into_iter().enumerate() {
        let bytes = refer(&fixture.registry, &subject, artifact_type, at).await;
        if at < 2 {
            expected.push(digest_of(&bytes));
        }
    }
    expected.sort();

    let types = ["a/b+c".to_owned(), "a/b c".to_owned(), "x/y".to_owned()];
    let query = ReferrersQuery {
        artifact_types: &types,
        ..ALL
    };
    assert_eq!(
        digests(&list(&fixture.registry, &subject, query).await),
        expected
    );
}

#[tokio::test]
async fn pages_cut_by_number_or_bytes_cover_everything_once_in_order() {
    let fixture = Fixture::new();
    let subject = bytes_of(&image(&[b"subject"]));
    let mut expected = Vec::new();
    for at in 0..7 {
        let artifact_type = if at % 2 == 0 { "even/x" } else { "odd/x" };
        let bytes = refer(&fixture.registry, &subject, artifact_type, at).await;
        expected.push((digest_of(&bytes), artifact_type));
    }
    expected.sort();
    let one = list(&fixture.registry, &subject, ALL).await.descriptors[0].len();
    let even = ["even/x".to_owned()];

    for (limit, max_bytes, types) in [
        (Some(3), 4 << 20, &[][..]),
        (Some(7), 4 << 20, &[]),
        (None, 2 * one + 10, &[]),
        (None, 1, &[]),
        (Some(2), 4 << 20, &even),
    ] {
        let mut seen = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let query = ReferrersQuery {
                artifact_types: types,
                after: after.as_deref(),
                limit,
                max_bytes,
            };
            let page = list(&fixture.registry, &subject, query).await;
            assert!(page.descriptors.len() <= limit.unwrap_or(usize::MAX));
            assert!(!page.descriptors.is_empty());
            seen.extend(digests(&page));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let wanted = expected
            .iter()
            .filter(|(_, artifact_type)| types.is_empty() || types[0] == *artifact_type);
        let wanted: Vec<_> = wanted.map(|(digest, _)| digest.clone()).collect();
        assert_eq!(seen, wanted);
    }
}

#[tokio::test]
async fn a_page_of_none_has_none() {
    let fixture = Fixture::new();
    let subject = bytes_of(&image(&[b"subject"]));
    refer(&fixture.registry, &subject, "a/b", 0).await;
    let query = ReferrersQuery {
        limit: Some(0),
        ..ALL
    };
    assert_eq!(
        list(&fixture.registry, &subject, query).await,
        ReferrersPage::default()
    );
}

#[tokio::test]
async fn an_entry_goes_with_its_manifest_and_stays_without_its_subject() {
    let fixture = Fixture::new();
    let subject = prepare(&fixture.registry, &[b"subject"]).await;
    put_digest(&fixture.registry, &subject).await.unwrap();
    let one = refer(&fixture.registry, &subject, "a/b", 1).await;
    let two = refer(&fixture.registry, &subject, "a/b", 2).await;
    assert_eq!(
        list(&fixture.registry, &subject, ALL)
            .await
            .descriptors
            .len(),
        2
    );

    delete(&fixture.registry, &one).await.unwrap();
    delete(&fixture.registry, &subject).await.unwrap();

    let page = list(&fixture.registry, &subject, ALL).await;
    assert_eq!(digests(&page), [digest_of(&two)]);
    put_digest(&fixture.registry, &one).await.unwrap();
    assert_eq!(
        list(&fixture.registry, &subject, ALL)
            .await
            .descriptors
            .len(),
        2
    );
}

#[tokio::test]
async fn annotations_too_long_for_a_record_are_listed_all_the_same() {
    let fixture = Fixture::new();
    let subject = bytes_of(&image(&[b"subject"]));
    push_blob(&fixture.registry, b"{}").await;
    let long = "x".repeat(300_000);
    let document = artifact(&subject, &"t".repeat(2000), &json!({"long": long}));
    let bytes = bytes_of(&document);
    put_digest(&fixture.registry, &bytes).await.unwrap();

    let types = ["t".repeat(2000)];
    let query = ReferrersQuery {
        artifact_types: &types,
        ..ALL
    };
    for _ in 0..2 {
        let page = list(&fixture.registry, &subject, query).await;
        assert_eq!(digests(&page), [digest_of(&bytes)]);
        let shown: Value = serde_json::from_slice(&page.descriptors[0]).unwrap();
        assert_eq!(shown["annotations"]["long"], json!(long));
    }
}

#[tokio::test]
async fn another_type_of_the_same_bytes_is_not_hidden_by_the_cache() {
    let fixture = Fixture::new();
    let subject = bytes_of(&image(&[b"subject"]));
    push_blob(&fixture.registry, b"{}").await;
    let mut document = artifact(&subject, "a/b", &Value::Null);
    document.as_object_mut().unwrap().remove("mediaType");
    let bytes = bytes_of(&document);
    for media_type in [
        OCI_IMAGE_MANIFEST,
        "application/vnd.docker.distribution.manifest.v2+json",
    ] {
        let mut push = push_of(digest_of(&bytes).into(), &bytes);
        push.content_type = Some(media_type.to_owned());
        fixture.registry.manifest_put(push).await.unwrap();
        let page = list(&fixture.registry, &subject, ALL).await;
        let shown: Value = serde_json::from_slice(&page.descriptors[0]).unwrap();
        assert_eq!(shown["mediaType"], json!(media_type));
        delete(&fixture.registry, &bytes).await.unwrap();
        fixture.clock.advance(std::time::Duration::from_secs(1));
    }
}
