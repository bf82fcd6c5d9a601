//! Random histories, step by step beside a model that is too simple to be wrong.

use super::Subject;
use crate::{Condition, Outcome, RecordStore, Version};
use bytes::Bytes;
use std::collections::{BTreeMap, HashSet};

const KEYS: [&str; 6] = ["a", "a/b", "a/b/c", "a-b", "b", "b/"];
const STEPS: usize = 300;

/// What each key holds now, and every version that was ever seen of it.
#[derive(Default)]
struct Model {
    records: BTreeMap<&'static str, Bytes>,
    versions: BTreeMap<&'static str, Vec<Version>>,
    ever: HashSet<Version>,
}

impl Model {
    fn version(&self, key: &str) -> Version {
        let last = self.versions.get(key).and_then(|versions| versions.last());
        last.cloned().unwrap_or(Version::NEVER)
    }

    fn allows(&self, key: &str, condition: &Condition) -> bool {
        match condition {
            Condition::Any => true,
            Condition::Absent => !self.records.contains_key(key),
            Condition::Matches(version) => self.version(key) == *version,
        }
    }

    fn apply(&mut self, key: &'static str, bytes: Option<Bytes>, version: Version) {
        assert!(self.ever.insert(version.clone()), "a version came twice");
        self.versions.entry(key).or_default().push(version);
        match bytes {
            Some(bytes) => self.records.insert(key, bytes),
            None => self.records.remove(key),
        };
    }
}

fn any_condition(random: &mut fastrand::Rng, model: &Model, key: &str) -> Condition {
    match random.u8(0..6) {
        0 => Condition::Any,
        1 => Condition::Absent,
        2 => Condition::Matches(Version::NEVER),
        3 => {
            let seen = model.versions.get(key).map_or(&[][..], Vec::as_slice);
            let chosen = random.choice(seen).cloned();
            Condition::Matches(chosen.unwrap_or(Version::NEVER))
        }
        _ => Condition::Matches(model.version(key)),
    }
}

async fn step(random: &mut fastrand::Rng, model: &mut Model, records: &dyn RecordStore) {
    let key = *random.choice(&KEYS).unwrap();
    match random.u8(0..10) {
        0..4 => {
            let condition = any_condition(random, model, key);
            let bytes = Bytes::from(vec![random.u8(..); random.usize(1..300)]);
            let outcome = records
                .put(key, bytes.clone(), condition.clone())
                .await
                .unwrap();
            let allowed = model.allows(key, &condition);
            match outcome {
                Outcome::Applied(version) if allowed => model.apply(key, Some(bytes), version),
                Outcome::Conflict if !allowed => {}
                other => panic!("put of {key} with {condition:?} ended as {other:?}"),
            }
        }
        4..7 => {
            let condition = any_condition(random, model, key);
            let outcome = records.delete(key, condition.clone()).await.unwrap();
            let allowed = model.allows(key, &condition);
            match outcome {
                Outcome::Applied(version) if allowed => model.apply(key, None, version),
                Outcome::Conflict if !allowed => {}
                other => panic!("delete of {key} with {condition:?} ended as {other:?}"),
            }
        }
        7..9 => {
            let read = records.get(key).await.unwrap();
            assert_eq!(read.version, model.version(key));
            assert_eq!(
                read.record.map(|record| record.bytes),
                model.records.get(key).cloned()
            );
        }
        _ => {
            let prefix = random.choice(["", "a", "a/", "b", "b/"]).unwrap();
            let start_after = random.choice(KEYS).filter(|_| random.bool());
            let limit = random.usize(1..8);
            let page = records.list(prefix, start_after, limit).await.unwrap();
            let fitting = model.records.keys().filter(|key| {
                key.starts_with(prefix) && start_after.is_none_or(|after| **key > after)
            });
            let expected: Vec<&str> = fitting.copied().collect();
            let listed: Vec<&str> = page
                .entries
                .iter()
                .map(|entry| entry.key.as_str())
                .collect();
            assert_eq!(listed, expected[..expected.len().min(limit)]);
            assert_eq!(page.more, expected.len() > limit);
        }
    }
}

pub async fn random_histories_agree_with_a_simple_model(store: Subject) {
    for seed in 0..3 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut model = Model::default();
        for key in KEYS {
            // What the history before left behind is where this one begins.
            let read = store.records.get(key).await.unwrap();
            if read.version != Version::NEVER {
                model.apply(key, read.record.map(|record| record.bytes), read.version);
            }
        }
        for _ in 0..STEPS {
            step(&mut random, &mut model, &*store.records).await;
        }
    }
}
