//! A push after its checks, as the steps of the push hand it on.

use super::references::References;
use bytes::Bytes;
use roadstead_oci::{Digest, Manifest, RepositoryName, Tag};

/// A push whose document is a manifest, under the right digest.
pub(super) struct Accepted {
    pub(super) repository: RepositoryName,
    pub(super) digest: Digest,
    pub(super) manifest: Manifest,
    pub(super) bytes: Bytes,
    pub(super) by: String,
    pub(super) references: References,
    /// All tags to set, each once.
    pub(super) tags: Vec<Tag>,
}
