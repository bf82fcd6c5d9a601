//! Where this replica last saw the content of a link, and which manifest a tag last named: guesses
//! that a read begins with, beside the read of the link or the tag itself.
//!
//! The link or the tag alone decides. A guess that it does not bear out is dropped unread, and there
//! is none for a repository whose own was never seen, so that it tells nobody what other
//! repositories hold.

use moka::sync::Cache;
use roadstead_oci::{Digest, RepositoryName, Tag};
use roadstead_storage::DataRef;

/// How many data objects are kept: about 300 bytes each.
const MOST: u64 = 50_000;
/// How many tags are kept: about 200 bytes each.
const MOST_TAGS: u64 = 10_000;

/// Data objects by link and manifests by tag; none where a read does not wait for another machine.
pub(crate) struct Locations {
    seen: Option<Cache<(RepositoryName, Digest), DataRef>>,
    tagged: Option<Cache<(RepositoryName, Tag), Digest>>,
}

impl Locations {
    pub(crate) fn new(is_distant: bool) -> Self {
        let seen = is_distant.then(|| Cache::new(MOST));
        let tagged = is_distant.then(|| Cache::new(MOST_TAGS));
        Self { seen, tagged }
    }

    pub(crate) fn note(&self, repository: &RepositoryName, digest: &Digest, data: &DataRef) {
        if let Some(seen) = &self.seen {
            seen.insert((repository.clone(), digest.clone()), data.clone());
        }
    }

    pub(crate) fn guess(&self, repository: &RepositoryName, digest: &Digest) -> Option<DataRef> {
        let seen = self.seen.as_ref()?;
        seen.get(&(repository.clone(), digest.clone()))
    }

    pub(crate) fn forget(&self, repository: &RepositoryName, digest: &Digest) {
        if let Some(seen) = &self.seen {
            seen.invalidate(&(repository.clone(), digest.clone()));
        }
    }

    pub(crate) fn note_tag(&self, repository: &RepositoryName, tag: &Tag, digest: &Digest) {
        if let Some(tagged) = &self.tagged {
            tagged.insert((repository.clone(), tag.clone()), digest.clone());
        }
    }

    pub(crate) fn guess_of_tag(&self, repository: &RepositoryName, tag: &Tag) -> Option<Digest> {
        let tagged = self.tagged.as_ref()?;
        tagged.get(&(repository.clone(), tag.clone()))
    }

    pub(crate) fn forget_tag(&self, repository: &RepositoryName, tag: &Tag) {
        if let Some(tagged) = &self.tagged {
            tagged.invalidate(&(repository.clone(), tag.clone()));
        }
    }
}
