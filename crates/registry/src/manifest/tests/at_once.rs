//! Pushes over a store that writes several records in one step.

use super::*;
use roadstead_storage::Operation;
use roadstead_storage::decorators::count::CallLog;

/// Pushes an image, moves its tag to another, and attaches a referrer to that.
async fn push_all(fixture: &Fixture) -> Vec<Bytes> {
    let registry = &fixture.registry;
    let first = prepare(registry, &[b"config", b"one"]).await;
    let second = prepare(registry, &[b"config", b"two"]).await;
    let mut document = image(&[b"config"]);
    document["subject"] = json!({
        "mediaType": OCI_IMAGE_MANIFEST,
        "digest": digest_of(&second).to_string(),
        "size": second.len(),
    });
    let referrer = bytes_of(&document);
    for bytes in [&first, &second, &second] {
        put(registry, by_tag("latest"), bytes).await.unwrap();
    }
    put_digest(registry, &referrer).await.unwrap();
    vec![first, second, referrer]
}

#[tokio::test]
async fn pushes_leave_the_same_records_whether_they_are_written_together_or_one_by_one() {
    let mut found = Vec::new();
    for fixture in [Fixture::new(), Fixture::one_by_one()] {
        let pushed = push_all(&fixture).await;
        for bytes in &pushed {
            assert_eq!(get_digest(&fixture.registry, bytes).await.unwrap(), *bytes);
        }
        let latest = get(&fixture.registry, by_tag("latest")).await.unwrap();
        assert_eq!(latest, pushed[1]);
        // The entry of a value that was replaced is named by its time and nonce.
        let history = layout::histories(&name(REPOSITORY), &tag("latest"));
        let keys = keys(&fixture, "").await.into_iter();
        let keys: Vec<String> = keys
            .map(|key| {
                if key.starts_with(&history) {
                    history.clone()
                } else {
                    key
                }
            })
            .collect();
        found.push(keys);
    }
    assert_eq!(found[0], found[1]);
}

#[tokio::test]
async fn a_push_and_a_move_of_a_tag_are_one_write_each() {
    let fixture = Fixture::new();
    let pushed = push_all(&fixture).await;
    let log = CallLog::new();
    let counted = over(&fixture, Arc::new(log.records(fixture.records.clone())));

    for (reference, bytes) in [(by_tag("new"), &pushed[0]), (by_tag("latest"), &pushed[0])] {
        put(&counted, reference, bytes).await.unwrap();
        let writes = log.take();
        let writes = writes
            .iter()
            .filter(|call| call.operation == Operation::Put);
        assert_eq!(writes.count(), 1);
    }
}
