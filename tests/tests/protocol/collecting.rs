//! The collector of a running server: by command, in the background, and what metrics tell of it.

use roadstead_tests::content::random_bytes;
use roadstead_tests::server::{Server, run};
use roadstead_tests::waiting::wait_until;
use serde_json::Value;

/// The shortest times that are allowed.
const SHORT: &str = "\
admin: {listen: 127.0.0.1:0}
deleted_retention: off
gc: {interval: 1s, grace: 1s, condemned: 4s, reference_window: 1s, request_life: 2s}
";
/// A pass is made by command alone.
const BY_HAND: &str = "\
admin: {listen: 127.0.0.1:0}
gc: {interval: off, grace: 1s, condemned: 4s, reference_window: 1s, request_life: 2s}
";

fn told(server: &Server, arguments: &[&str]) -> String {
    let mut arguments = arguments.to_vec();
    arguments.extend(["--config", "roadstead.yaml"]);
    let output = run(server.folder(), &arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("it speaks UTF-8")
}

#[test]
fn what_nobody_names_goes_in_the_background_and_what_is_named_stays() {
    let server = Server::start_with(SHORT);
    let mut connection = server.connect();
    let image = connection.push_image("team/app", "latest");
    let layer = random_bytes(100_000);
    let digest = connection.push_blob("team/app", &layer);
    let target = format!("/v2/team/app/blobs/{digest}");
    assert_eq!(server.data_files().len(), 1);
    wait_until("the layer is gone from the disk", || {
        server.data_files().is_empty()
    });
    connection.head(&target).expect_status(404);
    let manifest = connection.get("/v2/team/app/manifests/latest");
    assert_eq!(manifest.body, image.manifest.bytes);
    let digest = roadstead_tests::content::sha256(&image.layer);
    let pulled = connection.get(format!("/v2/team/app/blobs/{digest}"));
    assert_eq!(pulled.body, image.layer);
    // Counted when the pass comes to its end, a little after the file has gone.
    wait_until("the metrics tell of it", || {
        metric(&server, "roadstead_gc_freed_bytes_total ") == 100_000
    });
    assert_eq!(metric(&server, "roadstead_gc_failures_total "), 0);
    assert!(metric(&server, "roadstead_gc_passes_total ") > 1);
}

fn metric(server: &Server, name: &str) -> u64 {
    let metrics = server.connect_to_admin().get("/metrics");
    let metrics = String::from_utf8(metrics.body).expect("metrics are text");
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|value| value.trim().parse().ok());
    value.unwrap_or_else(|| panic!("{name} is no metric: {metrics}"))
}

#[test]
fn a_pass_by_command_condemns_and_the_status_tells_when_it_comes_back() {
    let server = Server::start_with(BY_HAND);
    server
        .connect()
        .push_blob("team/app", &random_bytes(100_000));
    let quiet = told(&server, &["gc", "status"]);
    assert!(quiet.contains("no pass has come to its end"), "{quiet}");
    let mut ran = String::new();
    wait_until("the layer is old enough", || {
        let dry = told(&server, &["gc", "run", "--dry-run"]);
        assert!(
            !dry.contains("waiting") || dry.contains("0 waiting"),
            "{dry}"
        );
        if dry.contains("links: 1 would be condemned") {
            ran = told(&server, &["gc", "run", "--once"]);
        }
        !ran.is_empty()
    });
    assert!(ran.contains("links: 1 condemned"), "{ran}");
    let status = told(&server, &["gc", "status", "--output", "json"]);
    let status: Value = serde_json::from_str(&status).expect("it is JSON");
    assert_eq!(status["condemned"][0]["level"], "links");
    assert_eq!(status["condemned"][0]["records"], 1);
    assert_eq!(status["condemned"][0]["size_bytes"], 100_000);
    assert!(status["condemned"][0]["first_due"].is_string(), "{status}");
    let shown = told(&server, &["gc", "status"]);
    assert!(
        shown.contains("1 links, 97.6 KiB: condemned since"),
        "{shown}"
    );
    assert_eq!(server.data_files().len(), 1, "it waits");
}
