//! One history: phases of clients and collectors at once, with time between them, and an end.

use crate::clients::{Client, Job, World};
use crate::content::{Content, REPOSITORIES, TAGS, repository, tag};
use crate::dice::{Dice, SeededIds};
use crate::invariants::Store;
use crate::promises::{Must, Promises, every_manifest, every_tag};
use crate::scheduler::{Rates, Scheduler, Step};
use crate::stores::{TurnData, TurnRecords};
use roadstead_registry::record::{LinkRecord, LinkState, ManifestRecord, ManifestState, TagRecord};
use roadstead_registry::{
    Background, CollectorOptions, Progress, RandomIds, Registry, Settings, layout,
};
use roadstead_storage::{Clock, ManualClock, Timestamp};
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

const HOUR: Duration = Duration::from_hours(1);
/// Calls after which a history counts as one that comes to no end.
const MOST_CALLS: u64 = 200_000;

/// What a history was made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// Calls to storage that had their turn.
    pub calls: u64,
    /// Of these, calls that failed or whose answer was lost.
    pub faults: u64,
    /// Deaths of replicas.
    pub crashes: u64,
    /// Requests that landed after their sender had died.
    pub late: u64,
    /// Records that were condemned.
    pub condemned: u64,
    /// Records that were removed.
    pub removed: u64,
}

/// A promise that was broken.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed, which replays it.
    pub seed: u64,
    /// What was broken.
    pub reason: String,
    /// Everything that happened.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "seed {}: {}", self.seed, self.reason)
    }
}

/// Plays the history of a seed.
///
/// # Errors
/// `Failure` when a promise is broken.
///
/// # Panics
/// When no runtime can be made.
pub fn simulate(seed: u64) -> Result<Summary, Box<Failure>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread can be made");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut history = History::new(seed);
        match history.play().await {
            Ok(()) => Ok(history.summary()),
            Err(reason) => Err(Box::new(Failure {
                seed,
                reason,
                trace: history.scheduler.trace,
            })),
        }
    })
}

struct History {
    dice: Dice,
    scheduler: Scheduler,
    world: World,
    settings: Settings,
    /// The lives of the replicas.
    lives: Vec<u64>,
    /// Replicas of lives that ended, for their counts.
    ended: Vec<Registry>,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let start = Timestamp::from_millis(1_700_000_000_000);
        // Half of the histories, and neither of those that once broke a promise without it.
        let writes_together = matches!(seed % 4, 0 | 3);
        let clock = Arc::new(ManualClock::new(start));
        let scheduler = Scheduler::new(clock, writes_together);
        let clock = Arc::clone(&scheduler.clock);
        let mut settings = Settings {
            session_idle: 24 * HOUR,
            verify_reads: None,
            deleted_retention: dice.pick(&[None, Some(48 * HOUR)]),
            ..Settings::default()
        };
        settings.collector.untagged = dice.pick(&[None, None, Some(36 * HOUR)]);
        settings.grace = dice.pick(&[HOUR / 60, 24 * HOUR]);
        let mut history = Self {
            world: World {
                content: Arc::new(Content::new()),
                promises: Arc::new(Mutex::new(Promises::default())),
                replicas: Arc::default(),
                clock,
            },
            scheduler,
            settings,
            lives: Vec::new(),
            ended: Vec::new(),
            dice,
        };
        for _ in 0..2 {
            let (life, registry) = history.new_replica();
            history.lives.push(life);
            history.replicas().push(registry);
        }
        history
    }

    fn replicas(&self) -> std::sync::MutexGuard<'_, Vec<Registry>> {
        let replicas = self.world.replicas.lock();
        replicas.unwrap_or_else(PoisonError::into_inner)
    }

    fn new_replica(&mut self) -> (u64, Registry) {
        let (life, turns) = self.scheduler.new_life();
        let records = TurnRecords {
            inner: self.scheduler.records.clone(),
            turns: turns.clone(),
        };
        let data = TurnData {
            inner: self.scheduler.data.clone(),
            turns,
        };
        let registry = Registry::new(
            Arc::new(records),
            Arc::new(data),
            self.settings.clone(),
            Arc::<ManualClock>::clone(&self.scheduler.clock),
            Arc::new(SeededIds::new(self.dice.split())),
            Background::new(tokio::runtime::Handle::current()),
        );
        (life, registry)
    }

    async fn play(&mut self) -> Result<(), String> {
        let rates = Rates {
            faults: self.dice.pick(&[0, 0, 60, 20]),
            crashes: self.dice.pick(&[0, 0, 300, 100]),
            waits: self.dice.pick(&[0, 80, 30]),
        };
        for _ in 0..3 + self.dice.below(3) {
            self.phase(rates).await?;
            let hours = self.dice.pick(&[0, 1, 2, 2, 13, 26, 26, 50]);
            let pause = HOUR * hours + Duration::from_mins(20);
            self.scheduler.clock.advance(pause);
            self.scheduler.trace.push(format!("{pause:?} pass"));
        }
        self.end().await
    }

    /// Lets some jobs meet, until all of them are over.
    async fn phase(&mut self, rates: Rates) -> Result<(), String> {
        let mut jobs = Vec::new();
        // Half of the phases are about one image and one tag, so that requests meet.
        let images = self.world.content.images.len();
        let focus = self.dice.one_in(2).then(|| self.dice.below(images));
        for _ in 0..=self.dice.below(4) {
            jobs.push(self.draw_job(focus));
        }
        for _ in 0..self.dice.below(3) {
            jobs.push(Job::Collect);
        }
        if self.dice.one_in(3) {
            jobs.push(Job::Sweep);
        }
        self.scheduler.trace.push(format!("asked: {jobs:?}"));
        let clients: Vec<JoinHandle<()>> = jobs.into_iter().map(|job| self.start(job)).collect();
        let mut dice = self.dice.split();
        loop {
            match self.scheduler.step(&mut dice, rates).await {
                Step::Call { writes } => {
                    if writes {
                        self.check().await?;
                    }
                }
                Step::Crash(life) => self.revive(life),
                Step::Idle if clients.iter().all(JoinHandle::is_finished) => break,
                // Somebody sleeps: the paused clock of the runtime goes on by itself.
                Step::Idle => tokio::time::sleep(Duration::from_millis(10)).await,
            }
            if self.scheduler.calls > MOST_CALLS {
                return Err("it comes to no end".to_owned());
            }
        }
        for client in clients {
            if let Err(error) = client.await {
                return Err(format!("a request panicked: {error}"));
            }
        }
        self.world.promises().settle();
        self.judge().await
    }

    fn start(&mut self, job: Job) -> JoinHandle<()> {
        let client = Client {
            world: self.world.clone(),
            dice: self.dice.split(),
        };
        let activity = self.scheduler.activity();
        // On this thread: the writer of an upload is nothing that threads may share.
        tokio::task::spawn_local(async move {
            client.perform(job).await;
            activity.fetch_add(1, Ordering::SeqCst);
        })
    }

    /// Starts a replica in place of one that died. It remembers nothing.
    fn revive(&mut self, life: u64) {
        let Some(at) = self.lives.iter().position(|&own| own == life) else {
            return;
        };
        let (life, registry) = self.new_replica();
        self.lives[at] = life;
        let dead = std::mem::replace(&mut self.replicas()[at], registry);
        self.ended.push(dead);
    }

    fn draw_job(&mut self, focus: Option<usize>) -> Job {
        let content = Arc::clone(&self.world.content);
        let dice = &mut self.dice;
        let is_focused = focus.is_some();
        let repository = if is_focused {
            0
        } else {
            dice.pick(&[0, 0, 0, 1])
        };
        let any = dice.below(content.images.len());
        // Another image now and then: it takes the tag away.
        let image = focus.filter(|_| !dice.one_in(4)).unwrap_or(any);
        let blob = match content.images[image].blobs[..] {
            [] => dice.below(content.blobs.len()),
            ref blobs => dice.pick(blobs),
        };
        let tag = if is_focused {
            0
        } else {
            dice.pick(&[0, 0, 0, 1])
        };
        match dice.below(20) {
            0..=6 => Job::Push {
                repository,
                image,
                tag: if dice.one_in(4) { None } else { Some(tag) },
            },
            7..=8 => Job::PushBlob { repository, blob },
            9..=10 => Job::Mount {
                from: repository,
                to: (repository + 1) % REPOSITORIES.len(),
                blob,
            },
            11..=12 => Job::Pull { repository, tag },
            13..=15 => Job::DeleteManifest { repository, image },
            16 => Job::DeleteTag { repository, tag },
            17 => Job::DeleteBlob { repository, blob },
            18 => Job::Restore {
                repository,
                image,
                tag,
            },
            _ => Job::Collect,
        }
    }

    fn store(&self) -> Store<'_> {
        Store {
            records: &self.scheduler.records,
            data: &self.scheduler.data,
        }
    }

    async fn check(&self) -> Result<(), String> {
        let promises = self.world.promises().clone();
        if let Some(broken) = promises.broken.first() {
            return Err(broken.clone());
        }
        self.store().check(&self.world.content, &promises).await
    }

    /// Compares the store with what was answered, when nothing is under way.
    async fn judge(&self) -> Result<(), String> {
        self.check().await?;
        let promises = self.world.promises().clone();
        let store = self.store();
        let content = &self.world.content;
        for (at, tag_at) in every_tag() {
            let Some(must) = promises.tag(at, tag_at, content) else {
                continue;
            };
            let key = layout::tag(&repository(at), &tag(tag_at));
            let value = store.read::<TagRecord>(&key).await;
            let digest = value.map(|value| value.digest);
            let expected = match must {
                Must::Be(image) => Some(content.images[image].digest.clone()),
                Must::BeAbsent => None,
            };
            if digest != expected {
                let (name, tag) = (repository(at), TAGS[tag_at]);
                return Err(format!("tag {name}:{tag} is {digest:?}, not {expected:?}"));
            }
        }
        for (at, image) in every_manifest(content) {
            let Some(must) = promises.manifest(at, image) else {
                continue;
            };
            let key = layout::manifest(&repository(at), &content.images[image].digest);
            let manifest = store.read::<ManifestRecord>(&key).await;
            let is_there = manifest.is_some_and(|manifest| manifest.state != ManifestState::Dead);
            let may_be_collected = self.settings.collector.untagged.is_some();
            if is_there != must && !(must && may_be_collected) {
                return Err(format!("{key} is there: {is_there}, must be: {must}"));
            }
        }
        // Told of, and used soon after, a blob is there: the client skipped its upload.
        let kept = self.settings.grace / 2 + self.settings.condemned;
        let kept = kept.saturating_sub(Duration::from_mins(45));
        let now = self.scheduler.clock.monotonic();
        for (at, blob) in promises.recent_blobs(now, kept) {
            let digest = &content.blobs[blob].0;
            let key = layout::link(&repository(at), digest);
            let link = store.read::<LinkRecord>(&key).await;
            let is_there = link
                .is_some_and(|link| matches!(link.state, LinkState::Live | LinkState::Condemned));
            if !is_there && !promises.deleted_blobs.contains(&(at, blob)) {
                return Err(format!("{key} is gone, which a client was told of"));
            }
        }
        Ok(())
    }

    /// Lets everybody rest and the collector work, then looks at what is left.
    async fn end(&mut self) -> Result<(), String> {
        let registry = Registry::new(
            Arc::new(self.scheduler.records.clone()),
            Arc::new(self.scheduler.data.clone()),
            self.settings.clone(),
            Arc::<ManualClock>::clone(&self.scheduler.clock),
            Arc::new(RandomIds),
            Background::new(tokio::runtime::Handle::current()),
        );
        let options = CollectorOptions {
            dry_run: false,
            unpaced: true,
        };
        // Untagged manifests wait, are retained once they are deleted, and their children after them.
        for round in 0..40 {
            self.scheduler.clock.advance(26 * HOUR);
            let swept = registry.sweep_uploads().await;
            swept.map_err(|error| format!("sweeper: {error}"))?;
            let collected = registry.collect(options, &Progress::default()).await;
            let report = collected.map_err(|error| format!("collector: {error}"))?;
            if !report.skipped.is_empty() {
                return Err(format!("the collector left alone {:?}", report.skipped));
            }
            let levels = [
                report.level_manifests,
                report.level_links,
                report.level_blobs,
            ];
            let waits = levels.iter().any(|level| level.waiting > 0);
            let retained = self.store().keys("repo/").await;
            let is_retained = retained.iter().any(|key| key.contains("/_removed/"));
            if round > 4 && report.is_idle() && !waits && !is_retained {
                break;
            }
        }
        self.ended.push(registry);
        self.judge().await?;
        let content = Arc::clone(&self.world.content);
        let promises = self.world.promises().clone();
        self.store()
            .check_nothing_is_left(&content, &promises)
            .await
    }

    fn summary(&self) -> Summary {
        let replicas = self.replicas();
        let totals = self.ended.iter().chain(replicas.iter());
        let totals: Vec<_> = totals.map(Registry::collector_totals).collect();
        Summary {
            calls: self.scheduler.calls,
            faults: self.scheduler.faults,
            crashes: self.scheduler.crashes,
            late: self.scheduler.late,
            condemned: totals.iter().map(|totals| totals.condemned).sum(),
            removed: totals.iter().map(|totals| totals.removed).sum(),
        }
    }
}
