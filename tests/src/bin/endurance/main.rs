//! Pushes exactly the layers that are being collected, for as long as it is told, and pulls
//! everything back whole.
//!
//! One server with the shortest times that a collector may have. Clients push images of a dozen
//! layers in a few repositories, each as containerd does: HEAD, upload or mount what is missing,
//! manifest. While a tag of theirs exists, the image must be there whole, whoever collects, and
//! whichever other client has just let go of the same layers. Then they delete the tag, and
//! everything is garbage again. At the end all tags go, and nothing may be left.

mod client;

use crate::client::{Client, Counts};
use anyhow::{Context, bail};
use clap::Parser;
use roadstead_tests::server::{Server, run};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Times as short as they may be: condemned > reference window + request life.
const SETTINGS: &str = "\
admin: {listen: 127.0.0.1:0}
deleted_retention: off
gc:
  interval: 1s
  calls_per_second: 1000000
  grace: 1s
  condemned: 4s
  reference_window: 1s
  request_life: 2s
  untagged: 2s
";

/// How often it is told how it goes.
const TOLD_EVERY: Duration = Duration::from_mins(1);
/// How long the collector may take for what is left at the end.
const PATIENCE: Duration = Duration::from_mins(3);

/// Pushes what is being collected, and looks whether anything is lost.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Clients at once.
    #[arg(long, default_value_t = 4)]
    clients: u64,
    /// Decides what the clients draw; how they meet is different each time.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let server = Server::start_with(SETTINGS);
    let counts = Arc::new(Mutex::new(Counts::default()));
    let over = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let clients: Vec<_> = (0..arguments.clients)
        .map(|number| {
            let seed = arguments.seed.wrapping_mul(1000) + number;
            let client = Client::new(number, seed, server.address(), Arc::clone(&counts));
            let over = Arc::clone(&over);
            std::thread::spawn(move || client.run(&over))
        })
        .collect();
    let end = began + Duration::from_secs(arguments.seconds);
    let mut told = began;
    while Instant::now() < end && !clients.iter().any(std::thread::JoinHandle::is_finished) {
        std::thread::sleep(Duration::from_millis(200));
        if told.elapsed() >= TOLD_EVERY {
            told = Instant::now();
            say(&server, &counts, began);
        }
    }
    over.store(true, Ordering::SeqCst);
    let mut violations = Vec::new();
    for client in clients {
        match client.join() {
            Ok(Ok(())) => {}
            Ok(Err(violation)) => violations.push(format!("{violation:#}")),
            Err(_) => violations.push("a client panicked; what it says is above".to_owned()),
        }
    }
    say(&server, &counts, began);
    if violations.is_empty()
        && let Err(left) = wait_until_nothing_is_left(&server)
    {
        violations.push(format!("{left:#}"));
    }
    let text = match &violations[..] {
        [] => "endurance: no violation, and nothing is left".to_owned(),
        some => format!("VIOLATION: {}", some.join("\nVIOLATION: ")),
    };
    print(&text);
    if violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn say(server: &Server, counts: &Mutex<Counts>, began: Instant) {
    let counts = *counts.lock().unwrap_or_else(PoisonError::into_inner);
    let metrics = server.connect_to_admin().get("/metrics");
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    let figure = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.map_or("?", str::trim).to_owned()
    };
    print(&format!(
        "endurance: {} s: {counts}; {} passes, {} condemned, {} removed, {} bytes freed",
        began.elapsed().as_secs(),
        figure("roadstead_gc_passes_total "),
        figure("roadstead_gc_condemned_total "),
        figure("roadstead_gc_removed_total "),
        figure("roadstead_gc_freed_bytes_total "),
    ));
}

/// Lets passes go by until no data is left, then looks whether the store hangs together.
fn wait_until_nothing_is_left(server: &Server) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    while !server.data_files().is_empty() {
        if Instant::now() > end {
            bail!("{} data files are left", server.data_files().len());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let checked = run(server.folder(), &["fsck", "--config", "roadstead.yaml"]);
    let output = String::from_utf8(checked.stdout).context("fsck speaks UTF-8")?;
    if !checked.status.success() {
        let errors = String::from_utf8_lossy(&checked.stderr).into_owned();
        bail!("fsck finds fault: {output} {errors}");
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "it is a program for a terminal")]
fn print(text: &str) {
    println!("{text}");
}
