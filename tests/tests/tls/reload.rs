//! Certificates that change while the server runs.

use crate::authority::Issued;
use crate::client::{CERTIFICATE, KEY, Secured};
use roadstead_tests::http::Request;
use roadstead_tests::server::write_file;
use serde_json::Value;

const TAKEN: &str = "new connections get the certificate";
const REFUSED: &str = "failed to read the certificate again; the one in use stays";

fn write(secured: &Secured, name: &str, text: &str) {
    write_file(&secured.server.folder().join(name), text.as_bytes());
}

fn exchange(secured: &Secured, issued: &Issued) {
    write(secured, CERTIFICATE, &issued.certificate_pem());
    write(secured, KEY, &issued.key_pem());
    secured.server.hang_up();
}

fn wait_for(secured: &Secured, message: &str) -> Value {
    secured.server.log().wait_for(message, |line| {
        let text = line["message"].as_str();
        text.is_some_and(|text| text.starts_with(message))
    })
}

#[test]
fn a_new_certificate_is_shown_to_new_connections_and_open_ones_go_on() {
    let secured = Secured::start();
    let mut open = secured.connect();
    open.get("/v2/").expect_status(200);
    let first = open.server_certificate();

    let issued = secured.authority.for_server();
    exchange(&secured, &issued);
    wait_for(&secured, TAKEN);

    let mut fresh = secured.connect();
    fresh.get("/v2/").expect_status(200);
    assert_eq!(fresh.server_certificate(), issued.chain()[0]);
    assert_ne!(fresh.server_certificate(), first);
    open.get("/v2/").expect_status(200);
}

#[test]
fn an_upload_goes_on_over_a_change() {
    let secured = Secured::start();
    let mut open = secured.connect();
    let started = open.send(&Request::post("/v2/a/blobs/uploads/"));
    started.expect_status(202);
    let location = started.expect_header("location").to_owned();
    let patch = Request::patch(&location).body(b"first");
    open.send(&patch).expect_status(202);

    exchange(&secured, &secured.authority.for_server());
    wait_for(&secured, TAKEN);

    let patch = Request::patch(&location).body(b" second");
    open.send(&patch).expect_status(202);
    let digest = roadstead_tests::content::sha256(b"first second");
    let close = Request::put(format!("{location}?digest={digest}"));
    secured.connect().send(&close).expect_status(201);
}

#[test]
fn a_broken_pair_leaves_the_old_one_in_use_and_is_told_of() {
    let secured = Secured::start();
    let first = secured.connect().server_certificate();
    let (one, other) = (
        secured.authority.for_server(),
        secured.authority.for_server(),
    );

    write(&secured, CERTIFICATE, &one.certificate_pem());
    write(&secured, KEY, &other.key_pem());
    secured.server.hang_up();
    let told = wait_for(&secured, REFUSED);
    let error = told["error"].as_str().expect("is text");
    assert!(
        error.starts_with("tls.key: `server.key` does not go with"),
        "{error}"
    );
    assert_eq!(secured.connect().server_certificate(), first);

    // The half that was missing makes a pair.
    write(&secured, KEY, &one.key_pem());
    secured.server.hang_up();
    wait_for(&secured, TAKEN);
    assert_eq!(secured.connect().server_certificate(), one.chain()[0]);
}

#[test]
fn files_that_are_gone_or_hold_something_else_change_nothing() {
    let secured = Secured::start();
    let first = secured.connect().server_certificate();
    write(&secured, CERTIFICATE, "this is no certificate");
    secured.server.hang_up();
    let told = wait_for(&secured, REFUSED);
    let error = told["error"].as_str().expect("is text");
    assert_eq!(
        error,
        "tls.certificate: `server.crt` holds no certificate in PEM"
    );

    std::fs::remove_file(secured.server.folder().join(KEY)).expect("is there");
    let issued = secured.authority.for_server();
    write(&secured, CERTIFICATE, &issued.certificate_pem());
    secured.server.hang_up();
    secured.server.log().wait_for("the missing key", |line| {
        let error = line["error"].as_str();
        error.is_some_and(|error| error.starts_with("tls.key: `server.key` cannot be read"))
    });
    assert_eq!(secured.connect().server_certificate(), first);
    secured.connect().get("/v2/").expect_status(200);
}

#[test]
fn a_change_is_seen_without_a_signal() {
    let secured = Secured::start();
    let issued = secured.authority.for_server();
    write(&secured, CERTIFICATE, &issued.certificate_pem());
    write(&secured, KEY, &issued.key_pem());
    wait_for(&secured, TAKEN);
    assert_eq!(secured.connect().server_certificate(), issued.chain()[0]);
}
