//! The Azure driver over a server, which `tests/scripts/azurite.sh` starts and names in the
//! environment. Every clause of the suite gets a prefix of its own in one container.

#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

mod driver;
mod faults;
mod proxy;

use futures::FutureExt;
use futures::future::BoxFuture;
use roadstead_storage::clock::MachineClock;
use roadstead_storage::drivers::azure::{AzureCredentials, AzureSettings, AzureStore, Secret};
use roadstead_storage::suite::Subject;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[expect(
    clippy::disallowed_methods,
    reason = "the script names the server here"
)]
fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set; run tests/scripts/azurite.sh"))
}

fn settings() -> AzureSettings {
    static TESTS: AtomicU32 = AtomicU32::new(0);
    let run = std::process::id();
    let test = TESTS.fetch_add(1, Ordering::Relaxed);
    let account = variable("STORE_AZURE_ACCOUNT");
    AzureSettings {
        prefix: format!("suite/{run}-{test}"),
        endpoint: Some(variable("STORE_AZURE_ENDPOINT")),
        credentials: AzureCredentials::Key(Secret::new(variable("STORE_AZURE_KEY"))),
        // The least there is, so that the suite's uploads have many blocks and tails.
        part_bytes: AzureSettings::LEAST_PART_BYTES,
        ..AzureSettings::new(account, variable("STORE_AZURE_CONTAINER"))
    }
}

fn subject(settings: AzureSettings) -> BoxFuture<'static, Subject> {
    let open = async move {
        let clock = Arc::new(MachineClock::new());
        let store = AzureStore::open(settings.clone(), clock).unwrap();
        Subject::new(
            Arc::new(store.records()),
            Arc::new(store.data()),
            move || subject(settings),
        )
    };
    open.boxed()
}

roadstead_storage::driver_suite!(server, || subject(settings()));
