//! `roadstead-simulation`: plays many seeds and tells which break a promise.

use clap::Parser;
use roadstead_simulation::{Failure, Summary, simulate};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Plays histories of the registry's core, each from one seed, and checks every promise.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  roadstead-simulation --seeds 100000        many histories, on all cores
  roadstead-simulation --seed 4711 --trace   one of them, with everything that happened")]
struct Options {
    /// How many seeds to play.
    #[arg(long, default_value_t = 2000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Plays this seed alone.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Shows everything that happened in a history that breaks a promise.
    #[arg(long)]
    trace: bool,
}

#[derive(Default)]
struct Outcome {
    total: Summary,
    played: u64,
    failures: Vec<Failure>,
}

/// Failures after which no further seed is begun.
const MOST_FAILURES: usize = 10;

#[expect(clippy::print_stdout, reason = "it is a program for a terminal")]
fn main() -> ExitCode {
    let options = Options::parse();
    let (from, seeds) = options
        .seed
        .map_or((options.from, options.seeds), |seed| (seed, 1));
    let outcome = Mutex::new(Outcome::default());
    let next = AtomicU64::new(from);
    let begun = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds {
                        return;
                    }
                    let result = simulate(seed);
                    let mut outcome = outcome.lock().expect("no history panics here");
                    outcome.add(result);
                    if outcome.failures.len() >= MOST_FAILURES {
                        return;
                    }
                    if outcome.played.is_multiple_of(10_000) {
                        println!("{}", outcome.told(begun.elapsed()));
                    }
                }
            });
        }
    });
    let outcome = outcome.into_inner().expect("no history panics here");
    for failure in &outcome.failures {
        println!("{failure}");
        if options.trace {
            println!("{}", failure.trace.join("\n"));
        }
    }
    println!("{}", outcome.told(begun.elapsed()));
    if outcome.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Outcome {
    fn add(&mut self, result: Result<Summary, Box<Failure>>) {
        self.played += 1;
        match result {
            Ok(summary) => {
                self.total.calls += summary.calls;
                self.total.faults += summary.faults;
                self.total.crashes += summary.crashes;
                self.total.late += summary.late;
                self.total.condemned += summary.condemned;
                self.total.removed += summary.removed;
            }
            Err(failure) => self.failures.push(*failure),
        }
    }

    fn told(&self, elapsed: Duration) -> String {
        let total = &self.total;
        format!(
            "{} seeds in {} s: {} storage calls, {} faults, {} crashes, {} late requests, {} records \
             condemned, {} removed; {} seeds broke a promise",
            self.played,
            elapsed.as_secs(),
            total.calls,
            total.faults,
            total.crashes,
            total.late,
            total.condemned,
            total.removed,
            self.failures.len()
        )
    }
}
