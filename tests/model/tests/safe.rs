//! With every rule in force, each part is explored to its end and nothing is broken. The number is the
//! least of distinct states: a model that lost something has fewer.

use roadstead_model::{Depth, gaps, safe};

fn is_safe(part: &str, name: &str, least_states: usize) {
    let runs = safe(Depth::Bounded);
    let run = runs.iter().find(|run| run.part == part && run.name == name);
    let report = run.expect("the run is there").check(1);
    if let Some(counterexample) = report.counterexample {
        panic!("{counterexample}");
    }
    assert!(report.is_exhausted, "not every state was looked at");
    assert!(report.unreached.is_empty(), "never {:?}", report.unreached);
    assert!(
        report.states >= least_states,
        "only {} states",
        report.states
    );
}

#[test]
fn every_run_has_a_test() {
    let source = include_str!("safe.rs");
    for run in safe(Depth::Bounded) {
        let asked = format!("is_safe(\"{}\", \"{}\"", run.part, run.name);
        let source: String = source.split_whitespace().collect();
        let asked: String = asked.split_whitespace().collect();
        assert!(source.contains(&asked), "{asked} is not here");
    }
}

/// Gaps that are closed belong among the tests above, and out of `docs/reliability.md`.
#[test]
fn what_is_known_to_go_wrong_still_does() {
    for run in gaps() {
        let report = run.check(1);
        assert!(
            report.counterexample.is_some(),
            "{} is safe by now",
            run.name
        );
    }
}

#[test]
fn links_and_blobs_are_safe_with_one_upload() {
    is_safe("guarded", "one upload", 130_000);
}

#[test]
fn links_and_blobs_are_safe_with_one_upload_a_client_deletes_the_blob() {
    is_safe(
        "guarded",
        "one upload, a client deletes the blob",
        1_100_000,
    );
}

#[test]
fn links_and_blobs_are_safe_with_one_upload_an_answer_lost() {
    is_safe("guarded", "one upload, an answer lost", 140_000);
}

#[test]
fn links_and_blobs_are_safe_with_two_uploads_to_one_repository() {
    is_safe("guarded", "two uploads to one repository", 1_900_000);
}

#[test]
fn links_and_blobs_are_safe_with_an_upload_and_a_mount() {
    is_safe("guarded", "an upload and a mount", 1_100_000);
}

#[test]
fn links_and_blobs_are_safe_with_a_mount_of_what_nothing_names() {
    is_safe("guarded", "a mount of what nothing names", 1_000_000);
}

#[test]
fn tags_and_manifests_are_safe_when_two_push_a_tag_one_deletes() {
    is_safe("names", "two push a tag, one deletes", 440_000);
}

#[test]
fn tags_and_manifests_are_safe_when_one_pushes_a_tag_two_delete() {
    is_safe("names", "one pushes a tag, two delete", 300_000);
}

#[test]
fn tags_and_manifests_are_safe_when_two_digests_the_tag_is_deleted() {
    is_safe("names", "two digests, the tag is deleted", 50_000);
}

#[test]
fn tags_and_manifests_are_safe_when_two_digests_the_tag_is_deleted_an_answer_lost() {
    is_safe(
        "names",
        "two digests, the tag is deleted, an answer lost",
        320_000,
    );
}

#[test]
fn tags_and_manifests_are_safe_when_two_digests_one_is_deleted() {
    is_safe("names", "two digests, one is deleted", 260_000);
}

#[test]
fn tags_and_manifests_are_safe_when_tag_and_manifest_are_deleted() {
    is_safe("names", "tag and manifest are deleted", 110_000);
}

#[test]
fn tags_and_manifests_are_safe_when_tag_and_manifest_are_deleted_an_answer_lost() {
    is_safe(
        "names",
        "tag and manifest are deleted, an answer lost",
        590_000,
    );
}

#[test]
fn tags_and_manifests_are_safe_when_pushed_by_digest_and_by_tag_deleted() {
    is_safe("names", "pushed by digest and by tag, deleted", 75_000);
}

#[test]
fn tags_and_manifests_are_safe_when_pushed_by_digest_two_delete() {
    is_safe("names", "pushed by digest, two delete", 100_000);
}

#[test]
fn tags_and_manifests_are_safe_when_pushed_by_digest_two_delete_an_answer_lost() {
    is_safe(
        "names",
        "pushed by digest, two delete, an answer lost",
        560_000,
    );
}

#[test]
fn tags_and_manifests_are_safe_when_first_push_deleted() {
    is_safe("names", "first push, deleted", 510);
}

#[test]
fn tags_and_manifests_are_safe_when_first_push_deleted_an_answer_lost() {
    is_safe("names", "first push, deleted, an answer lost", 1_400);
}

#[test]
fn tags_and_manifests_are_safe_when_two_push_a_referrer_one_deletes() {
    is_safe("names", "two push a referrer, one deletes", 29_000);
}

#[test]
fn tags_and_manifests_are_safe_when_two_push_a_referrer_one_deletes_an_answer_lost() {
    is_safe(
        "names",
        "two push a referrer, one deletes, an answer lost",
        96_000,
    );
}

#[test]
fn tags_and_manifests_are_safe_when_a_referrer_with_a_tag_deleted() {
    is_safe("names", "a referrer with a tag, deleted", 550);
}

#[test]
fn tags_and_manifests_are_safe_when_a_referrer_with_a_tag_deleted_an_answer_lost() {
    is_safe(
        "names",
        "a referrer with a tag, deleted, an answer lost",
        2_000,
    );
}

#[test]
fn tags_and_manifests_are_safe_when_a_push_that_takes_too_long_deleted() {
    is_safe("names", "a push that takes too long, deleted", 2_900);
}

#[test]
fn tags_and_manifests_are_safe_when_a_push_that_takes_too_long_deleted_an_answer_lost() {
    is_safe(
        "names",
        "a push that takes too long, deleted, an answer lost",
        7_600,
    );
}

#[test]
fn untagged_manifests_are_safe_with_a_tag_and_an_index() {
    is_safe("untagged", "a tag and an index", 620_000);
}

#[test]
fn untagged_manifests_are_safe_with_two_indexes() {
    is_safe("untagged", "two indexes", 190_000);
}

#[test]
fn untagged_manifests_are_safe_with_a_tag_and_a_subject() {
    is_safe("untagged", "a tag and a subject", 890_000);
}

#[test]
fn undelete_is_safe_when_deleted_and_put_back() {
    is_safe("removed", "deleted and put back", 610_000);
}

#[test]
fn nothing_condemned_is_unlisted_with_a_client_and_two_collectors() {
    is_safe("batches", "a client and two collectors", 1_200_000);
}

#[test]
fn uploads_are_safe_with_a_repeated_put_and_another_upload_a_crash() {
    is_safe(
        "sessions",
        "a repeated PUT and another upload, a crash",
        180_000,
    );
}

#[test]
fn uploads_are_safe_with_cancelled_while_closing_a_crash() {
    is_safe("sessions", "cancelled while closing, a crash", 65_000);
}

#[test]
fn uploads_are_safe_with_cancelled_while_closing_bytes_in_hand() {
    is_safe("sessions", "cancelled while closing, bytes in hand", 350);
}

#[test]
fn uploads_are_safe_with_cancelled_while_closing_bytes_in_hand_a_crash_no_loss() {
    is_safe(
        "sessions",
        "cancelled while closing, bytes in hand, a crash, no loss",
        78_000,
    );
}

#[test]
fn the_memory_of_a_replica_is_safe_with_one_replica() {
    is_safe("memory", "one replica", 660_000);
}

#[test]
fn the_memory_of_a_replica_is_safe_with_two_replicas_no_loss() {
    is_safe("memory", "two replicas, no loss", 640_000);
}

#[test]
fn the_promise_of_head_is_kept_to_two_clients_and_two_collectors() {
    is_safe("grace", "two clients and two collectors", 210_000);
}

#[test]
fn a_record_is_a_register_when_two_create_one_deletes() {
    is_safe("register", "two create, one deletes", 390_000);
}

#[test]
fn a_record_is_a_register_when_one_creates_two_delete() {
    is_safe("register", "one creates, two delete", 160_000);
}

#[test]
fn a_record_is_a_register_when_created_updated_deleted() {
    is_safe("register", "created, updated, deleted", 700_000);
}

#[test]
fn a_record_is_a_register_when_created_over_a_tombstone() {
    is_safe("register", "created over a tombstone", 940_000);
}

#[test]
fn a_record_is_a_register_when_overwritten_whatever_is_there() {
    is_safe("register", "overwritten whatever is there", 720_000);
}
