//! What must hold: after every storage call, of all answers together, and once it is over.

use super::super::linear::{Event, Operation, is_linearizable};
use super::super::*;
use super::job::{Job, Said};
use super::{Actor, OTHER_TAG, Seen, Simulation, TAG};
use crate::record::{HistoryRecord, ReferrerRecord, RemovedRecord, TaggedRecord};
use futures::FutureExt;

#[derive(Clone, Copy, Debug)]
enum OnManifest {
    Put,
    Delete(Option<bool>),
    Read(bool),
}

impl Operation for OnManifest {
    type Object = bool;

    fn apply(&self, is_there: bool) -> Option<bool> {
        match *self {
            Self::Put => Some(true),
            // What another delete removed meanwhile may be answered as deleted.
            Self::Delete(Some(true) | None) => Some(false),
            Self::Delete(Some(false)) => (!is_there).then_some(false),
            Self::Read(seen) => (seen == is_there).then_some(is_there),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum OnTag {
    Set(usize),
    DropIf(usize),
    Delete {
        found: Option<bool>,
        lost_an_answer: bool,
    },
    Read(Option<usize>),
}

impl Operation for OnTag {
    type Object = Option<usize>;

    fn apply(&self, value: Option<usize>) -> Option<Option<usize>> {
        match *self {
            Self::Set(image) => Some(Some(image)),
            Self::DropIf(image) => Some(value.filter(|&value| value != image)),
            // After a lost answer "what I saw is gone" is all that can be said.
            Self::Delete {
                found: Some(true),
                lost_an_answer: true,
            }
            | Self::Delete { found: None, .. } => Some(None),
            Self::Delete {
                found: Some(found), ..
            } => (found == value.is_some()).then_some(None),
            Self::Read(seen) => (seen == value).then_some(value),
        }
    }
}

impl Simulation {
    fn record<R: Encoded>(&self, key: &str) -> Option<R> {
        let read = self.fixture.records.get(key).now_or_never().unwrap();
        let record = read.unwrap().record?;
        Some(R::decode(key, &record.bytes).unwrap())
    }

    fn is_readable(&self, digest: &Digest) -> bool {
        self.record::<ManifestRecord>(&layout::manifest(&name(REPOSITORY), digest))
            .is_some_and(|record| record.is_readable())
    }

    pub(super) fn check(&mut self) {
        let repository = name(REPOSITORY);
        let mut tags = [None; 2];
        for (at, text) in [TAG, OTHER_TAG].into_iter().enumerate() {
            let value: Option<TagRecord> = self.record(&layout::tag(&repository, &tag(text)));
            if let Some(value) = &value {
                assert!(self.is_readable(&value.digest), "{text} dangles");
                let key = layout::tagged(&repository, &value.digest, &tag(text));
                let reverse: Option<TaggedRecord> = self.record(&key);
                assert!(reverse.is_some(), "{text} has no reverse entry");
                let key = layout::history(&repository, &tag(text), value.at, value.nonce);
                self.values.insert(key, value.clone());
                tags[at] = self.image_of(&value.digest);
            }
            let lost = self.values.iter().filter(|(key, was)| {
                key.contains(&format!("/{text}/"))
                    && value.as_ref().is_none_or(|value| value.nonce != was.nonce)
            });
            for (key, _) in lost {
                let entry: Option<HistoryRecord> = self.record(key);
                assert!(entry.is_some(), "a value of {text} is not in its history");
            }
        }
        let digest = digest_of(&self.images[1]);
        let key = layout::referrer(&repository, &digest_of(&self.images[0]), &digest);
        let entry: Option<ReferrerRecord> = self.record(&key);
        assert!(
            entry.is_none() || self.is_readable(&digest),
            "a referrer entry dangles"
        );
        let manifests = [0, 1].map(|image| self.is_readable(&digest_of(&self.images[image])));
        for (at, is_there) in manifests.into_iter().enumerate() {
            let was_there = self.seen.iter().any(|seen| seen.manifests[at]);
            let key = layout::removed(&repository, &digest_of(&self.images[at]));
            let is_retained = || self.record::<RemovedRecord>(&key).is_some();
            assert!(
                is_there || !was_there || is_retained(),
                "manifest {at} is gone and not retained"
            );
        }
        self.now += 1;
        self.seen.push(Seen {
            at: self.now,
            manifests,
            tags,
        });
    }

    fn image_of(&self, digest: &Digest) -> Option<usize> {
        self.images
            .iter()
            .position(|bytes| digest_of(bytes) == *digest)
    }

    pub(super) fn judge(&self) {
        for image in [0, 1] {
            let mut events = self.events(|actor, said| on_manifest(image, actor.job, said));
            events.extend(self.looks(|seen| OnManifest::Read(seen.manifests[image])));
            let explained = is_linearizable(self.started_with[image], &events);
            assert!(explained, "answers about manifest {image}: {events:?}");
        }
        let value = self.started_tagged.then_some(0);
        for (at, (text, first)) in [(TAG, value), (OTHER_TAG, None)].into_iter().enumerate() {
            let mut events = self.events(|actor, said| self.on_tag(text, actor, said));
            events.extend(self.looks(|seen| OnTag::Read(seen.tags[at])));
            let explained = is_linearizable(first, &events);
            assert!(explained, "answers about tag {text}: {events:?}");
        }
    }

    /// What somebody who looked after every call would have read.
    fn looks<O: Operation>(&self, of: impl Fn(&Seen) -> O) -> impl Iterator<Item = Event<O>> {
        self.seen.iter().map(move |seen| Event {
            operation: of(seen),
            asked: seen.at,
            answered: Some(seen.at),
        })
    }

    fn events<O: Operation>(
        &self,
        of: impl Fn(&Actor, Option<&Said>) -> Option<O>,
    ) -> Vec<Event<O>> {
        let mut events = Vec::new();
        for actor in &self.actors {
            let asked = actor.asked;
            let said = actor.answered.as_ref().map(|(_, said)| said);
            // An error tells nothing: the request took effect or not.
            let answered = actor
                .answered
                .as_ref()
                .filter(|(_, said)| !matches!(said, Said::Failed(_)))
                .map(|(at, _)| *at);
            let Some(operation) = of(actor, said) else {
                continue;
            };
            let earlier = match actor.job {
                Job::SetTag(_) | Job::SetBoth(_) | Job::PutDigest(_) => {
                    actor.attempts.saturating_sub(1)
                }
                _ => 0,
            };
            for _ in 0..earlier {
                events.push(Event {
                    operation: operation.clone(),
                    asked,
                    answered: None,
                });
            }
            events.push(Event {
                operation,
                asked,
                answered,
            });
        }
        events
    }

    fn on_tag(&self, text: &str, actor: &Actor, said: Option<&Said>) -> Option<OnTag> {
        match (actor.job, said) {
            (Job::SetTag(image), _) if text == TAG => Some(OnTag::Set(image)),
            (Job::SetBoth(image), _) => Some(OnTag::Set(image)),
            (Job::DeleteDigest(image), _) => Some(OnTag::DropIf(image)),
            (Job::DeleteTag, _) if text == TAG => Some(OnTag::Delete {
                found: found(said),
                lost_an_answer: actor.lost > 0,
            }),
            (Job::GetTag | Job::HeadTag, Some(Said::Missing)) if text == TAG => {
                Some(OnTag::Read(None))
            }
            (Job::GetTag | Job::HeadTag, Some(Said::Found(digest))) if text == TAG => {
                Some(OnTag::Read(self.image_of(digest)))
            }
            _ => None,
        }
    }

    /// Whatever died on the way, fresh requests work and leave nothing behind.
    pub(super) async fn heal(&mut self) {
        self.check();
        for image in [0, 1] {
            let bytes = self.images[image].clone();
            put(&self.fixture.registry, by_tag(TAG), &bytes)
                .await
                .unwrap();
            self.check();
            assert_eq!(
                get(&self.fixture.registry, by_tag(TAG)).await.unwrap(),
                bytes
            );
        }
        let prefix = layout::referrers(&name(REPOSITORY), &digest_of(&self.images[0]));
        assert_eq!(keys(&self.fixture, &prefix).await.len(), 1);
        for image in [1, 0] {
            let bytes = self.images[image].clone();
            delete(&self.fixture.registry, &bytes).await.unwrap();
            self.check();
            assert!(is_unknown(
                &get_digest(&self.fixture.registry, &bytes).await
            ));
        }
        assert_eq!(keys(&self.fixture, &prefix).await, [""; 0]);
        assert_eq!(tag_record(&self.fixture, TAG).await, None);
        assert_eq!(tag_record(&self.fixture, OTHER_TAG).await, None);
    }
}

fn found(said: Option<&Said>) -> Option<bool> {
    match said {
        Some(Said::Done) => Some(true),
        Some(Said::Missing) => Some(false),
        _ => None,
    }
}

fn on_manifest(image: usize, job: Job, said: Option<&Said>) -> Option<OnManifest> {
    match job {
        Job::SetTag(at) | Job::SetBoth(at) | Job::PutDigest(at) if at == image => {
            Some(OnManifest::Put)
        }
        Job::DeleteDigest(at) if at == image => Some(OnManifest::Delete(found(said))),
        Job::GetDigest(at) if at == image => match said? {
            Said::Found(_) => Some(OnManifest::Read(true)),
            Said::Missing => Some(OnManifest::Read(false)),
            _ => None,
        },
        _ => None,
    }
}
