//! Three replicas with eight clients each, all at the same blob or the same upload.

use crate::cluster::{Cluster, MIB, REPLICAS};
use roadstead_tests::content::{empty_index, random_bytes, sha256};
use roadstead_tests::http::{Answer, Connection, Request};
use std::sync::Barrier;
use std::thread;

/// Clients of each replica.
pub(crate) const WRITERS: usize = 8;

/// Lets all writers act at once, each on a connection of its own; returns what they bring, by
/// writer.
pub(crate) fn race<T: Send>(
    cluster: &Cluster,
    act: impl Fn(usize, &mut Connection) -> T + Sync,
) -> Vec<T> {
    let count = REPLICAS * WRITERS;
    let start = Barrier::new(count);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..count)
            .map(|writer| {
                let (start, act) = (&start, &act);
                scope.spawn(move || {
                    let mut connection = cluster.at(writer);
                    start.wait();
                    act(writer, &mut connection)
                })
            })
            .collect();
        let ended = writers.into_iter().map(thread::ScopedJoinHandle::join);
        ended
            .map(|ended| ended.expect("a writer comes to its end"))
            .collect()
    })
}

#[test]
fn all_who_push_one_blob_get_201_and_one_object_remains() {
    let cluster = Cluster::start();
    for length in [10_000, 300_000, 6 * MIB] {
        let content = random_bytes(length);
        let digest = sha256(&content);
        let before = cluster.inventory().objects.len();
        let statuses = race(&cluster, |writer, connection| {
            let answer = if writer % 2 == 0 {
                let target = format!("/v2/a/blobs/uploads/?digest={digest}");
                connection.send(&Request::post(target).body(&content))
            } else {
                let location = connection.start_upload_with("a", &content);
                connection.close_upload(&location, &digest)
            };
            answer.status
        });
        assert_eq!(statuses, [201; REPLICAS * WRITERS], "{length} bytes");
        cluster.assert_content(&format!("/v2/a/blobs/{digest}"), &content);
        let inventory = cluster.inventory();
        let own = usize::from(length > 32 * 1024);
        assert_eq!(inventory.objects.len(), before + own, "{length} bytes");
        assert!(inventory.is_settled(), "{inventory:?}");
    }
}

#[test]
fn all_who_push_one_manifest_get_201_and_every_tag_is_readable() {
    let cluster = Cluster::start();
    let manifest = empty_index("everybody's");
    let statuses = race(&cluster, |writer, connection| {
        let answer = connection.put_manifest("a", &format!("v{writer}"), &manifest);
        answer.status
    });
    assert_eq!(statuses, [201; REPLICAS * WRITERS]);
    for writer in 0..REPLICAS * WRITERS {
        cluster.assert_content(&format!("/v2/a/manifests/v{writer}"), &manifest.bytes);
    }
    for answer in cluster.get_everywhere("/v2/a/tags/list") {
        let tags = answer.json()["tags"].as_array().map(Vec::len);
        assert_eq!(tags, Some(REPLICAS * WRITERS));
    }
}

/// Of all who append at one offset exactly one may be told that its bytes are in.
#[test]
fn an_upload_that_all_append_to_holds_the_bytes_of_one_order() {
    let cluster = Cluster::start();
    let location = cluster.next().start_upload("a");
    let mut expected: Vec<u8> = Vec::new();
    // Bytes in the record first, then a tail, then more than one part.
    for length in [9_000, 200_000, 3 * MIB, 2 * MIB + 7] {
        let offset = expected.len();
        let range = format!("{offset}-{}", offset + length - 1);
        let answers = race(&cluster, |writer, connection| {
            let bytes = bytes_of(writer, length);
            let request = Request::patch(&location)
                .header("Content-Range", &range)
                .body(&bytes);
            connection.send(&request)
        });
        let winners = winners_of(&answers);
        assert_eq!(winners.len(), 1, "at {offset}: {winners:?}");
        expected.extend(bytes_of(winners[0], length));
        let told = cluster.next().upload_range(&location);
        assert_eq!(told, format!("0-{}", expected.len() - 1));
    }
    let digest = sha256(&expected);
    let statuses = race(&cluster, |_, connection| {
        connection.close_upload(&location, &digest).status
    });
    assert_eq!(statuses, [201; REPLICAS * WRITERS]);
    cluster.assert_content(&format!("/v2/a/blobs/{digest}"), &expected);
    // What losers left is ended by the sweeper, but they left no object.
    assert_eq!(cluster.inventory().objects.len(), 1);
}

/// Without ranges everybody who is told 202 was appended where the upload then ended.
#[test]
fn an_upload_that_all_stream_to_holds_whole_streams_one_after_the_other() {
    const LENGTH: usize = 100_000;
    let cluster = Cluster::start();
    let location = cluster.next().start_upload("a");
    let answers = race(&cluster, |writer, connection| {
        let request = Request::patch(&location).chunked(bytes_of(writer, LENGTH), 10_000);
        connection.send(&request)
    });
    // The end that a winner was told is its place in the order.
    let mut order: Vec<(usize, usize)> = Vec::new();
    for writer in winners_of(&answers) {
        let told = answers[writer].expect_header("range");
        let last: usize = told.strip_prefix("0-").unwrap().parse().unwrap();
        order.push((last + 1, writer));
    }
    order.sort_unstable();
    let mut expected = Vec::new();
    for (end, writer) in &order {
        expected.extend(bytes_of(*writer, LENGTH));
        assert_eq!(expected.len(), *end, "{order:?}");
    }
    assert!(!order.is_empty(), "nobody was told 202");
    let told = cluster.next().upload_range(&location);
    assert_eq!(told, format!("0-{}", expected.len() - 1));
    let digest = sha256(&expected);
    let closed = cluster.next().close_upload(&location, &digest);
    closed.expect_status(201);
    cluster.assert_content(&format!("/v2/a/blobs/{digest}"), &expected);
    cluster.inventory();
}

/// Returns the writers that were told 202. All others must have been told that they were late.
fn winners_of(answers: &[Answer]) -> Vec<usize> {
    let mut winners = Vec::new();
    for (writer, answer) in answers.iter().enumerate() {
        match answer.status {
            202 => winners.push(writer),
            416 => {}
            _ => panic!("writer {writer}: {answer:?}"),
        }
    }
    winners
}

/// Bytes that tell at every place whose they are.
fn bytes_of(writer: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(writer as u64).fill(&mut bytes);
    bytes
}
