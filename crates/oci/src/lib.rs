//! The values of the OCI distribution protocol: digests, names, tags, media types, manifests, ranges and routes.
//!
//! Everything here is parsed once, at the edge, from what a client sent, and can then be trusted. The crate does no
//! I/O, knows no HTTP framework and never panics on input.

mod content_range;
mod descriptor;
mod digest;
mod error_code;
mod hasher;
mod manifest;
mod media_type;
mod midstate;
mod page;
mod query;
mod range;
mod reference;
mod repository;
mod route;
mod tag;
mod text;

pub use content_range::{ContentRange, ContentRangeError};
pub use descriptor::{Annotations, Descriptor};
pub use digest::{Algorithm, Digest, DigestError};
pub use error_code::{ErrorBody, ErrorCode};
pub use hasher::Hasher;
pub use manifest::{MAX_DEPTH, MAX_DESCRIPTORS, Manifest, ManifestError};
pub use media_type::{
    DOCKER_CONFIG, DOCKER_FOREIGN_LAYER_GZIP, DOCKER_LAYER_GZIP, DOCKER_MANIFEST,
    DOCKER_MANIFEST_LIST, DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED, ManifestMediaType,
    OCI_ARTIFACT_MANIFEST, OCI_CONFIG, OCI_EMPTY, OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST, OCI_LAYER,
    OCI_LAYER_GZIP, OCI_LAYER_NONDISTRIBUTABLE, OCI_LAYER_NONDISTRIBUTABLE_GZIP,
    OCI_LAYER_NONDISTRIBUTABLE_ZSTD, OCI_LAYER_ZSTD, is_non_distributable,
};
pub use midstate::{Midstate, MidstateError};
pub use page::{PageSizeError, parse_page_size};
pub use query::{QueryError, QueryPairs, encode_query_value};
pub use range::{ByteRange, ByteRanges, RangeOutcome};
pub use reference::{Reference, ReferenceError};
pub use repository::{NameError, RepositoryName};
pub use route::{Route, RouteError};
pub use tag::{Tag, TagError, referrers_fallback_tag};
