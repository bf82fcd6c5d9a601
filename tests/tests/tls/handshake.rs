//! Which handshakes succeed, and what becomes of the others.

use crate::client::{Secured, TLS, TlsConnection, Trust};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::waiting::wait_until;
use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn both_versions_are_spoken_and_the_newer_one_is_preferred() {
    let secured = Secured::start();
    for (versions, expected) in [
        (vec![&TLS13, &TLS12], ProtocolVersion::TLSv1_3),
        (vec![&TLS12], ProtocolVersion::TLSv1_2),
    ] {
        let trust = Trust {
            versions,
            ..Trust::in_authority(&secured.authority)
        };
        let mut connection = secured.connect_with(&trust).expect("is spoken");
        assert_eq!(connection.session().protocol_version(), Some(expected));
        connection.get("/v2/").expect_status(200);
    }
}

#[test]
fn a_minimum_version_refuses_the_older_one() {
    let yaml = "tls: {certificate: server.crt, key: server.key, minimum_version: 1.3}\n";
    let secured = Secured::start_with(yaml, &[]);
    let trust = Trust {
        versions: vec![&TLS12],
        ..Trust::in_authority(&secured.authority)
    };
    let refused = secured.connect_with(&trust).err().expect("is refused");
    assert!(refused.to_string().contains("ProtocolVersion"), "{refused}");
    secured.connect().get("/v2/").expect_status(200);
}

#[test]
fn http_2_is_agreed_on_and_http_1_is_what_others_get() {
    let secured = Secured::start();
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], Some("h2")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let trust = Trust::in_authority(&secured.authority).speaking(offered);
        let connection = secured.connect_with(&trust).expect("is spoken");
        let found = connection.session().alpn_protocol();
        assert_eq!(found, agreed.map(str::as_bytes), "{offered:?}");
    }
}

#[test]
fn http_without_tls_is_told_what_to_do() {
    let secured = Secured::start();
    let mut connection = secured.server.connect();
    let request = Request::get("/v2/").header("Authorization", "Basic c2VjcmV0OnNlY3JldA==");
    let answer = connection.send(&request);
    answer.expect_status(400);
    assert_eq!(answer.code(), "UNSUPPORTED");
    assert!(answer.closes(), "{answer:?}");
    assert!(connection.closes_within(Duration::from_secs(20)));

    // A large request is not read to its end, and is answered all the same.
    let large = Request::put("/v2/a/manifests/tag").body(vec![b' '; 8_000_000]);
    secured.server.connect().send(&large).expect_status(400);
    secured.connect().get("/v2/").expect_status(200);
}

#[test]
fn what_is_neither_http_nor_tls_is_closed_without_a_word() {
    let secured = Secured::start();
    let mut garbage = secured.server.connect();
    garbage.write(b"\x00\x01\x02\x03\r\n\r\n");
    assert!(garbage.closes_within(Duration::from_secs(20)));

    // Begins as a handshake does, with what servers alone say.
    let mut garbage = secured.server.connect();
    garbage.write(&[22, 3, 1, 0, 4, 2, 0, 0, 0]);
    let alert = garbage.read_to_end();
    assert!(alert.starts_with(&[21, 3]), "{alert:?}");
    secured.connect().get("/v2/").expect_status(200);
}

#[test]
fn a_client_with_another_authority_gives_up_and_harms_nobody() {
    let secured = Secured::start();
    let stranger = crate::authority::Authority::new();
    let refused = secured.connect_with(&Trust::in_authority(&stranger));
    assert!(refused.is_err());
    secured.connect().get("/v2/").expect_status(200);
}

#[test]
fn a_slow_handshake_ends_in_time_and_holds_up_nobody() {
    let yaml = format!("{TLS}timeouts: {{headers: 2s}}\nworkers: 1\n");
    let secured = Secured::start_with(&yaml, &[]);
    let start = Instant::now();
    let mut silent: Vec<Connection> = (0..50).map(|_| secured.server.connect()).collect();
    let mut begun: Vec<Connection> = (0..50).map(|_| secured.server.connect()).collect();
    for connection in &mut begun {
        // The head of a record of 512 bytes, of which one comes.
        connection.write(&[22, 3, 1, 2, 0, 1]);
    }
    secured.connect().get("/v2/").expect_status(200);
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );

    for connection in silent.iter_mut().chain(&mut begun) {
        assert!(connection.closes_within(Duration::from_secs(20)));
    }
    assert!(start.elapsed() >= Duration::from_secs(2));
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_handshake_that_is_cut_anywhere_leaves_the_server_whole() {
    let secured = Secured::start();
    let hello = client_hello(&secured);
    secured.connect().get("/v2/").expect_status(200);
    let open_before = secured.server.open_files();
    for length in (0..hello.len()).step_by(7) {
        let mut stream = TcpStream::connect(secured.server.address()).expect("takes connections");
        stream.write_all(&hello[..length]).expect("is written");
    }
    secured.connect().get("/v2/").expect_status(200);
    wait_until("the connections are gone", || {
        secured.server.open_files() <= open_before
    });
}

/// Returns what a client says first.
fn client_hello(secured: &Secured) -> Vec<u8> {
    let config = Trust::in_authority(&secured.authority).config();
    let name = crate::authority::SERVER_NAME.try_into().expect("is a name");
    let mut session = rustls::ClientConnection::new(config, name).expect("can begin");
    let mut hello = Vec::new();
    session.write_tls(&mut hello).expect("a vector takes all");
    hello
}

#[test]
fn a_connection_that_goes_silent_after_the_handshake_is_closed() {
    let yaml = format!("{TLS}timeouts: {{headers: 1s, keep_alive: 1s}}\n");
    let secured = Secured::start_with(&yaml, &[]);
    let mut connection: TlsConnection = secured.connect();
    connection.get("/v2/").expect_status(200);
    assert!(connection.ends(), "the server closes the connection");
    let mut connection = secured.connect();
    assert!(connection.ends(), "the server closes the connection");
}
