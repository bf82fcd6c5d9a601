//! The protocol against a store whose answers are lost, late or refused as a script says.

use super::*;
use envelope::decode;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

/// What happens to one put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    /// Executed, but the answer does not arrive.
    AnswerLost,
    /// Never executed, and the writer does not know.
    RequestLost,
    /// Executed when the next put arrives.
    Late,
    /// Turned away at the door.
    Throttled,
    /// Executed without its answer arriving, and then somebody else writes.
    ReplacedByAnother,
    /// Not executed, and then somebody else writes.
    LostToAnother,
    /// Refused for good.
    Forbidden,
}

type Request = (Bytes, Option<String>);

#[derive(Debug, Default)]
struct Store {
    object: Option<(String, Bytes)>,
    fates: VecDeque<Fate>,
    late: Vec<(Request, bool)>,
    seen: Vec<Bytes>,
    reads: usize,
    tags: u32,
}

impl Store {
    fn write(&mut self, bytes: Bytes) -> String {
        self.tags += 1;
        let tag = format!("tag-{}", self.tags);
        self.object = Some((tag.clone(), bytes));
        tag
    }

    /// Executes a put as a store does: atomically.
    fn execute(&mut self, (bytes, tag): Request, is_guarded: bool) -> Option<String> {
        let there = self.object.as_ref().map(|(tag, _)| tag.clone());
        (!is_guarded || there == tag).then(|| self.write(bytes))
    }

    fn other_writes(&mut self) {
        let bytes = envelope::encode(rand::random(), Some(b"another"));
        self.write(bytes);
    }
}

#[derive(Debug, Default)]
struct Scripted(Mutex<Store>);

fn trouble(text: &'static str) -> StorageError {
    StorageError::new(Kind::Unavailable, Operation::Put, "key", text)
}

#[async_trait]
impl Objects for Scripted {
    async fn read(&self, operation: Operation, key: &str) -> Result<Option<Stored>> {
        let mut store = self.0.lock().unwrap();
        store.reads += 1;
        let Some((tag, bytes)) = store.object.clone() else {
            return Ok(None);
        };
        let envelope = decode(operation, key, &bytes)?;
        Ok(Some(Stored {
            envelope,
            tag,
            modified: Timestamp::from_millis(0),
        }))
    }

    async fn put_once(
        &self,
        _operation: Operation,
        _key: &str,
        object: Bytes,
        guard: Guard<'_>,
        _patience: Duration,
    ) -> Attempt {
        tokio::task::yield_now().await;
        let (tag, is_guarded) = match guard {
            Guard::Nothing => (None, false),
            Guard::NoObject => (None, true),
            Guard::Tag(tag) => (Some(tag.to_owned()), true),
        };
        let mut store = self.0.lock().unwrap();
        for (request, is_guarded) in std::mem::take(&mut store.late) {
            store.execute(request, is_guarded);
        }
        store.seen.push(object.clone());
        let request = (object, tag);
        match store.fates.pop_front().unwrap_or(Fate::Answered) {
            Fate::Answered => match store.execute(request, is_guarded) {
                Some(tag) => Attempt::Applied(tag),
                None => Attempt::Refused,
            },
            Fate::AnswerLost => {
                store.execute(request, is_guarded);
                Attempt::Lost(trouble("answer lost"))
            }
            Fate::RequestLost => Attempt::Lost(trouble("request lost")),
            Fate::Late => {
                store.late.push((request, is_guarded));
                Attempt::Lost(trouble("no answer in time"))
            }
            Fate::Throttled => Attempt::NotSent(trouble("slow down")),
            Fate::ReplacedByAnother => {
                store.execute(request, is_guarded);
                store.other_writes();
                Attempt::Lost(trouble("answer lost"))
            }
            Fate::LostToAnother => {
                store.other_writes();
                Attempt::Lost(trouble("request lost"))
            }
            Fate::Forbidden => {
                Attempt::Failed(StorageError::new(Kind::Denied, Operation::Put, "key", "no"))
            }
        }
    }
}

const PATIENCE: Patience = Patience {
    attempt: Duration::from_secs(1),
    whole: Duration::from_mins(1),
};

async fn write(store: &Scripted, payload: Option<&[u8]>, condition: &Condition) -> Result<Outcome> {
    let retries = Retries::new(5, 1000);
    let writing = Writing {
        objects: store,
        operation: Operation::Put,
        key: "key",
        retries: &retries,
        patience: PATIENCE,
    };
    writing.run(payload, condition).await
}

fn scripted(fates: &[Fate]) -> Scripted {
    let store = Store {
        fates: fates.iter().copied().collect(),
        ..Store::default()
    };
    Scripted(Mutex::new(store))
}

/// Writes a record first, then puts over it with these fates.
async fn replace(fates: &[Fate]) -> (Result<Outcome>, Store) {
    let store = scripted(&[]);
    let first = write(&store, Some(b"first"), &Condition::Absent)
        .await
        .unwrap();
    let Outcome::Applied(version) = first else {
        panic!("{first:?}")
    };
    store.0.lock().unwrap().fates = fates.iter().copied().collect();
    store.0.lock().unwrap().seen.clear();
    let outcome = write(&store, Some(b"second"), &Condition::Matches(version)).await;
    (outcome, store.0.into_inner().unwrap())
}

fn holds(store: &Store) -> &[u8] {
    &store.object.as_ref().unwrap().1[17..]
}

#[tokio::test(start_paused = true)]
async fn a_put_whose_answer_was_lost_finds_itself_applied() {
    let (outcome, store) = replace(&[Fate::AnswerLost]).await;
    let tag = &store.object.as_ref().unwrap().0;
    assert_eq!(outcome.unwrap(), Outcome::Applied(Version::entity_tag(tag)));
    assert_eq!((store.seen.len(), store.reads), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_put_that_never_arrived_is_sent_again_unchanged() {
    let (outcome, store) = replace(&[Fate::RequestLost, Fate::RequestLost]).await;
    assert!(matches!(outcome.unwrap(), Outcome::Applied(_)));
    assert_eq!(store.seen.len(), 3);
    assert!(store.seen.iter().all(|sent| *sent == store.seen[0]));
}

#[tokio::test(start_paused = true)]
async fn a_put_that_lands_late_is_found_by_its_second_sending() {
    // The first lands just before the second arrives, which is then refused by the first's work.
    let (outcome, store) = replace(&[Fate::Late]).await;
    assert!(matches!(outcome.unwrap(), Outcome::Applied(_)));
    assert_eq!((store.seen.len(), store.tags), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_another_version_is_never_a_conflict() {
    for fate in [Fate::ReplacedByAnother, Fate::LostToAnother] {
        let (outcome, store) = replace(&[fate]).await;
        assert_eq!(outcome.unwrap(), Outcome::Unknown);
        assert_eq!(holds(&store), b"another");
        assert_eq!(store.seen.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_on_the_first_try_is_a_conflict_and_costs_no_read() {
    let store = scripted(&[]);
    let stale = Condition::Matches(Version::entity_tag("stale"));
    assert_eq!(
        write(&store, Some(b"x"), &stale).await.unwrap(),
        Outcome::Conflict
    );
    assert_eq!(store.0.lock().unwrap().reads, 0);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_put_may_still_be_refused_for_good() {
    let store = scripted(&[Fate::Throttled]);
    let stale = Condition::Matches(Version::entity_tag("stale"));
    assert_eq!(
        write(&store, Some(b"x"), &stale).await.unwrap(),
        Outcome::Conflict
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_an_error() {
    let (outcome, store) = replace(&[Fate::RequestLost; 9]).await;
    assert_eq!(outcome.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(store.seen.len(), 5);
    let (outcome, _) = replace(&[Fate::Throttled; 9]).await;
    assert_eq!(outcome.unwrap_err().kind(), Kind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_put_that_was_forbidden_after_a_lost_answer_may_have_been_applied() {
    let (outcome, _) = replace(&[Fate::Forbidden]).await;
    assert_eq!(outcome.unwrap_err().kind(), Kind::Denied);
    let (outcome, _) = replace(&[Fate::Late, Fate::Forbidden]).await;
    assert!(matches!(outcome.unwrap(), Outcome::Applied(_)));
}

#[tokio::test(start_paused = true)]
async fn an_absent_put_replaces_the_tombstone_that_it_reads() {
    let store = scripted(&[]);
    let deleted = write(&store, None, &Condition::Any).await.unwrap();
    let put = write(&store, Some(b"x"), &Condition::Absent).await.unwrap();
    assert_ne!(deleted, put);
    assert!(matches!(put, Outcome::Applied(_)));
    assert_eq!(
        write(&store, Some(b"y"), &Condition::Absent).await.unwrap(),
        Outcome::Conflict
    );
    assert_eq!(holds(&store.0.into_inner().unwrap()), b"x");
}

#[tokio::test(start_paused = true)]
async fn an_unconditional_put_is_never_sent_again_after_a_lost_answer() {
    let cases = [
        (Fate::AnswerLost, true),
        (Fate::RequestLost, false),
        (Fate::ReplacedByAnother, false),
    ];
    for (fate, is_applied) in cases {
        let store = scripted(&[fate]);
        let outcome = write(&store, Some(b"x"), &Condition::Any).await.unwrap();
        assert_eq!(
            matches!(outcome, Outcome::Applied(_)),
            is_applied,
            "{fate:?}"
        );
        assert_eq!(is_applied, outcome != Outcome::Unknown, "{fate:?}");
        assert_eq!(store.0.lock().unwrap().seen.len(), 1);
    }
    let store = scripted(&[Fate::Throttled]);
    let outcome = write(&store, Some(b"x"), &Condition::Any).await.unwrap();
    assert!(matches!(outcome, Outcome::Applied(_)));
}

#[tokio::test(start_paused = true)]
async fn a_version_of_another_kind_of_store_matches_nothing() {
    let store = scripted(&[]);
    let foreign = Condition::Matches(Version::nonce(7));
    assert_eq!(
        write(&store, Some(b"x"), &foreign).await.unwrap(),
        Outcome::Conflict
    );
}

/// Adds one to the counter until it was done or may have been done.
async fn add_one(store: &Scripted) -> bool {
    loop {
        let read = store.read(Operation::Get, "key").await.unwrap();
        let (count, condition) = match &read {
            Some(read) => {
                let payload = read.envelope.payload.as_ref();
                let count =
                    payload.map_or(0, |bytes| u32::from_be_bytes(bytes[..].try_into().unwrap()));
                (count, Condition::Matches(Version::entity_tag(&read.tag)))
            }
            None => (0, Condition::Absent),
        };
        match write(store, Some(&(count + 1).to_be_bytes()), &condition).await {
            Ok(Outcome::Applied(_)) => return true,
            Ok(Outcome::Conflict) => {}
            Ok(Outcome::Unknown) | Err(_) => return false,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn racing_counters_lose_nothing_whatever_is_lost_on_the_way() {
    const FATES: [Fate; 8] = [
        Fate::Answered,
        Fate::Answered,
        Fate::Answered,
        Fate::AnswerLost,
        Fate::RequestLost,
        Fate::Late,
        Fate::Throttled,
        Fate::Answered,
    ];
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let fates: Vec<Fate> = (0..200).map(|_| *random.choice(&FATES).unwrap()).collect();
        let store = Arc::new(scripted(&fates));
        let mut tasks = JoinSet::new();
        for _ in 0..6 {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                let mut done = Vec::new();
                for _ in 0..5 {
                    done.push(add_one(&store).await);
                }
                done
            });
        }
        let done = tasks.join_all().await.concat();
        let certain = done.iter().filter(|is_certain| **is_certain).count();
        let store = store.0.lock().unwrap();
        let count = u32::from_be_bytes(holds(&store).try_into().unwrap()) as usize;
        assert!(
            (certain..=done.len()).contains(&count),
            "seed {seed}: {certain}, {count}"
        );
    }
}
