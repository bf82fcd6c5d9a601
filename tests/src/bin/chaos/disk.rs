//! Some rounds over one folder: a server whose disk fails and that is killed, and a model, from the
//! first push until the collector has taken everything that nothing names.

use crate::Arguments;
use crate::chapter::TRIED_BYTES;
use crate::disk_faults::{self, Life};
use crate::report::Report;
use crate::traced::{Program, Running};
use anyhow::Context;
use roadstead_tests::campaign::collecting::Collecting;
use roadstead_tests::campaign::connection::Servers;
use roadstead_tests::campaign::load::Client;
use roadstead_tests::campaign::say;
use roadstead_tests::campaign::shared::{Failures, Shared};
use roadstead_tests::campaign::verify::{Depth, verify};
use roadstead_tests::campaign::world::World;
use roadstead_tests::stored::{Inventory, inventory_of_folder, let_time_pass};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Repositories that all clients work in.
const REPOSITORIES: usize = 4;
/// The shortest times that the settings allow: condemned > reference window + request life.
const COLLECTOR: &str = "\
gc: {interval: 1s, calls_per_second: 10000000, grace: 1s, condemned: 2001ms, reference_window: 1s,
  request_life: 1s, untagged: 1s}
";
/// How long what was acknowledged is there at least.
const SURE_FOR: Duration = Duration::from_millis(1500);
/// Longer than any upload session lives, and than what is left of others is waited for.
const NINE_DAYS: Duration = Duration::from_hours(9 * 24);
/// A server that is killed while it collects leaves the lease of the collector behind, which is good
/// for two minutes.
const LEASE: Duration = Duration::from_secs(121);
/// Longer than what is half done is left to whoever began it.
const TWO_HOURS: Duration = Duration::from_hours(2);
/// After so many looks at the end of which none found less than the best before it, the collector has
/// had its time.
const LAST_LOOKS: usize = 6;
/// How long it works before it is looked what is left.
const BETWEEN_LOOKS: Duration = Duration::from_secs(8);

/// A server on a folder, and what is known of what it keeps.
pub(crate) struct DiskChapter {
    program: Program,
    shared: Arc<Shared>,
    random: fastrand::Rng,
    clients: usize,
    harmed: BTreeMap<&'static str, u64>,
    harmed_starts: u64,
}

impl DiskChapter {
    /// Begins with an empty folder. Nothing runs yet.
    pub(crate) fn open(
        arguments: &Arguments,
        binary: &Path,
        folder: &Path,
        mut random: fastrand::Rng,
    ) -> anyhow::Result<Self> {
        // Where deleted manifests are retained, what they name stays a minute longer.
        let retention = if random.bool() { "off" } else { "1m" };
        let settings = format!("deleted_retention: {retention}\n{COLLECTOR}");
        let program = Program::new(binary, folder, &settings)?;
        if program.data().exists() {
            std::fs::remove_dir_all(program.data()).context("failed to empty the folder")?;
        }
        let mut world = World::new("chaos", REPOSITORIES, 1);
        world.collect(Collecting::new(SURE_FOR));
        Ok(Self {
            program,
            shared: Arc::new(Shared::new(world, Failures::AreUnknown)),
            random,
            clients: arguments.clients,
            harmed: BTreeMap::new(),
            harmed_starts: 0,
        })
    }

    /// Runs rounds until so much has gone wrong, or up to the first one that finds something.
    pub(crate) async fn run(&mut self, faults: u64, report: &mut Report) -> anyhow::Result<()> {
        let before = report.kills;
        while self.harmed.values().sum::<u64>() + report.kills - before < faults {
            self.shared.world().round += 1;
            let life = disk_faults::draw(&mut self.random);
            let has_started = self.work_and_fail(&life, report).await?;
            let complaints = self.program.new_complaints(true)?;
            self.shared.world().findings.extend(complaints);
            if !has_started {
                self.harmed_starts += 1;
                self.count_faults()?;
                continue;
            }
            if self.random.u8(..4) == 0 {
                self.let_time_pass(LEASE).await?;
            }
            let server = self.program.start_unharmed().await?;
            self.compare(&server, Depth::Round, report).await?;
            server.kill().await?;
            self.count_faults()?;
            match self.random.u8(..8) {
                0 => {}
                1 => self.let_time_pass(TWO_HOURS).await?,
                _ => self.let_time_pass(LEASE).await?,
            }
            if !self.shared.world().findings.is_empty() {
                return Ok(());
            }
        }
        self.let_the_collector_finish(report).await?;
        self.check_what_is_left(report).await
    }

    /// Adds what was found, and what the disk did, to the figures.
    pub(crate) fn close(self, report: &mut Report) {
        let mut world = self.shared.world();
        let findings = std::mem::take(&mut world.findings);
        report.end_chapter(findings, &world, self.harmed, self.harmed_starts);
    }

    /// One round: everybody works for a while, then the server is killed. Returns whether it started.
    async fn work_and_fail(&mut self, life: &Life, report: &mut Report) -> anyhow::Result<bool> {
        let Some(server) = self.program.start(&life.injections).await? else {
            return Ok(false);
        };
        self.shared.set_over(false);
        let servers = Servers::new(vec![server.address]);
        let mut clients = JoinSet::new();
        for number in 0..self.clients {
            let shared = Arc::clone(&self.shared);
            let client = Client::new(number, shared, &servers, self.random.fork());
            clients.spawn(client.run());
        }
        tokio::time::sleep(life.time).await;
        self.shared.set_over(true);
        server.kill().await?;
        report.kills += 1;
        while let Some(client) = clients.join_next().await {
            client.context("a client failed")?;
        }
        Ok(true)
    }

    /// Lets time pass while no server runs, as if it had been away for so long.
    async fn let_time_pass(&self, time: Duration) -> anyhow::Result<()> {
        self.shared.world().let_time_pass();
        let_time_pass(&self.program.data(), time).await
    }

    /// Counts what strace has told of since the last time.
    fn count_faults(&mut self) -> anyhow::Result<()> {
        let trace = self.program.trace();
        for (name, count) in disk_faults::count(&trace)? {
            *self.harmed.entry(name).or_default() += count;
        }
        if trace.exists() {
            std::fs::remove_file(trace)?;
        }
        Ok(())
    }

    /// Compares what the server shows with the model, and reads its log.
    async fn compare(
        &mut self,
        server: &Running,
        depth: Depth,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let servers = Servers::new(vec![server.address]);
        let checked = verify(&self.shared, &servers, depth, &mut self.random).await;
        let checked = checked.context("the server failed while it was looked at")?;
        let complaints = self.program.new_complaints(false)?;
        let mut world = self.shared.world();
        world.findings.extend(complaints);
        report.end_round(&world, self.harmed.values().sum(), checked);
        Ok(())
    }

    /// Lets all uploads grow old and the collector take what nothing names, until what is stored is
    /// what clients see.
    async fn let_the_collector_finish(&mut self, report: &mut Report) -> anyhow::Result<()> {
        self.let_time_pass(NINE_DAYS).await?;
        // Uploads that the last look left open are gone now, as they should be.
        self.shared.world().forget_sessions();
        let (mut fewest, mut looks) = (usize::MAX, 0);
        loop {
            let server = self.program.start_unharmed().await?;
            tokio::time::sleep(BETWEEN_LOOKS).await;
            self.compare(&server, Depth::Round, report).await?;
            server.kill().await?;
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
            // What a sweep left half done it finishes after an hour.
            self.let_time_pass(TWO_HOURS).await?;
        }
    }

    /// Compares everything once more, byte by byte, with clients and below the server.
    async fn check_what_is_left(&mut self, report: &mut Report) -> anyhow::Result<()> {
        if !self.shared.world().findings.is_empty() {
            return Ok(());
        }
        let server = self.program.start_unharmed().await?;
        self.compare(&server, Depth::Settled, report).await?;
        server.kill().await?;
        let inventory = self.inventory().await?;
        // It leaves a job behind, so it comes last.
        let fault = self.program.fsck().await?;
        let mut world = self.shared.world();
        world.findings.extend(fault);
        let differences = inventory.differences(&world.named())?;
        world.findings.extend(differences);
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
    /// were killed or met a fault; there are no more than of such starts.
    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let mut inventory = inventory_of_folder(&self.program.data()).await?;
        let orphans = inventory.orphans().into_iter();
        let tried = orphans.filter(|(_, length)| *length == TRIED_BYTES);
        let tried: Vec<String> = tried.map(|(key, _)| key.to_owned()).collect();
        if tried.len() as u64 <= self.harmed_starts {
            inventory.objects.retain(|key, _| !tried.contains(key));
        }
        Ok(inventory)
    }
}
