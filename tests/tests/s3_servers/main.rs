//! The S3 driver over a real server, which `tests/scripts/cloud.sh` starts and names in the
//! environment. Every clause of the suite gets a prefix of its own in one bucket.

#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use futures::FutureExt;
use futures::future::BoxFuture;
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::s3::{S3Credentials, S3Settings, S3Store, Secret};
use roadstead_storage::suite::Subject;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[expect(
    clippy::disallowed_methods,
    reason = "the script names the server here"
)]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run tests/scripts/cloud.sh"))
}

fn settings() -> S3Settings {
    static TESTS: AtomicU32 = AtomicU32::new(0);
    let run = std::process::id();
    let test = TESTS.fetch_add(1, Ordering::Relaxed);
    S3Settings {
        prefix: format!("suite/{run}-{test}"),
        endpoint: Some(variable("ROADSTEAD_TEST_S3_ENDPOINT")),
        path_style: true,
        credentials: S3Credentials::Keys {
            access_key: variable("ROADSTEAD_TEST_S3_ACCESS_KEY"),
            secret_key: Secret::new(variable("ROADSTEAD_TEST_S3_SECRET_KEY")),
            session_token: None,
        },
        // The least there is, so that the suite's uploads have parts and tails.
        part_bytes: S3Settings::LEAST_PART_BYTES,
        ..S3Settings::new(variable("ROADSTEAD_TEST_S3_BUCKET"))
    }
}

fn subject(settings: S3Settings) -> BoxFuture<'static, Subject> {
    let open = async move {
        let clock = Arc::new(MachineClock::new());
        let store = S3Store::open(settings.clone(), clock).await.unwrap();
        Subject::new(
            Arc::new(store.records()),
            Arc::new(store.data()),
            move || subject(settings),
        )
    };
    open.boxed()
}

roadstead_storage::driver_suite!(server, || subject(settings()));
