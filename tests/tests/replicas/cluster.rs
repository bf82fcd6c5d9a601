//! Three replicas over one fake bucket, and a client that goes to the next one with every request.

use roadstead_tests::http::{Answer, Connection, Request};
use roadstead_tests::s3_fake::{FakeOptions, S3Fake};
use roadstead_tests::server::Server;
use roadstead_tests::stored::{Inventory, Stored};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;

/// How many replicas there are.
pub(crate) const REPLICAS: usize = 3;

pub(crate) const MIB: usize = 1024 * 1024;

const BUCKET: &str = "images";
const PREFIX: &str = "shared";

/// The replicas and their bucket. The fake lives on threads of its own, so that tests may wait.
pub(crate) struct Cluster {
    /// The replicas. A test that kills one looks after it itself.
    pub(crate) servers: Vec<Server>,
    pub(crate) fake: S3Fake,
    last: AtomicUsize,
    runtime: Runtime,
    _secret: NamedTempFile,
}

impl Cluster {
    /// Starts everything. Parts are as short as S3 allows, so that small uploads have several.
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// Starts everything with more lines of configuration, all replicas at once: on an empty bucket
    /// they race for whatever is made on the first start.
    pub(crate) fn start_with(more: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime can be started");
        let options = FakeOptions {
            buckets: vec![BUCKET.to_owned()],
            ..FakeOptions::default()
        };
        let fake = runtime
            .block_on(S3Fake::start(options))
            .expect("a port is free");
        let FakeOptions {
            access_key,
            secret_key,
            ..
        } = fake.options();
        let mut secret = NamedTempFile::new().expect("there is room for a file");
        secret
            .write_all(secret_key.as_bytes())
            .expect("there is room for a file");
        let yaml = format!(
            "storage: {{s3: {{bucket: {BUCKET}, prefix: {PREFIX}, region: eu-central-1, \
             endpoint: \"{}\", path_style: true, access_key: {access_key}, \
             secret_key: '${{file:{}}}', part_size: 5MiB}}}}\n{more}",
            fake.endpoint(),
            secret.path().display(),
        );
        let servers = std::thread::scope(|scope| {
            let starting = [(); REPLICAS].map(|()| scope.spawn(|| Server::start_with(&yaml)));
            starting.map(|server| server.join().expect("a replica starts"))
        });
        Self {
            servers: servers.into(),
            fake,
            last: AtomicUsize::new(0),
            runtime,
            _secret: secret,
        }
    }

    /// Sends a request to the next replica.
    pub(crate) fn send(&self, request: &Request) -> Answer {
        self.next().send(request)
    }

    /// Opens a connection to the next replica.
    pub(crate) fn next(&self) -> Connection {
        self.at(self.last.fetch_add(1, Ordering::Relaxed))
    }

    /// Opens a connection to one replica, the numbers going round.
    pub(crate) fn at(&self, replica: usize) -> Connection {
        self.servers[replica % REPLICAS].connect()
    }

    /// Sends a `GET` to every replica.
    pub(crate) fn get_everywhere(&self, target: &str) -> Vec<Answer> {
        let replicas = 0..REPLICAS;
        replicas
            .map(|replica| self.at(replica).get(target))
            .collect()
    }

    /// Panics unless every replica answers a `GET` with this content.
    #[track_caller]
    pub(crate) fn assert_content(&self, target: &str, content: &[u8]) {
        for (replica, answer) in self.get_everywhere(target).iter().enumerate() {
            assert_eq!(answer.status, 200, "{target} at {replica}: {answer:?}");
            let is_same = answer.body == content;
            assert!(is_same, "{target} at {replica} has other bytes");
        }
    }

    /// Panics unless every replica says that this is not there.
    #[track_caller]
    pub(crate) fn assert_gone(&self, target: &str) {
        for (replica, answer) in self.get_everywhere(target).iter().enumerate() {
            assert_eq!(answer.status, 404, "{target} at {replica}: {answer:?}");
        }
    }

    /// Returns what lies in the bucket, having found nothing wrong with it.
    #[track_caller]
    pub(crate) fn inventory(&self) -> Inventory {
        let inventory =
            self.look(async |stored| stored.inventory().await.expect("every record can be read"));
        assert_eq!(inventory.problems(), Vec::<String>::new());
        inventory
    }

    /// Looks at the bucket beside the replicas.
    pub(crate) fn look<T>(&self, look: impl AsyncFnOnce(Stored<'_>) -> T) -> T {
        self.runtime.block_on(async {
            let stored = Stored::open(&self.fake, BUCKET, PREFIX)
                .await
                .expect("the bucket can be opened");
            look(stored).await
        })
    }
}
