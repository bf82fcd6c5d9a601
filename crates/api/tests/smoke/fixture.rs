//! A server over the memory driver or over files, and content to push.

use crate::wire::Client;
use prometheus_client::registry::Registry as Metrics;
use roadstead_api::{
    Access, AppState, AuditLog, BodyPace, HttpMetrics, RedirectPolicy, ServerSettings,
    TrustedProxies, bind,
};
use roadstead_oci::{Algorithm, Digest};
use roadstead_registry::{Background, RandomIds, Registry, Settings};
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::local::{LocalSettings, LocalStore};
use roadstead_storage::drivers::memory::{MemoryData, MemoryRecords};
use roadstead_storage::{DataStore, RecordStore};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use tokio::runtime::Handle;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Runs a server for as long as the test takes.
pub(crate) async fn serve(test: impl AsyncFnOnce(SocketAddr)) {
    serve_with(BodyPace::default(), test).await;
}

/// The same with other limits for bodies.
pub(crate) async fn serve_with(pace: BodyPace, test: impl AsyncFnOnce(SocketAddr)) {
    let clock = Arc::new(MachineClock::new());
    let records = Arc::new(MemoryRecords::new(clock.clone()));
    let data = Arc::new(MemoryData::new(clock.clone()));
    serve_over(records, data, clock, pace, test).await;
}

/// Runs a server over files in a folder of its own.
pub(crate) async fn serve_files(test: impl AsyncFnOnce(SocketAddr)) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(MachineClock::new());
    let mut settings = LocalSettings::new(folder.path());
    settings.reserve_bytes = 0;
    let store = LocalStore::open(&settings, clock.clone()).unwrap();
    let (records, data) = (Arc::new(store.records()), Arc::new(store.data()));
    serve_over(records, data, clock, BodyPace::default(), test).await;
}

async fn serve_over(
    records: Arc<dyn RecordStore>,
    data: Arc<dyn DataStore>,
    clock: Arc<MachineClock>,
    pace: BodyPace,
    test: impl AsyncFnOnce(SocketAddr),
) {
    let background = Background::new(Handle::current());
    let ids = Arc::new(RandomIds);
    let registry = Registry::new(records, data, Settings::default(), clock, ids, background);
    let metrics = HttpMetrics::register(&mut Metrics::default(), &registry);
    let state = AppState {
        registry,
        access: Access::Open,
        audit: AuditLog::off(),
        administration: None,
        metrics: Arc::new(metrics),
        ids: Arc::new(RandomIds),
        proxies: TrustedProxies::default(),
        redirect: RedirectPolicy::Never,
        pace,
    };
    let settings = ServerSettings {
        workers: 1,
        ..ServerSettings::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let bound = bind(listener, settings, state).unwrap();
    let (address, stopper) = (bound.address(), bound.stopper());
    let run = async {
        bound.run().await.unwrap();
    };
    let work = async {
        test(address).await;
        stopper.abort().await;
    };
    tokio::join!(run, work);
}

pub(crate) fn digest_of(content: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, content).to_string()
}

/// Returns 12,000 bytes, of which no part repeats.
pub(crate) fn content() -> Vec<u8> {
    (0..3000u32).flat_map(u32::to_be_bytes).collect()
}

/// Pushes a blob and returns its digest.
pub(crate) async fn push(client: &mut Client, name: &str, content: &[u8]) -> String {
    let digest = digest_of(content);
    let path = format!("/v2/{name}/blobs/uploads/?digest={digest}");
    assert_eq!(client.send("POST", &path, &[], content).await.status, 201);
    digest
}

/// Pushes a configuration and a layer, and returns a manifest of them.
pub(crate) async fn push_image(client: &mut Client, name: &str) -> String {
    for blob in ["{}", "layer"] {
        push(client, name, blob.as_bytes()).await;
    }
    serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest_of(b"{}"), "size": 2},
        "layers": [{"mediaType": "application/octet-stream", "digest": digest_of(b"layer"), "size": 5}],
    })
    .to_string()
}

/// Returns a manifest without layers that refers to `subject`.
pub(crate) fn artifact(subject: &str, kind: &str) -> String {
    serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": kind,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2},
        "layers": [],
        "subject": {"mediaType": MANIFEST, "digest": subject, "size": 20},
    })
    .to_string()
}
