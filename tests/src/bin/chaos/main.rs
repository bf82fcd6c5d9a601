//! Three replicas over a store that fails, clients that go on all the same, and a model of what
//! they were told.
//!
//! In a round clients push, pull, move, delete and mount at whichever replica is next, while the
//! store loses answers, refuses, dawdles, cuts bodies and executes what nobody waits for any more,
//! and replicas are killed and started again. Then everything is killed, the faults end, new
//! replicas start, and all that is there is compared with the model; every data object must have an
//! owner. After some rounds nine days pass, and nothing of any upload may be left; the next rounds
//! begin with an empty bucket, or looking at everything would take ever longer. The seed decides what
//! clients and faults are drawn; how they meet is different each time.

mod chapter;
mod faults;
mod replicas;
mod report;

use crate::chapter::Chapter;
use crate::report::Report;
use anyhow::Context;
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Faults after which a chapter ends.
const FAULTS_A_CHAPTER: u64 = 2000;

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
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    let folder = match &arguments.data {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("roadstead-chaos-{:x}", fastrand::u64(..))),
    };
    std::fs::create_dir_all(&folder).context("failed to make the folder of the logs")?;
    let mut report = Report::new(seed, arguments.faults, folder.clone());
    let result = run(&arguments, seed, &folder, &mut report).await;
    let is_good = report.conclude(&result);
    if is_good && arguments.data.is_none() {
        std::fs::remove_dir_all(&folder).context("failed to remove the logs")?;
    }
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs chapters until enough has gone wrong, or up to the first one that finds something.
async fn run(
    arguments: &Arguments,
    seed: u64,
    folder: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    let binary = match &arguments.server {
        Some(binary) => binary.clone(),
        None => std::env::current_exe()?.with_file_name("roadstead"),
    };
    while report.faults() < arguments.faults && report.findings.is_empty() {
        let left = arguments.faults - report.faults();
        let mut chapter = Chapter::open(arguments, &binary, folder, random.fork()).await?;
        let ended = chapter.run(left.min(FAULTS_A_CHAPTER), report).await;
        chapter.close(report);
        ended?;
    }
    Ok(())
}
