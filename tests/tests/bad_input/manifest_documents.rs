//! Cases 57 to 65, 69 and 73: documents that are no manifest.

use crate::refusal::refused;
use roadstead_tests::content::{
    CONFIG, DOCKER_IMAGE, IMAGE, INDEX, LAYER, empty_index, image_document, sha256,
};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::server::Server;
use serde_json::{Value, json};

const CONTENT: &[u8] = b"{}";

/// A server and a connection to it, with the blob that the documents name in place.
fn begin() -> (Server, Connection) {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_blob("a", CONTENT);
    (server, connection)
}

fn put(media_type: &str, document: &[u8]) -> Request {
    Request::put("/v2/a/manifests/tag")
        .header("Content-Type", media_type)
        .body(document)
}

/// Pushes a document and expects 400 `MANIFEST_INVALID`, with nothing stored.
#[track_caller]
fn assert_is_invalid(connection: &mut Connection, media_type: &str, document: impl AsRef<[u8]>) {
    let document = document.as_ref();
    refused(
        connection,
        &put(media_type, document),
        400,
        "MANIFEST_INVALID",
    );
    connection.get("/v2/a/manifests/tag").expect_status(404);
    let stored = format!("/v2/a/manifests/{}", sha256(document));
    connection.get(stored).expect_status(404);
}

/// Changes an image that is valid as it is, and expects it to be refused.
#[track_caller]
fn assert_change_is_invalid(connection: &mut Connection, change: impl FnOnce(&mut Value)) {
    let mut document = image_document(CONTENT, &[CONTENT]);
    change(&mut document);
    assert_is_invalid(connection, IMAGE, document.to_string());
}

#[test]
fn an_unchanged_document_is_accepted() {
    let (_server, mut connection) = begin();
    let document = image_document(CONTENT, &[CONTENT]).to_string();
    connection
        .send(&put(IMAGE, document.as_bytes()))
        .expect_status(201);
}

#[test]
fn case_58_what_is_no_json_object_is_refused() {
    let (_server, mut connection) = begin();
    let valid = image_document(CONTENT, &[CONTENT]).to_string();
    let with_mark = format!("\u{feff}{valid}");
    for document in [
        "",
        " ",
        "null",
        "[]",
        "\"x\"",
        "1",
        "true",
        "{",
        "{}",
        "not json",
        &valid[..valid.len() - 1],
        &format!("{valid}{{}}"),
        &format!("{valid},"),
        &format!("{valid}\0"),
        &with_mark,
        &valid.replace("\"schemaVersion\"", "schemaVersion"),
        &valid.replace('"', "'"),
    ] {
        assert_is_invalid(&mut connection, IMAGE, document);
        assert_is_invalid(&mut connection, INDEX, document);
    }
    let with_text = valid.replace(LAYER, "application/x-?");
    let invalid_utf_8 = with_text.into_bytes().into_iter();
    let invalid_utf_8: Vec<u8> = invalid_utf_8
        .map(|byte| if byte == b'?' { 0xff } else { byte })
        .collect();
    assert_is_invalid(&mut connection, IMAGE, invalid_utf_8);
    let utf_16: Vec<u8> = valid.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_is_invalid(&mut connection, IMAGE, utf_16);
}

#[test]
fn case_59_keys_that_two_readers_take_for_two_things_are_refused() {
    let (_server, mut connection) = begin();
    let valid = image_document(CONTENT, &[CONTENT]).to_string();
    let with_first = |member: &str| valid.replacen('{', &format!("{{{member},"), 1);
    for member in [
        "\"layers\":[]",
        "\"Layers\":[]",
        "\"LAYERS\":[]",
        "\"schemaVersion\":2",
        "\"SchemaVersion\":2",
        "\"config\":null",
        "\"Config\":{}",
        "\"x\":1,\"x\":2",
        "\"l\\u0061yers\":[]",
    ] {
        assert_is_invalid(&mut connection, IMAGE, with_first(member));
    }
    let twice = format!("\"digest\":\"{}\",\"digest\":", sha256(CONTENT));
    let document = valid.replacen("\"digest\":", &twice, 1);
    assert_is_invalid(&mut connection, IMAGE, document);
}

#[test]
fn case_62_numbers_that_are_no_sizes_are_refused() {
    let (_server, mut connection) = begin();
    let valid = image_document(CONTENT, &[CONTENT]).to_string();
    for number in [
        "1e400",
        "-1",
        "1.5",
        "2.0",
        "\"5\"",
        "\"2\"",
        "9223372036854775808",
        "18446744073709551616",
        "1e1",
        "null",
        "true",
        "[2]",
        "02",
        "+2",
        "-0",
    ] {
        let document = valid.replace("\"size\":2", &format!("\"size\":{number}"));
        assert_ne!(document, valid);
        assert_is_invalid(&mut connection, IMAGE, document);
    }
    let elsewhere = valid.replacen('{', "{\"x\":1e400,", 1);
    assert_is_invalid(&mut connection, IMAGE, elsewhere);
}

#[test]
fn case_63_other_versions_of_the_schema_are_refused() {
    let (_server, mut connection) = begin();
    for version in [
        json!(1),
        json!(3),
        json!(0),
        json!("2"),
        json!(2.5),
        Value::Null,
    ] {
        assert_change_is_invalid(&mut connection, |document| {
            document["schemaVersion"] = version;
        });
    }
    assert_change_is_invalid(&mut connection, |document| {
        let members = document.as_object_mut().expect("an image is an object");
        members.remove("schemaVersion");
    });
    let signed = json!({
        "schemaVersion": 1,
        "name": "a",
        "tag": "tag",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": sha256(CONTENT)}],
        "history": [{"v1Compatibility": "{}"}],
        "signatures": [{"header": {}, "signature": "x", "protected": "y"}],
    });
    for media_type in [
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/json",
        IMAGE,
    ] {
        assert_is_invalid(&mut connection, media_type, signed.to_string());
    }
    assert_change_is_invalid(&mut connection, |document| {
        document["fsLayers"] = json!([{"blobSum": sha256(CONTENT)}]);
    });
}

#[test]
fn case_64_a_media_type_that_is_unclear_or_unknown_is_refused() {
    let (_server, mut connection) = begin();
    let document = image_document(CONTENT, &[CONTENT]);
    let text = document.to_string();
    for media_type in [
        INDEX,
        DOCKER_IMAGE,
        "text/html",
        "text/html; charset=utf-8",
        "application/vnd.oci.artifact.manifest.v1+json",
        "application/vnd.oci.image.manifest.v2+json",
        "\"",
        "x",
    ] {
        assert_is_invalid(&mut connection, media_type, &text);
    }
    for media_type in ["text/html", "x", "", "a/b\r\nX-Injected: yes", DOCKER_IMAGE] {
        assert_change_is_invalid(&mut connection, |document| {
            document["mediaType"] = json!(media_type);
        });
    }
    assert_change_is_invalid(&mut connection, |document| document["mediaType"] = json!(2));
    let mut untyped = document;
    let members = untyped.as_object_mut().expect("an image is an object");
    members.remove("mediaType");
    let untyped = untyped.to_string();
    for media_type in ["application/json", "application/octet-stream", "text/html"] {
        assert_is_invalid(&mut connection, media_type, &untyped);
    }
    let without_type = Request::put("/v2/a/manifests/tag").body(&untyped);
    refused(&mut connection, &without_type, 400, "MANIFEST_INVALID");
    connection.get("/v2/a/manifests/tag").expect_status(404);
}

#[test]
fn case_65_a_document_that_is_both_image_and_index_is_refused() {
    let (_server, mut connection) = begin();
    for member in [
        "manifests",
        "Manifests",
        "MANIFESTS",
        "fsLayers",
        "FSLAYERS",
    ] {
        assert_change_is_invalid(&mut connection, |document| document[member] = json!([]));
    }
    let index: Value =
        serde_json::from_slice(&empty_index("case 65").bytes).expect("an index is JSON");
    for (member, value) in [
        ("layers", json!([])),
        ("Layers", json!([])),
        (
            "config",
            json!({"mediaType": CONFIG, "digest": sha256(CONTENT), "size": 2}),
        ),
        ("CONFIG", Value::Null),
        ("fsLayers", json!([])),
    ] {
        let mut document = index.clone();
        document[member] = value;
        assert_is_invalid(&mut connection, INDEX, document.to_string());
    }
}

#[test]
fn case_69_embedded_data_that_is_not_the_content_is_refused() {
    let (_server, mut connection) = begin();
    // e30= is {} in base64; the others are not quite.
    for data in [
        "e30", "e3A=", "e30=e30=", " e30=", "e30=\n", "e3 0=", "e3_-", "", "=", "e31=", "!!!!",
        "eyB9", "e30K",
    ] {
        assert_change_is_invalid(&mut connection, |document| {
            document["config"]["data"] = json!(data);
        });
    }
    for data in [json!(1), json!({}), json!([123, 125])] {
        assert_change_is_invalid(&mut connection, |document| {
            document["config"]["data"] = data;
        });
    }
    let mut right = image_document(CONTENT, &[CONTENT]);
    right["config"]["data"] = json!("e30=");
    let right = put(IMAGE, right.to_string().as_bytes());
    connection.send(&right).expect_status(201);
}

#[test]
fn case_73_a_media_type_can_never_end_a_header() {
    let (_server, mut connection) = begin();
    let text = image_document(CONTENT, &[CONTENT]).to_string();
    let long = format!("application/{}", "x".repeat(4096));
    assert_is_invalid(&mut connection, &long, &text);
    for media_type in [&*long, "a\r\nX-Injected: yes", "text/html\0"] {
        assert_change_is_invalid(&mut connection, |document| {
            document["mediaType"] = json!(media_type);
        });
    }
    // With parameters it is the same type, and what is stored has none.
    let with_parameters = format!("{IMAGE}; charset=utf-8");
    let request = put(&with_parameters, text.as_bytes());
    connection.send(&request).expect_status(201);
    let stored = connection.get("/v2/a/manifests/tag");
    assert_eq!(stored.header("content-type"), Some(IMAGE));
}
