//! Documents that are made to hurt: they end in an error or in bounded work, never in a panic.

use proptest::prelude::*;

use super::*;

/// The caller's limit on a manifest.
const LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// Fills a document up to the limit with copies of `element` in a list called `member`.
fn bomb(member: &str, element: &str) -> String {
    let count = (LIMIT_BYTES - 200) / (element.len() + 1);
    format!(
        "{{\"schemaVersion\":2,\"{member}\":[{}]}}",
        vec![element; count].join(",")
    )
}

#[test]
fn what_is_not_an_object_is_refused() {
    for document in [
        "",
        "null",
        "[]",
        "\"x\"",
        "7",
        "true",
        "[{}]",
        "{",
        "{\"schemaVersion\":2",
    ] {
        assert!(
            matches!(parse_text(document), Err(ManifestError::Syntax { .. })),
            "{document:?}"
        );
    }
    assert!(matches!(
        parse_text("{}"),
        Err(ManifestError::Invalid { .. })
    ));
}

#[test]
fn every_cut_of_a_document_is_refused() {
    let document = image().to_string();
    for length in 0..document.len() {
        assert!(parse_text(&document[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn trailing_data_is_refused() {
    for tail in ["{}", "x", ",", "\0", "null"] {
        assert!(
            parse_text(&format!("{}{tail}", image())).is_err(),
            "{tail:?}"
        );
    }
    assert!(parse_text(&format!(" {} \r\n", image())).is_ok());
}

#[test]
fn known_members_in_another_case_are_refused() {
    for member in [
        "Layers",
        "Config",
        "MediaType",
        "mediatype",
        "SCHEMAVERSION",
        "Subject",
        "artifacttype",
        "Annotations",
    ] {
        let parsed = parse(&with(image(), member, json!(null)));
        assert!(
            matches!(parsed, Err(ManifestError::Syntax { .. })),
            "{member}"
        );
    }
    for member in ["Digest", "SIZE", "mediaTYPE", "Data", "URLs"] {
        let mut document = image();
        document["layers"][0][member] = json!(null);
        assert!(
            matches!(parse(&document), Err(ManifestError::Syntax { .. })),
            "{member}"
        );
    }
}

#[test]
fn descriptors_end_at_the_limit() {
    let layers = |count: usize| {
        with(
            image(),
            "layers",
            Value::Array(vec![descriptor("a/b"); count]),
        )
    };

    // The configuration counts as one.
    assert_eq!(
        parse(&layers(MAX_DESCRIPTORS - 1)).unwrap().layers().len(),
        MAX_DESCRIPTORS - 1
    );
    assert_eq!(
        parse(&layers(MAX_DESCRIPTORS)),
        Err(ManifestError::TooManyDescriptors)
    );
}

#[test]
fn bombs_of_descriptors_are_refused() {
    for member in ["layers", "manifests"] {
        for element in ["{}", "0", "\"\""] {
            assert_eq!(
                parse_text(&bomb(member, element)),
                Err(ManifestError::TooManyDescriptors),
                "{element}"
            );
        }
    }
}

#[test]
fn bombs_elsewhere_are_bounded_work() {
    for element in ["{}", "[]", "0", "{\"\":0}", "[[[[]]]]"] {
        assert!(parse_text(&bomb("unknown", element)).is_err());
    }
}

#[test]
fn many_annotations_are_accepted() {
    let mut members: Vec<String> = (0..250_000)
        .map(|number| format!("\"{number:x}\":\"\""))
        .collect();
    let document = |members: &[String]| {
        index().to_string().replacen(
            '{',
            &format!("{{\"annotations\":{{{}}},", members.join(",")),
            1,
        )
    };

    assert!(parse_text(&document(&members)).is_ok());
    members.push(r#""\u0030":"""#.to_owned());
    assert!(matches!(
        parse_text(&document(&members)),
        Err(ManifestError::Syntax { .. })
    ));
}

#[test]
fn one_huge_annotation_is_accepted() {
    let huge = "k".repeat(LIMIT_BYTES / 2);
    let mut annotations = serde_json::Map::new();
    annotations.insert(huge.clone(), json!(huge));

    assert!(parse(&with(image(), "annotations", Value::Object(annotations))).is_ok());
}

#[test]
fn nesting_is_refused_before_it_costs_anything() {
    for document in [
        "[".repeat(100_000),
        "{\"a\":".repeat(LIMIT_BYTES / 5),
        format!("{{\"a\":{}", "[".repeat(LIMIT_BYTES)),
    ] {
        assert!(matches!(
            parse_text(&document),
            Err(ManifestError::Syntax { .. })
        ));
    }
}

#[test]
fn messages_do_not_repeat_the_document() {
    let huge = "é".repeat(100_000);
    for document in [
        with(image(), "schemaVersion", json!(huge)),
        with(
            image(),
            "config",
            json!({"mediaType": huge, "digest": EMPTY_OBJECT, "size": huge}),
        ),
        with(image(), "mediaType", json!(huge)),
    ] {
        assert!(parse(&document).unwrap_err().to_string().len() < 400);
    }
}

proptest! {
    #[test]
    fn one_changed_byte_never_makes_it_panic(index in 0..600_usize, byte in any::<u8>()) {
        let mut document = image().to_string().into_bytes();
        let index = index % document.len();
        document[index] = byte;
        let _ = Manifest::parse(&document, Some(OCI_IMAGE_MANIFEST));
    }

    #[test]
    fn spliced_documents_never_make_it_panic(start in 0..400_usize, end in 0..400_usize) {
        let (left, right) = (image().to_string(), super::index().to_string());
        let spliced = [&left.as_bytes()[..start.min(left.len())], &right.as_bytes()[end.min(right.len())..]].concat();
        let _ = Manifest::parse(&spliced, None);
    }
}
