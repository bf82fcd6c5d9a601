//! Kills a loaded server again and again and looks after every restart for what is lost.
//!
//! Each round starts the real server on a data folder that lives on, lets several clients push,
//! move, delete and mount, kills the server at a random moment, starts it again and compares
//! everything it keeps with a model of what was answered and what was in flight. The seed decides
//! what the clients draw; how they meet, and where the kill falls, is different each time.

mod report;
mod server;

use crate::report::Report;
use crate::server::{Program, Server};
use anyhow::Context;
use clap::Parser;
use roadstead_tests::campaign::connection::Servers;
use roadstead_tests::campaign::load::Client;
use roadstead_tests::campaign::shared::{Failures, Shared};
use roadstead_tests::campaign::verify::{Depth, verify};
use roadstead_tests::campaign::world::World;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Repositories that all clients work in.
const REPOSITORIES: usize = 4;
/// After so many rounds every byte is read.
const ROUNDS_TO_WHOLE_READ: usize = 25;

/// Kills a loaded server again and again and looks for what is lost.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often the server is killed.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Decides what the clients draw; one is drawn and told if it is left out.
    #[arg(long)]
    seed: Option<u64>,
    /// Where data and log are kept; by default in the system's temporary folder, from where they
    /// are removed when nothing is wrong.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The server's binary; by default `roadstead` beside this program.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Clients at once.
    #[arg(long, default_value_t = 8)]
    clients: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut campaign = Campaign::new(&arguments)?;
    let result = campaign.run(arguments.rounds).await;
    let findings = std::mem::take(&mut campaign.shared.world().findings);
    let is_good = campaign.report.conclude(&result, &findings);
    if is_good && arguments.data.is_none() {
        std::fs::remove_dir_all(&campaign.folder).context("failed to remove the data")?;
    }
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Campaign {
    folder: PathBuf,
    program: Program,
    shared: Arc<Shared>,
    random: fastrand::Rng,
    clients: usize,
    report: Report,
}

impl Campaign {
    fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
        // Data of another campaign in the same folder stays out of the way.
        let campaign = format!("crash-{:x}", fastrand::u64(..));
        let folder = match &arguments.data {
            Some(folder) => folder.clone(),
            None => std::env::temp_dir().join(format!("roadstead-{campaign}")),
        };
        std::fs::create_dir_all(&folder).context("failed to make the data folder")?;
        let binary = match &arguments.server {
            Some(binary) => binary.clone(),
            None => std::env::current_exe()?.with_file_name("roadstead"),
        };
        Ok(Self {
            program: Program::new(binary, &folder),
            shared: Arc::new(Shared::new(
                World::new(&campaign, REPOSITORIES, 1),
                Failures::EndTheClient,
            )),
            random: fastrand::Rng::with_seed(seed),
            clients: arguments.clients,
            report: Report::new(seed, arguments.rounds, folder.clone()),
            folder,
        })
    }

    /// Runs all rounds, or up to the first one that finds something.
    async fn run(&mut self, rounds: usize) -> anyhow::Result<()> {
        let mut server = self.start().await?;
        for round in 1..=rounds {
            self.shared.world().round = round;
            self.load_and_kill(server).await?;
            server = self.start().await?;
            let is_whole = round % ROUNDS_TO_WHOLE_READ == 0 || round == rounds;
            let depth = if is_whole { Depth::Whole } else { Depth::Round };
            let servers = Servers::new(vec![server.address]);
            let checked = verify(&self.shared, &servers, depth, &mut self.random).await;
            let checked = checked.context("the server failed while it was looked at")?;
            let complaints = self.program.new_complaints()?;
            let mut world = self.shared.world();
            let complaints = complaints.into_iter();
            world
                .findings
                .extend(complaints.map(|line| format!("the server's log: {line}")));
            self.report.end_round(&world, checked);
            if !world.findings.is_empty() {
                break;
            }
        }
        server.kill().await
    }

    async fn load_and_kill(&mut self, server: Server) -> anyhow::Result<()> {
        self.shared.set_over(false);
        let servers = Servers::new(vec![server.address]);
        let mut clients = JoinSet::new();
        for number in 0..self.clients {
            let shared = Arc::clone(&self.shared);
            let client = Client::new(number, shared, &servers, self.random.fork());
            clients.spawn(client.run());
        }
        let load = Duration::from_millis(self.random.u64(50..=500));
        tokio::time::sleep(load).await;
        self.shared.set_over(true);
        server.kill().await?;
        while let Some(client) = clients.join_next().await {
            client.context("a client failed")?;
        }
        self.report.kill(load);
        Ok(())
    }

    /// Starts the server, in one of six rounds after killing it once while it starts.
    async fn start(&mut self) -> anyhow::Result<Server> {
        if self.random.u8(..6) == 0 {
            let after = Duration::from_micros(self.random.u64(..40_000));
            self.program.start_and_kill(after).await?;
        }
        let server = self.program.start().await?;
        self.report.startup(server.startup);
        Ok(server)
    }
}
