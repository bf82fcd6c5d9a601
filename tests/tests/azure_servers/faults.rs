//! The driver over a server whose answers are lost, late or cut.

use crate::driver::{content, fetch, open, store_object};
use crate::proxy::{Fault, Proxy};
use crate::settings;
use bytes::Bytes;
use hyper::Method;
use roadstead_storage::drivers::azure::AzureStore;
use roadstead_storage::{
    Condition, DataStore, Kind, Outcome, RecordStore, Timestamp, Upload, UploadHint, Version,
};

const MIB: usize = 1024 * 1024;

async fn faulty() -> (AzureStore, Proxy) {
    let mut settings = settings();
    let endpoint = settings.endpoint.take().unwrap();
    let rest = endpoint.strip_prefix("http://").unwrap();
    let (server, account) = rest.split_once('/').unwrap();
    let proxy = Proxy::start(server.parse().unwrap()).await;
    settings.endpoint = Some(format!("http://{}/{account}", proxy.address));
    (open(settings), proxy)
}

#[track_caller]
fn applied(outcome: Outcome) -> Version {
    match outcome {
        Outcome::Applied(version) => version,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_write_that_the_server_executed_is_applied_whatever_it_answered() {
    for fault in [Fault::LoseAnswer, Fault::Busy] {
        let (store, proxy) = faulty().await;
        let records = store.records();
        let bytes = || Bytes::from_static(b"value");
        proxy.plan(Method::PUT, "records", fault);
        let created = records.put("key", bytes(), Condition::Absent).await;
        let created = applied(created.unwrap());
        assert_eq!(records.get("key").await.unwrap().version, created);

        proxy.plan(Method::PUT, "records", fault);
        let replaced = records.put("key", bytes(), Condition::Matches(created.clone()));
        let replaced = applied(replaced.await.unwrap());
        assert_ne!(created, replaced);

        proxy.plan(Method::PUT, "records", fault);
        let put = applied(records.put("key", bytes(), Condition::Any).await.unwrap());

        proxy.plan(Method::PUT, "records", fault);
        let deleted = records.delete("key", Condition::Matches(put));
        let deleted = applied(deleted.await.unwrap());
        let read = records.get("key").await.unwrap();
        assert_eq!((read.record, read.version), (None, deleted));
        assert!(proxy.is_done(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_conditional_write_that_never_arrived_is_sent_again() {
    for fault in [Fault::LoseRequest, Fault::TurnAway] {
        let (store, proxy) = faulty().await;
        let records = store.records();
        proxy.plan(Method::PUT, "records", fault);
        let bytes = Bytes::from_static(b"value");
        let created = records.put("key", bytes.clone(), Condition::Absent).await;
        let created = applied(created.unwrap());
        proxy.plan(Method::PUT, "records", fault);
        let replaced = records.put("key", bytes, Condition::Matches(created)).await;
        let replaced = applied(replaced.unwrap());
        assert_eq!(records.get("key").await.unwrap().version, replaced);
        assert!(proxy.is_done(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_stale_write_is_no_success_after_a_lost_answer() {
    let (store, proxy) = faulty().await;
    let records = store.records();
    let bytes = Bytes::from_static(b"value");
    let put = records.put("key", bytes.clone(), Condition::Absent).await;
    let stale = applied(put.unwrap());
    let put = records.put("key", bytes.clone(), Condition::Any).await;
    let current = applied(put.unwrap());
    proxy.plan(Method::PUT, "records", Fault::LoseAnswer);
    let outcome = records.put("key", bytes, Condition::Matches(stale)).await;
    assert_eq!(outcome.unwrap(), Outcome::Unknown);
    assert_eq!(records.get("key").await.unwrap().version, current);
}

#[tokio::test]
async fn reads_and_lists_are_asked_for_again() {
    for fault in [Fault::LoseAnswer, Fault::TurnAway, Fault::CutBody] {
        let (store, proxy) = faulty().await;
        let records = store.records();
        let put = records.put("a/key", Bytes::from_static(b"value"), Condition::Absent);
        let version = applied(put.await.unwrap());
        proxy.plan(Method::GET, "records", fault);
        assert_eq!(records.get("a/key").await.unwrap().version, version);
        proxy.plan(Method::GET, "comp=list", fault);
        let page = records.list("a/", None, 10).await.unwrap();
        assert_eq!(page.entries.len(), 1);
        assert!(proxy.is_done(), "{fault:?}");
    }
}

#[tokio::test]
async fn an_upload_survives_lost_answers_of_its_blocks_and_of_its_end() {
    for fault in [
        Fault::LoseAnswer,
        Fault::LoseRequest,
        Fault::Busy,
        Fault::TurnAway,
    ] {
        let (store, proxy) = faulty().await;
        proxy.plan(Method::PUT, "comp=block&", fault);
        proxy.plan(Method::PUT, "comp=blocklist", fault);
        let long = content(2 * MIB + 7);
        let key = store_object(&store, &long).await;
        assert!(fetch(&store, &key, long.len()).await == long);

        proxy.plan(Method::PUT, "data", fault);
        let short = content(100);
        let key = store_object(&store, &short).await;
        assert!(fetch(&store, &key, short.len()).await == short);
        assert!(proxy.is_done(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_read_goes_on_where_an_answer_was_cut() {
    let (store, proxy) = faulty().await;
    let bytes = content(3 * MIB);
    let key = store_object(&store, &bytes).await;
    for _ in 0..3 {
        proxy.plan(Method::GET, "data", Fault::CutBody);
    }
    assert!(fetch(&store, &key, bytes.len()).await == bytes);
    assert!(proxy.is_done());
}

#[tokio::test]
async fn an_abort_and_a_delete_are_sent_again() {
    for fault in [Fault::LoseAnswer, Fault::TurnAway] {
        let (store, proxy) = faulty().await;
        let data = store.data();
        let mut upload = data.begin(UploadHint::default()).await.unwrap();
        data.reserve(&mut upload);
        data.append(&mut upload, content(2 * MIB)).await.unwrap();
        data.checkpoint(&mut upload).await.unwrap();
        let key = upload.state().key.clone();
        proxy.plan(Method::DELETE, "tails", fault);
        proxy.plan(Method::PUT, "comp=blocklist", fault);
        proxy.plan(Method::DELETE, "data", fault);
        data.abort(upload).await.unwrap();
        assert!(data.read(&key, 0..0).await.is_err());

        let key = store_object(&store, &content(100)).await;
        proxy.plan(Method::DELETE, "data", fault);
        data.delete(&key).await.unwrap();
        assert!(data.read(&key, 0..0).await.is_err());
        assert!(proxy.is_done(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_checkpoint_that_failed_can_be_made_again() {
    let (store, proxy) = faulty().await;
    let data = store.data();
    let mut upload = data.begin(UploadHint::default()).await.unwrap();
    data.reserve(&mut upload);
    let bytes = content(MIB + 100);
    data.append(&mut upload, bytes.slice(..MIB + 50))
        .await
        .unwrap();
    data.checkpoint(&mut upload).await.unwrap();
    data.append(&mut upload, bytes.slice(MIB + 50..))
        .await
        .unwrap();
    let kept = upload.state().clone();
    for _ in 0..5 {
        proxy.plan(Method::PUT, "tails", Fault::TurnAway);
    }
    let failed = data.checkpoint(&mut upload).await.unwrap_err();
    assert_eq!(failed.kind(), Kind::Unavailable, "{failed}");
    assert_eq!(*upload.state(), kept);
    data.checkpoint(&mut upload).await.unwrap();
    // Another process may still go on from what was kept before.
    let mut older = Upload::resume(kept);
    data.reserve(&mut older);
    data.append(&mut older, content(10)).await.unwrap();
    drop(older);
    let finished = data.finish(Upload::resume(upload.state().clone())).await;
    let key = finished.unwrap().key;
    assert!(fetch(&store, &key, bytes.len()).await == bytes);
    assert!(
        data.uploads(Timestamp::from_millis(u64::MAX), 10)
            .await
            .unwrap()
            .is_empty()
    );
}
