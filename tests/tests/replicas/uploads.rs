//! Uploads that go to another replica with every request.

use crate::cluster::{Cluster, MIB};
use roadstead_tests::content::{random_bytes, sha256, sha512};
use roadstead_tests::http::Request;

/// Sends a chunk with its range to the next replica.
fn append(cluster: &Cluster, location: &str, content: &[u8], from: usize, to: usize) {
    let request = Request::patch(location)
        .header("Content-Range", format!("{from}-{}", to - 1))
        .body(&content[from..to]);
    let answer = cluster.send(&request);
    answer.expect_status(202);
    assert_eq!(
        answer.expect_header("range"),
        format!("0-{}", to - 1),
        "after {from}..{to}"
    );
}

fn assert_offset(cluster: &Cluster, location: &str, offset: usize) {
    let range = cluster.next().upload_range(location);
    let last = i64::try_from(offset).expect("uploads are small here") - 1;
    assert_eq!(range, format!("0-{last}"));
}

#[test]
fn every_request_of_an_upload_goes_to_another_replica() {
    let cluster = Cluster::start();
    let content = random_bytes(17 * MIB + 123);
    let location = cluster.next().start_upload("team/app");
    let mut offset = 0;
    // From bytes in the record to a tail, over several parts, and a single byte.
    for end in [
        10_000,
        20_000,
        100_000,
        3 * MIB,
        3 * MIB + 1,
        9 * MIB,
        16 * MIB + 5,
    ] {
        append(&cluster, &location, &content, offset, end);
        offset = end;
        assert_offset(&cluster, &location, offset);
    }
    let digest = sha256(&content);
    let close = Request::put(format!("{location}?digest={digest}")).body(&content[offset..]);
    let answer = cluster.send(&close);
    answer.expect_status(201);
    let target = format!("/v2/team/app/blobs/{digest}");
    assert_eq!(answer.expect_header("location"), target);
    cluster.assert_content(&target, &content);
    let inventory = cluster.inventory();
    assert_eq!(inventory.objects.len(), 1);
    assert!(inventory.is_settled(), "{inventory:?}");
}

#[test]
fn an_upload_without_ranges_goes_on_at_another_replica() {
    let cluster = Cluster::start();
    let content = random_bytes(7 * MIB);
    let location = cluster.next().start_upload("a");
    for piece in content.chunks(MIB + 77) {
        let request = Request::patch(&location).chunked(piece, 50_000);
        cluster.send(&request).expect_status(202);
    }
    assert_offset(&cluster, &location, content.len());
    let digest = sha256(&content);
    let close = Request::put(format!("{location}?digest={digest}"));
    cluster.send(&close).expect_status(201);
    cluster.assert_content(&format!("/v2/a/blobs/{digest}"), &content);
}

#[test]
fn an_upload_is_closed_elsewhere_with_another_algorithm() {
    let cluster = Cluster::start();
    let content = random_bytes(6 * MIB);
    let location = cluster.next().start_upload("a");
    append(&cluster, &location, &content, 0, 4 * MIB);
    append(&cluster, &location, &content, 4 * MIB, content.len());
    let digest = sha512(&content);
    let close = Request::put(format!("{location}?digest={digest}"));
    cluster.send(&close).expect_status(201);
    cluster.assert_content(&format!("/v2/a/blobs/{digest}"), &content);
    cluster.inventory();
}

#[test]
fn a_wrong_digest_ends_the_upload_at_every_replica() {
    let cluster = Cluster::start();
    let content = random_bytes(6 * MIB);
    let location = cluster.next().start_upload("a");
    append(&cluster, &location, &content, 0, content.len());
    let digest = sha256(&content[1..]);
    let close = Request::put(format!("{location}?digest={digest}"));
    cluster.send(&close).expect_error(400, "DIGEST_INVALID");
    cluster.assert_gone(&location);
    let inventory = cluster.inventory();
    assert!(inventory.objects.is_empty(), "{inventory:?}");
    assert!(inventory.is_settled(), "{inventory:?}");
}

#[test]
fn an_upload_is_cancelled_at_another_replica() {
    let cluster = Cluster::start();
    let content = random_bytes(6 * MIB);
    let location = cluster.next().start_upload("a");
    append(&cluster, &location, &content, 0, content.len());
    cluster.send(&Request::delete(&location)).expect_status(204);
    cluster.assert_gone(&location);
    let inventory = cluster.inventory();
    assert_eq!(inventory.sessions, 0);
    assert!(inventory.is_settled(), "{inventory:?}");
}

#[test]
fn a_wrong_offset_is_told_by_a_replica_that_never_saw_the_upload() {
    let cluster = Cluster::start();
    let content = random_bytes(3 * MIB);
    let location = cluster.next().start_upload("a");
    append(&cluster, &location, &content, 0, MIB);
    let request = Request::patch(&location)
        .header("Content-Range", format!("0-{}", MIB - 1))
        .body(&content[..MIB]);
    let answer = cluster.send(&request);
    answer.expect_status(416);
    assert_eq!(answer.expect_header("range"), format!("0-{}", MIB - 1));
    append(&cluster, &location, &content, MIB, content.len());
}

#[test]
fn a_close_is_repeated_at_another_replica() {
    let cluster = Cluster::start();
    let content = random_bytes(6 * MIB);
    let digest = sha256(&content);
    let location = cluster.next().start_upload("a");
    append(&cluster, &location, &content, 0, content.len());
    let close = Request::put(format!("{location}?digest={digest}"));
    for _ in 0..4 {
        cluster.send(&close).expect_status(201);
    }
    cluster.assert_content(&format!("/v2/a/blobs/{digest}"), &content);
    assert_eq!(cluster.inventory().objects.len(), 1);
}
