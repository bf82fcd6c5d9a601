//! Tests of what is accepted as a manifest.

mod hostile;
mod structure;

use serde_json::{Value, json};

use super::*;
use crate::{OCI_EMPTY, OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST};

const EMPTY_OBJECT: &str =
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

fn descriptor(media_type: &str) -> Value {
    json!({"mediaType": media_type, "digest": EMPTY_OBJECT, "size": 2})
}

fn image() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_IMAGE_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar")],
    })
}

fn index() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_IMAGE_INDEX,
        "manifests": [descriptor(OCI_IMAGE_MANIFEST), descriptor("application/vnd.buildkit.cacheconfig.v0")],
    })
}

/// Returns `document` with one member set.
fn with(mut document: Value, member: &str, value: Value) -> Value {
    document[member] = value;
    document
}

/// Returns `document` with one member taken away.
fn without(mut document: Value, member: &str) -> Value {
    document.as_object_mut().unwrap().remove(member);
    document
}

fn parse(document: &Value) -> Result<Manifest, ManifestError> {
    Manifest::parse(document.to_string().as_bytes(), None)
}

fn parse_text(document: &str) -> Result<Manifest, ManifestError> {
    Manifest::parse(document.as_bytes(), None)
}

fn is_invalid(document: &Value) -> bool {
    matches!(parse(document), Err(ManifestError::Invalid { .. }))
}

#[test]
fn an_image_manifest_gives_its_parts() {
    let manifest = parse(&with(image(), "subject", descriptor(OCI_IMAGE_MANIFEST))).unwrap();

    assert_eq!(manifest.media_type(), ManifestMediaType::OciManifest);
    assert_eq!(
        manifest.config().unwrap().media_type,
        "application/vnd.oci.image.config.v1+json"
    );
    assert_eq!(manifest.layers().len(), 1);
    assert_eq!(manifest.layers()[0].size, 2);
    assert_eq!(manifest.layers()[0].digest.to_string(), EMPTY_OBJECT);
    assert!(manifest.children().is_empty());
    assert_eq!(manifest.subject().unwrap().media_type, OCI_IMAGE_MANIFEST);
    assert_eq!(manifest.annotations(), None);
}

#[test]
fn an_index_gives_its_children() {
    let manifest = parse(&index()).unwrap();

    assert_eq!(manifest.media_type(), ManifestMediaType::OciIndex);
    assert_eq!(manifest.config(), None);
    assert!(manifest.layers().is_empty());
    assert_eq!(manifest.children().len(), 2);
    assert_eq!(
        manifest.children()[1].media_type,
        "application/vnd.buildkit.cacheconfig.v0"
    );
    assert_eq!(manifest.subject(), None);
}

#[test]
fn empty_lists_are_legal() {
    assert!(
        parse(&with(image(), "layers", json!([])))
            .unwrap()
            .layers()
            .is_empty()
    );
    assert!(
        parse(&with(index(), "manifests", json!([])))
            .unwrap()
            .children()
            .is_empty()
    );
}

#[test]
fn artifact_type_falls_back_to_the_type_of_the_config() {
    let own = parse(&with(image(), "artifactType", json!("a/b"))).unwrap();
    let empty = parse(&with(image(), "artifactType", json!(""))).unwrap();
    let absent = parse(&image()).unwrap();

    assert_eq!(own.artifact_type(), Some("a/b"));
    assert_eq!(
        empty.artifact_type(),
        Some("application/vnd.oci.image.config.v1+json")
    );
    assert_eq!(
        absent.artifact_type(),
        Some("application/vnd.oci.image.config.v1+json")
    );
}

#[test]
fn an_index_has_its_own_artifact_type_or_none() {
    assert_eq!(
        parse(&with(index(), "artifactType", json!("a/b")))
            .unwrap()
            .artifact_type(),
        Some("a/b")
    );
    assert_eq!(
        parse(&with(index(), "artifactType", json!("")))
            .unwrap()
            .artifact_type(),
        None
    );
    assert_eq!(parse(&index()).unwrap().artifact_type(), None);
}

#[test]
fn annotations_are_kept_as_written() {
    let written = "{\"z\": \"1\",\n \"a\":\"\\u0041<>&\", \"\":\"\"}";
    let document = index()
        .to_string()
        .replacen('{', &format!("{{\"annotations\":{written},"), 1);

    let manifest = parse_text(&document).unwrap();

    assert_eq!(manifest.annotations().unwrap().as_json(), written);
    assert_eq!(
        serde_json::to_string(manifest.annotations().unwrap()).unwrap(),
        written
    );
}

#[test]
fn unknown_members_and_types_are_accepted() {
    let mut document = with(
        image(),
        "org.example.custom",
        json!({"Layers": [1.5, null], "x": "y"}),
    );
    document["config"] = descriptor(OCI_EMPTY);
    document["layers"][0]["org.example.custom"] = json!([[]]);
    document["layers"][0]["platform"] = json!({"architecture": "unknown", "os": "unknown"});
    document["layers"][0]["urls"] = json!(["https://example.org/"]);
    document["layers"][0]["mediaType"] = json!("nonsense but harmless");
    document["artifactType"] = json!("not/a (media) type\r\n");

    assert!(parse(&document).is_ok(), "{:?}", parse(&document));
}

#[test]
fn content_type_alone_decides_when_the_document_is_silent() {
    let silent_image = without(image(), "mediaType").to_string();
    let silent_index = without(index(), "mediaType").to_string();

    for (document, header, expected) in [
        (
            &silent_image,
            OCI_IMAGE_MANIFEST,
            ManifestMediaType::OciManifest,
        ),
        (
            &silent_image,
            crate::DOCKER_MANIFEST,
            ManifestMediaType::DockerManifest,
        ),
        (&silent_index, OCI_IMAGE_INDEX, ManifestMediaType::OciIndex),
        (
            &silent_index,
            "APPLICATION/vnd.docker.distribution.manifest.list.v2+json; q=1",
            ManifestMediaType::DockerList,
        ),
    ] {
        let manifest = Manifest::parse(document.as_bytes(), Some(header)).unwrap();
        assert_eq!(manifest.media_type(), expected);
    }
}

#[test]
fn a_header_that_says_nothing_leaves_it_to_the_document() {
    let document = image().to_string();
    for header in [
        None,
        Some(""),
        Some("application/json"),
        Some("application/octet-stream"),
        Some("application/json;a=b"),
    ] {
        assert!(
            Manifest::parse(document.as_bytes(), header).is_ok(),
            "{header:?}"
        );
    }
}

#[test]
fn types_that_differ_are_refused() {
    let document = image().to_string();

    assert_eq!(
        Manifest::parse(document.as_bytes(), Some(crate::DOCKER_MANIFEST)),
        Err(ManifestError::MediaTypeMismatch {
            header: ManifestMediaType::DockerManifest,
            body: ManifestMediaType::OciManifest
        })
    );
}

#[test]
fn types_that_are_not_stored_are_refused() {
    let document = image().to_string();
    for header in [
        "text/html",
        crate::DOCKER_SCHEMA1,
        crate::DOCKER_SCHEMA1_SIGNED,
        crate::OCI_ARTIFACT_MANIFEST,
        "*/*",
    ] {
        let parsed = Manifest::parse(document.as_bytes(), Some(header));
        assert!(
            matches!(parsed, Err(ManifestError::UnsupportedMediaType { .. })),
            "{header}"
        );
    }
    let long = "x".repeat(4096);
    for body in [
        "text/html",
        "",
        "application/vnd.oci.image.manifest.v1+json; a=b",
        "a\r\nb",
        long.as_str(),
    ] {
        let parsed = parse(&with(image(), "mediaType", json!(body)));
        let Err(ManifestError::UnsupportedMediaType { media_type }) = parsed else {
            panic!("{body:?} gave {parsed:?}");
        };
        assert!(media_type.len() <= 128);
    }
    let silent = without(image(), "mediaType");
    assert_eq!(
        parse(&silent),
        Err(ManifestError::UnsupportedMediaType {
            media_type: String::new()
        })
    );
}
