//! What must be left when nobody does anything any more and the collector has finished: exactly what
//! the manifests that clients see name.

use super::inventory::Inventory;
use crate::campaign::named::Named;
use anyhow::Context;
use roadstead_oci::{Digest, RepositoryName, Tag};
use roadstead_registry::layout;
use std::collections::BTreeSet;

impl Inventory {
    /// Compares what is stored with what clients see. Returns what is there and should not be, and
    /// what is not there and should be.
    ///
    /// # Errors
    /// A name that is none.
    pub fn differences(&self, named: &[Named]) -> anyhow::Result<Vec<String>> {
        let expected = expected_records(named)?;
        let mut differences = Vec::new();
        for key in &self.keys {
            if !expected.contains(key) && !is_kept(key, &expected) {
                differences.push(format!("left over: record {key}"));
            }
        }
        let missing = expected.difference(&self.keys);
        differences.extend(missing.map(|key| format!("missing: record {key}")));
        let tails = self
            .tails
            .iter()
            .map(|key| format!("left over: tail of {key}"));
        differences.extend(tails);
        let open = self.open.iter();
        differences.extend(open.map(|key| format!("left over: unfinished upload {key}")));
        let strange = self.strange.iter();
        differences.extend(strange.map(|name| format!("left over: {name}")));
        differences.extend(self.problems());
        Ok(differences)
    }
}

/// Returns the keys of all records that must be there.
fn expected_records(named: &[Named]) -> anyhow::Result<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    for contents in named {
        let name = RepositoryName::parse(&contents.repository);
        let name = name.context("no name of a repository")?;
        for (manifest, blobs) in &contents.manifests {
            keys.insert(layout::manifest(&name, &digest(manifest)?));
            for blob in blobs {
                let blob = digest(blob)?;
                keys.insert(layout::link(&name, &blob));
                keys.insert(layout::blob(&blob));
            }
        }
        for (tag, value) in &contents.tags {
            let (tag, value) = (Tag::parse(tag).context("no tag")?, digest(value)?);
            keys.insert(layout::tag(&name, &tag));
            keys.insert(layout::tagged(&name, &value, &tag));
        }
        for (subject, referrer) in &contents.referrers {
            let (subject, referrer) = (digest(subject)?, digest(referrer)?);
            keys.insert(layout::referrer(&name, &subject, &referrer));
        }
    }
    Ok(keys)
}

fn digest(text: &str) -> anyhow::Result<Digest> {
    Digest::parse(text).with_context(|| format!("{text} is no digest"))
}

/// Tells whether a record may be there that no manifest needs: the history of tags, the catalog's word
/// that there was a repository, what the collector knows of manifests that are there, and how far the
/// server is with what it does.
fn is_kept(key: &str, expected: &BTreeSet<String>) -> bool {
    if let Some(section) = key.strip_prefix(layout::REFERENCES) {
        // A chunk is named by the first digest it may hold, so it is asked for its section alone.
        let section = section.split_once("/_manifest/").map(|(name, _)| name);
        return section.is_some_and(|name| {
            let manifests = format!("{}{name}/_manifest/", layout::REPOSITORIES);
            let mut of_it = expected.range(manifests.clone()..);
            of_it.next().is_some_and(|key| key.starts_with(&manifests))
        });
    }
    let is_history = key.starts_with(layout::REPOSITORIES) && key.contains("/_history/");
    is_history
        || key.starts_with(layout::CATALOG)
        || key.starts_with("meta/")
        || key.starts_with("auth/")
        || [
            layout::COLLECTOR_STATE,
            layout::COLLECTOR_LEASE,
            layout::SCRUB,
        ]
        .contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_storage::DataKey;

    fn digest_of(number: u8) -> String {
        format!("sha256:{}", hex::encode([number; 32]))
    }

    fn named() -> Vec<Named> {
        vec![Named {
            repository: "team/app".to_owned(),
            manifests: vec![(digest_of(1), vec![digest_of(2)])],
            tags: vec![("v1".to_owned(), digest_of(1))],
            referrers: Vec::new(),
        }]
    }

    fn stored() -> Inventory {
        let mut inventory = Inventory::default();
        inventory.keys = expected_records(&named()).unwrap();
        inventory
    }

    #[test]
    fn what_is_named_is_all_there_is() {
        assert_eq!(stored().keys.len(), 5);
        assert!(stored().differences(&named()).unwrap().is_empty());
        let mut inventory = stored();
        let chunk = format!("{}team/app/_manifest/sha256/00", layout::REFERENCES);
        let history = "repo/team/app/_history/v1/0-0".to_owned();
        inventory.keys.extend([chunk, history]);
        assert!(inventory.differences(&named()).unwrap().is_empty());
    }

    #[test]
    fn what_nothing_names_is_left_over() {
        let left = [
            layout::blob(&digest(&digest_of(9)).unwrap()),
            "upload/1".to_owned(),
            "gc/condemned/links/1".to_owned(),
            "repo/team/app/_removed/sha256/00".to_owned(),
            format!("{}gone/_manifest/sha256/00", layout::REFERENCES),
        ];
        for key in left {
            let mut inventory = stored();
            inventory.keys.insert(key.clone());
            let differences = inventory.differences(&named()).unwrap();
            assert_eq!(differences, [format!("left over: record {key}")]);
        }
        let mut inventory = stored();
        let object = DataKey::new("0123").as_str().to_owned();
        inventory.objects.insert(object.clone(), 5);
        inventory.open.insert(object);
        assert_eq!(inventory.differences(&named()).unwrap().len(), 2);
    }

    #[test]
    fn what_is_named_and_not_there_is_missing() {
        let keys = stored().keys;
        for key in &keys {
            let mut inventory = stored();
            inventory.keys.remove(key);
            let differences = inventory.differences(&named()).unwrap();
            assert_eq!(differences, [format!("missing: record {key}")]);
        }
    }
}
