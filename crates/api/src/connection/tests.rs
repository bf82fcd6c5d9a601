//! Tests of the timers, on a clock that jumps.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::timeout;

impl SendFile for DuplexStream {
    fn can_send_files(&self) -> bool {
        false
    }

    fn poll_send_file(
        &self,
        _cx: &mut Context<'_>,
        _file: &roadstead_registry::DataFile,
        _range: std::ops::Range<u64>,
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

const LIMITS: IdleLimits = IdleLimits {
    head: Duration::from_secs(10),
    keep_alive: Duration::from_secs(75),
    write_silence: Duration::from_mins(1),
};

fn connection(is_multiplexed: bool) -> (Connection<DuplexStream>, DuplexStream) {
    let (server, client) = duplex(64);
    (Connection::new(server, LIMITS, is_multiplexed), client)
}

#[tokio::test(start_paused = true)]
async fn the_head_of_a_later_request_must_end_in_time() {
    let (mut connection, mut client) = connection(false);
    drop(Busy::begin(&connection.shared()));
    client.write_all(b"GET").await.unwrap();
    let start = Instant::now();

    let mut bytes = Vec::new();
    let error = connection.read_to_end(&mut bytes).await.unwrap_err();

    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(bytes, b"GET");
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_next_request_ends() {
    let (mut connection, _client) = connection(false);
    drop(Busy::begin(&connection.shared()));
    let start = Instant::now();

    let error = connection.read_u8().await.unwrap_err();

    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 85);
}

#[tokio::test(start_paused = true)]
async fn an_open_request_a_first_one_and_http_2_are_left_alone() {
    let hour = Duration::from_hours(1);

    let (mut first, mut client) = connection(false);
    client.write_all(b"G").await.unwrap();
    first.read_u8().await.unwrap();
    assert!(timeout(hour, first.read_u8()).await.is_err());

    let (mut open, mut client) = connection(false);
    let busy = Busy::begin(&open.shared());
    client.write_all(b"x").await.unwrap();
    open.read_u8().await.unwrap();
    assert!(timeout(hour, open.read_u8()).await.is_err());
    assert_eq!(busy.open_requests(), 1);

    let (mut multiplexed, _client) = connection(true);
    drop(Busy::begin(&multiplexed.shared()));
    assert!(timeout(hour, multiplexed.read_u8()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_given_up() {
    let (mut connection, _client) = connection(false);
    let start = Instant::now();

    let error = connection.write_all(&[0; 1000]).await.unwrap_err();

    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_a_little_now_and_then_is_served() {
    let (mut connection, mut client) = connection(false);
    let send = async { connection.write_all(&[0; 1000]).await };
    let take = async {
        let mut taken = 0;
        let mut buffer = [0; 50];
        while taken < 950 {
            tokio::time::sleep(Duration::from_secs(50)).await;
            taken += client.read(&mut buffer).await.unwrap();
        }
        client
    };
    let (outcome, _client) = tokio::join!(send, take);
    outcome.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_answer_may_take_longer_than_the_wait_for_a_request() {
    let (connection, mut client) = connection(false);
    drop(Busy::begin(&connection.shared()));
    let (mut reading, mut writing) = tokio::io::split(connection);
    let start = Instant::now();
    let send = async {
        writing.write_all(&[0; 1000]).await.unwrap();
        Instant::now()
    };
    let take = async {
        let mut taken = 0;
        let mut buffer = [0; 50];
        while taken < 950 {
            tokio::time::sleep(Duration::from_secs(50)).await;
            taken += client.read(&mut buffer).await.unwrap();
        }
        client
    };

    let (written_at, _client, closed) = tokio::join!(send, take, reading.read_u8());

    assert!(written_at - start > Duration::from_mins(10));
    assert_eq!(closed.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(written_at.elapsed().as_secs(), 85);
}
