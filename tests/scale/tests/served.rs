//! A made store is what a registry would have: the real server finds no fault with it, serves it,
//! and collects the garbage in it, and nothing else.

#![cfg(test)]

use roadstead_oci::{Algorithm, Digest};
use roadstead_scale::plan::{big_tag, own_tag, repository_name};
use roadstead_scale::{Plan, blob, make};
use roadstead_tests::server::{Server, run, write_file};
use std::time::{Duration, Instant};

/// Times as short as they may be: condemned > reference window + request life.
const COLLECTING: &str = "\
gc:
  interval: 1s
  calls_per_second: 1000000
  condemned: 4s
  reference_window: 1s
  request_life: 2s
scrub: {period: off}
";
const WAITING: &str = "gc: {interval: off}\n";
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_mins(2);

fn plan() -> Plan {
    Plan {
        blobs: 2000,
        garbage: 50,
        data_files: 300,
        file_bytes: 40_000,
        blob_bytes: 600,
        manifests: 200,
        repositories: 20,
        tags: 500,
        age_days: 3,
        seed: 7,
    }
}

/// Makes the store of a plan and starts a server on it.
fn served(plan: &Plan, settings: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    write_file(&folder.path().join("roadstead.yaml"), settings.as_bytes());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let data = folder.path().join("data");
    let made = runtime.block_on(make(&data, plan, &|_| {})).unwrap();
    assert_eq!(made.garbage, 1000);
    assert_eq!(made.garbage_files, 150);
    Server::start_in(folder)
}

/// Lets the server check all its records and hash all its content.
fn check(server: &Server) -> serde_json::Value {
    let checked = run(
        server.folder(),
        &["fsck", "--config", "roadstead.yaml", "--checksum", "--json"],
    );
    let output = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success(), "{output}");
    serde_json::from_str(&output).unwrap()
}

/// Asserts that a blob of a plan is served whole from a repository.
fn assert_served(server: &Server, plan: &Plan, number: u64, repository: u64) {
    let bytes = blob(plan, number);
    let digest = Digest::of(Algorithm::Sha256, &bytes);
    let repository = repository_name(repository).unwrap();
    let answer = server
        .connect()
        .get(format!("/v2/{repository}/blobs/{digest}"));
    assert_eq!(answer.status, 200, "blob {number} of {repository}");
    assert!(answer.body == bytes, "blob {number} of {repository}");
}

#[test]
fn a_server_finds_no_fault_with_a_made_store_and_serves_all_of_it() {
    let plan = plan();
    let server = served(&plan, WAITING);

    let report = check(&server);
    assert_eq!(report["errors"], 0, "{report:#}");
    assert_eq!(report["warnings"], 0, "{report:#}");
    assert_eq!(report["notes"], 0, "{report:#}");
    assert_eq!(report["objects"], plan.data_files);
    assert_eq!(report["records"]["blob"], plan.blobs);
    assert_eq!(report["records"]["link"], plan.links());
    assert_eq!(report["records"]["manifest"], plan.manifests);

    let tags = server.connect().get("/v2/scale/big/tags/list?n=1000");
    let tags: serde_json::Value = serde_json::from_slice(&tags.body).unwrap();
    assert_eq!(tags["tags"].as_array().map(Vec::len), Some(500));
    for (repository, tag) in [(0, big_tag(499)), (19, own_tag(plan.big() + 18))] {
        let repository = repository_name(repository).unwrap();
        let tag = tag.unwrap();
        let manifest = server
            .connect()
            .get(format!("/v2/{repository}/manifests/{tag}"));
        assert_eq!(manifest.status, 200, "{repository}:{tag}");
    }
    for manifest in (0..plan.manifests).step_by(17) {
        for number in plan.blobs_of(manifest) {
            assert_served(&server, &plan, number, plan.repository_of(manifest));
        }
    }
}

#[test]
fn the_collector_takes_exactly_the_garbage_of_a_made_store() {
    let plan = plan();
    let server = served(&plan, COLLECTING);
    let end = Instant::now() + PATIENCE;
    let removed = "roadstead_gc_removed_total ";
    // Links of half the garbage go first, then all of it.
    let goal = plan.garbage_links() + (plan.blobs - plan.live());
    loop {
        let metrics = server.connect_to_admin().get("/metrics");
        let metrics = String::from_utf8(metrics.body).unwrap();
        let count = metrics.lines().find_map(|line| line.strip_prefix(removed));
        let count: u64 = count.and_then(|count| count.parse().ok()).unwrap();
        assert!(
            count <= goal,
            "{count} records are gone, {goal} were garbage"
        );
        if count == goal {
            break;
        }
        assert!(Instant::now() < end, "{count} of {goal} records are gone");
        std::thread::sleep(Duration::from_millis(200));
    }

    let report = check(&server);
    assert_eq!(report["errors"], 0, "{report:#}");
    assert_eq!(report["records"]["blob"], plan.live());
    assert_eq!(
        report["records"]["link"],
        plan.links() - plan.garbage_links()
    );
    assert_eq!(report["records"]["manifest"], plan.manifests);
    assert_eq!(report["objects"], plan.files_before(plan.live()));
    for manifest in (0..plan.manifests).step_by(17) {
        for number in plan.blobs_of(manifest) {
            assert_served(&server, &plan, number, plan.repository_of(manifest));
        }
    }
}
