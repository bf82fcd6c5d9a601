//! A push after its checks, as the steps of the push hand it on.

use super::references::References;
use crate::record::TagRecord;
use crate::{RegistryError, Result};
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
    /// Those of them that may be made and not changed.
    pub(super) kept_tags: Vec<Tag>,
}

impl Accepted {
    /// Refuses to give a tag another digest that keeps its own.
    pub(super) fn check_kept(&self, tag: &Tag, value: Option<&TagRecord>) -> Result<()> {
        check_kept(&self.kept_tags, &self.digest, tag, value)
    }
}

/// Refuses to give a tag of `kept_tags` another digest than the one that it has.
pub(super) fn check_kept(
    kept_tags: &[Tag],
    digest: &Digest,
    tag: &Tag,
    value: Option<&TagRecord>,
) -> Result<()> {
    let is_other = value.is_some_and(|value| value.digest != *digest);
    if is_other && kept_tags.contains(tag) {
        return Err(RegistryError::TagKept(tag.clone()));
    }
    Ok(())
}
