//! What a store must hold to: the values that each record may have, the objects that must be there
//! and those that may be. Kept by a scenario call by call, held against a store afterwards.

use crate::drivers::local::LocalStore;
use crate::suite::fetch;
use crate::{DataKey, Kind, RecordStore};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// Names the record that names an object, as the records of a registry do.
pub(super) fn naming(key: &DataKey) -> String {
    format!("object/{}", key.as_str())
}

#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    records: BTreeMap<String, BTreeSet<Option<Bytes>>>,
    objects: BTreeMap<String, Object>,
}

/// An object is whole or not there; never anything between.
#[derive(Clone, Debug)]
struct Object {
    content: Bytes,
    may_be_whole: bool,
    may_be_absent: bool,
}

impl Ledger {
    /// A record is about to be put, or deleted.
    pub(super) fn record_may_be(&mut self, key: &str, value: Option<&Bytes>) {
        let values = self.records.entry(key.to_owned()).or_insert([None].into());
        values.insert(value.cloned());
    }

    /// The store has answered that it was.
    pub(super) fn record_is(&mut self, key: &str, value: Option<&Bytes>) {
        self.records.insert(key.to_owned(), [value.cloned()].into());
    }

    /// An upload has begun, which nobody may see yet.
    pub(super) fn object_is_begun(&mut self, key: &DataKey, content: &Bytes) {
        let object = Object {
            content: content.clone(),
            may_be_whole: false,
            may_be_absent: true,
        };
        self.objects.insert(key.as_str().to_owned(), object);
    }

    /// An upload is about to be finished, or an object to be deleted.
    pub(super) fn object_may_be_whole_or_not(&mut self, key: &DataKey) {
        let object = self.objects.get_mut(key.as_str()).unwrap();
        (object.may_be_whole, object.may_be_absent) = (true, true);
    }

    /// The store has answered that it was finished or deleted.
    pub(super) fn object_is(&mut self, key: &DataKey, is_whole: bool) {
        let object = self.objects.get_mut(key.as_str()).unwrap();
        (object.may_be_whole, object.may_be_absent) = (is_whole, !is_whole);
    }

    /// Looks at everything; an error is a sentence about what is not as it must be.
    pub(super) async fn check(&self, store: &LocalStore) -> Result<(), String> {
        let (records, data) = (store.records(), store.data());
        let mut present = BTreeSet::new();
        for (key, may_be) in &self.records {
            let read = records.get(key).await;
            let read = read.map_err(|error| format!("record {key} cannot be read: {error}"))?;
            let found = read.record.map(|record| record.bytes);
            if found.is_some() {
                present.insert(key.clone());
            }
            if !may_be.contains(&found) {
                let found = found.map(|bytes| bytes.len());
                return Err(format!(
                    "record {key} has {found:?} bytes, which it must not"
                ));
            }
        }
        let page = records.list("", None, 1000).await;
        let page = page.map_err(|error| format!("records cannot be listed: {error}"))?;
        let listed: BTreeSet<String> = page.entries.into_iter().map(|entry| entry.key).collect();
        if listed != present {
            return Err(format!("{listed:?} are listed, {present:?} can be read"));
        }
        for (key, object) in &self.objects {
            let (key, length) = (DataKey::new(key.clone()), object.content.len() as u64);
            let is_whole = match fetch(&data, &key, 0..length).await {
                Ok(bytes) if bytes == object.content => true,
                Ok(_) => return Err(format!("object {} has other bytes", key.as_str())),
                Err(error) if error.kind() == Kind::NotFound => false,
                Err(error) => return Err(format!("object is neither whole nor gone: {error}")),
            };
            let is_fine = if is_whole {
                object.may_be_whole
            } else {
                object.may_be_absent && !present.contains(&naming(&key))
            };
            if !is_fine {
                return Err(format!("object {} is whole: {is_whole}", key.as_str()));
            }
        }
        Ok(())
    }
}
