//! Cases 101, 103, 109 and 110: connections that break, and bytes that are no HTTP.

use roadstead_tests::content::{IMAGE, random_bytes};
use roadstead_tests::http::{Answer, Connection, Request};
use roadstead_tests::server::Server;
use roadstead_tests::waiting::wait_until;
use std::net::SocketAddr;

/// How often a client breaks off.
const RESETS: usize = 10_000;
/// In how many rounds.
const ROUNDS: usize = 4;
/// How many clients do so at once.
const CLIENTS: usize = 8;
/// Files that may be open more than before: what the server keeps for a while on its own account.
const OPEN_FILES_SLACK: usize = 10;

/// What tells a client that asks first to send its body.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Lets several clients break off again and again, in rounds.
///
/// Threads and their heaps grow with the load and are kept for a while, so one round may cost memory.
/// A leak costs it in every round: 8 MiB of 2,500 clients are 3 KiB each.
#[track_caller]
fn assert_resets_leave_nothing(server: &Server, reset: impl Fn(Connection) + Sync) {
    let open_before = server.open_files();
    let mut memory = server.resident_bytes();
    let mut growths = Vec::new();
    for _ in 0..ROUNDS {
        reset_many_times(&reset, server.address());
        wait_until(
            "the files and sockets of clients that left are closed",
            || server.open_files() <= open_before + OPEN_FILES_SLACK,
        );
        let now = server.resident_bytes();
        growths.push(now.saturating_sub(memory));
        memory = now;
    }
    let least = growths.iter().min().expect("there are rounds");
    assert!(*least < 8 * 1024 * 1024, "grew in every round: {growths:?}");
    server.connect().assert_usable();
}

fn reset_many_times(reset: &(impl Fn(Connection) + Sync), server: SocketAddr) {
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for _ in 0..RESETS / CLIENTS / ROUNDS {
                    reset(Connection::open(server));
                }
            });
        }
    });
}

/// A server that does not log each of ten thousand requests.
fn quiet_server() -> Server {
    Server::start_with("log: {level: \"info,roadstead::access=off\"}")
}

#[test]
fn case_101_clients_that_break_off_downloads_leave_nothing_behind() {
    let server = quiet_server();
    let content = random_bytes(2 * 1024 * 1024);
    let digest = server.connect().push_blob("a", &content);
    let target = format!("/v2/a/blobs/{digest}");
    let whole = server.connect().get(&target);
    assert!(whole.body == content, "{whole:?}");
    let request = Request::get(&target).to_bytes();
    let reset = |mut connection: Connection| {
        connection.write(&request);
        connection.read_exactly(1000);
        connection.reset();
    };
    assert_resets_leave_nothing(&server, reset);
}

#[test]
fn case_101_clients_that_break_off_uploads_leave_nothing_behind() {
    let server = quiet_server();
    server.connect().push_blob("a", &random_bytes(100_000));
    let content = random_bytes(40_000);
    let head = |method: &str, target: &str| {
        format!(
            "{method} {target} HTTP/1.1\r\nHost: registry.test\r\nContent-Length: 1000000\r\n\
             Expect: 100-continue\r\n\r\n"
        )
    };
    // Each waits for the word to go on, so that no queue of broken connections builds up: memory
    // would tell of the queue then.
    let send = |mut connection: Connection, head: &str| {
        connection.write(head.as_bytes());
        let word = connection.read_exactly(CONTINUE.len());
        assert_eq!(word, CONTINUE);
        connection.write(&content);
        connection.reset();
    };
    // In one request: nothing of it may stay.
    let digest = roadstead_tests::content::unknown_digest();
    let post = head("POST", &format!("/v2/a/blobs/uploads/?digest={digest}"));
    assert_resets_leave_nothing(&server, |connection| send(connection, &post));
    wait_until("the bytes of broken uploads are gone from the disk", || {
        server.staged_files() == 0
    });

    // In a session: it can go on, and what came is there until the session ends.
    let location = server.connect().start_upload("a");
    let patch = head("PATCH", &location);
    assert_resets_leave_nothing(&server, |connection| send(connection, &patch));
    let mut connection = server.connect();
    let range = connection.upload_range(&location);
    assert!(range.starts_with("0-"), "{range}");
    connection.delete(&location).expect_status(204);
    wait_until(
        "the bytes of the cancelled upload are gone from the disk",
        || server.staged_files() == 0,
    );
    server.connect().assert_usable();
}

/// Sends a head, and then blocks without end until the answer is there. Returns the answer.
fn send_without_end(server: &Server, head: &str, block: &[u8]) -> Answer {
    let mut connection = server.connect();
    connection.write(head.as_bytes());
    let mut writer = connection.second();
    std::thread::scope(|scope| {
        scope.spawn(move || while writer.try_write(block).is_ok() {});
        let answer = connection.read_answer(false);
        connection.finish_writing();
        answer
    })
}

#[test]
fn case_103_a_refusal_is_read_while_gigabytes_still_come() {
    let server = Server::start_with("limits: {blob: 1MiB}");
    let location = server.connect().start_upload("a");
    let plain = vec![b' '; 65_536];
    let chunk = [b"10000\r\n", &plain[..], b"\r\n"].concat();
    for (method, target, code) in [
        ("PUT", "/v2/a/manifests/tag", "MANIFEST_INVALID"),
        ("PATCH", &location, "SIZE_INVALID"),
    ] {
        let start = format!("{method} {target} HTTP/1.1\r\nHost: registry.test\r\n");
        let start = format!("{start}Content-Type: {IMAGE}\r\n");
        let sized = format!("{start}Content-Length: 5000000000\r\n\r\n");
        let answer = send_without_end(&server, &sized, &plain);
        answer.expect_error(413, code);
        let chunked = format!("{start}Transfer-Encoding: chunked\r\n\r\n");
        let answer = send_without_end(&server, &chunked, &chunk);
        if method == "PATCH" {
            // The first refusal has ended the session.
            answer.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
        } else {
            answer.expect_error(413, code);
        }
    }
    server.connect().assert_usable();
}

#[test]
fn case_103_a_client_that_reads_only_after_it_has_written_sees_the_refusal() {
    let server = Server::start();
    let content = vec![b' '; 6 * 1024 * 1024];
    let put = Request::put("/v2/a/manifests/tag").header("Content-Type", IMAGE);
    let mut connection = server.connect();
    connection.write(&put.body(&content).to_bytes());
    connection
        .read_answer(false)
        .expect_error(413, "MANIFEST_INVALID");
}

#[test]
fn case_109_a_greeting_of_tls_is_closed_in_order() {
    let server = Server::start();
    // A record of a handshake, TLS 1.0, 196 bytes, with a ClientHello.
    let start = [22, 3, 1, 0, 196, 1, 0, 0, 192, 3, 3];
    let hello = [&start[..], &random_bytes(190)].concat();
    let mut connection = server.connect();
    connection.write(&hello);
    match connection.try_read_answer(false) {
        Ok(Some(answer)) => answer.expect_status(400),
        Ok(None) => {}
        Err(error) => panic!("{error}"),
    }
    for nonsense in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"\r\n\r\nHELO a\r\n",
    ] {
        let mut connection = server.connect();
        connection.write(nonsense);
        match connection.try_read_answer(false) {
            Ok(Some(answer)) => assert_eq!(answer.status, 400, "{answer:?}"),
            Ok(None) => {}
            Err(error) => panic!("{error}"),
        }
    }
    server.connect().assert_usable();
}

const HIDDEN: &str = "GET /v2/hidden/tags/list HTTP/1.1\r\nHost: registry.test\r\n\r\n";

/// Sends a request with a hidden one behind it. One answer may come, a refusal, and then the end.
#[track_caller]
fn assert_hides_nothing(server: &Server, request: &str) {
    let mut connection = server.connect();
    connection.write(request.as_bytes());
    connection.write(HIDDEN.as_bytes());
    let shown = &request[..request.len().min(200)];
    if let Some(answer) = connection
        .try_read_answer(false)
        .expect("the server answers")
    {
        assert!(matches!(answer.status, 400 | 501), "{shown}: {answer:?}");
        let rest = connection.read_to_end();
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.is_empty(), "{shown}: {rest}");
    }
}

#[test]
fn case_110_unclear_transfer_codings_are_refused() {
    let server = Server::start();
    for coding in [
        "chunked, identity",
        "identity, chunked",
        "gzip, chunked",
        "chunked, chunked",
        "xchunked",
        "chunked\r\nTransfer-Encoding: identity",
        "identity\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: chunked",
        "\u{b}chunked",
        "chunked;q=1",
        "\"chunked\"",
        "cow",
        "",
    ] {
        let request = format!(
            "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: registry.test\r\n\
             Transfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"
        );
        assert_hides_nothing(&server, &request);
    }
    server.connect().assert_usable();
}

#[test]
fn case_110_folded_and_malformed_headers_are_refused() {
    let server = Server::start();
    for headers in [
        "Content-Length: 5\r\n 0\r\n",
        "X-Folded: a\r\n b\r\n",
        "X-Folded: a\r\n\tTransfer-Encoding: chunked\r\n",
        "Content-Length : 0\r\n",
        " Content-Length: 0\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content\u{0}-Length: 0\r\n",
        "X: a\rContent-Length: 5\r\n",
        "X: a\0b\r\n",
        ": no name\r\n",
        "no colon\r\n",
    ] {
        let request =
            format!("POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: registry.test\r\n{headers}\r\n");
        assert_hides_nothing(&server, &request);
    }
    for line in [
        "GET  /v2/ HTTP/1.1",
        "GET /v2/ HTTP/9.9",
        "GET /v2/ HTTP/1.1 x",
        "GET /v2/",
    ] {
        assert_hides_nothing(&server, &format!("{line}\r\nHost: registry.test\r\n\r\n"));
    }
    server.connect().assert_usable();
}

#[test]
fn case_110_malformed_chunks_are_refused() {
    let server = Server::start();
    for body in [
        "5\r\nabc\r\n0\r\n\r\n",
        "-1\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "x\r\nabc\r\n0\r\n\r\n",
        "\r\nabc\r\n0\r\n\r\n",
        "10000000000000000\r\nabc\r\n0\r\n\r\n",
        "ffffffffffffffff0\r\nabc\r\n0\r\n\r\n",
        "3 3\r\nabc\r\n0\r\n\r\n",
        "3\nabc\n0\n\n",
    ] {
        let request = format!(
            "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: registry.test\r\n\
             Transfer-Encoding: chunked\r\n\r\n{body}"
        );
        assert_hides_nothing(&server, &request);
    }
    server.connect().assert_usable();
}

#[test]
fn case_110_chunk_extensions_of_a_megabyte_are_refused() {
    let server = Server::start();
    let extension = "x".repeat(1024 * 1024);
    for target in ["POST /v2/a/blobs/uploads/", "PUT /v2/a/manifests/tag"] {
        let head = format!(
            "{target} HTTP/1.1\r\nHost: registry.test\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        let request = format!("{head}1;{extension}\r\na\r\n0\r\n\r\n");
        let mut connection = server.connect();
        let answer = connection.exchange(request.as_bytes(), false);
        answer.expect_status(400);
        assert!(answer.closes(), "{answer:?}");
    }
    server.connect().assert_usable();
}
