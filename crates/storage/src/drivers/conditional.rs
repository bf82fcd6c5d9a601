//! What every object store needs whose only means is the conditional PUT: the envelope of a record
//! and the protocol of a write whose answer may be lost.
//!
//! A driver implements [`Objects`] (read one, put one once) and gets compare-and-set writes with
//! tombstones from [`Writing`]. The protocol is the one that `docs/storage.md` tells and that was
//! model-checked; a driver adds nothing to it and never retries a conditional put by itself.
//!
//! * [`envelope`]: how a record and a tombstone lie in an object.
//! * [`keys`]: names under which no key is a folder of another, in the order of the keys.
//! * [`store_clock`]: the store's own time from the dates of its answers.
//! * [`retry`]: pauses between attempts and the budget that all calls share.

pub(super) mod envelope;
pub(super) mod keys;
pub(super) mod retry;
pub(super) mod store_clock;

use crate::{Condition, Kind, Operation, Outcome, Result, StorageError, Timestamp, Version};
use async_trait::async_trait;
use bytes::Bytes;
use envelope::Envelope;
use retry::Retries;
use std::time::Duration;

/// An object as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// Record or tombstone, and the nonce of whoever wrote it.
    pub(super) envelope: Envelope,
    /// The store's own name for this content, in the form that [`Guard::Tag`] takes back.
    pub(super) tag: String,
    /// When it was written, by the store's clock.
    pub(super) modified: Timestamp,
}

/// What the store itself checks before it takes a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard<'a> {
    /// Nothing.
    Nothing,
    /// No object may be there.
    NoObject,
    /// The object with this tag must be there.
    Tag(&'a str),
}

/// How one attempt to put ended. Only what is certain has its own variant; all the rest is `Lost`.
#[derive(Debug)]
pub(super) enum Attempt {
    /// It was applied, and the object has this tag.
    Applied(String),
    /// The store looked at the guard and refused.
    Refused,
    /// It was not applied, and cannot land later: the request never left, or the store turned it
    /// away before it looked (throttled, another conditional request under way).
    NotSent(StorageError),
    /// Whether it was applied, or will be, is not known.
    Lost(StorageError),
    /// It was not applied and trying again is no use.
    Failed(StorageError),
}

/// Single attempts on single objects.
#[async_trait]
pub(super) trait Objects: Send + Sync {
    /// Reads an object, with retries; `None` when there is none.
    async fn read(&self, operation: Operation, key: &str) -> Result<Option<Stored>>;

    /// Sends a put exactly once and waits for its answer at most `patience`.
    async fn put_once(
        &self,
        operation: Operation,
        key: &str,
        object: Bytes,
        guard: Guard<'_>,
        patience: Duration,
    ) -> Attempt;
}

/// What a sweep of old tombstones did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// It removed this many tombstones.
    Swept(u64),
    /// The store takes no notice of conditions on deletes: nothing may be removed.
    Impossible,
}

/// How long an attempt and a whole write may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    /// One attempt.
    pub(super) attempt: Duration,
    /// From the first attempt to the last one's end; at most 15 minutes, which is what the
    /// collector reckons with.
    pub(super) whole: Duration,
}

/// One write of one key.
pub(super) struct Writing<'a, O: ?Sized> {
    pub(super) objects: &'a O,
    pub(super) operation: Operation,
    pub(super) key: &'a str,
    pub(super) retries: &'a Retries,
    pub(super) patience: Patience,
}

/// The guard of the request that is being sent, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    Anything,
    NoObject,
    Tag(String),
}

impl Expected {
    const fn guard(&self) -> Guard<'_> {
        match self {
            Self::Anything => Guard::Nothing,
            Self::NoObject => Guard::NoObject,
            Self::Tag(tag) => Guard::Tag(tag.as_str()),
        }
    }

    fn of(version: &Version) -> Option<Self> {
        if *version == Version::NEVER {
            return Some(Self::NoObject);
        }
        version.as_entity_tag().map(|tag| Self::Tag(tag.to_owned()))
    }

    /// Returns what a request must expect to replace what was just read.
    fn replacing(stored: Option<&Stored>) -> Self {
        stored.map_or(Self::NoObject, |stored| Self::Tag(stored.tag.clone()))
    }

    /// Tells whether a request with this guard may still land on what was read.
    fn still_fits(&self, stored: Option<&Stored>) -> bool {
        match (self, stored) {
            (Self::NoObject, None) => true,
            (Self::Tag(tag), Some(stored)) => *tag == stored.tag,
            _ => false,
        }
    }
}

impl<O: Objects + ?Sized> Writing<'_, O> {
    /// Writes a record, or a tombstone where `payload` is `None`.
    ///
    /// An unconditional put is sent once and never again after a lost answer: sent twice, it could
    /// undo what somebody wrote in between.
    pub(super) async fn run(
        &self,
        payload: Option<&[u8]>,
        condition: &Condition,
    ) -> Result<Outcome> {
        let nonce = rand::random::<u128>();
        let object = envelope::encode(nonce, payload);
        let expected = match condition {
            Condition::Any => Some(Expected::Anything),
            Condition::Absent => Some(Expected::NoObject),
            Condition::Matches(version) => Expected::of(version),
        };
        let Some(mut expected) = expected else {
            // A version that this kind of store never gave.
            return Ok(Outcome::Conflict);
        };
        let mut pauses = self.retries.start(self.patience.whole);
        // Set once an answer was lost: from then on a refusal may be the echo of our own write.
        let mut is_uncertain = false;
        loop {
            let patience = self.patience.attempt.min(pauses.left());
            let (guard, sent) = (expected.guard(), object.clone());
            let attempt = self
                .objects
                .put_once(self.operation, self.key, sent, guard, patience);
            match attempt.await {
                Attempt::Applied(tag) => return Ok(applied(&tag)),
                Attempt::Failed(error) if is_uncertain => {
                    return self.settle(nonce, &expected, error).await;
                }
                Attempt::Failed(error) => return Err(error),
                Attempt::NotSent(error) => {
                    if pauses.pause(&error).await {
                        continue;
                    }
                    if is_uncertain {
                        return self.settle(nonce, &expected, error).await;
                    }
                    return Err(error);
                }
                Attempt::Lost(error) => {
                    is_uncertain = true;
                    if let Some(outcome) = self.resolve(nonce, &expected).await? {
                        return Ok(outcome);
                    }
                    if !pauses.pause(&error).await {
                        return self.settle(nonce, &expected, error).await;
                    }
                }
                Attempt::Refused if is_uncertain => {
                    if let Some(outcome) = self.resolve(nonce, &expected).await? {
                        return Ok(outcome);
                    }
                    let contended = self.contended();
                    if !pauses.pause(&contended).await {
                        return self.settle(nonce, &expected, contended).await;
                    }
                }
                Attempt::Refused if *condition == Condition::Absent => {
                    let there = self.objects.read(self.operation, self.key).await?;
                    if there
                        .as_ref()
                        .is_some_and(|there| there.envelope.is_record())
                    {
                        return Ok(Outcome::Conflict);
                    }
                    // A tombstone where nothing was expected is no contention yet.
                    let was_replaced = expected != Expected::NoObject;
                    expected = Expected::replacing(there.as_ref());
                    let contended = self.contended();
                    if was_replaced && !pauses.pause(&contended).await {
                        return Err(contended);
                    }
                }
                Attempt::Refused => return Ok(Outcome::Conflict),
            }
        }
    }

    /// Looks at the key after a lost answer. `None`: the request may still be sent again.
    async fn resolve(&self, nonce: u128, expected: &Expected) -> Result<Option<Outcome>> {
        let there = self.objects.read(self.operation, self.key).await?;
        if let Some(there) = &there
            && there.envelope.nonce == nonce
        {
            return Ok(Some(applied(&there.tag)));
        }
        let is_pending = expected.still_fits(there.as_ref());
        Ok((!is_pending).then_some(Outcome::Unknown))
    }

    /// Looks a last time, when no further attempt is made. What is still pending is an error: it
    /// may yet be applied.
    async fn settle(
        &self,
        nonce: u128,
        expected: &Expected,
        error: StorageError,
    ) -> Result<Outcome> {
        self.resolve(nonce, expected).await?.ok_or(error)
    }

    fn contended(&self) -> StorageError {
        let reason = "other writers kept changing the absence of this key";
        StorageError::new(Kind::Unavailable, self.operation, self.key, reason)
    }
}

fn applied(tag: &str) -> Outcome {
    Outcome::Applied(Version::entity_tag(tag))
}

#[cfg(test)]
mod tests;
