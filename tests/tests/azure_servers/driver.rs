//! What only the Azure driver has: credentials, addresses for clients, blocks.

use crate::{settings, variable};
use bytes::Bytes;
use futures::TryStreamExt;
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::azure::{
    AzureCredentials, AzureSettings, AzureStore, Secret, Sweep,
};
use roadstead_storage::{
    Condition, DataKey, DataStore, Kind, Outcome, RecordStore, Upload, UploadHint,
};
use roadstead_tests::http::Connection;
use std::sync::Arc;
use std::time::Duration;

const MIB: usize = 1024 * 1024;

pub(crate) fn open(settings: AzureSettings) -> AzureStore {
    AzureStore::open(settings, Arc::new(MachineClock::new())).unwrap()
}

pub(crate) fn content(length: usize) -> Bytes {
    let mut random = fastrand::Rng::with_seed(length as u64);
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    bytes.into()
}

pub(crate) async fn store_object(store: &AzureStore, bytes: &Bytes) -> DataKey {
    let data = store.data();
    let mut upload = data.begin(UploadHint::default()).await.unwrap();
    data.reserve(&mut upload);
    data.append(&mut upload, bytes.clone()).await.unwrap();
    let finished = data.finish(upload).await.unwrap();
    assert_eq!(finished.length, bytes.len() as u64);
    finished.key
}

pub(crate) async fn fetch(store: &AzureStore, key: &DataKey, length: usize) -> Vec<u8> {
    let stream = store.data().read(key, 0..length as u64).await.unwrap();
    let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
    pieces.concat()
}

/// Gets an address as a client without credentials does.
fn get(address: &str) -> (u16, Vec<u8>) {
    let rest = address.strip_prefix("http://").unwrap();
    let (server, target) = rest.split_once('/').unwrap();
    let mut connection = Connection::open(server.parse().unwrap());
    let request = format!("GET /{target} HTTP/1.1\r\nHost: {server}\r\n\r\n");
    let answer = connection.exchange(request.as_bytes(), false);
    (answer.status, answer.body)
}

#[tokio::test]
async fn a_delete_by_condition_is_proven_and_young_tombstones_stay() {
    let store = open(settings());
    assert!(store.deletes_by_condition().await.unwrap());
    let records = store.records();
    let put = records.put("key", Bytes::from_static(b"x"), Condition::Any);
    assert!(matches!(put.await.unwrap(), Outcome::Applied(_)));
    let deleted = records.delete("key", Condition::Any).await.unwrap();
    let Outcome::Applied(version) = deleted else {
        panic!("{deleted:?}");
    };
    assert_eq!(store.sweep_tombstones().await.unwrap(), Sweep::Swept(0));
    assert_eq!(records.get("key").await.unwrap().version, version);
}

#[tokio::test]
async fn a_signed_address_gives_the_object_to_whoever_has_it_and_to_nobody_else() {
    let store = open(settings());
    let bytes = content(3000);
    let key = store_object(&store, &bytes).await;
    let data = store.data();
    let presign = data.as_presign().unwrap();
    let address = presign.presign(&key, Duration::from_mins(5)).await.unwrap();
    let (plain, signature) = address.split_once('?').unwrap();
    let (given, refused) = {
        let (address, plain) = (address.clone(), plain.to_owned());
        let asked = move || (get(&address), get(&plain));
        tokio::task::spawn_blocking(asked).await.unwrap()
    };
    assert_eq!((given.0, given.1.as_slice()), (200, &bytes[..]));
    assert_ne!(refused.0, 200);

    // The signature is a credential for this one blob, and signs nothing.
    let prefix = plain
        .split(&variable("STORE_AZURE_CONTAINER"))
        .nth(1)
        .unwrap();
    let (prefix, _) = prefix.split_once("/data/").unwrap();
    let guest = open(AzureSettings {
        prefix: prefix.trim_start_matches('/').to_owned(),
        credentials: AzureCredentials::Sas(Secret::new(signature)),
        ..settings()
    });
    assert_eq!(fetch(&guest, &key, 3000).await, bytes);
    assert!(guest.data().as_presign().is_none());
    let denied = guest.data().delete(&key).await.unwrap_err();
    assert_eq!(denied.kind(), Kind::Denied, "{denied}");
    assert!(!denied.to_string().contains("sig="), "{denied}");
}

#[tokio::test]
async fn a_wrong_key_is_denied_and_a_missing_container_is_told() {
    let stranger = open(AzureSettings {
        credentials: AzureCredentials::Key(Secret::new("bm90IHRoZSBrZXk=")),
        ..settings()
    });
    let denied = stranger.records().get("key").await.unwrap_err();
    assert_eq!(denied.kind(), Kind::Denied, "{denied}");

    let lost = open(AzureSettings {
        container: "nowhere".to_owned(),
        ..settings()
    });
    let read = lost.records().get("key").await.unwrap_err();
    assert_eq!(read.kind(), Kind::Unavailable, "{read}");
    let records = lost.records();
    let put = records.put("key", Bytes::from_static(b"x"), Condition::Absent);
    let put = put.await.unwrap_err();
    assert_eq!(put.kind(), Kind::Unavailable, "{put}");
    assert!(put.to_string().contains("ContainerNotFound"), "{put}");
}

#[tokio::test]
async fn settings_that_no_store_takes_are_refused_at_once() {
    let clock = || Arc::new(MachineClock::new());
    for settings in [
        AzureSettings {
            account: String::new(),
            ..settings()
        },
        AzureSettings {
            prefix: "/a".to_owned(),
            ..settings()
        },
        AzureSettings {
            endpoint: Some("ftp://127.0.0.1/x".to_owned()),
            ..settings()
        },
        AzureSettings {
            credentials: AzureCredentials::Key(Secret::new("no base64!")),
            ..settings()
        },
        AzureSettings {
            ca_bundle: Some("/nowhere/ca.pem".into()),
            ..settings()
        },
        AzureSettings {
            part_bytes: 1,
            ..settings()
        },
    ] {
        let error = AzureStore::open(settings, clock()).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{error}");
    }
}

#[tokio::test]
async fn an_abort_discards_blocks_that_are_in_no_list() {
    let store = open(settings());
    let data = store.data();
    let mut upload = data.begin(UploadHint::default()).await.unwrap();
    data.reserve(&mut upload);
    data.append(&mut upload, content(2 * MIB)).await.unwrap();
    data.checkpoint(&mut upload).await.unwrap();
    let mut state = upload.state().clone();
    data.abort(upload).await.unwrap();
    // As if a writer had looked for the tail before the abort.
    state.driver.as_object_mut().unwrap().remove("tail");
    assert_eq!(state.length, 2 * MIB as u64);
    let finished = data.finish(Upload::resume(state)).await;
    let error = finished.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "{error}");
}

#[tokio::test]
async fn bytes_that_were_read_back_stay_in_front_of_what_follows() {
    let store = open(settings());
    let data = store.data();
    let mut upload = data.begin(UploadHint::default()).await.unwrap();
    let mut expected = Vec::new();
    for round in 1..4 {
        data.reserve(&mut upload);
        let bytes = content(2 * MIB + round);
        data.append(&mut upload, bytes.clone()).await.unwrap();
        expected.extend_from_slice(&bytes);
        data.checkpoint(&mut upload).await.unwrap();
        let stream = data.read_back(&mut upload).await.unwrap();
        let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
        assert!(pieces.concat() == expected, "round {round}");
        upload = Upload::resume(upload.state().clone());
    }
    let state = upload.state().clone();
    let first = data.finish(upload).await.unwrap();
    let second = data.finish(Upload::resume(state)).await.unwrap();
    assert_eq!(first, second);
    let read = fetch(&store, &first.key, expected.len()).await;
    assert!(read == expected);
}
