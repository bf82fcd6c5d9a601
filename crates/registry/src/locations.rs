//! Where this replica last saw the content of a link: a guess that a read begins with, beside the
//! read of the link itself.
//!
//! The link alone decides. A guess that it does not bear out is dropped unread, and there is none
//! for a repository whose link was never seen, so that it tells nobody what other repositories hold.

use moka::sync::Cache;
use roadstead_oci::{Digest, RepositoryName};
use roadstead_storage::DataRef;

/// How many are kept: about 300 bytes each.
const MOST: u64 = 50_000;

/// Data objects by link; none where a read does not wait for another machine.
pub(crate) struct Locations {
    seen: Option<Cache<(RepositoryName, Digest), DataRef>>,
}

impl Locations {
    pub(crate) fn new(is_distant: bool) -> Self {
        let seen = is_distant.then(|| Cache::new(MOST));
        Self { seen }
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
}
