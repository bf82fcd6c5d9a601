//! `latency`: pulls and pushes at a steady rate and tells how long they take.
//!
//! Each thread has a timetable: an operation is timed from when it was due, so that one that had to
//! wait behind a slow one counts as slow, too. What is pulled is drawn from all repositories of a made
//! store, so that most of it is read from the disk.

mod http;

use anyhow::Context;
use clap::Parser;
use fastrand::Rng;
use http::Connection;
use roadstead_oci::{Algorithm, Digest, ManifestMediaType, RepositoryName};
use roadstead_scale::Plan;
use roadstead_scale::plan::{own_tag, repository_name};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The size of a pushed layer, in bytes.
const LAYER_BYTES: usize = 64 * 1024;

/// Pulls and pushes images at a steady rate, and tells how long that takes.
#[derive(Debug, Parser)]
#[command(after_help = "Example:
  latency 127.0.0.1:5000 --seconds 60 --rate 100     a server on what roadstead-scale made")]
struct Options {
    /// Where the registry listens.
    address: SocketAddr,
    /// How long, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Operations a second, of all threads together.
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Connections, a thread each.
    #[arg(long, default_value_t = 4)]
    threads: u32,
    /// How many per cent of the operations are pushes.
    #[arg(long, default_value_t = 25)]
    pushes: u8,
    #[command(flatten)]
    plan: Plan,
}

/// What one thread saw.
#[derive(Default)]
struct Seen {
    pulls: Vec<Duration>,
    pushes: Vec<Duration>,
    failures: Vec<String>,
}

#[expect(clippy::print_stdout, reason = "it is a program for a terminal")]
fn main() -> ExitCode {
    let options = Options::parse();
    let begun = Instant::now();
    let mut all = Seen::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.threads)
            .map(|number| {
                let options = &options;
                scope.spawn(move || work(options, number, begun))
            })
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(seen) => {
                    all.pulls.extend(seen.pulls);
                    all.pushes.extend(seen.pushes);
                    all.failures.extend(seen.failures);
                }
                Err(_) => all.failures.push("a thread panicked".to_owned()),
            }
        }
    });
    println!("{}", line("pulls", &mut all.pulls));
    println!("{}", line("pushes", &mut all.pushes));
    for failure in all.failures.iter().take(5) {
        println!("failure: {failure}");
    }
    if all.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        println!("{} failures", all.failures.len());
        ExitCode::FAILURE
    }
}

fn line(what: &str, times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |per_mille: usize| {
        let index = times.len().saturating_sub(1) * per_mille / 1000;
        let time = times.get(index).copied().unwrap_or_default();
        time.as_secs_f64() * 1000.0
    };
    format!(
        "{what}: {}, median {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
        times.len(),
        at(500),
        at(900),
        at(990),
        at(1000)
    )
}

/// Goes by the timetable of one thread.
fn work(options: &Options, number: u32, begun: Instant) -> Seen {
    let mut seen = Seen::default();
    let mut random = Rng::new();
    let mut connection = match Connection::open(options.address) {
        Ok(connection) => connection,
        Err(error) => {
            seen.failures.push(format!("{error:#}"));
            return seen;
        }
    };
    let every = Duration::from_secs(1) * options.threads / options.rate.max(1);
    let mut due = begun + every * number / options.threads;
    let end = begun + Duration::from_secs(options.seconds);
    while due < end {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let is_push = random.u8(..100) < options.pushes;
        let done = if is_push {
            push(&mut connection, &options.plan, &mut random)
        } else {
            pull(&mut connection, &options.plan, &mut random)
        };
        let took = due.elapsed();
        match done {
            Ok(()) if is_push => seen.pushes.push(took),
            Ok(()) => seen.pulls.push(took),
            Err(error) => {
                seen.failures.push(format!("{error:#}"));
                if let Ok(other) = Connection::open(options.address) {
                    connection = other;
                }
            }
        }
        due += every;
    }
    seen
}

/// Pulls an image: its manifest by a tag, its configuration and its layers.
fn pull(connection: &mut Connection, plan: &Plan, random: &mut Rng) -> anyhow::Result<()> {
    let manifest = random.u64(plan.big()..plan.manifests);
    let repository = repository_name(plan.repository_of(manifest))?;
    let tag = own_tag(manifest)?;
    let path = format!("/v2/{repository}/manifests/{tag}");
    let document: Value = serde_json::from_slice(&connection.call("GET", &path, "", &[], 200)?)?;
    let layers = document["layers"].as_array().context("no layers")?;
    for blob in std::iter::once(&document["config"]).chain(layers) {
        let digest = blob["digest"].as_str().context("no digest")?;
        let path = format!("/v2/{repository}/blobs/{digest}");
        connection.call("GET", &path, "", &[], 200)?;
    }
    Ok(())
}

/// Pushes an image that nobody has: a configuration, a layer, a manifest by a tag.
fn push(connection: &mut Connection, plan: &Plan, random: &mut Rng) -> anyhow::Result<()> {
    let repository = repository_name(random.u64(0..plan.repositories))?;
    let config = push_blob(connection, &repository, 500, random)?;
    let layer = push_blob(connection, &repository, LAYER_BYTES, random)?;
    let media_type = ManifestMediaType::OciManifest.as_str();
    let document = json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 500},
        "layers": [
            {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": LAYER_BYTES},
        ],
    });
    let path = format!("/v2/{repository}/manifests/p-{:x}", random.u64(..));
    let body = document.to_string();
    connection.call("PUT", &path, media_type, body.as_bytes(), 201)?;
    Ok(())
}

fn push_blob(
    connection: &mut Connection,
    repository: &RepositoryName,
    length: usize,
    random: &mut Rng,
) -> anyhow::Result<String> {
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    let digest = Digest::of(Algorithm::Sha256, &bytes).to_string();
    let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
    connection.call("POST", &path, "application/octet-stream", &bytes, 201)?;
    Ok(digest)
}
