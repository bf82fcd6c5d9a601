//! What the inner loops are fed with: names, digests and documents of the sizes that registries see.
//!
//! The loops themselves are in `benches/loops`.

#![expect(
    clippy::missing_panics_doc,
    reason = "what is parsed are literals, which a test of this file reads"
)]

use roadstead_oci::{
    Algorithm, Digest, OCI_CONFIG, OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST, OCI_LAYER_GZIP,
    RepositoryName, Tag,
};

/// Bytes of a kibibyte.
pub const KIB: usize = 1024;
/// Bytes of a mebibyte.
pub const MIB: usize = 1024 * KIB;

/// Returns a repository as deep as most.
#[must_use]
pub fn repository() -> RepositoryName {
    RepositoryName::parse("platform/payments/api-server").expect("the name is a literal")
}

/// Returns a tag.
#[must_use]
pub fn tag() -> Tag {
    Tag::parse("v1.24.3-rc.1_amd64").expect("the tag is a literal")
}

/// Returns the digest that belongs to a number.
#[must_use]
pub fn digest(number: usize) -> Digest {
    Digest::of(Algorithm::Sha256, &number.to_le_bytes())
}

/// Returns bytes that do not repeat and are the same in every run.
#[must_use]
pub fn noise(length: usize) -> Vec<u8> {
    let mut state: u64 = 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Returns the manifest of an image with this many layers, as a builder writes it.
#[must_use]
pub fn image(layers: usize) -> String {
    let layers: Vec<String> = (1..=layers)
        .map(|number| descriptor(OCI_LAYER_GZIP, number, ""))
        .collect();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_IMAGE_MANIFEST}","config":{},"layers":[{}],"annotations":{{"org.opencontainers.image.created":"2026-01-02T03:04:05Z","org.opencontainers.image.revision":"{}"}}}}"#,
        descriptor(OCI_CONFIG, 0, ""),
        layers.join(","),
        digest(0).hex(),
    )
}

/// Returns an index of images for this many platforms, each with its attestation.
#[must_use]
pub fn index(platforms: usize) -> String {
    let children: Vec<String> = (0..platforms)
        .flat_map(|number| {
            let of_image = format!(
                r#","platform":{{"architecture":"architecture-{number}","os":"linux"}}"#
            );
            let of_attestation = format!(
                r#","annotations":{{"vnd.docker.reference.digest":"{}","vnd.docker.reference.type":"attestation-manifest"}},"platform":{{"architecture":"unknown","os":"unknown"}}"#,
                digest(number)
            );
            [
                descriptor(OCI_IMAGE_MANIFEST, number, &of_image),
                descriptor(OCI_IMAGE_MANIFEST, platforms + number, &of_attestation),
            ]
        })
        .collect();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_IMAGE_INDEX}","manifests":[{}]}}"#,
        children.join(",")
    )
}

fn descriptor(media_type: &str, number: usize, more: &str) -> String {
    let digest = digest(number);
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{number}{more}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_oci::Manifest;

    #[test]
    fn the_names_are_names() {
        assert_eq!(repository().as_str().split('/').count(), 3);
        assert!(tag().as_str().starts_with('v'));
    }

    #[test]
    fn the_documents_are_what_a_registry_takes() {
        let image = Manifest::parse(image(20).as_bytes(), Some(OCI_IMAGE_MANIFEST)).unwrap();
        let index = Manifest::parse(index(8).as_bytes(), Some(OCI_IMAGE_INDEX)).unwrap();

        assert_eq!(image.layers().len(), 20);
        assert_eq!(index.children().len(), 16);
    }
}
