//! A collector that dies, loses answers, or meets half-done work of others.

use super::*;
use crate::Background;
use crate::RandomIds;
use crate::record::{ManifestRecord, ManifestState};
use roadstead_storage::decorators::fault::{Fault, FaultPlan, FaultyData, FaultyRecords};
use roadstead_storage::{Condition, Kind, Operation};
use std::sync::Arc;

fn faulty(fixture: &Fixture, plan: &Arc<FaultPlan>) -> Registry {
    Registry::new(
        Arc::new(FaultyRecords::new(fixture.records.clone(), plan.clone())),
        Arc::new(FaultyData::new(fixture.data.clone(), plan.clone())),
        Settings::default(),
        fixture.clock.clone(),
        Arc::new(RandomIds),
        Background::new(tokio::runtime::Handle::current()),
    )
}

/// Fails the `skip`-th call of each kind that a pass makes, for all of them.
#[tokio::test]
async fn a_pass_that_fails_at_any_call_loses_nothing_and_the_next_ones_finish() {
    let operations = [
        Operation::Get,
        Operation::Put,
        Operation::Delete,
        Operation::List,
        Operation::DeleteData,
    ];
    let faults = [
        Fault::Fail(Kind::Unavailable),
        Fault::LoseAnswer,
        Fault::UnknownApplied,
        Fault::UnknownUnapplied,
    ];
    let mut cases = 0;
    for operation in operations {
        for fault in &faults {
            for skip in 0.. {
                let fixture = Fixture::new();
                let kept = large(1);
                push_image(&fixture.registry, "a", "latest", &[b"config", &kept]).await;
                push_blob(&fixture.registry, "a", &large(2)).await;
                push_blob(&fixture.registry, "b", b"small").await;
                let plan = FaultPlan::new();
                let registry = faulty(&fixture, &plan);
                plan.nth_on(operation, "", skip, fault.clone());
                fixture.clock.advance(GRACE);
                for _ in 0..3 {
                    // It may fail, and then its lease ends by itself.
                    let _ = try_to_collect(&registry, false).await;
                    fixture.clock.advance(AGE);
                }
                let has_come = plan.is_played();
                plan.clear();
                collect_all(&fixture).await;
                let digest = digest_of(&kept);
                assert_eq!(read(&fixture.registry, "a", &digest).await.unwrap(), kept);
                assert_eq!(keys(&fixture, layout::LINKS).await.len(), 2);
                assert_eq!(keys(&fixture, layout::BLOBS).await.len(), 2);
                assert_eq!(keys(&fixture, layout::CONDEMNED).await, [""; 0]);
                assert_eq!(
                    fixture.data.object_count(),
                    1,
                    "{operation:?} {fault:?} {skip}"
                );
                if !has_come {
                    break;
                }
                cases += 1;
            }
        }
    }
    assert!(cases > 100, "{cases}");
}

#[tokio::test]
async fn a_delete_that_nobody_went_on_with_is_finished() {
    let fixture = Fixture::new();
    let bytes = push_image(&fixture.registry, "a", "latest", &[b"config"]).await;
    let digest = digest_of(&bytes);
    let key = layout::manifest(&name("a"), &digest);
    let live = record::<ManifestRecord>(&fixture, &key).await.unwrap();
    let marked = ManifestRecord {
        state: ManifestState::Deleting,
        ..live
    };
    let put = fixture.records.put(&key, marked.encode(), Condition::Any);
    let _ = put.await.unwrap();
    assert_eq!(collect(&fixture.registry).await.deletes_finished, 0);
    assert!(
        fixture
            .registry
            .manifest_head(&name("a"), &by_tag("latest"))
            .await
            .is_ok(),
        "whoever began it may be at it still"
    );
    fixture.clock.advance(2 * HOUR);
    assert_eq!(collect(&fixture.registry).await.deletes_finished, 1);
    let gone = fixture
        .registry
        .manifest_head(&name("a"), &by_tag("latest"))
        .await;
    assert!(gone.is_err());
    assert_eq!(
        keys(&fixture, &layout::manifests(&name("a"))).await,
        [""; 0]
    );
}

#[tokio::test]
async fn the_data_of_a_dead_blob_is_deleted_by_whoever_finds_it() {
    let fixture = Fixture::new();
    let digest = push_blob(&fixture.registry, "a", &large(1)).await;
    let key = layout::blob(&digest);
    let live = record::<BlobRecord>(&fixture, &key).await.unwrap();
    let dead = BlobRecord {
        state: BlobState::Dead,
        ..live
    };
    let put = fixture.records.put(&key, dead.encode(), Condition::Any);
    let _ = put.await.unwrap();
    let link = layout::link(&name("a"), &digest);
    let _ = fixture.records.delete(&link, Condition::Any).await.unwrap();
    collect_all(&fixture).await;
    assert_eq!(fixture.data.object_count(), 0);
    assert_eq!(blob_state(&fixture, &digest).await, None);
}
