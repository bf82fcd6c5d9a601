//! The history of a tag.

use super::*;
use crate::record::{EndedBy, HistoryRecord};

/// What the history tells of a tag, the newest value first.
async fn told(fixture: &Fixture, text: &str) -> Vec<(Digest, Option<(EndedBy, String)>)> {
    // Endings are written in the background: by tasks of this runtime, over a store in memory.
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
    let mut told = Vec::new();
    for key in keys(fixture, &layout::histories(&name(REPOSITORY), &tag(text))).await {
        let entry: HistoryRecord = record_of(fixture, &key).await.unwrap();
        let at = (entry.was.at, entry.was.nonce);
        assert_eq!(
            key,
            layout::history(&name(REPOSITORY), &tag(text), at.0, at.1)
        );
        let ended = entry.ended.map(|ending| (ending.how, ending.by));
        told.push((entry.was.digest, ended));
    }
    told
}

#[tokio::test]
async fn every_value_that_ended_is_told_with_its_end() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let mut images = Vec::new();
    for config in [&b"one"[..], b"two", b"three"] {
        let bytes = prepare(registry, &[config]).await;
        put(registry, by_tag("latest"), &bytes).await.unwrap();
        fixture.clock.advance(std::time::Duration::from_secs(1));
        images.push(bytes);
    }
    registry
        .tag_delete(&name(REPOSITORY), &tag("latest"), "bob")
        .await
        .unwrap();
    fixture.clock.advance(std::time::Duration::from_secs(1));
    put(registry, by_tag("latest"), &images[0]).await.unwrap();
    delete(registry, &images[0]).await.unwrap();

    let replaced = Some((EndedBy::Replaced, "alice".to_owned()));
    let deleted = Some((EndedBy::Deleted, "bob".to_owned()));
    assert_eq!(
        told(&fixture, "latest").await,
        [
            (digest_of(&images[0]), deleted.clone()),
            (digest_of(&images[2]), deleted),
            (digest_of(&images[1]), replaced.clone()),
            (digest_of(&images[0]), replaced),
        ]
    );
}

#[tokio::test]
async fn a_push_that_changes_nothing_adds_no_history() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put(&fixture.registry, by_tag("latest"), &bytes)
        .await
        .unwrap();
    let value = tag_record(&fixture, "latest").await;

    for _ in 0..3 {
        put(&fixture.registry, by_tag("latest"), &bytes)
            .await
            .unwrap();
    }

    assert_eq!(tag_record(&fixture, "latest").await, value);
    assert_eq!(told(&fixture, "latest").await, []);
}

#[tokio::test]
async fn a_manifest_made_anew_is_a_new_value() {
    let fixture = Fixture::new();
    let bytes = prepare(&fixture.registry, &[b"config"]).await;
    put(&fixture.registry, by_tag("latest"), &bytes)
        .await
        .unwrap();
    let first = tag_record(&fixture, "latest").await.unwrap();
    delete(&fixture.registry, &bytes).await.unwrap();
    put(&fixture.registry, by_tag("latest"), &bytes)
        .await
        .unwrap();

    let second = tag_record(&fixture, "latest").await.unwrap();
    assert_ne!(first.generation, second.generation);
    let made = manifest_record(&fixture, &bytes).await.unwrap();
    assert_eq!(made.generation, second.generation);
    let deleted = Some((EndedBy::Deleted, "bob".to_owned()));
    assert_eq!(
        told(&fixture, "latest").await,
        [(digest_of(&bytes), deleted)]
    );
}

#[tokio::test]
async fn the_history_is_read_by_pages_without_the_present_value() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let mut digests = Vec::new();
    for config in [&b"one"[..], b"two", b"three"] {
        let bytes = prepare(registry, &[config]).await;
        put(registry, by_tag("latest"), &bytes).await.unwrap();
        fixture.clock.advance(std::time::Duration::from_secs(1));
        digests.push(digest_of(&bytes));
    }
    let (repository, latest) = (name(REPOSITORY), tag("latest"));
    // Somebody was about to end the present value, and died.
    let present = registry.tag_value(&repository, &latest).await.unwrap();
    let present = present.expect("the tag is there");
    assert_eq!(present.digest, digests[2]);
    registry
        .remember(&repository, &latest, &present)
        .await
        .unwrap();

    let mut seen = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = registry.tag_history(&repository, &latest, after.as_deref(), 1);
        let page = page.await.unwrap();
        seen.extend(page.entries.into_iter().map(|entry| entry.was.digest));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [digests[1].clone(), digests[0].clone()]);
    let values = ["latest".to_owned(), "gone".to_owned()];
    let values = registry.tag_values(&repository, &values).await.unwrap();
    assert_eq!(values, [(latest, present)]);
}
