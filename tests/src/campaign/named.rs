//! What clients saw at the last look, for those who compare it with what is stored.

use crate::campaign::world::{Object, Repository, World};
use std::sync::Arc;

/// What clients see of a repository.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// The repository.
    pub repository: String,
    /// Its manifests, each with the blobs that it names.
    pub manifests: Vec<(String, Vec<String>)>,
    /// Its tags and what they name.
    pub tags: Vec<(String, String)>,
    /// What refers to what: subject and referrer.
    pub referrers: Vec<(String, String)>,
}

impl World {
    /// Returns what was there at the last look.
    #[must_use]
    pub fn named(&self) -> Vec<Named> {
        (0..self.repositories.len())
            .map(|repository| self.named_in(repository))
            .collect()
    }

    fn named_in(&self, repository: Repository) -> Named {
        let contents = &self.repositories[repository];
        let mut named = Named {
            repository: contents.name.clone(),
            ..Named::default()
        };
        let seen = |object: Object| self.register(&object)?.seen().map(ToString::to_string);
        for manifest in &contents.manifests {
            let digest = &manifest.digest;
            if let Some(subject) = &manifest.subject {
                let entry = Object::Referrer(repository, Arc::clone(subject), Arc::clone(digest));
                let referrer = seen(entry).map(|referrer| (subject.to_string(), referrer));
                named.referrers.extend(referrer);
            }
            if let Some(digest) = seen(Object::Manifest(repository, Arc::clone(digest))) {
                let blobs = manifest.blobs.iter();
                let blobs = blobs.map(|blob| blob.digest.to_string()).collect();
                named.manifests.push((digest, blobs));
            }
        }
        for tag in &self.tags {
            let value = seen(Object::Tag(repository, Arc::clone(tag)));
            named
                .tags
                .extend(value.map(|value| (tag.to_string(), value)));
        }
        named
    }
}
