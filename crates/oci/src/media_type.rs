//! Media types that the registry must know; every other type is an opaque text to it.

/// An OCI image manifest.
pub const OCI_IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image index.
pub const OCI_IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An OCI image configuration.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The empty object `{}`, which stands where an artifact has no configuration.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// An OCI layer without compression.
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// An OCI layer, gzip.
pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// An OCI layer, zstd.
pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// An OCI layer that must not be pushed to a registry.
pub const OCI_LAYER_NONDISTRIBUTABLE: &str =
    "application/vnd.oci.image.layer.nondistributable.v1.tar";
/// An OCI layer that must not be pushed to a registry, gzip.
pub const OCI_LAYER_NONDISTRIBUTABLE_GZIP: &str =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
/// An OCI layer that must not be pushed to a registry, zstd.
pub const OCI_LAYER_NONDISTRIBUTABLE_ZSTD: &str =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd";
/// A docker image manifest, version 2 schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// A docker manifest list.
pub const DOCKER_MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// A docker image configuration.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// A docker layer.
pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// A docker layer that is fetched from elsewhere.
pub const DOCKER_FOREIGN_LAYER_GZIP: &str =
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
/// A docker image manifest, version 2 schema 1: refused.
pub const DOCKER_SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";
/// A signed docker image manifest, version 2 schema 1: refused.
pub const DOCKER_SCHEMA1_SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
/// The artifact manifest that OCI withdrew before release: refused.
pub const OCI_ARTIFACT_MANIFEST: &str = "application/vnd.oci.artifact.manifest.v1+json";

/// The four kinds of manifest that are stored and served.
///
/// A stored manifest's `Content-Type` is one of these texts, so that no client can have another one served.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum ManifestMediaType {
    /// [`OCI_IMAGE_MANIFEST`]
    #[serde(rename = "application/vnd.oci.image.manifest.v1+json")]
    OciManifest,
    /// [`OCI_IMAGE_INDEX`]
    #[serde(rename = "application/vnd.oci.image.index.v1+json")]
    OciIndex,
    /// [`DOCKER_MANIFEST`]
    #[serde(rename = "application/vnd.docker.distribution.manifest.v2+json")]
    DockerManifest,
    /// [`DOCKER_MANIFEST_LIST`]
    #[serde(rename = "application/vnd.docker.distribution.manifest.list.v2+json")]
    DockerList,
}

impl ManifestMediaType {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::OciManifest,
        Self::OciIndex,
        Self::DockerManifest,
        Self::DockerList,
    ];

    /// Returns the media type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OciManifest => OCI_IMAGE_MANIFEST,
            Self::OciIndex => OCI_IMAGE_INDEX,
            Self::DockerManifest => DOCKER_MANIFEST,
            Self::DockerList => DOCKER_MANIFEST_LIST,
        }
    }

    /// Reads a `Content-Type` header: white space around it, parameters and case do not matter.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let essence = essence(text);
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(essence))
    }

    /// Reads the `mediaType` member of a document, which clients compare byte for byte.
    #[must_use]
    pub fn parse_exact(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Tells whether the document lists other manifests rather than a configuration and layers.
    #[must_use]
    pub const fn is_index(self) -> bool {
        matches!(self, Self::OciIndex | Self::DockerList)
    }
}

impl std::fmt::Display for ManifestMediaType {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Returns a media type without its parameters and the white space around it.
pub(crate) fn essence(text: &str) -> &str {
    text.split_once(';')
        .map_or(text, |(before, _)| before)
        .trim_matches([' ', '\t'])
}

/// Tells whether a layer of this type may be named by a manifest although the registry does not hold it.
#[must_use]
pub fn is_non_distributable(media_type: &str) -> bool {
    matches!(
        media_type,
        OCI_LAYER_NONDISTRIBUTABLE
            | OCI_LAYER_NONDISTRIBUTABLE_GZIP
            | OCI_LAYER_NONDISTRIBUTABLE_ZSTD
            | DOCKER_FOREIGN_LAYER_GZIP
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_parameters_case_and_white_space_do_not_matter() {
        for text in [
            "application/vnd.oci.image.index.v1+json",
            " application/vnd.oci.image.index.v1+json ; charset=utf-8",
            "Application/vnd.OCI.image.index.v1+JSON;charset=utf-8",
        ] {
            assert_eq!(
                ManifestMediaType::parse(text),
                Some(ManifestMediaType::OciIndex),
                "{text}"
            );
        }
    }

    #[test]
    fn other_types_are_not_manifests() {
        for text in [
            "",
            ";",
            "text/html",
            DOCKER_SCHEMA1,
            DOCKER_SCHEMA1_SIGNED,
            OCI_ARTIFACT_MANIFEST,
            OCI_CONFIG,
        ] {
            assert_eq!(ManifestMediaType::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_body_must_spell_its_type_exactly() {
        for kind in ManifestMediaType::ALL {
            assert_eq!(ManifestMediaType::parse_exact(kind.as_str()), Some(kind));
            assert_eq!(
                ManifestMediaType::parse_exact(&kind.as_str().to_uppercase()),
                None
            );
            assert_eq!(ManifestMediaType::parse_exact(&format!("{kind};a=b")), None);
        }
    }

    #[test]
    fn json_form_is_the_media_type() {
        for kind in ManifestMediaType::ALL {
            let text = serde_json::to_string(&kind).unwrap();
            assert_eq!(text, format!("{:?}", kind.as_str()));
            assert_eq!(
                serde_json::from_str::<ManifestMediaType>(&text).unwrap(),
                kind
            );
        }
    }

    #[test]
    fn only_foreign_layers_are_exempt() {
        assert!(is_non_distributable(
            "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
        ));
        assert!(is_non_distributable(DOCKER_FOREIGN_LAYER_GZIP));
        assert!(!is_non_distributable(OCI_LAYER_GZIP));
        assert!(!is_non_distributable(DOCKER_LAYER_GZIP));
    }
}
