//! What tests push, and how: blobs, images and indexes of them.

use super::{digest_of, name};
use crate::{ManifestPush, Registry};
use bytes::Bytes;
use roadstead_oci::{
    Digest, OCI_CONFIG, OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST, OCI_LAYER, Reference, Tag,
};
use serde_json::{Value, json};

pub(crate) fn tag(text: &str) -> Tag {
    Tag::parse(text).expect("a test names tags well")
}

pub(crate) fn by_tag(text: &str) -> Reference {
    Reference::Tag(tag(text))
}

pub(crate) fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({
        "mediaType": media_type,
        "digest": digest_of(content).to_string(),
        "size": content.len(),
    })
}

/// An image manifest of these blobs, the first being its configuration.
pub(crate) fn image(blobs: &[&[u8]]) -> Value {
    let layers = blobs[1..].iter().map(|blob| descriptor(OCI_LAYER, blob));
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_IMAGE_MANIFEST,
        "config": descriptor(OCI_CONFIG, blobs[0]),
        "layers": layers.collect::<Vec<_>>(),
    })
}

/// An index of these image manifests.
pub(crate) fn index(children: &[&Bytes]) -> Value {
    let children = children
        .iter()
        .map(|child| descriptor(OCI_IMAGE_MANIFEST, child));
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_IMAGE_INDEX,
        "manifests": children.collect::<Vec<_>>(),
    })
}

pub(crate) fn bytes_of(document: &Value) -> Bytes {
    document.to_string().into()
}

pub(crate) async fn push_blob(registry: &Registry, repository: &str, content: &[u8]) -> Digest {
    let digest = digest_of(content);
    let length = Some(content.len() as u64);
    let mut writer = registry
        .blob_push(&name(repository), "", "client", &digest, length)
        .await
        .expect("a blob can be pushed");
    let bytes = Bytes::copy_from_slice(content);
    writer.write(bytes).await.expect("a blob can be written");
    writer.commit().await.expect("a blob can be committed");
    digest
}

/// What a client sends to have a manifest under one reference.
pub(crate) fn push_of(repository: &str, reference: Reference, bytes: &Bytes) -> ManifestPush {
    ManifestPush {
        repository: name(repository),
        reference,
        tags: Vec::new(),
        kept_tags: Vec::new(),
        content_type: None,
        bytes: bytes.clone(),
        by: "alice".to_owned(),
    }
}
