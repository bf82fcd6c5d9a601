//! The other listener: health and metrics.

use roadstead_tests::content::random_bytes;
use roadstead_tests::server::Server;
use roadstead_tests::waiting::wait_until;

#[test]
fn a_running_server_is_healthy_and_ready() {
    let server = Server::start();
    let mut admin = server.connect_to_admin();
    for target in ["/healthz", "/readyz"] {
        let answer = admin.get(target);
        answer.expect_status(200);
        let kind = answer.expect_header("content-type");
        assert!(kind.starts_with("text/plain"), "{kind}");
    }
    admin.get("/v2/").expect_status(404);
    server.connect().get("/metrics").expect_status(404);
}

#[test]
fn metrics_count_requests_bytes_uploads_and_storage_operations() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.push_image("a", "tag");
    let blob = connection.push_blob("a", &random_bytes(100_000));
    connection
        .get(format!("/v2/a/blobs/{blob}"))
        .expect_status(200);
    connection.get("/v2/a/manifests/missing").expect_status(404);
    connection.start_upload("a");
    let metrics = || {
        let answer = server.connect_to_admin().get("/metrics");
        answer.expect_status(200);
        String::from_utf8(answer.body).expect("metrics are text")
    };
    wait_until("the last request is counted", || metrics().contains("404"));
    let text = metrics();
    for name in [
        "roadstead_http_requests_total{",
        "roadstead_http_request_duration_seconds_bucket{",
        "_bytes_total",
        "roadstead_storage_",
        "route=\"manifest\"",
        "method=\"GET\"",
        "status=\"404\"",
        "driver=\"local\"",
    ] {
        assert!(text.contains(name), "there is no {name} in {text}");
    }
    let open = text
        .lines()
        .find(|line| line.contains("uploads") && !line.starts_with('#'));
    let open = open.unwrap_or_else(|| panic!("open uploads are not counted: {text}"));
    assert!(open.ends_with(" 1"), "{open}");
    assert!(text.ends_with("# EOF\n"));
}
