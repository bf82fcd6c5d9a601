//! The images that clients push: few, and sharing their blobs, so that requests meet.

use bytes::Bytes;
use roadstead_oci::{
    Algorithm, Digest, OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST, Reference, RepositoryName, Tag,
};
use serde_json::{Value, json};

pub(crate) const REPOSITORIES: [&str; 2] = ["team/app", "b"];
pub(crate) const TAGS: [&str; 2] = ["latest", "old"];

/// A manifest, and what must be there before it can be pushed.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) digest: Digest,
    pub(crate) bytes: Bytes,
    /// Indexes of blobs.
    pub(crate) blobs: Vec<usize>,
    /// Indexes of images that it lists.
    pub(crate) children: Vec<usize>,
}

/// Everything that can be pushed.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) blobs: Vec<(Digest, Bytes)>,
    pub(crate) images: Vec<Image>,
}

pub(crate) fn repository(at: usize) -> RepositoryName {
    RepositoryName::parse(REPOSITORIES[at]).expect("the name is good")
}

pub(crate) fn tag(at: usize) -> Tag {
    Tag::parse(TAGS[at]).expect("the tag is good")
}

pub(crate) fn reference(at: usize) -> Reference {
    Reference::Tag(tag(at))
}

impl Content {
    pub(crate) fn new() -> Self {
        // Two are kept in their records, two are data.
        let sizes = [10, 20, 40_000, 50_000];
        let blobs: Vec<(Digest, Bytes)> = sizes
            .iter()
            .zip(1_u8..)
            .map(|(&size, seed)| {
                let bytes = Bytes::from(vec![seed; size]);
                (Digest::of(Algorithm::Sha256, &bytes), bytes)
            })
            .collect();
        let mut content = Self {
            blobs,
            images: Vec::new(),
        };
        content.add_image(&[0, 2], None);
        content.add_image(&[1, 2, 3], None);
        content.add_index(&[0, 1]);
        // A signature of the first image.
        content.add_image(&[0, 3], Some(0));
        content
    }

    fn add_image(&mut self, blobs: &[usize], subject: Option<usize>) {
        let described = |&at: &usize| {
            let (digest, bytes) = &self.blobs[at];
            json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": digest.to_string(),
                "size": bytes.len(),
            })
        };
        let mut document = json!({
            "schemaVersion": 2,
            "mediaType": OCI_IMAGE_MANIFEST,
            "config": described(&blobs[0]),
            "layers": blobs[1..].iter().map(described).collect::<Vec<_>>(),
        });
        if let Some(subject) = subject {
            document["subject"] = self.described(subject);
        }
        self.add(&document, blobs.to_vec(), Vec::new());
    }

    fn add_index(&mut self, children: &[usize]) {
        let manifests: Vec<Value> = children.iter().map(|&at| self.described(at)).collect();
        let document = json!({
            "schemaVersion": 2,
            "mediaType": OCI_IMAGE_INDEX,
            "manifests": manifests,
        });
        self.add(&document, Vec::new(), children.to_vec());
    }

    fn described(&self, image: usize) -> Value {
        let image = &self.images[image];
        json!({
            "mediaType": OCI_IMAGE_MANIFEST,
            "digest": image.digest.to_string(),
            "size": image.bytes.len(),
        })
    }

    fn add(&mut self, document: &Value, blobs: Vec<usize>, children: Vec<usize>) {
        let bytes = Bytes::from(serde_json::to_vec(document).expect("a document is JSON"));
        self.images.push(Image {
            digest: Digest::of(Algorithm::Sha256, &bytes),
            bytes,
            blobs,
            children,
        });
    }
}
