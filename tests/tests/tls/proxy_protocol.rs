//! The PROXY protocol over real sockets: good and hostile headers, with TLS behind them and without.

use crate::client::{Secured, TLS, TlsConnection, Trust};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::server::Server;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The tests connect from 127.0.0.1.
const EXPECTED: &str = "trusted_proxies: [127.0.0.1]\nproxy_protocol: true\n";
const FIRST: &[u8] = b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n";
const SECOND: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x08\x0a\0\0\x01\xdc\x04\x01\xbb";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
const SOON: Duration = Duration::from_secs(20);

fn ping(id: &str) -> Request {
    Request::get("/v2/").header("X-Request-Id", id)
}

fn logged_client(server: &Server, id: &str) -> String {
    let line = server.log().wait_for_request(id);
    line["client"].as_str().expect("is text").to_owned()
}

#[test]
fn a_header_says_where_the_client_is() {
    let server = Server::start_with(EXPECTED);
    for (id, header, client) in [
        ("one", FIRST, "192.0.2.7:56324"),
        ("two", SECOND, "192.0.2.8:56324"),
        ("local", LOCAL, "127.0.0.1:"),
        ("unknown", b"PROXY UNKNOWN\r\n", "127.0.0.1:"),
    ] {
        let mut connection = server.connect();
        // In one piece with the request, as a balancer sends it.
        let bytes = [header, &ping(id).to_bytes()].concat();
        connection.exchange(&bytes, false).expect_status(200);
        let found = logged_client(&server, id);
        assert!(found.starts_with(client), "{id}: {found}");
        // The header is of the connection: a second request has none.
        connection.assert_usable();
    }
}

#[test]
fn a_header_that_comes_in_pieces_is_put_together() {
    let server = Server::start_with(EXPECTED);
    for (id, header) in [("first", FIRST), ("second", SECOND)] {
        let mut connection = server.connect();
        for byte in header {
            connection.write(&[*byte]);
        }
        connection.send(&ping(id)).expect_status(200);
        assert!(logged_client(&server, id).starts_with("192.0.2."));
    }
}

#[test]
fn tls_begins_behind_the_header() {
    let secured = Secured::start_with(&format!("{TLS}{EXPECTED}"), &[]);
    let config = || Trust::in_authority(&secured.authority).config();
    for (id, header, client) in [
        ("first", FIRST, "192.0.2.7:56324"),
        ("second", SECOND, "192.0.2.8:56324"),
    ] {
        let mut stream = TcpStream::connect(secured.server.address()).expect("takes connections");
        stream.write_all(header).expect("is written");
        let mut connection = TlsConnection::over(stream, config()).expect("the handshake succeeds");
        connection.send(&ping(id)).expect_status(200);
        assert_eq!(logged_client(&secured.server, id), client);
    }
    assert!(TlsConnection::open(secured.server.address(), config()).is_err());
}

#[test]
fn what_is_no_header_ends_the_connection() {
    let server = Server::start_with(EXPECTED);
    let long_line = format!("PROXY UNKNOWN {}", "x".repeat(500));
    let too_long = [&SECOND[..14], &[0xff, 0xff], &[0; 3000][..]].concat();
    for header in [
        &b"GET /v2/ HTTP/1.1\r\nHost: registry.test\r\n\r\n"[..],
        b"PROXY TCP4 192.0.2.256 10.0.0.1 56324 443\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x02\0\0",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0",
        long_line.as_bytes(),
        &too_long,
    ] {
        let mut connection = server.connect();
        connection.write(header);
        assert!(connection.closes_within(SOON), "{header:?}");
    }
    let mut connection = server.connect();
    connection.write(FIRST);
    connection.assert_usable();
}

#[test]
fn a_header_that_never_ends_is_waited_for_no_longer_than_headers_are() {
    let server = Server::start_with(&format!("{EXPECTED}timeouts: {{headers: 2s}}\n"));
    let start = Instant::now();
    let mut begun: Vec<Connection> = (0..20).map(|_| server.connect()).collect();
    for (connection, header) in begun
        .iter_mut()
        .zip([&b""[..], &FIRST[..20], &SECOND[..20]].iter().cycle())
    {
        connection.write(header);
    }
    for connection in &mut begun {
        assert!(connection.closes_within(SOON));
    }
    assert!(start.elapsed() >= Duration::from_secs(2));
}

#[test]
fn who_is_no_trusted_proxy_cannot_say_where_it_is() {
    let yaml = "trusted_proxies: [127.0.0.2]\nproxy_protocol: true\n";
    let server = Server::start_with(yaml);
    for header in [FIRST, SECOND] {
        let mut connection = server.connect();
        let bytes = [header, &ping("made-up").to_bytes()].concat();
        connection.write(&bytes);
        let answer = connection.try_read_answer(false);
        let status = answer.ok().flatten().map(|answer| answer.status);
        assert!(status.is_none_or(|status| status == 400), "{status:?}");
    }
    server.connect().send(&ping("direct")).expect_status(200);
    assert!(logged_client(&server, "direct").starts_with("127.0.0.1:"));
}

#[test]
fn forwarded_headers_of_the_client_behind_a_header_are_not_believed() {
    let server = Server::start_with(EXPECTED);
    let mut connection = server.connect();
    let request = ping("behind").header("X-Forwarded-For", "198.51.100.1");
    let bytes = [FIRST, &request.to_bytes()].concat();
    connection.exchange(&bytes, false).expect_status(200);
    assert_eq!(logged_client(&server, "behind"), "192.0.2.7:56324");
}
