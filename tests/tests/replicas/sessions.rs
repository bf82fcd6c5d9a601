//! Replicas that die, hang or lose their client in the middle of an upload; another goes on.

use crate::cluster::{Cluster, MIB};
use roadstead_tests::content::{random_bytes, sha256, sha512};
use roadstead_tests::http::{Connection, Request};
use roadstead_tests::s3_fake::{Fault, Rule, S3Operation};
use roadstead_tests::waiting::wait_until;
use std::time::Duration;

/// Sends a request but for its last bytes, and waits until the store has got another part.
fn send_most_of(cluster: &Cluster, connection: &Connection, request: &Request, kept_back: usize) {
    let parts = cluster.fake.counts().of(S3Operation::UploadPart);
    let bytes = request.to_bytes();
    connection.second().write(&bytes[..bytes.len() - kept_back]);
    wait_until("a part lies in the bucket", || {
        cluster.fake.counts().of(S3Operation::UploadPart) > parts
    });
}

fn offset_at(connection: &mut Connection, location: &str) -> usize {
    let range = connection.upload_range(location);
    let last: i64 = range
        .strip_prefix("0-")
        .and_then(|last| last.parse().ok())
        .expect("a range of an upload");
    usize::try_from(last + 1).expect("it is not negative")
}

/// Goes on with an upload at two replicas and reads the blob at a third or the first.
fn finish(cluster: &Cluster, replicas: [usize; 2], location: &str, content: &[u8], offset: usize) {
    let middle = offset + (content.len() - offset) / 2;
    let patch = Request::patch(location)
        .header("Content-Range", format!("{offset}-{}", middle - 1))
        .body(&content[offset..middle]);
    cluster.at(replicas[0]).send(&patch).expect_status(202);
    let digest = sha256(content);
    let close = Request::put(format!("{location}?digest={digest}")).body(&content[middle..]);
    cluster.at(replicas[1]).send(&close).expect_status(201);
    for replica in replicas {
        let blob = cluster.at(replica).get(format!("/v2/a/blobs/{digest}"));
        blob.expect_status(200);
        assert!(blob.body == content, "the blob has other bytes");
    }
}

#[test]
fn a_replica_is_killed_in_the_middle_of_a_patch_and_the_client_goes_on_at_another() {
    let mut cluster = Cluster::start();
    let content = random_bytes(24 * MIB);
    let location = cluster.at(0).start_upload("a");
    let first = Request::patch(&location).body(&content[..6 * MIB]);
    cluster.at(1).send(&first).expect_status(202);

    let cut = Request::patch(&location)
        .header("Content-Range", format!("{}-{}", 6 * MIB, 18 * MIB - 1))
        .body(&content[6 * MIB..18 * MIB]);
    send_most_of(&cluster, &cluster.at(0), &cut, 100_000);
    cluster.servers[0].kill();

    let offset = offset_at(&mut cluster.at(1), &location);
    assert!((6 * MIB..18 * MIB).contains(&offset), "{offset}");
    assert_eq!(offset_at(&mut cluster.at(2), &location), offset);
    finish(&cluster, [2, 1], &location, &content, offset);
    let inventory = cluster.inventory();
    assert_eq!(inventory.objects.len(), 1, "{inventory:?}");
    assert!(inventory.is_settled(), "{inventory:?}");
}

#[test]
fn a_replica_is_killed_in_the_first_patch_of_an_upload() {
    let mut cluster = Cluster::start();
    let content = random_bytes(13 * MIB);
    let location = cluster.at(2).start_upload("a");
    let cut = Request::patch(&location).body(&content);
    send_most_of(&cluster, &cluster.at(0), &cut, 100_000);
    cluster.servers[0].kill();
    let offset = offset_at(&mut cluster.at(1), &location);
    assert!(offset < content.len(), "{offset}");
    finish(&cluster, [1, 2], &location, &content, offset);
    cluster.inventory();
}

#[test]
fn a_replica_is_killed_in_the_middle_of_a_close_which_then_never_was() {
    let mut cluster = Cluster::start();
    let content = random_bytes(20 * MIB);
    let location = cluster.at(0).start_upload("a");
    let first = Request::patch(&location).body(&content[..6 * MIB]);
    cluster.at(1).send(&first).expect_status(202);
    let digest = sha256(&content);
    let cut = Request::put(format!("{location}?digest={digest}")).body(&content[6 * MIB..]);
    send_most_of(&cluster, &cluster.at(2), &cut, 100_000);
    cluster.servers[2].kill();
    assert_eq!(offset_at(&mut cluster.at(1), &location), 6 * MIB);
    let blob = cluster.at(0).get(format!("/v2/a/blobs/{digest}"));
    blob.expect_status(404);
    finish(&cluster, [0, 1], &location, &content, 6 * MIB);
    cluster.inventory();
}

#[test]
fn a_replica_is_killed_before_it_answers_a_close_and_the_client_repeats_it_at_another() {
    for key in ["records/upload/", "records/blob/", "records/link/"] {
        let mut cluster = Cluster::start();
        let content = random_bytes(6 * MIB);
        let digest = sha256(&content);
        let location = cluster.at(1).start_upload("a");
        let patch = Request::patch(&location).body(&content);
        cluster.at(2).send(&patch).expect_status(202);
        // The write is done, the replica never hears of it.
        cluster.fake.faults().add(Rule {
            key_contains: key.to_owned(),
            ..Rule::next(
                S3Operation::PutObject,
                Fault::DelayAfter(Duration::from_mins(5)),
            )
        });
        let harmed = cluster.fake.faults().done();
        let close = Request::put(format!("{location}?digest={digest}"));
        let mut unheard = cluster.at(0);
        unheard.write(&close.to_bytes());
        wait_until("the write is held", || {
            cluster.fake.faults().done() > harmed
        });
        cluster.servers[0].kill();
        cluster.at(1).send(&close).expect_status(201);
        cluster.at(2).send(&close).expect_status(201);
        for replica in [1, 2] {
            let blob = cluster.at(replica).get(format!("/v2/a/blobs/{digest}"));
            assert!(blob.body == content, "after a kill at {key}: {blob:?}");
        }
        assert_eq!(cluster.inventory().objects.len(), 1, "after {key}");
    }
}

/// The store takes no finished object back, so the client has to begin again, and must hear so.
#[test]
fn a_replica_is_killed_between_the_last_byte_and_its_note_of_it() {
    for digest_of in [sha256, sha512] {
        let mut cluster = Cluster::start();
        let content = random_bytes(4 * MIB);
        let digest = digest_of(&content);
        let location = cluster.at(1).start_upload("a");
        let patch = Request::patch(&location).body(&content[..3 * MIB]);
        cluster.at(2).send(&patch).expect_status(202);
        // The first write of the session takes it over, the second says that it is complete.
        cluster.fake.faults().add(Rule {
            key_contains: "records/upload/".to_owned(),
            skip: 1,
            ..Rule::next(
                S3Operation::PutObject,
                Fault::DelayBefore(Duration::from_mins(5)),
            )
        });
        let close = Request::put(format!("{location}?digest={digest}")).body(&content[3 * MIB..]);
        let unheard = cluster.at(0);
        unheard.second().write(&close.to_bytes());
        wait_until("the note is held", || cluster.fake.faults().done() > 0);
        cluster.servers[0].kill();
        let again = cluster.at(1).send(&close);
        again.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
        let digest = cluster.at(2).push_blob("a", &content);
        let blob = cluster.at(1).get(format!("/v2/a/blobs/{digest}"));
        assert!(blob.body == content, "{blob:?}");
        cluster.inventory();
    }
}

#[test]
fn a_replica_that_hung_in_a_patch_harms_nothing_when_it_wakes() {
    let cluster = Cluster::start();
    let content = random_bytes(20 * MIB);
    let stale = random_bytes(14 * MIB);
    let location = cluster.at(0).start_upload("a");
    let first = Request::patch(&location).body(&content[..MIB]);
    cluster.at(1).send(&first).expect_status(202);

    // Another client's bytes for the same range, cut where the process stops.
    let cut = Request::patch(&location).body(&stale);
    let mut sleeper = cluster.at(0);
    send_most_of(&cluster, &sleeper, &cut, 100_000);
    cluster.servers[0].pause();
    let offset = offset_at(&mut cluster.at(1), &location);
    assert_eq!(offset, MIB);
    finish(&cluster, [1, 2], &location, &content, offset);

    cluster.servers[0].resume();
    let bytes = cut.to_bytes();
    sleeper.write(&bytes[bytes.len() - 100_000..]);
    let answer = sleeper.read_answer(false);
    assert!(matches!(answer.status, 404 | 416), "{answer:?}");
    let digest = sha256(&content);
    cluster.assert_content(&format!("/v2/a/blobs/{digest}"), &content);
    assert_eq!(cluster.inventory().objects.len(), 1);
}

#[test]
fn a_client_that_breaks_off_goes_on_at_another_replica_from_what_arrived() {
    let cluster = Cluster::start();
    let content = random_bytes(16 * MIB);
    // At a quick store the replica waits for the client, at a slow one for the store.
    for delay in [Duration::ZERO, Duration::from_secs(1)] {
        cluster.fake.faults().add(Rule::next(
            S3Operation::UploadPart,
            Fault::DelayBefore(delay),
        ));
        let location = cluster.at(0).start_upload("a");
        let cut = Request::patch(&location).body(&content);
        let connection = cluster.at(0);
        send_most_of(&cluster, &connection, &cut, 2 * MIB);
        connection.reset();
        wait_until("the replica has kept what arrived", || {
            offset_at(&mut cluster.at(1), &location) >= 5 * MIB
        });
        let offset = offset_at(&mut cluster.at(2), &location);
        assert!(offset <= 14 * MIB, "{offset}");
        finish(&cluster, [2, 1], &location, &content, offset);
    }
    cluster.inventory();
}

#[test]
fn an_upload_that_is_cancelled_elsewhere_while_it_is_closed_leaves_no_data() {
    let cluster = Cluster::start();
    let content = random_bytes(100_000);
    let location = cluster.at(0).start_upload("a");
    let first = Request::patch(&location).body(&content);
    cluster.at(0).send(&first).expect_status(202);

    // The replica has the bytes in memory, and its next request to the store is held up.
    cluster.fake.faults().add(Rule {
        key_contains: "/data/".to_owned(),
        ..Rule::next(
            S3Operation::PutObject,
            Fault::DelayBefore(Duration::from_secs(2)),
        )
    });
    let harmed = cluster.fake.faults().done();
    let close = Request::put(format!("{location}?digest={}", sha256(&content)));
    std::thread::scope(|scope| {
        let closing = scope.spawn(|| cluster.at(0).send(&close));
        wait_until("the data is on its way", || {
            cluster.fake.faults().done() > harmed
        });
        cluster.at(1).delete(&location).expect_status(204);
        let closed = closing.join().expect("it is answered");
        closed.expect_status(404);
    });
    let inventory = cluster.inventory();
    assert!(inventory.objects.is_empty(), "{inventory:?}");
}
