//! The real code under a scheduler: several requests at once, stopped before each storage call, and
//! one chosen at random to go on; answers are lost, requests die, time passes.
//!
//! After every call: no tag and no referrer entry names a manifest that is not readable, every tag
//! has its reverse entry, every value that a tag ever lost is in its history, and a manifest that is
//! not there any more is retained. At the end: the answers, and what was readable after every call, fit some order of the requests (`linear`), and whatever died, pushes and deletes work.

use super::intercepted::{Answer, Call, Intercepted};
use super::*;
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

mod job;
mod promises;

use job::{Job, Said, draw_jobs, perform};

const TAG: &str = "latest";
const OTHER_TAG: &str = "other";
const SCHEDULES: u64 = 1000;

/// A small generator: the same seed makes the same schedule.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % limit as u64).unwrap()
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }
}

/// A call that waits for its turn.
struct Parked {
    actor: usize,
    call: Call,
    go: oneshot::Sender<Answer>,
}

type Queue = Arc<Mutex<Vec<Parked>>>;

struct Actor {
    job: Job,
    request: Option<BoxFuture<'static, Said>>,
    asked: usize,
    answered: Option<(usize, Said)>,
    /// How often a push began: each attempt but the last counts as a request of its own that may
    /// have been seen.
    attempts: usize,
    lost: usize,
}

/// What could be read at one moment.
struct Seen {
    at: usize,
    manifests: [bool; 2],
    tags: [Option<usize>; 2],
}

struct Simulation {
    fixture: Fixture,
    images: [Bytes; 2],
    queue: Queue,
    actors: Vec<Actor>,
    started_tagged: bool,
    started_with: [bool; 2],
    now: usize,
    trace: Vec<String>,
    values: BTreeMap<String, TagRecord>,
    seen: Vec<Seen>,
}

impl Simulation {
    async fn new(dice: &mut Dice) -> Self {
        let fixture = Fixture::new();
        let plain = prepare(&fixture.registry, &[b"config"]).await;
        let mut referrer = image(&[b"config"]);
        referrer["subject"] = descriptor(OCI_IMAGE_MANIFEST, &plain);
        let images = [plain, bytes_of(&referrer)];
        let started_tagged = dice.one_in(2);
        if started_tagged {
            put(&fixture.registry, by_tag(TAG), &images[0])
                .await
                .unwrap();
        }
        let hours = [0, 2, 13][dice.below(3)];
        fixture.clock.advance(Duration::from_hours(hours));
        Self {
            fixture,
            images,
            queue: Queue::default(),
            actors: Vec::new(),
            started_tagged,
            started_with: [started_tagged, false],
            now: 0,
            trace: Vec::new(),
            values: BTreeMap::new(),
            seen: Vec::new(),
        }
    }

    fn add(&mut self, job: Job) {
        let (queue, actor) = (self.queue.clone(), self.actors.len());
        let records = Intercepted::new(self.fixture.records.clone(), move |call| {
            let (go, turn) = oneshot::channel();
            let parked = Parked { actor, call, go };
            queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(parked);
            Box::pin(async move { turn.await.unwrap_or(Answer::Arrives) })
        });
        let registry = over(&self.fixture, Arc::new(records));
        let request = perform(registry, job, self.images.clone()).boxed();
        self.actors.push(Actor {
            job,
            request: Some(request),
            asked: usize::MAX,
            answered: None,
            attempts: usize::from(job == Job::PutDigest(0)),
            lost: 0,
        });
    }

    /// Lets a request run to its next storage calls.
    fn poll(&mut self, actor: usize) {
        let Some(request) = &mut self.actors[actor].request else {
            return;
        };
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(said) = request.as_mut().poll(&mut context) {
            self.now += 1;
            self.trace.push(format!("{actor} says {said:?}"));
            self.actors[actor].request = None;
            self.actors[actor].answered = Some((self.now, said));
        }
    }

    fn run(&mut self, dice: &mut Dice) {
        let (mut losses, mut deaths, mut waits) = (dice.below(3), dice.below(2), 3);
        loop {
            let idle: Vec<_> = (0..self.actors.len())
                .filter(|&actor| self.actors[actor].asked == usize::MAX)
                .collect();
            let waiting = self.queue.lock().unwrap().len();
            if idle.is_empty() && waiting == 0 {
                return;
            }
            if !idle.is_empty() && (waiting == 0 || dice.one_in(6)) {
                let actor = idle[dice.below(idle.len())];
                self.now += 1;
                self.actors[actor].asked = self.now;
                self.trace
                    .push(format!("{actor} asks {:?}", self.actors[actor].job));
                self.poll(actor);
                continue;
            }
            if waits > 0 && dice.one_in(60) {
                waits -= 1;
                // Together less than what a request may take to land.
                self.fixture.clock.advance(Duration::from_mins(4));
                self.trace.push("time passes".to_owned());
            }
            let turn = dice.below(waiting);
            let parked = self.queue.lock().unwrap().swap_remove(turn);
            let Parked { actor, call, go } = parked;
            if deaths > 0 && dice.one_in(40) {
                deaths -= 1;
                self.trace.push(format!("{actor} dies before {call:?}"));
                self.actors[actor].request = None;
                self.queue
                    .lock()
                    .unwrap()
                    .retain(|parked| parked.actor != actor);
                continue;
            }
            let is_write = call.operation == "put" || call.operation == "delete";
            let is_lost = losses > 0
                && is_write
                && dice.one_in(if call.key.contains("/_tag/") { 3 } else { 12 });
            losses -= usize::from(is_lost);
            self.actors[actor].lost += usize::from(is_lost);
            let begins_again = self.actors[actor].job.begins_again(&call, is_lost);
            self.actors[actor].attempts += usize::from(begins_again);
            let answer = if is_lost {
                Answer::IsLost
            } else {
                Answer::Arrives
            };
            self.trace.push(format!(
                "{actor} {} {} {answer:?}",
                call.operation, call.key
            ));
            let _ = go.send(answer);
            self.poll(actor);
            self.check();
        }
    }
}

async fn simulate(seed: u64) {
    let mut dice = Dice(seed);
    let mut simulation = Simulation::new(&mut dice).await;
    for job in draw_jobs(&mut dice) {
        simulation.add(job);
    }
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        simulation.check();
        simulation.run(&mut dice);
        simulation.judge();
    }));
    let trace = simulation.trace.join("\n");
    assert!(outcome.is_ok(), "seed {seed}:\n{trace}");
    simulation.heal().await;
}

#[tokio::test]
async fn no_schedule_breaks_a_promise() {
    for seed in 0..SCHEDULES {
        simulate(seed).await;
    }
}
