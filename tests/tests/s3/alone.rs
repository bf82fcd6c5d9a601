//! The real binary over a store without conditions: one server serves it, a second one is refused.

use crate::fixture::{BUCKET, Fixture, settings};
use roadstead_storage::decorators::single_writer::WRITER_KEY;
use roadstead_storage::{Condition, RecordStore};
use roadstead_tests::content::{random_bytes, sha256};
use roadstead_tests::http::Request;
use roadstead_tests::s3_fake::{FakeOptions, Fault, Rule, S3Fake, S3Operation};
use roadstead_tests::server::{Server, command, run, write_file};
use roadstead_tests::waiting::wait_until;
use serde_json::Value;
use std::io::Write;
use std::process::{Output, Stdio};
use std::sync::Arc;
use tempfile::{NamedTempFile, TempDir};
use tokio::runtime::Runtime;

/// The length of a tombstone.
const TOMBSTONE: u64 = 17;

/// A fake bucket on threads of its own, so that tests may wait, and the configuration for it.
struct Store {
    fake: Arc<S3Fake>,
    yaml: String,
    runtime: Runtime,
    _secret: NamedTempFile,
}

impl Store {
    fn new(has_conditional_put: bool, has_conditional_delete: bool) -> Self {
        let runtime = Runtime::new().unwrap();
        let options = FakeOptions {
            has_conditional_put,
            has_conditional_delete,
            ..FakeOptions::default()
        };
        let fake = runtime.block_on(S3Fake::start(options)).unwrap();
        let FakeOptions {
            access_key,
            secret_key,
            ..
        } = fake.options();
        let mut secret = NamedTempFile::new().unwrap();
        secret.write_all(secret_key.as_bytes()).unwrap();
        let yaml = format!(
            "storage: {{s3: {{bucket: {BUCKET}, prefix: {}, endpoint: \"{}\", path_style: true, \
             access_key: {access_key}, secret_key: '${{file:{}}}'}}}}\n",
            settings(&fake).prefix,
            fake.endpoint(),
            secret.path().display(),
        );
        Self {
            fake: Arc::new(fake),
            yaml,
            runtime,
            _secret: secret,
        }
    }

    fn folder(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        write_file(&folder.path().join("roadstead.yaml"), self.yaml.as_bytes());
        folder
    }

    /// Starts a server that is expected to end by itself.
    fn refused(&self) -> Output {
        let folder = self.folder();
        command(folder.path(), &["serve", "--config", "roadstead.yaml"])
            .env("ROADSTEAD_LISTEN", "127.0.0.1:0")
            .env("ROADSTEAD_ADMIN__LISTEN", "off")
            .env("ROADSTEAD_LOG__FORMAT", "json")
            .stdout(Stdio::null())
            .output()
            .unwrap()
    }

    fn check(&self) -> (Output, String) {
        let folder = self.folder();
        let arguments = ["storage", "check", "--config", "roadstead.yaml"];
        let output = run(folder.path(), &arguments);
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        (output, text)
    }

    /// Returns the length of the writer's record as it lies in the bucket.
    fn length_of_mark(&self) -> u64 {
        let name = format!("{}/records/{WRITER_KEY}!", settings(&self.fake).prefix);
        self.fake.object(BUCKET, &name).unwrap().length
    }
}

/// Waits for the line that says that a server is alone, and returns its name.
fn name_of(server: &Server) -> String {
    let is_it = |line: &Value| line["level"] == "WARN" && line["writer"].is_string();
    let line = server.log().wait_for("that it is alone", is_it);
    let message = line["message"].as_str().unwrap();
    assert!(
        message.contains("put twice where nothing may be there: applied, then applied"),
        "{message}"
    );
    line["writer"].as_str().unwrap().to_owned()
}

#[test]
fn a_second_server_is_refused_until_the_first_has_stopped_in_order() {
    let store = Store::new(false, false);
    let mut first = Server::start_with(&store.yaml);
    let writer = name_of(&first);
    let content = random_bytes(100_000);
    let digest = first.connect().push_blob("a", &content);

    let refused = store.refused();
    let log = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{log}");
    assert!(
        log.contains(&format!(
            "waiting: the server {writer} serves this store or has not ended in order"
        )),
        "{log}"
    );
    let last = log.lines().last().unwrap();
    assert!(
        last.starts_with(&format!("roadstead: the server {writer} serves this store")),
        "{last}"
    );

    first.terminate();
    assert_eq!(first.wait().code(), Some(0));
    assert_eq!(store.length_of_mark(), TOMBSTONE);

    let second = Server::start_with(&store.yaml);
    assert_ne!(name_of(&second), writer);
    assert!(
        !second
            .log()
            .lines()
            .iter()
            .any(|line| line.contains("waiting:")),
        "nobody is left to wait for"
    );
    let target = format!("/v2/a/blobs/{digest}");
    let answer = second.connect().send(&Request::new("GET", &target));
    assert_eq!(sha256(&answer.body), digest);
}

#[test]
fn a_server_that_finds_another_ones_record_stops_with_an_error() {
    let store = Store::new(false, true);
    let mut server = Server::start_with(&store.yaml);
    let own = name_of(&server);
    let fake = Arc::clone(&store.fake);
    store.runtime.block_on(async move {
        let other = Fixture::over(fake, |_| {}).await;
        let mark = [&[1][..], &[0xab; 16], &[0; 8]].concat();
        let written = other
            .records
            .put(WRITER_KEY, mark.into(), Condition::Any)
            .await;
        let _ = written.unwrap();
    });
    assert_eq!(server.wait().code(), Some(1));
    let told = format!(
        "roadstead: the server {} writes to this store, too; this server ({own}) stops at once",
        "ab".repeat(16)
    );
    wait_until("the log is read to its end", || {
        server.log().lines().contains(&told)
    });
}

#[test]
fn a_check_tells_that_many_servers_may_serve() {
    let (output, text) = Store::new(true, true).check();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.ends_with(
            "\n\ntombstones  old ones are swept\n\
             Roadstead   serves with any number of servers\n"
        ),
        "{text}"
    );
    assert!(!text.contains("FAIL"), "{text}");

    let (output, text) = Store::new(true, false).check();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.ends_with(
            "tombstones  old ones stay: the store takes no notice of conditions on deletes\n\
             Roadstead   serves with any number of servers\n"
        ),
        "{text}"
    );
}

#[test]
fn a_check_tells_that_one_server_alone_may_serve() {
    let (output, text) = Store::new(false, false).check();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.ends_with(
            "Roadstead   serves with one server alone: the store takes no notice of conditions on \
             writes (put twice where nothing may be there: applied, then applied)\n"
        ),
        "{text}"
    );
}

#[test]
fn a_check_tells_that_a_store_is_refused() {
    let store = Store::new(false, false);
    let broken = Rule {
        times: 1000,
        ..Rule::next(S3Operation::ListObjects, Fault::TruncatedBody(10))
    };
    store.fake.faults().add(broken);
    let (output, text) = store.check();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("Roadstead   refuses: list keys that other orders sort otherwise: "),
        "{text}"
    );
}
