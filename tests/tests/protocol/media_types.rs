//! Every kind of content that clients push: docker's and OCI's types, artifacts, and what is neither.

use roadstead_tests::content::{
    CONFIG, DOCKER_IMAGE, DOCKER_LIST, IMAGE, INDEX, Manifest, descriptor, image_document,
    random_bytes, unknown_digest,
};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::server::Server;
use serde_json::{Value, json};

/// Pushes a manifest and reads it back to the byte, with its type.
#[track_caller]
fn assert_round_trip(connection: &mut Connection, tag: &str, manifest: &Manifest) {
    connection.push_manifest("a", tag, manifest);
    for reference in [tag, &manifest.digest()] {
        let pulled = connection.get(format!("/v2/a/manifests/{reference}"));
        pulled.expect_status(200);
        assert_eq!(pulled.header("content-type"), Some(manifest.media_type));
        assert!(pulled.body == manifest.bytes, "{pulled:?}");
    }
}

fn begin() -> (Server, Connection, Vec<u8>) {
    let server = Server::start();
    let mut connection = server.connect();
    let content = random_bytes(1000);
    connection.push_blob("a", &content);
    connection.push_blob("a", b"{}");
    (server, connection, content)
}

#[test]
fn docker_images_and_lists_are_kept_as_they_are() {
    let (_server, mut connection, layer) = begin();
    let gzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    let document = json!({
        "schemaVersion": 2,
        "mediaType": DOCKER_IMAGE,
        "config": descriptor("application/vnd.docker.container.image.v1+json", b"{}"),
        "layers": [descriptor(gzip, &layer)],
    });
    let pretty = serde_json::to_string_pretty(&document).expect("JSON can be written");
    let image = Manifest::of_bytes(DOCKER_IMAGE, pretty.replace("  ", "   "));
    assert_round_trip(&mut connection, "docker", &image);
    let mut child = image.descriptor();
    child["platform"] = json!({"architecture": "amd64", "os": "linux"});
    let list = json!({"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [child]});
    let list = Manifest::of_json(DOCKER_LIST, &list);
    assert_round_trip(&mut connection, "list", &list);
}

#[test]
fn artifacts_of_any_type_are_kept_as_they_are() {
    let (_server, mut connection, layer) = begin();
    for (number, (config, kind)) in [
        ("application/vnd.oci.empty.v1+json", "application/spdx+json"),
        (
            "application/vnd.cncf.helm.config.v1+json",
            "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        ),
        ("application/vnd.wasm.config.v0+json", "application/wasm"),
        ("application/x-anything; version=1", "model/unheard-of"),
    ]
    .into_iter()
    .enumerate()
    {
        let document = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "artifactType": kind,
            "config": descriptor(config, b"{}"),
            "layers": [descriptor(kind, &layer)],
            "annotations": {"org.opencontainers.image.title": "a file.bin"},
        });
        let manifest = Manifest::of_json(IMAGE, &document);
        assert_round_trip(&mut connection, &format!("artifact-{number}"), &manifest);
    }
}

#[test]
fn unknown_members_are_kept_everywhere() {
    let (_server, mut connection, layer) = begin();
    let mut document = image_document(b"{}", &[&layer]);
    let custom = json!({"x": [1, {"y": null}], "newUnspecifiedField": "aG"});
    document["newUnspecifiedField"] = custom.clone();
    document["config"]["newUnspecifiedField"] = custom.clone();
    document["config"]["data"] = json!("e30=");
    document["layers"][0]["newUnspecifiedField"] = custom.clone();
    document["layers"][0]["urls"] = json!(["https://example.com/layer"]);
    let manifest = Manifest::of_json(IMAGE, &document);
    assert_round_trip(&mut connection, "custom", &manifest);
}

#[test]
fn a_document_without_a_type_goes_by_its_header_and_the_other_way_round() {
    let (_server, mut connection, layer) = begin();
    let mut document = image_document(b"{}", &[&layer]);
    let typed = document.to_string();
    let members = document.as_object_mut().expect("an image is an object");
    members.remove("mediaType");
    let untyped = document.to_string();
    for (number, (header, text)) in [
        (Some(IMAGE), &untyped),
        (
            Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
            &untyped,
        ),
        (Some(DOCKER_IMAGE), &untyped),
        (None, &typed),
        (Some("application/json"), &typed),
        (Some("application/octet-stream"), &typed),
    ]
    .into_iter()
    .enumerate()
    {
        // The type belongs to the content, so each is content of its own.
        let text = text.replacen('{', &format!("{{\"number\":{number},"), 1);
        let target = format!("/v2/a/manifests/t{number}");
        let mut put = Request::put(&target).body(&text);
        if let Some(header) = header {
            put = put.header("Content-Type", header);
        }
        connection.send(&put).expect_status(201);
        let pulled = connection.get(&target);
        let expected = if header == Some(DOCKER_IMAGE) {
            DOCKER_IMAGE
        } else {
            IMAGE
        };
        assert_eq!(pulled.header("content-type"), Some(expected), "{header:?}");
        assert_eq!(pulled.body, text.as_bytes());
    }
}

#[test]
fn an_image_without_layers_and_an_index_without_manifests_are_fine() {
    let (_server, mut connection, _) = begin();
    let image = Manifest::of_json(IMAGE, &image_document(b"{}", &[]));
    assert_round_trip(&mut connection, "no-layers", &image);
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
    assert_round_trip(&mut connection, "empty", &Manifest::of_json(INDEX, &index));
}

#[test]
fn layers_that_may_not_be_distributed_need_not_be_there() {
    let (_server, mut connection, _) = begin();
    let foreign = |media_type: &str| -> Value {
        json!({
            "mediaType": media_type,
            "digest": unknown_digest(),
            "size": 123_456,
            "urls": ["https://example.com/layer"],
        })
    };
    let mut document = image_document(b"{}", &[]);
    document["layers"] = json!([
        foreign("application/vnd.oci.image.layer.nondistributable.v1.tar"),
        foreign("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
        foreign("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"),
        foreign("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
    ]);
    let manifest = Manifest::of_json(IMAGE, &document);
    assert_round_trip(&mut connection, "foreign", &manifest);
}

#[test]
fn a_cache_is_an_index_of_blobs() {
    let (_server, mut connection, layer) = begin();
    let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    let document = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            descriptor(gzip, &layer),
            descriptor("application/vnd.buildkit.cacheconfig.v0", b"{}"),
        ],
    });
    assert_round_trip(
        &mut connection,
        "cache",
        &Manifest::of_json(INDEX, &document),
    );
    let mut missing = document;
    missing["manifests"][0]["digest"] = json!(unknown_digest());
    let refusal = connection.put_manifest("a", "b", &Manifest::of_json(INDEX, &missing));
    refusal.expect_error(400, "MANIFEST_BLOB_UNKNOWN");
}

#[test]
fn sparse_manifests_are_taken_where_the_configuration_says_so() {
    let server = Server::start_with("manifests: {sparse: true}");
    let mut connection = server.connect();
    let mut child = descriptor(IMAGE, b"");
    child["digest"] = json!(unknown_digest());
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]});
    assert_round_trip(&mut connection, "index", &Manifest::of_json(INDEX, &index));
    let mut image = image_document(b"{}", &[]);
    image["config"] = json!({"mediaType": CONFIG, "digest": unknown_digest(), "size": 17});
    assert_round_trip(&mut connection, "image", &Manifest::of_json(IMAGE, &image));
}
