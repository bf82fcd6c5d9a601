//! Cases 48 and 49: clients that keep a connection busy by saying little.

use roadstead_tests::content::{random_bytes, sha256};
use roadstead_tests::http::{Answer, Connection, Request};
use roadstead_tests::server::Server;
use std::time::{Duration, Instant};

/// How long the limits of these tests are.
const LIMIT: Duration = Duration::from_secs(1);
/// How much longer a busy machine may take.
const SLACK: Duration = Duration::from_secs(5);
/// How long a slow client waits between two bytes.
const PAUSE: Duration = Duration::from_millis(150);

/// Waits for the server to give a client up, by an answer or by closing.
fn wait_for_the_end(connection: &mut Connection) -> Option<Answer> {
    let answer = connection
        .try_read_answer(false)
        .expect("the server does not wait for ever")?;
    let rest = connection.read_to_end();
    assert!(rest.is_empty(), "there is more: {rest:?}");
    Some(answer)
}

#[track_caller]
fn assert_timed_out(answer: Option<&Answer>) {
    if let Some(answer) = answer {
        assert_eq!(answer.status, 408, "{answer:?}");
        assert!(answer.closes(), "{answer:?}");
    }
}

#[test]
fn case_48_a_silent_body_is_cut_and_the_upload_can_go_on() {
    let server = Server::start_with("timeouts: {body_silence: 1s}");
    for sent in [0, 10, 50_000] {
        let content = random_bytes(60_000);
        let location = server.connect().start_upload("a");
        let mut connection = server.connect();
        let head = format!(
            "PATCH {location} HTTP/1.1\r\nHost: registry.test\r\nContent-Length: 60000\r\n\r\n"
        );
        connection.write(head.as_bytes());
        connection.write(&content[..sent]);
        assert!(connection.has_news_within(LIMIT + SLACK));
        assert_timed_out(wait_for_the_end(&mut connection).as_ref());

        let mut connection = server.connect();
        let expected = format!("0-{}", i64::try_from(sent).expect("is small") - 1);
        assert_eq!(connection.upload_range(&location), expected);
        let close = Request::put(format!("{location}?digest={}", sha256(&content)));
        let closed = connection.send(&close.body(&content[sent..]));
        closed.expect_status(201);
    }
}

#[test]
fn case_48_a_silent_closing_request_leaves_the_upload_as_it_was() {
    let server = Server::start_with("timeouts: {body_silence: 1s}");
    let content = random_bytes(1000);
    let location = server.connect().start_upload_with("a", &content[..100]);
    let target = format!("{location}?digest={}", sha256(&content));
    let mut connection = server.connect();
    let head =
        format!("PUT {target} HTTP/1.1\r\nHost: registry.test\r\nContent-Length: 900\r\n\r\n");
    connection.write(head.as_bytes());
    connection.write(&content[100..500]);
    assert_timed_out(wait_for_the_end(&mut connection).as_ref());

    let mut connection = server.connect();
    assert_eq!(connection.upload_range(&location), "0-99");
    let again = Request::put(target).body(&content[100..]);
    connection.send(&again).expect_status(201);
}

#[test]
fn case_48_a_body_of_a_byte_now_and_then_is_cut() {
    let settings = "timeouts: {body_silence: 60s, slow_body_floor: 64B, slow_body_window: 1s}";
    let server = Server::start_with(settings);
    let location = server.connect().start_upload("a");
    let mut connection = server.connect();
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nHost: registry.test\r\nContent-Length: 60000\r\n\r\n"
    );
    connection.write(head.as_bytes());
    let began = Instant::now();
    let mut sent = 0;
    let answer = loop {
        connection.write(b"x");
        sent += 1;
        if let Some(answer) = connection.read_answer_within(PAUSE, false) {
            break answer;
        }
        assert!(
            began.elapsed() < LIMIT + SLACK,
            "the client is still served"
        );
    };
    assert_timed_out(Some(&answer));
    let range = server.connect().upload_range(&location);
    let last: u32 = range
        .strip_prefix("0-")
        .and_then(|last| last.parse().ok())
        .expect("some bytes have arrived");
    assert!(last < sent, "{range} of {sent}");
}

/// Sends bytes of a head with pauses until the server gives up; returns how long that took.
fn dribble(connection: &mut Connection, server: &Server) -> Duration {
    let began = Instant::now();
    let mut others = server.connect();
    let head = b"GET /v2/ HTTP/1.1\r\nHost: registry.test\r\nX-Slow: ".iter();
    for byte in head.chain(std::iter::repeat(&b'x')) {
        if connection.try_write(&[*byte]).is_err() {
            break;
        }
        // Others are served meanwhile.
        others.assert_usable();
        if connection.has_news_within(PAUSE) {
            let answer = wait_for_the_end(connection);
            assert_timed_out(answer.as_ref());
            break;
        }
        assert!(
            began.elapsed() < LIMIT + SLACK,
            "the client is still served"
        );
    }
    began.elapsed()
}

#[test]
fn case_49_dribbled_headers_are_cut_and_others_are_served() {
    let server = Server::start_with("timeouts: {headers: 1s}");
    dribble(&mut server.connect(), &server);
}

#[test]
fn case_49_dribbled_headers_of_a_later_request_are_cut_too() {
    let server = Server::start_with("timeouts: {headers: 1s}");
    let mut connection = server.connect();
    connection.assert_usable();
    dribble(&mut connection, &server);
}

#[test]
fn case_49_a_connection_without_a_word_is_closed() {
    let server = Server::start_with("timeouts: {headers: 1s}");
    let mut connection = server.connect();
    assert!(connection.closes_within(LIMIT + SLACK));
    let mut connection = server.connect();
    connection.write(b"GET");
    let answer = wait_for_the_end(&mut connection);
    assert_timed_out(answer.as_ref());
}

#[test]
fn case_49_a_connection_without_a_next_request_is_closed() {
    let server = Server::start_with("timeouts: {headers: 1s, keep_alive: 1s}");
    let mut connection = server.connect();
    connection.assert_usable();
    assert!(connection.closes_within(LIMIT + LIMIT + SLACK));
}

#[test]
fn case_49_by_default_slow_headers_get_at_most_ten_seconds() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.write(b"GET /v2/ HTTP/1.1\r\nHost: ");
    assert!(connection.has_news_within(Duration::from_secs(10)));
    assert_timed_out(wait_for_the_end(&mut connection).as_ref());
}
