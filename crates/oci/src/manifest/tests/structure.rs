//! The structure that a media type asks for.

use super::*;

#[test]
fn schema_version_is_two() {
    for value in [
        json!(1),
        json!(3),
        json!(-2),
        json!(2.0),
        json!("2"),
        json!(null),
        json!([2]),
    ] {
        assert!(
            is_invalid(&with(image(), "schemaVersion", value.clone())),
            "{value}"
        );
        assert!(
            is_invalid(&with(index(), "schemaVersion", value.clone())),
            "{value}"
        );
    }
    assert!(is_invalid(&without(image(), "schemaVersion")));
}

#[test]
fn required_members_are_required() {
    assert!(is_invalid(&without(image(), "config")));
    assert!(is_invalid(&without(image(), "layers")));
    assert!(is_invalid(&without(index(), "manifests")));
    for member in ["config", "layers"] {
        assert!(is_invalid(&with(image(), member, json!(null))), "{member}");
    }
    assert!(is_invalid(&with(index(), "manifests", json!(null))));
    for member in ["mediaType", "digest", "size"] {
        let mut document = image();
        document["config"] = without(document["config"].take(), member);
        assert!(is_invalid(&document), "{member}");
    }
}

#[test]
fn members_have_their_types() {
    for (member, value) in [
        ("config", json!("x")),
        ("config", json!([])),
        ("config", json!(["a/b", EMPTY_OBJECT, 2])),
        ("layers", json!({})),
        ("layers", json!([1])),
        ("layers", json!([null])),
        (
            "layers",
            json!([["a/b", EMPTY_OBJECT, 2, null, null, null]]),
        ),
        ("subject", json!(EMPTY_OBJECT)),
        ("subject", json!([])),
        ("subject", json!({})),
        ("mediaType", json!(1)),
        ("artifactType", json!({})),
        ("annotations", json!([])),
        ("annotations", json!("a")),
        ("annotations", json!({"a": 1})),
        ("annotations", json!({"a": null})),
        ("annotations", json!({"a": {"b": "c"}})),
    ] {
        assert!(
            parse(&with(image(), member, value.clone())).is_err(),
            "{member}: {value}"
        );
    }
}

#[test]
fn null_counts_as_absent_where_a_member_is_optional() {
    let mut document = image();
    for member in ["subject", "annotations", "artifactType", "manifests"] {
        document[member] = json!(null);
    }
    document["config"]["data"] = json!(null);

    let manifest = parse(&document).unwrap();

    assert_eq!((manifest.subject(), manifest.annotations()), (None, None));
}

#[test]
fn documents_of_two_kinds_are_refused() {
    assert!(is_invalid(&with(image(), "manifests", json!([]))));
    assert!(is_invalid(&with(index(), "layers", json!([]))));
    assert!(is_invalid(&with(index(), "config", descriptor("a/b"))));
    for member in ["Manifests", "MANIFESTS", "fsLayers", "FSLayers", "fslayers"] {
        assert!(
            parse(&with(image(), member, json!([]))).is_err(),
            "{member}"
        );
    }
    for member in ["Layers", "Config", "layer\u{17f}"] {
        assert!(
            parse(&with(index(), member, json!([]))).is_err(),
            "{member}"
        );
    }
}

#[test]
fn docker_schema_one_is_refused() {
    let document = json!({
        "schemaVersion": 1, "name": "a", "tag": "b", "architecture": "amd64",
        "fsLayers": [{"blobSum": EMPTY_OBJECT}], "history": [], "signatures": [],
    });
    for header in [
        None,
        Some(crate::DOCKER_SCHEMA1),
        Some(crate::DOCKER_MANIFEST),
    ] {
        assert!(Manifest::parse(document.to_string().as_bytes(), header).is_err());
    }
}

#[test]
fn sizes_are_whole_and_not_negative() {
    for size in [
        "-1",
        "1.5",
        "2.0",
        "\"5\"",
        "9223372036854775808",
        "18446744073709551616",
        "1e3",
        "-0",
        "null",
    ] {
        let document = image()
            .to_string()
            .replace("\"size\":2", &format!("\"size\":{size}"));
        assert!(
            matches!(parse_text(&document), Err(ManifestError::Invalid { .. })),
            "{size}"
        );
    }
    let largest = image()
        .to_string()
        .replace("\"size\":2", "\"size\":9223372036854775807");
    assert_eq!(
        parse_text(&largest).unwrap().layers()[0].size,
        i64::MAX.unsigned_abs()
    );
}

#[test]
fn digests_follow_the_grammar() {
    for digest in [
        "",
        "sha256:bad",
        "md5:00",
        "SHA256:00",
        EMPTY_OBJECT.to_uppercase().as_str(),
    ] {
        for member in ["config", "subject"] {
            let document = with(
                image(),
                member,
                json!({"mediaType": "a/b", "digest": digest, "size": 2}),
            );
            assert!(is_invalid(&document), "{digest}");
        }
    }
}

#[test]
fn media_types_of_descriptors_are_short_and_printable() {
    let long = "a".repeat(4096);
    for media_type in ["", "a/b\r\nx: y", "a\0b", "a\u{85}b", long.as_str()] {
        assert!(
            is_invalid(&with(image(), "config", descriptor(media_type))),
            "{media_type:?}"
        );
    }
}

#[test]
fn embedded_data_must_be_the_content() {
    let with_data = |data: &str, size: u64| {
        let mut document = image();
        document["config"] =
            json!({"mediaType": OCI_EMPTY, "digest": EMPTY_OBJECT, "size": size, "data": data});
        document
    };

    assert!(parse(&with_data("e30=", 2)).is_ok());
    for (data, size) in [
        ("", 2),
        ("e30", 2),
        ("e30==", 2),
        ("e31=", 2),
        ("e30=\n", 2),
        (" e30=", 2),
        ("e3_=", 2),
        ("e30=e30=", 4),
        ("W10=", 2),
        ("e30=", 3),
        ("é", 2),
        ("{}", 2),
    ] {
        assert!(is_invalid(&with_data(data, size)), "{data:?} of {size}");
    }
    let mut number = image();
    number["config"]["data"] = json!(5);
    assert!(is_invalid(&number));
}

#[test]
fn embedded_data_is_checked_in_every_descriptor() {
    let bad = json!({"mediaType": "a/b", "digest": EMPTY_OBJECT, "size": 2, "data": "W10="});

    assert!(is_invalid(&with(
        image(),
        "layers",
        json!([descriptor("a/b"), bad.clone()])
    )));
    assert!(is_invalid(&with(image(), "subject", bad.clone())));
    assert!(is_invalid(&with(index(), "manifests", json!([bad]))));
}
