//! Blobs and manifests to push: made from a seed, so that their bytes need not be kept.

use crate::campaign::register::Name;
use sha2::{Digest, Sha256, Sha512};
use std::sync::Arc;

/// The media type of the images that are pushed.
pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of the indexes that are pushed.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// What the server keeps in a record and what in a file of its own changes at these sizes.
const INLINE_BLOB_BYTES: usize = 32 * 1024;
const INLINE_MANIFEST_BYTES: usize = 128 * 1024;

/// A blob: its bytes follow from seed and length.
#[derive(Debug)]
pub(crate) struct Blob {
    pub(crate) digest: Name,
    pub(crate) length: usize,
    seed: u64,
}

impl Blob {
    /// Draws a blob: three in five fit into a record, one in ten has megabytes.
    pub(crate) fn draw(random: &mut fastrand::Rng) -> Self {
        let length = match random.u8(..10) {
            0..=5 => random.usize(..=INLINE_BLOB_BYTES),
            6..=8 => random.usize(INLINE_BLOB_BYTES..=512 * 1024),
            _ => random.usize(512 * 1024..=6 * 1024 * 1024),
        };
        Self::new(random.u64(..), length, random.u8(..8) == 0)
    }

    fn new(seed: u64, length: usize, is_sha512: bool) -> Self {
        let bytes = bytes_of(seed, length);
        let digest = if is_sha512 {
            sha512(&bytes)
        } else {
            sha256(&bytes)
        };
        Self {
            digest,
            length,
            seed,
        }
    }

    /// Makes the blob's bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        bytes_of(self.seed, self.length)
    }
}

fn bytes_of(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

/// A manifest, byte for byte, and what it names.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) digest: Name,
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) blobs: Vec<Arc<Blob>>,
    /// The manifests that an index names.
    pub(crate) children: Vec<Name>,
    pub(crate) subject: Option<Name>,
}

impl Manifest {
    /// Makes an image of `blobs`, the first of which is its configuration. One in twenty is too
    /// large for a record.
    pub(crate) fn image(
        random: &mut fastrand::Rng,
        blobs: Vec<Arc<Blob>>,
        subject: Option<&Manifest>,
    ) -> Self {
        let descriptor = |media_type: &str, blob: &Blob| serde_json::json!({"mediaType": media_type, "digest": &*blob.digest, "size": blob.length});
        let layers: Vec<_> = blobs[1..]
            .iter()
            .map(|blob| descriptor(LAYER, blob))
            .collect();
        let mut document = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": descriptor(CONFIG, &blobs[0]),
            "layers": layers,
            "annotations": {"draw": format!("{:x}", random.u64(..))},
        });
        if random.u8(..20) == 0 {
            let length = random.usize(INLINE_MANIFEST_BYTES..3 * INLINE_MANIFEST_BYTES);
            document["annotations"]["filler"] = "x".repeat(length).into();
        }
        if let Some(subject) = subject {
            document["subject"] = subject.descriptor();
        }
        let subject = subject.map(|subject| Arc::clone(&subject.digest));
        Self::of(IMAGE, &document, blobs, Vec::new(), subject)
    }

    /// Makes an index of manifests.
    pub(crate) fn index(random: &mut fastrand::Rng, children: &[Arc<Manifest>]) -> Self {
        let digests = children.iter().map(|child| Arc::clone(&child.digest));
        let digests = digests.collect();
        let children: Vec<_> = children.iter().map(|child| child.descriptor()).collect();
        let document = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": children,
            "annotations": {"draw": format!("{:x}", random.u64(..))},
        });
        Self::of(INDEX, &document, Vec::new(), digests, None)
    }

    fn of(
        media_type: &'static str,
        document: &serde_json::Value,
        blobs: Vec<Arc<Blob>>,
        children: Vec<Name>,
        subject: Option<Name>,
    ) -> Self {
        let bytes = document.to_string().into_bytes();
        Self {
            digest: sha256(&bytes),
            media_type,
            bytes,
            blobs,
            children,
            subject,
        }
    }

    fn descriptor(&self) -> serde_json::Value {
        serde_json::json!({"mediaType": self.media_type, "digest": &*self.digest, "size": self.bytes.len()})
    }
}

/// Tells whether bytes hash to a digest.
pub(crate) fn hashes_to(bytes: &[u8], digest: &str) -> bool {
    let actual = if digest.starts_with("sha512:") {
        sha512(bytes)
    } else {
        sha256(bytes)
    };
    *actual == *digest
}

fn sha256(bytes: &[u8]) -> Name {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes))).into()
}

fn sha512(bytes: &[u8]) -> Name {
    format!("sha512:{}", hex::encode(Sha512::digest(bytes))).into()
}
