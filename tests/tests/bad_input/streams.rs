//! Case 102: floods over HTTP/2.

use roadstead_tests::content::random_bytes;
use roadstead_tests::frames::{self, Frame, flag, frame, kind};
use roadstead_tests::http::Connection;
use roadstead_tests::server::Server;
use roadstead_tests::waiting::wait_until;

/// How much memory a flood may cost. What it would take without limits is many times that.
const MOST_GROWTH: u64 = 48 * 1024 * 1024;
/// How much memory the answers may cost that nobody takes: a block of 128 KiB and some for each of
/// the thousand requests that a connection may have open.
const MOST_GROWTH_OF_ANSWERS: u64 = 192 * 1024 * 1024;
const STREAMS: u32 = 10_000;

fn quiet_server() -> Server {
    Server::start_with("log: {level: \"info,roadstead::access=off\"}")
}

/// Sends bytes again and again until the server takes no more, or all are sent. What it says is read
/// meanwhile, and returned.
fn flood(mut connection: Connection, blocks: impl Iterator<Item = Vec<u8>> + Send) -> Vec<Frame> {
    let mut writer = connection.second();
    let said = std::thread::scope(|scope| {
        scope.spawn(move || {
            for block in blocks {
                if writer.try_write(&block).is_err() {
                    break;
                }
            }
            writer.finish_writing();
        });
        connection.read_to_end()
    });
    frames::parse(&said)
}

fn is_refusal(frame: &Frame) -> bool {
    frame.kind == kind::GOAWAY && frame.payload.get(4..8) != Some(&[0, 0, 0, 0])
}

#[track_caller]
fn assert_is_well(server: &Server, memory_before: u64) {
    assert_grew_at_most(server, memory_before, MOST_GROWTH);
}

#[track_caller]
fn assert_grew_at_most(server: &Server, memory_before: u64, limit: u64) {
    server.connect().assert_usable();
    let grown = server.resident_bytes().saturating_sub(memory_before);
    assert!(grown < limit, "grew by {grown} bytes");
}

/// Odd numbers: the streams of a client.
fn streams() -> impl Iterator<Item = u32> {
    (0..STREAMS).map(|number| 2 * number + 1)
}

#[test]
fn case_102_streams_that_are_reset_at_once_cost_nothing() {
    let server = quiet_server();
    let digest = server.connect().push_blob("a", &random_bytes(1_000_000));
    let open_before = server.open_files();
    let memory = server.resident_bytes();
    for target in ["/v2/".to_owned(), format!("/v2/a/blobs/{digest}")] {
        let request = frames::request_block("GET", &target);
        let blocks = streams().map(|stream| {
            let flags = flag::END_STREAM | flag::END_HEADERS;
            let open = frame(kind::HEADERS, flags, stream, &request);
            // CANCEL
            let reset = frame(kind::RST_STREAM, 0, stream, &[0, 0, 0, 8]);
            [open, reset].concat()
        });
        flood(frames::open(server.address(), &[]), blocks);
        assert_is_well(&server, memory);
    }
    wait_until("the files of the requests are closed", || {
        server.open_files() <= open_before + 5
    });
}

#[test]
fn case_102_a_header_without_end_is_refused() {
    let server = quiet_server();
    let memory = server.resident_bytes();
    let start = frames::request_block("GET", "/v2/");
    let begin = frame(kind::HEADERS, flag::END_STREAM, 1, &start);
    let filling = frames::header_block(&[("x-filling", &"x".repeat(16_000))]);
    let more = frame(kind::CONTINUATION, 0, 1, &filling);
    // Up to 64 MiB; the server must have enough long before, though the buffers of the system count
    // here as taken.
    let blocks = std::iter::once(begin).chain((0..4000).map(|_| more.clone()));
    let mut sent = 0_usize;
    let blocks = blocks.inspect(|block| sent += block.len());
    let said = flood(frames::open(server.address(), &[]), blocks);
    assert!(said.iter().any(is_refusal), "there was no GOAWAY: {said:?}");
    assert!(sent < 32 * 1024 * 1024, "{sent} bytes were taken");
    assert_is_well(&server, memory);
}

#[test]
fn case_102_empty_continuations_without_end_are_refused() {
    let server = quiet_server();
    let memory = server.resident_bytes();
    let start = frames::request_block("GET", "/v2/");
    let begin = frame(kind::HEADERS, flag::END_STREAM, 1, &start);
    let more = frame(kind::CONTINUATION, 0, 1, &[]).repeat(1000);
    let blocks = std::iter::once(begin).chain((0..1000).map(|_| more.clone()));
    let said = flood(frames::open(server.address(), &[]), blocks);
    assert!(said.iter().any(is_refusal), "there was no GOAWAY: {said:?}");
    assert_is_well(&server, memory);
}

#[test]
fn case_102_streams_whose_answers_nobody_takes_are_limited() {
    let server = quiet_server();
    let digest = server.connect().push_blob("a", &random_bytes(1_000_000));
    let memory = server.resident_bytes();
    let request = frames::request_block("GET", &format!("/v2/a/blobs/{digest}"));
    let flags = flag::END_STREAM | flag::END_HEADERS;
    let blocks = streams().map(|stream| frame(kind::HEADERS, flags, stream, &request));
    // SETTINGS_INITIAL_WINDOW_SIZE 0: no byte of a body may be sent.
    let mut connection = frames::open(server.address(), &[(4, 0)]);
    let mut writer = connection.second();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for block in blocks {
                if writer.try_write(&block).is_err() {
                    return;
                }
            }
            // The answer to a ping comes after all requests were seen.
            writer.write(&frame(kind::PING, 0, 0, b"seen all"));
        });
        loop {
            let frame = frames::read(&mut connection);
            let is_answer = frame.kind == kind::PING && frame.flags & flag::ACK != 0;
            if is_answer || frame.kind == kind::GOAWAY {
                break;
            }
        }
        assert_grew_at_most(&server, memory, MOST_GROWTH_OF_ANSWERS);
    });
    drop(connection);
    server.connect().assert_usable();
}

#[test]
fn case_102_floods_of_settings_and_pings_cost_nothing() {
    let server = quiet_server();
    let memory = server.resident_bytes();
    for (kind, payload) in [(kind::SETTINGS, &b""[..]), (kind::PING, b"12345678")] {
        let frames = frame(kind, 0, 0, payload).repeat(1000);
        // Nobody reads the acknowledgements: they must not pile up.
        let mut connection = frames::open(server.address(), &[]);
        connection.limit_writing(std::time::Duration::from_secs(1));
        for _ in 0..1000 {
            if connection.try_write(&frames).is_err() {
                break;
            }
        }
        assert_is_well(&server, memory);
    }
}

#[test]
fn case_102_malformed_frames_end_the_connection() {
    let server = quiet_server();
    for bytes in [
        // Too long a frame.
        vec![0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1],
        // DATA on stream 0, on a stream that is not open, HEADERS on an even stream.
        frame(kind::DATA, 0, 0, b"x"),
        frame(kind::DATA, 0, 1, b"x"),
        frame(kind::HEADERS, 5, 2, &frames::request_block("GET", "/v2/")),
        // A header block that cannot be read, and one without its pseudo-headers.
        frame(kind::HEADERS, 5, 1, &[0x80]),
        frame(kind::HEADERS, 5, 1, &[0xff; 100]),
        frame(kind::CONTINUATION, 4, 1, &[]),
        // SETTINGS of an impossible length, a PING that is too short.
        frame(kind::SETTINGS, 0, 0, b"x"),
        frame(kind::PING, 0, 0, b"x"),
    ] {
        let said = flood(frames::open(server.address(), &[]), std::iter::once(bytes));
        let refused = said
            .iter()
            .any(|frame| is_refusal(frame) || frame.kind == kind::RST_STREAM);
        assert!(refused, "{said:?}");
    }
    server.connect().assert_usable();
}
