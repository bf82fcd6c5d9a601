//! What gets pushed: random blobs, manifests and indexes of them.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

/// An image of OCI.
pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
/// An index of OCI.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An image of docker.
pub const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// An index of docker.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The configuration of an image of OCI.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer of OCI.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// The largest blob that is kept in a record and not in a file, in bytes.
pub const INLINE_BLOB_BYTES: usize = 32 * 1024;

/// Returns `sha256:<hex>` of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Returns `sha512:<hex>` of some bytes.
#[must_use]
pub fn sha512(bytes: &[u8]) -> String {
    format!("sha512:{}", hex::encode(Sha512::digest(bytes)))
}

/// Returns the digest of something that nobody has.
#[must_use]
pub fn unknown_digest() -> String {
    sha256(&random_bytes(32))
}

/// Returns random bytes: a blob that no other test has.
#[must_use]
pub fn random_bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::fill(&mut bytes);
    bytes
}

/// Returns a descriptor of some bytes.
#[must_use]
pub fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(bytes), "size": bytes.len()})
}

/// A manifest as it is pushed.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// What goes into `Content-Type`.
    pub media_type: &'static str,
    /// The exact bytes.
    pub bytes: Vec<u8>,
}

impl Manifest {
    /// Makes a manifest of JSON.
    #[must_use]
    pub fn of_json(media_type: &'static str, document: &Value) -> Self {
        Self::of_bytes(media_type, document.to_string())
    }

    /// Makes a manifest of exact bytes.
    #[must_use]
    pub fn of_bytes(media_type: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self { media_type, bytes }
    }

    /// Returns the digest.
    #[must_use]
    pub fn digest(&self) -> String {
        sha256(&self.bytes)
    }

    /// Returns the descriptor by which others name it.
    #[must_use]
    pub fn descriptor(&self) -> Value {
        descriptor(self.media_type, &self.bytes)
    }
}

/// Returns the document of an image. Change it, then make a [`Manifest`] of it.
#[must_use]
pub fn image_document(config: &[u8], layers: &[&[u8]]) -> Value {
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| descriptor(LAYER, layer))
        .collect();
    json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": descriptor(CONFIG, config),
        "layers": layers,
    })
}

/// Returns an image.
#[must_use]
pub fn image(config: &[u8], layers: &[&[u8]]) -> Manifest {
    Manifest::of_json(IMAGE, &image_document(config, layers))
}

/// Returns an index of manifests.
#[must_use]
pub fn index(children: &[&Manifest]) -> Manifest {
    let children: Vec<Value> = children.iter().map(|child| child.descriptor()).collect();
    Manifest::of_json(
        INDEX,
        &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}),
    )
}

/// Returns a manifest that needs no blobs: an index without children. `name` makes it unlike others.
#[must_use]
pub fn empty_index(name: &str) -> Manifest {
    Manifest::of_json(
        INDEX,
        &json!({
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [],
            "annotations": {"name": name},
        }),
    )
}

/// Returns an index without children that refers to a subject.
#[must_use]
pub fn referrer(subject: &Value, artifact_type: &str, name: &str) -> Manifest {
    Manifest::of_json(
        INDEX,
        &json!({
            "schemaVersion": 2,
            "mediaType": INDEX,
            "artifactType": artifact_type,
            "manifests": [],
            "subject": subject,
            "annotations": {"name": name},
        }),
    )
}
