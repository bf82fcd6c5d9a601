//! Three replicas over a store that fails, clients that go on all the same, and a model of what
//! they were told.
//!
//! In a round clients push, pull, move, delete and mount at whichever replica is next, while the
//! store loses answers, refuses, dawdles, cuts bodies and executes what nobody waits for any more,
//! and replicas are killed and started again. Then everything is killed, the faults end, new
//! replicas start, and all that is there is compared with the model; every data object must have an
//! owner. At the end nine days pass, and nothing of any upload may be left. The seed decides what
//! clients and faults are drawn; how they meet is different each time.

mod faults;
mod replicas;
mod report;

use crate::replicas::{BUCKET, PREFIX, REPLICAS, Replicas};
use crate::report::Report;
use anyhow::{Context, bail};
use clap::Parser;
use roadstead_tests::campaign::load::Client;
use roadstead_tests::campaign::say;
use roadstead_tests::campaign::shared::{Failures, Shared};
use roadstead_tests::campaign::verify::{Depth, verify};
use roadstead_tests::campaign::world::World;
use roadstead_tests::s3_fake::{FakeOptions, S3Fake};
use roadstead_tests::stored::Stored;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Repositories that all clients work in.
const REPOSITORIES: usize = 4;
/// Faults after which a round ends.
const FAULTS_A_ROUND: u64 = 250;
/// A round that meets fewer ends all the same.
const LONGEST_ROUND: Duration = Duration::from_secs(20);
/// After so many rounds every byte is read.
const ROUNDS_TO_WHOLE_READ: usize = 10;
/// Longer than any upload session lives, and than the sweeper waits for what has none.
const NINE_DAYS: Duration = Duration::from_hours(9 * 24);
/// The length of the object with which a server tries out its store at its start.
const TRIED_BYTES: u64 = 100_000;
/// How long a sweep may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often something is looked at that nobody announces.
const GLANCE: Duration = Duration::from_millis(50);

/// Lets a store fail under three replicas and looks for what is lost.
#[derive(Debug, Parser)]
struct Arguments {
    /// How much goes wrong at least: requests that the store harms, and kills.
    #[arg(long, default_value_t = 500)]
    faults: u64,
    /// Decides what clients and faults are drawn; one is drawn and told if it is left out.
    #[arg(long)]
    seed: Option<u64>,
    /// Where logs are kept; by default in the system's temporary folder, from where they are
    /// removed when nothing is wrong.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The server's binary; by default `roadstead` beside this program.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Clients at once.
    #[arg(long, default_value_t = 12)]
    clients: usize,
    /// Lets the store forget a put that it answered as done, once a round. This must be found.
    #[arg(long)]
    sabotage: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut campaign = Campaign::new(&arguments).await?;
    let result = campaign.run().await;
    let findings = std::mem::take(&mut campaign.shared.world().findings);
    let harmed_starts = campaign.replicas.harmed_starts;
    let fake = &campaign.fake;
    let report = &campaign.report;
    let is_good = report.conclude(&result, &findings, fake, harmed_starts);
    if is_good && arguments.data.is_none() {
        std::fs::remove_dir_all(&campaign.folder).context("failed to remove the logs")?;
    }
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Campaign {
    folder: PathBuf,
    fake: S3Fake,
    replicas: Replicas,
    shared: Arc<Shared>,
    random: fastrand::Rng,
    clients: usize,
    wanted: u64,
    is_sabotaged: bool,
    report: Report,
}

impl Campaign {
    async fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
        let folder = match &arguments.data {
            Some(folder) => folder.clone(),
            None => std::env::temp_dir().join(format!("roadstead-chaos-{:x}", fastrand::u64(..))),
        };
        std::fs::create_dir_all(&folder).context("failed to make the folder of the logs")?;
        let binary = match &arguments.server {
            Some(binary) => binary.clone(),
            None => std::env::current_exe()?.with_file_name("roadstead"),
        };
        let fake = S3Fake::start(FakeOptions {
            buckets: vec![BUCKET.to_owned()],
            ..FakeOptions::default()
        });
        let fake = fake.await.context("cannot listen for S3 requests")?;
        let world = World::new("chaos", REPOSITORIES, REPLICAS);
        Ok(Self {
            replicas: Replicas::new(binary, &folder, &fake)?,
            fake,
            shared: Arc::new(Shared::new(world, Failures::AreUnknown)),
            random: fastrand::Rng::with_seed(seed),
            clients: arguments.clients,
            wanted: arguments.faults,
            is_sabotaged: arguments.sabotage,
            report: Report::new(seed, arguments.faults, folder.clone()),
            folder,
        })
    }

    /// Runs rounds until enough has gone wrong, or up to the first one that finds something.
    async fn run(&mut self) -> anyhow::Result<()> {
        self.replicas.start_all(&self.fake).await?;
        let mut round = 0;
        while self.report.faults(&self.fake) < self.wanted {
            round += 1;
            self.shared.world().round = round;
            self.work_and_fail().await?;
            self.check_inventory().await?;
            self.replicas.start_all(&self.fake).await?;
            let is_whole = round % ROUNDS_TO_WHOLE_READ == 0;
            let depth = if is_whole { Depth::Whole } else { Depth::Round };
            self.compare(depth).await?;
            if !self.shared.world().findings.is_empty() {
                return Ok(());
            }
        }
        self.let_nine_days_pass().await?;
        self.compare(Depth::Whole).await
    }

    /// One round: everybody works until enough has gone wrong, then nothing runs any more.
    async fn work_and_fail(&mut self) -> anyhow::Result<()> {
        self.shared.set_over(false);
        let faults = faults::draw(&mut self.random);
        self.fake.faults().at_random(self.random.u64(..), faults);
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
        let target = self.fake.faults().done() + FAULTS_A_ROUND.min(self.wanted);
        let (fake, shared) = (&self.fake, &self.shared);
        let timer = end_round_when_due(shared, fake, target);
        let killer = faults::kill_until_over(shared, &mut self.replicas, fake, &mut self.random);
        let (kills, ()) = tokio::join!(killer, timer);
        self.report.kills += kills?;
        // Half of the rounds end in the middle of everything.
        if self.random.bool() {
            self.kill_all().await?;
        }
        self.fake.faults().clear();
        while let Some(client) = clients.join_next().await {
            client.context("a client failed")?;
        }
        self.kill_all().await?;
        let fake = &self.fake;
        wait_until("late requests landed", || fake.faults().under_way() == 0).await
    }

    async fn kill_all(&mut self) -> anyhow::Result<()> {
        for number in 0..REPLICAS {
            self.report.kills += u64::from(self.replicas.kill(number).await?);
        }
        Ok(())
    }

    /// Looks below the replicas while none runs: every data object has an owner.
    async fn check_inventory(&mut self) -> anyhow::Result<()> {
        let stored = Stored::open(&self.fake, BUCKET, PREFIX).await?;
        let inventory = stored.inventory().await?;
        self.report.objects += inventory.objects.len() as u64;
        let orphans = inventory.orphans();
        // A server that is killed, or meets a fault, while it tries out its store at its start
        // leaves the object that it tried with.
        let tried: Vec<_> = orphans
            .iter()
            .filter(|(_, length)| **length == TRIED_BYTES)
            .collect();
        self.report.tried = tried.len() as u64;
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
    async fn compare(&mut self, depth: Depth) -> anyhow::Result<()> {
        let servers = self.replicas.servers();
        let checked = verify(&self.shared, servers, depth, &mut self.random).await;
        let checked = checked.context("the replicas failed while they were looked at")?;
        let complaints = self.replicas.new_complaints()?;
        let mut world = self.shared.world();
        world.findings.extend(complaints);
        self.report.end_round(&world, &self.fake, checked);
        Ok(())
    }

    /// Lets all uploads grow old, and a replica sweep them: what is then in the bucket is named by
    /// blobs and manifests, and nothing is left of any upload.
    async fn let_nine_days_pass(&mut self) -> anyhow::Result<()> {
        self.kill_all().await?;
        self.fake.clock().advance(NINE_DAYS);
        // Uploads that the last look left open are gone now, as they should be.
        self.shared.world().forget_sessions();
        self.replicas.start_all(&self.fake).await?;
        let end = Instant::now() + PATIENCE;
        loop {
            let stored = Stored::open(&self.fake, BUCKET, PREFIX).await?;
            let inventory = stored.inventory().await?;
            if inventory.sessions == 0 && inventory.is_settled() {
                break;
            }
            if Instant::now() > end {
                let left = format!(
                    "nine days later {} sessions, {} tails and {} multipart uploads are left",
                    inventory.sessions,
                    inventory.tails.len(),
                    inventory.open.len()
                );
                self.shared.find(left);
                break;
            }
            tokio::time::sleep(GLANCE).await;
        }
        self.check_inventory().await?;
        say("chaos: nine days later nothing is left of any upload");
        Ok(())
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
