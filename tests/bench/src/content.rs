//! Images to push: random layers, of which no two are alike.

use crate::client::Body;
use anyhow::{Context, Result};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// How many bytes at the beginning make a layer differ from all others.
const OWN_BYTES: usize = 64;

/// The bytes that all layers of a size end with. Made once: random bytes cost more than sending them.
#[derive(Clone)]
pub(crate) struct Tail(Arc<[u8]>);

impl Tail {
    /// The tail of layers of so many bytes.
    pub(crate) fn of_layers(bytes: usize) -> Self {
        let mut tail = vec![0; bytes.saturating_sub(OWN_BYTES)];
        fastrand::fill(&mut tail);
        Self(tail.into())
    }
}

/// A blob: its own bytes, the shared rest, and the digest of both. Of one that was found in a
/// registry only digest and size are known.
#[derive(Clone)]
pub(crate) struct Blob {
    own: Vec<u8>,
    tail: Option<Tail>,
    pub(crate) digest: String,
    pub(crate) bytes: u64,
}

impl Blob {
    /// A layer that there has never been.
    pub(crate) fn layer(tail: &Tail) -> Self {
        let mut own = vec![0; OWN_BYTES];
        fastrand::fill(&mut own);
        Self::new(own, Some(tail.clone()))
    }

    fn new(own: Vec<u8>, tail: Option<Tail>) -> Self {
        let mut blob = Self {
            own,
            tail,
            digest: String::new(),
            bytes: 0,
        };
        let body = blob.body();
        let hash = Sha256::new_with_prefix(body.head).chain_update(body.tail);
        blob.bytes = body.len() as u64;
        blob.digest = format!("sha256:{}", hex::encode(hash.finalize()));
        blob
    }

    fn found(descriptor: &serde_json::Value) -> Result<Self> {
        let digest = descriptor.get("digest").and_then(serde_json::Value::as_str);
        let bytes = descriptor.get("size").and_then(serde_json::Value::as_u64);
        Ok(Self {
            own: Vec::new(),
            tail: None,
            digest: digest.context("a descriptor without a digest")?.to_owned(),
            bytes: bytes.context("a descriptor without a size")?,
        })
    }

    pub(crate) fn body(&self) -> Body<'_> {
        Body {
            head: &self.own,
            tail: self.tail.as_ref().map_or(&[], |tail| &tail.0),
        }
    }

    /// Tells whether these are the blob's bytes.
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        let body = self.body();
        bytes.len() == body.len() && bytes.starts_with(body.head) && bytes.ends_with(body.tail)
    }
}

/// An image and where it goes, with the paths of all its requests: nothing is put together while it
/// is measured.
#[derive(Clone)]
pub(crate) struct Image {
    pub(crate) repository: String,
    pub(crate) blobs: Vec<Blob>,
    pub(crate) manifest: Vec<u8>,
    pub(crate) digest: String,
    pub(crate) path_of_tag: String,
    pub(crate) path_of_digest: String,
    /// In the order of `blobs`: the layers, then the configuration.
    pub(crate) paths_of_blobs: Vec<String>,
    pub(crate) path_of_uploads: String,
}

impl Image {
    /// An image of so many new layers.
    pub(crate) fn new(repository: String, tag: &str, layers: usize, tail: &Tail) -> Self {
        let mut blobs: Vec<Blob> = (0..layers).map(|_| Blob::layer(tail)).collect();
        let of_layers: Vec<_> = blobs
            .iter()
            .map(|blob| descriptor(LAYER_TYPE, blob))
            .collect();
        let first = blobs.first().map_or("", |layer| &layer.digest);
        let config = json!({
            "architecture": "amd64", "os": "linux", "created_by": format!("{:x}", fastrand::u128(..)),
            "rootfs": {"type": "layers", "diff_ids": [first]},
        });
        let config = Blob::new(config.to_string().into_bytes(), None);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": descriptor(CONFIG_TYPE, &config), "layers": of_layers,
        });
        blobs.push(config);
        Self::of(repository, tag, blobs, manifest.to_string().into_bytes())
    }

    /// An image that a registry has, by its manifest.
    pub(crate) fn found(repository: &str, tag: &str, manifest: Vec<u8>) -> Result<Self> {
        let parsed: serde_json::Value = serde_json::from_slice(&manifest)?;
        let layers = parsed.get("layers").and_then(serde_json::Value::as_array);
        let layers = layers.context("a manifest without layers")?;
        let config = parsed.get("config");
        let blobs: Result<Vec<Blob>> = layers.iter().chain(config).map(Blob::found).collect();
        Ok(Self::of(repository.to_owned(), tag, blobs?, manifest))
    }

    fn of(repository: String, tag: &str, blobs: Vec<Blob>, manifest: Vec<u8>) -> Self {
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&manifest)));
        let paths = blobs
            .iter()
            .map(|blob| format!("/v2/{repository}/blobs/{}", blob.digest));
        Self {
            paths_of_blobs: paths.collect(),
            path_of_tag: format!("/v2/{repository}/manifests/{tag}"),
            path_of_digest: format!("/v2/{repository}/manifests/{digest}"),
            path_of_uploads: format!("/v2/{repository}/blobs/uploads/"),
            repository,
            blobs,
            manifest,
            digest,
        }
    }

    /// How many bytes its blobs have.
    pub(crate) fn bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.bytes).sum()
    }
}

fn descriptor(media_type: &str, blob: &Blob) -> serde_json::Value {
    json!({"mediaType": media_type, "digest": blob.digest, "size": blob.bytes})
}

/// A name that nothing has had before.
pub(crate) fn stamp() -> String {
    format!("{:012x}", fastrand::u64(..1 << 48))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_differ_and_are_told_apart() {
        let tail = Tail::of_layers(1000);
        let (one, other) = (Blob::layer(&tail), Blob::layer(&tail));
        assert_ne!(one.digest, other.digest);
        let bytes = [one.body().head, one.body().tail].concat();
        assert_eq!(bytes.len(), 1000);
        assert_eq!(
            one.digest,
            format!("sha256:{}", hex::encode(Sha256::digest(&bytes)))
        );
        assert!(one.is(&bytes));
        assert!(!other.is(&bytes));
        assert!(!one.is(&bytes[..999]));
    }

    #[test]
    fn a_manifest_names_every_blob_of_its_image() {
        let image = Image::new("a/b".to_owned(), "t", 3, &Tail::of_layers(100));
        let manifest: serde_json::Value = serde_json::from_slice(&image.manifest).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        assert_eq!((layers.len(), image.blobs.len()), (3, 4));
        assert_eq!(layers[2]["digest"], image.blobs[2].digest.as_str());
        assert_eq!(manifest["config"]["digest"], image.blobs[3].digest.as_str());
        assert_eq!(manifest["layers"][0]["size"], 100);
        let found = Image::found("a/b", "t", image.manifest.clone()).unwrap();
        assert_eq!(found.path_of_digest, image.path_of_digest);
        assert_eq!(found.paths_of_blobs, image.paths_of_blobs);
        assert_eq!(found.bytes(), image.bytes());
    }
}
