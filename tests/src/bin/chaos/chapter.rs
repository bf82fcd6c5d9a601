//! Some rounds over one bucket: a fresh store, three replicas and a model, from the first push until
//! the collector has taken everything that nothing names.

use crate::Arguments;
use crate::faults;
use crate::replicas::{BUCKET, PACE, PREFIX, REPLICAS, Replicas, SURE_FOR};
use crate::report::Report;
use anyhow::{Context, bail};
use roadstead_tests::campaign::collecting::Collecting;
use roadstead_tests::campaign::load::Client;
use roadstead_tests::campaign::say;
use roadstead_tests::campaign::shared::{Failures, Shared};
use roadstead_tests::campaign::verify::{Depth, verify};
use roadstead_tests::campaign::world::World;
use roadstead_tests::s3_fake::{FakeOptions, S3Fake};
use roadstead_tests::stored::{Inventory, Stored};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Repositories that all clients work in.
const REPOSITORIES: usize = 4;
/// Faults after which a round ends.
const FAULTS_A_ROUND: u64 = 250;
/// A round that meets fewer ends all the same.
const LONGEST_ROUND: Duration = Duration::from_secs(20);
/// Longer than any upload session lives, and than the sweeper waits for what has none.
const NINE_DAYS: Duration = Duration::from_hours(9 * 24);
/// The length of the object with which a server tries out its store at its start.
pub(crate) const TRIED_BYTES: u64 = 100_000;
/// Longer than a tombstone is kept.
const TWO_HOURS: Duration = Duration::from_hours(2);
/// How fast the store's clock runs when no client works: 903 s are 4 s, and what a collector announced it
/// does within 2 s.
const LAST_PACE: u32 = 240;
/// After so many looks at the end of which none found less than the best before it, the collector has
/// had its time.
const LAST_LOOKS: usize = 10;
/// Between two looks at what is left.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// How long requests may be on their way.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often something is looked at that nobody announces.
const GLANCE: Duration = Duration::from_millis(50);

/// Replicas over one store, and what is known of it.
pub(crate) struct Chapter {
    fake: S3Fake,
    replicas: Replicas,
    shared: Arc<Shared>,
    random: fastrand::Rng,
    clients: usize,
    is_sabotaged: bool,
}

impl Chapter {
    /// Begins with an empty bucket. Nothing runs yet.
    pub(crate) async fn open(
        arguments: &Arguments,
        binary: &Path,
        folder: &Path,
        random: fastrand::Rng,
    ) -> anyhow::Result<Self> {
        let fake = S3Fake::start(FakeOptions {
            buckets: vec![BUCKET.to_owned()],
            ..FakeOptions::default()
        });
        let fake = fake.await.context("cannot listen for S3 requests")?;
        fake.clock().run(PACE);
        let mut world = World::new("chaos", REPOSITORIES, REPLICAS);
        world.collect(Collecting::new(SURE_FOR));
        Ok(Self {
            replicas: Replicas::new(binary, folder, &fake)?,
            fake,
            shared: Arc::new(Shared::new(world, Failures::AreUnknown)),
            random,
            clients: arguments.clients,
            is_sabotaged: arguments.sabotage,
        })
    }

    /// Runs rounds until so much has gone wrong, or up to the first one that finds something.
    pub(crate) async fn run(&mut self, faults: u64, report: &mut Report) -> anyhow::Result<()> {
        self.replicas.start_all(&self.fake).await?;
        let before = report.kills;
        let harmed =
            |chapter: &Self, report: &Report| chapter.fake.faults().done() + report.kills - before;
        while harmed(self, report) < faults {
            self.shared.world().round += 1;
            let left = faults - harmed(self, report);
            self.work_and_fail(left.min(FAULTS_A_ROUND), report).await?;
            self.check_inventory(report).await?;
            self.replicas.start_all(&self.fake).await?;
            self.compare(Depth::Round, report).await?;
            if !self.shared.world().findings.is_empty() {
                return Ok(());
            }
        }
        self.let_the_collector_finish(report).await?;
        self.check_what_is_left(report).await
    }

    /// Adds what was found, and what the store did, to the figures.
    pub(crate) fn close(self, report: &mut Report) {
        let mut world = self.shared.world();
        let findings = std::mem::take(&mut world.findings);
        let harmed = self.fake.faults().done_by_name();
        report.end_chapter(findings, &world, harmed, self.replicas.harmed_starts);
    }

    /// One round: everybody works until enough has gone wrong, then nothing runs any more.
    async fn work_and_fail(&mut self, harmed: u64, report: &mut Report) -> anyhow::Result<()> {
        self.shared.set_over(false);
        let drawn = faults::draw(&mut self.random);
        let seed = self.random.u64(..);
        let faults = self.fake.faults();
        faults.at_random_but(seed, drawn, faults::spares);
        if self.is_sabotaged {
            faults::sabotage(&self.fake, &mut self.random);
        }
        let mut clients = JoinSet::new();
        for number in 0..self.clients {
            let shared = Arc::clone(&self.shared);
            let servers = self.replicas.servers();
            let client = Client::new(number, shared, servers, self.random.fork());
            clients.spawn(client.run());
        }
        let target = self.fake.faults().done() + harmed;
        let (fake, shared) = (&self.fake, &self.shared);
        let timer = end_round_when_due(shared, fake, target);
        let killer = faults::kill_until_over(shared, &mut self.replicas, fake, &mut self.random);
        let (kills, ()) = tokio::join!(killer, timer);
        report.kills += kills?;
        // Half of the rounds end in the middle of everything.
        if self.random.bool() {
            report.kills += self.kill_all().await?;
        }
        self.fake.faults().clear();
        while let Some(client) = clients.join_next().await {
            client.context("a client failed")?;
        }
        self.kill_all().await?;
        let fake = &self.fake;
        wait_until("late requests landed", || fake.faults().under_way() == 0).await
    }

    /// Kills every replica; returns how many ran.
    async fn kill_all(&mut self) -> anyhow::Result<u64> {
        let mut kills = 0;
        for number in 0..REPLICAS {
            kills += u64::from(self.replicas.kill(number).await?);
        }
        Ok(kills)
    }

    /// Looks below the replicas while nobody works: every data object has an owner.
    async fn check_inventory(&self, report: &mut Report) -> anyhow::Result<()> {
        let stored = Stored::open(&self.fake, BUCKET, PREFIX).await?;
        let inventory = stored.inventory().await?;
        report.objects += inventory.objects.len() as u64;
        let orphans = inventory.orphans();
        // A server that is killed, or meets a fault, while it tries out its store at its start
        // leaves the object that it tried with.
        let tried: Vec<_> = orphans
            .iter()
            .filter(|(_, length)| **length == TRIED_BYTES)
            .collect();
        let mut world = self.shared.world();
        if tried.len() as u64 > self.replicas.harmed_starts {
            world.findings.push(format!("starts left {tried:?}"));
        }
        let orphans = orphans.iter().filter(|(_, length)| **length != TRIED_BYTES);
        let orphans = orphans.map(|(key, length)| {
            format!("data object {key} of {length} bytes: neither a record nor a session names it")
        });
        world.findings.extend(orphans);
        world.findings.extend(inventory.missing());
        Ok(())
    }

    /// Compares what the replicas show with the model, and reads their logs.
    async fn compare(&mut self, depth: Depth, report: &mut Report) -> anyhow::Result<()> {
        let servers = self.replicas.servers();
        let checked = verify(&self.shared, servers, depth, &mut self.random).await;
        let checked = checked.context("the replicas failed while they were looked at")?;
        let complaints = self.replicas.new_complaints()?;
        let mut world = self.shared.world();
        world.findings.extend(complaints);
        report.end_round(&world, self.fake.faults().done(), checked);
        Ok(())
    }

    /// Lets all uploads grow old and the collector take what nothing names, until what is stored is
    /// what clients see.
    async fn let_the_collector_finish(&mut self, report: &mut Report) -> anyhow::Result<()> {
        self.kill_all().await?;
        self.fake.clock().advance(NINE_DAYS);
        self.fake.clock().run(LAST_PACE);
        // Uploads that the last look left open are gone now, as they should be.
        self.shared.world().forget_sessions();
        self.shared.world().let_time_pass();
        self.replicas.start_all(&self.fake).await?;
        let (mut fewest, mut looks) = (usize::MAX, 0);
        loop {
            tokio::time::sleep(BETWEEN_LOOKS).await;
            self.compare(Depth::Round, report).await?;
            let differences = self.differences().await?;
            if differences.is_empty() || !self.shared.world().findings.is_empty() {
                return Ok(());
            }
            say(&format!(
                "chaos: {} differences are left, such as {}",
                differences.len(),
                differences.first().map_or("none", String::as_str)
            ));
            looks = if differences.len() < fewest {
                0
            } else {
                looks + 1
            };
            fewest = fewest.min(differences.len());
            if looks == LAST_LOOKS {
                self.shared.world().findings.extend(differences);
                return Ok(());
            }
        }
    }

    /// Compares everything once more, byte by byte, with clients and below the replicas.
    async fn check_what_is_left(&mut self, report: &mut Report) -> anyhow::Result<()> {
        if !self.shared.world().findings.is_empty() {
            return Ok(());
        }
        self.compare(Depth::Settled, report).await?;
        self.kill_all().await?;
        // What was deleted leaves something behind for an hour.
        self.fake.clock().advance(TWO_HOURS);
        let stored = Stored::open(&self.fake, BUCKET, PREFIX).await?;
        stored.sweep_tombstones().await?;
        let inventory = self.inventory().await?;
        let mut world = self.shared.world();
        let differences = inventory.differences(&world.named())?;
        world.findings.extend(differences);
        if inventory.raw_records != inventory.records {
            let (raw, records) = (inventory.raw_records, inventory.records);
            let finding = format!("left over: {raw} objects for {records} records");
            world.findings.push(finding);
        }
        if world.findings.is_empty() {
            report.nothing_is_left(&inventory);
        }
        Ok(())
    }

    async fn differences(&self) -> anyhow::Result<Vec<String>> {
        let inventory = self.inventory().await?;
        inventory.differences(&self.shared.world().named())
    }

    /// Returns what is stored, without the objects with which servers tried out their store when they
    /// were killed.
    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let stored = Stored::open(&self.fake, BUCKET, PREFIX).await?;
        let mut inventory = stored.inventory().await?;
        inventory.objects.retain(|_, length| *length != TRIED_BYTES);
        Ok(inventory)
    }
}

/// Says that the round is over once enough has gone wrong, or it takes too long.
async fn end_round_when_due(shared: &Shared, fake: &S3Fake, target: u64) {
    let end = Instant::now() + LONGEST_ROUND;
    while fake.faults().done() < target && Instant::now() < end {
        tokio::time::sleep(GLANCE).await;
    }
    shared.set_over(true);
}

async fn wait_until(what: &str, is_so: impl Fn() -> bool) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() > end {
            bail!("waited in vain until {what}");
        }
        tokio::time::sleep(GLANCE).await;
    }
    Ok(())
}
