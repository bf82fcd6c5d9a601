//! Servers over a store that fails, clients that go on all the same, the collector at work all the
//! while, and a model of what the clients were told.
//!
//! `--store s3` has three replicas over a bucket that loses answers, refuses, dawdles, cuts bodies and
//! executes what nobody waits for any more, while replicas are killed and started again. `--store
//! local` has one server on a folder: calls to its disk fail under it, and it is killed.
//!
//! In a round clients push, pull, move, delete and mount while things go wrong. Then everything is
//! killed, the faults end, new servers start, and all that is there is compared with the model. A
//! chapter is some rounds over one store. At its end the collector finishes, and the store must hold
//! what clients see, record by record and object by object, and nothing else. The seed decides what
//! clients and faults are drawn; how they meet is different each time.

mod chapter;
mod disk;
mod disk_faults;
mod faults;
mod replicas;
mod report;
mod traced;

use crate::chapter::Chapter;
use crate::disk::DiskChapter;
use crate::report::Report;
use anyhow::Context;
use clap::{Parser, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Faults after which a chapter ends.
const FAULTS_A_CHAPTER: u64 = 2000;

/// Lets a store fail under servers that collect, and looks for what is lost and what is left.
#[derive(Debug, Parser)]
struct Arguments {
    /// What the servers keep everything in.
    #[arg(long, value_enum, default_value_t = Store::S3)]
    store: Store,
    /// How much goes wrong at least: requests or calls that the store harms, and kills.
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
    /// Lets a bucket forget a put that it answered as done, once a round. This must be found.
    #[arg(long)]
    sabotage: bool,
}

/// What a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Store {
    /// A bucket of the S3 fake, shared by three replicas.
    S3,
    /// A folder, with one server.
    Local,
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
    let store = match arguments.store {
        Store::S3 => "a bucket",
        Store::Local => "a folder",
    };
    let mut report = Report::new(store, seed, arguments.faults, folder.clone());
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
        let left = left.min(FAULTS_A_CHAPTER);
        let random = random.fork();
        let ended = match arguments.store {
            Store::S3 => {
                let mut chapter = Chapter::open(arguments, &binary, folder, random).await?;
                let ended = chapter.run(left, report).await;
                chapter.close(report);
                ended
            }
            Store::Local => {
                let mut chapter = DiskChapter::open(arguments, &binary, folder, random)?;
                let ended = chapter.run(left, report).await;
                chapter.close(report);
                ended
            }
        };
        ended?;
    }
    Ok(())
}
