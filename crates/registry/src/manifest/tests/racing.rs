//! Two requests, one of them stopped at a chosen storage call.

use super::intercepted::Script;
use super::*;
use crate::record::ManifestState;
use std::time::Duration;

struct Race {
    fixture: Fixture,
    script: Script,
    /// Follows the script.
    registry: Registry,
}

impl Race {
    fn new() -> Self {
        let fixture = Fixture::new();
        let script = Script::default();
        let registry = over(&fixture, Arc::new(script.view(fixture.records.clone())));
        Self {
            fixture,
            script,
            registry,
        }
    }

    /// Another replica that the script does not stop.
    fn other(&self) -> Registry {
        self.fixture.registry.clone()
    }
}

#[tokio::test]
async fn a_push_that_loses_a_tag_to_another_writes_the_others_value_into_the_history() {
    let race = Race::new();
    let mine = prepare(&race.registry, &[b"mine"]).await;
    let theirs = prepare(&race.registry, &[b"theirs"]).await;
    let (other, bytes) = (race.other(), theirs.clone());
    race.script.before("put", "/_tag/", async move {
        put(&other, by_tag("latest"), &bytes).await.unwrap();
    });

    put(&race.registry, by_tag("latest"), &mine).await.unwrap();

    assert!(race.script.is_played());
    assert_eq!(get(&race.registry, by_tag("latest")).await.unwrap(), mine);
    let prefix = layout::histories(&name(REPOSITORY), &tag("latest"));
    assert_eq!(keys(&race.fixture, &prefix).await.len(), 1);
}

#[tokio::test]
async fn a_delete_before_the_tag_is_set_leaves_no_dangling_tag() {
    let race = Race::new();
    let bytes = prepare(&race.registry, &[b"config"]).await;
    let (other, same) = (race.other(), bytes.clone());
    race.script.before("put", "/_tag/", async move {
        delete(&other, &same).await.unwrap();
    });

    put(&race.registry, by_tag("latest"), &bytes).await.unwrap();

    // The delete was fenced in before the tag: the push made the manifest again.
    assert!(race.script.is_played());
    assert_eq!(get(&race.registry, by_tag("latest")).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_tag_names_the_generation_that_is_live_when_it_is_set() {
    let race = Race::new();
    let bytes = prepare(&race.registry, &[b"config"]).await;
    let (other, same) = (race.other(), bytes.clone());
    race.script.before("put", "/_tag/", async move {
        delete(&other, &same).await.unwrap();
        put_digest(&other, &same).await.unwrap();
    });

    put(&race.registry, by_tag("latest"), &bytes).await.unwrap();

    assert!(race.script.is_played());
    let value = tag_record(&race.fixture, "latest").await.unwrap();
    let made = manifest_record(&race.fixture, &bytes).await.unwrap();
    assert_eq!(value.generation, made.generation);
    // So a delete of that generation finds the tag, or it would dangle.
    race.fixture.clock.advance(crate::YOUNG * 2);
    delete(&race.registry, &bytes).await.unwrap();
    assert_eq!(tag_record(&race.fixture, "latest").await, None);
}

#[tokio::test]
async fn a_delete_that_stops_half_way_is_finished_by_the_push_it_stopped() {
    let race = Race::new();
    let bytes = prepare(&race.registry, &[b"config"]).await;
    put(&race.other(), by_tag("old"), &bytes).await.unwrap();
    race.script
        .before("list", "/_tagged/", std::future::pending());
    {
        let deleter = delete(&race.registry, &bytes);
        assert!(futures::FutureExt::now_or_never(deleter).is_none());
    }
    let left = manifest_record(&race.fixture, &bytes).await.unwrap();
    assert_eq!(left.state, ManifestState::Deleting);

    put(&race.other(), by_tag("new"), &bytes).await.unwrap();

    assert_eq!(get(&race.registry, by_tag("new")).await.unwrap(), bytes);
    assert_eq!(tag_record(&race.fixture, "old").await, None);
}

#[tokio::test]
async fn a_delete_leaves_the_next_generation_alone() {
    let race = Race::new();
    let bytes = prepare(&race.registry, &[b"config"]).await;
    put(&race.other(), by_tag("latest"), &bytes).await.unwrap();
    let (other, same) = (race.other(), bytes.clone());
    // Another deleter is faster, and its owner pushes again.
    race.script.before("put", "/_manifest/", async move {
        delete(&other, &same).await.unwrap();
        put(&other, by_tag("latest"), &same).await.unwrap();
    });

    delete(&race.registry, &bytes).await.unwrap();

    assert!(race.script.is_played());
    assert_eq!(get(&race.registry, by_tag("latest")).await.unwrap(), bytes);
}

#[tokio::test]
async fn the_removal_of_a_record_spares_one_made_again() {
    let race = Race::new();
    let bytes = prepare(&race.registry, &[b"config"]).await;
    put_digest(&race.other(), &bytes).await.unwrap();
    let (other, same) = (race.other(), bytes.clone());
    race.script.before("delete", "/_manifest/", async move {
        put(&other, by_tag("latest"), &same).await.unwrap();
    });

    delete(&race.registry, &bytes).await.unwrap();

    assert!(race.script.is_played());
    assert_eq!(get(&race.registry, by_tag("latest")).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_reader_by_tag_follows_a_tag_that_moves_while_its_manifest_goes() {
    let race = Race::new();
    let old = prepare(&race.registry, &[b"old"]).await;
    let new = prepare(&race.registry, &[b"new"]).await;
    put(&race.other(), by_tag("latest"), &old).await.unwrap();
    let (other, next) = (race.other(), new.clone());
    race.script.before("get", "/_manifest/", async move {
        put(&other, by_tag("latest"), &next).await.unwrap();
        delete(&other, &old).await.unwrap();
    });

    assert_eq!(get(&race.registry, by_tag("latest")).await.unwrap(), new);
    assert!(race.script.is_played());
}

#[tokio::test]
async fn an_index_that_found_its_child_is_taken_though_the_child_goes_meanwhile() {
    let race = Race::new();
    let child = prepare(&race.registry, &[b"config"]).await;
    put_digest(&race.other(), &child).await.unwrap();
    let parent = bytes_of(&index(&[&child]));
    let (other, gone) = (race.other(), child.clone());
    race.script.before("put", "/_manifest/", async move {
        delete(&other, &gone).await.unwrap();
    });

    put(&race.registry, by_tag("latest"), &parent)
        .await
        .unwrap();

    assert!(race.script.is_played());
    assert_eq!(get(&race.registry, by_tag("latest")).await.unwrap(), parent);
    assert!(is_unknown(&get_digest(&race.registry, &child).await));
}

#[tokio::test]
async fn a_push_whose_window_closed_protects_again_before_it_sends_anything() {
    for stopped_at in ["/_manifest/", "/_tag/"] {
        let race = Race::new();
        let blobs: [&[u8]; 2] = [b"config", b"layer"];
        let bytes = prepare(&race.other(), &blobs).await;
        let clock = race.fixture.clock.clone();
        // The store is slow: the read before the send takes longer than D.
        let before = if stopped_at == "/_tag/" {
            ("put", "/_manifest/")
        } else {
            ("put", "/_tagged/")
        };
        race.script.before(before.0, before.1, async move {
            clock.advance(Duration::from_mins(6));
        });

        put(&race.registry, by_tag("latest"), &bytes).await.unwrap();

        let calls = race.script.take_calls();
        let links = calls.iter().filter(|call| call.is("get", "link/")).count();
        assert_eq!(links, 2 * blobs.len(), "{calls:#?}");
        let sent = calls
            .iter()
            .position(|call| call.is("put", stopped_at))
            .unwrap();
        let announced = calls
            .iter()
            .rposition(|call| call.is("put", "/_tagged/"))
            .unwrap();
        if stopped_at == "/_tag/" {
            assert!(announced < sent, "{calls:#?}");
        }
        assert_eq!(get(&race.registry, by_tag("latest")).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_referrer_deleted_before_its_entry_is_set_is_made_again_with_it() {
    let race = Race::new();
    push_blob(&race.registry, b"config").await;
    let mut document = image(&[b"config"]);
    document["subject"] = descriptor(OCI_IMAGE_MANIFEST, b"subject");
    let bytes = bytes_of(&document);
    let (other, same) = (race.other(), bytes.clone());
    race.script.before("put", "/_referrer/", async move {
        delete(&other, &same).await.unwrap();
    });

    put_digest(&race.registry, &bytes).await.unwrap();

    assert!(race.script.is_played());
    assert_eq!(get_digest(&race.registry, &bytes).await.unwrap(), bytes);
    let prefix = layout::referrers(&name(REPOSITORY), &digest_of(b"subject"));
    let listed = keys(&race.fixture, &prefix).await;
    assert_eq!(listed.len(), 1);
    let entry: crate::record::ReferrerRecord = record_of(&race.fixture, &listed[0]).await.unwrap();
    let made = manifest_record(&race.fixture, &bytes).await.unwrap();
    assert_eq!(entry.generation, made.generation);
}

#[tokio::test]
async fn deleting_a_tag_that_moves_meanwhile_deletes_what_it_moved_to() {
    let race = Race::new();
    let old = prepare(&race.registry, &[b"old"]).await;
    let new = prepare(&race.registry, &[b"new"]).await;
    put(&race.other(), by_tag("latest"), &old).await.unwrap();
    let (other, next) = (race.other(), new.clone());
    race.script.before("delete", "/_tag/", async move {
        put(&other, by_tag("latest"), &next).await.unwrap();
    });

    let repository = name(REPOSITORY);
    race.registry
        .tag_delete(&repository, &tag("latest"), "bob")
        .await
        .unwrap();

    assert_eq!(tag_record(&race.fixture, "latest").await, None);
    let prefix = layout::histories(&repository, &tag("latest"));
    assert_eq!(keys(&race.fixture, &prefix).await.len(), 2);
}

#[tokio::test]
async fn requests_may_move_between_threads() {
    fn assert_send<T: Send>(_: T) {}
    let race = Race::new();
    let (repository, registry) = (name(REPOSITORY), &race.registry);
    let push = push_of(by_tag("latest"), &Bytes::new());
    let digest = digest_of(b"");
    let query = crate::ReferrersQuery {
        artifact_types: &[],
        after: None,
        limit: None,
        max_bytes: 1,
    };
    assert_send(registry.manifest_put(push));
    assert_send(registry.manifest_get(&repository, &by_tag("latest")));
    assert_send(registry.manifest_delete(&repository, &digest, ""));
    assert_send(registry.tag_delete(&repository, &tag("latest"), ""));
    assert_send(registry.tags(&repository, None, 1));
    assert_send(registry.referrers(&repository, &digest, query));
}

#[tokio::test]
async fn racing_pushes_of_one_tag_all_succeed_and_one_is_last() {
    let race = Race::new();
    let mut images = Vec::new();
    for at in 0..16_u8 {
        images.push(prepare(&race.registry, &[&[at]]).await);
    }
    let pushes = images
        .iter()
        .map(|bytes| put(&race.registry, by_tag("latest"), bytes));
    for pushed in futures::future::join_all(pushes).await {
        pushed.unwrap();
    }

    let last = get(&race.registry, by_tag("latest")).await.unwrap();
    assert!(images.contains(&last));
    let prefix = layout::histories(&name(REPOSITORY), &tag("latest"));
    assert_eq!(keys(&race.fixture, &prefix).await.len(), images.len() - 1);
}
