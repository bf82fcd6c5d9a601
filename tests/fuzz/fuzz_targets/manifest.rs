//! Manifests: what is accepted is JSON that serde reads the same way, within the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roadstead_oci::{Descriptor, MAX_DESCRIPTORS, Manifest, ManifestMediaType};
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    for content_type in [None].into_iter().chain(ManifestMediaType::ALL.map(Some)) {
        let header = content_type.map(ManifestMediaType::as_str);
        let Ok(manifest) = Manifest::parse(bytes, header) else {
            continue;
        };
        let document: Value = serde_json::from_slice(bytes).expect("an accepted manifest is JSON");
        check(&manifest, &document);
        assert!(content_type.is_none_or(|expected| expected == manifest.media_type()));
    }
});

fn check(manifest: &Manifest, document: &Value) {
    assert_eq!(document["schemaVersion"], 2);
    let count = manifest.layers().len() + manifest.children().len();
    assert!(count <= MAX_DESCRIPTORS);

    if manifest.media_type().is_index() {
        assert!(manifest.config().is_none() && manifest.layers().is_empty());
        check_all(manifest.children(), &document["manifests"]);
    } else {
        assert!(manifest.children().is_empty());
        check_all(manifest.layers(), &document["layers"]);
        check_one(
            manifest.config().expect("an image manifest has a config"),
            &document["config"],
        );
    }
    match manifest.subject() {
        Some(subject) => check_one(subject, &document["subject"]),
        None => assert!(document["subject"].is_null()),
    }
    match manifest.annotations() {
        Some(annotations) => {
            let read: Value =
                serde_json::from_str(annotations.as_json()).expect("annotations are JSON");
            assert_eq!(read, document["annotations"]);
        }
        None => assert!(document["annotations"].is_null()),
    }
    assert!(manifest.artifact_type().is_none_or(|text| !text.is_empty()));
}

fn check_all(descriptors: &[Descriptor], list: &Value) {
    let list = list.as_array().expect("a list of descriptors is an array");
    assert_eq!(descriptors.len(), list.len());
    for (descriptor, value) in descriptors.iter().zip(list) {
        check_one(descriptor, value);
    }
}

fn check_one(descriptor: &Descriptor, value: &Value) {
    assert_eq!(value["mediaType"], descriptor.media_type.as_str());
    assert_eq!(value["digest"], descriptor.digest.to_string());
    assert_eq!(value["size"], descriptor.size);
    let json = serde_json::to_string(descriptor).expect("a descriptor is JSON");
    assert_eq!(
        &serde_json::from_str::<Descriptor>(&json).expect("a descriptor reads back"),
        descriptor
    );
}
