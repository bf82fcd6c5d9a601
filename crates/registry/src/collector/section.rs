//! Where manifests are that name something.

use crate::layout;
use roadstead_oci::RepositoryName;

/// Where the manifests of a repository are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section<'a> {
    pub(super) repository: &'a RepositoryName,
    pub(super) kind: SectionKind,
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SectionKind {
    Manifests,
    /// Deleted, and retained for a while.
    Removed,
}

impl SectionKind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Manifests => layout::MANIFEST_SECTION,
            Self::Removed => layout::REMOVED_SECTION,
        }
    }
}

impl Section<'_> {
    pub(super) fn path(&self) -> String {
        format!("{}/{}/", self.repository, self.kind.name())
    }
}
