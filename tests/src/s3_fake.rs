//! A strict S3 server in this process, for what real servers cannot be made to do on demand.
//!
//! Conditions are atomic, parts smaller than 5 MiB are refused, listings come in pages of 1,000,
//! signatures are verified, and [`Faults`] lose answers, throttle, cut bodies and wait. It counts
//! every request by operation. Buckets are addressed in the path alone.

mod bucket;
mod clock;
mod content;
mod copies;
mod count;
mod fault;
mod listings;
mod objects;
mod service;
mod serving;
mod uploads;

pub use bucket::{ObjectView, Writable};
pub use clock::FakeClock;
pub use count::{Counts, S3Operation};
pub use fault::{Fault, Faults, Latency, Rule, Spares};

use bucket::Buckets;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What a fake server is like. The default is as strict as the strictest real one.
#[derive(Clone, Debug)]
pub struct FakeOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The one pair of keys that is let in.
    pub access_key: String,
    /// Its secret half.
    pub secret_key: String,
    /// The buckets that are there.
    pub buckets: Vec<String>,
    /// Whether `If-Match` and `If-None-Match` on a PUT are looked at.
    pub has_conditional_put: bool,
    /// Whether `If-Match` on a DELETE is looked at.
    pub has_conditional_delete: bool,
    /// Whether all parts but the last must be of one length, as Cloudflare R2 wants them.
    pub wants_equal_parts: bool,
}

impl Default for FakeOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            access_key: "fake-access-key".to_owned(),
            secret_key: "fake-secret-key".to_owned(),
            buckets: vec!["images".to_owned()],
            has_conditional_put: true,
            has_conditional_delete: true,
            wants_equal_parts: true,
        }
    }
}

/// What the parts of a server share.
#[derive(Debug)]
struct Shared {
    options: FakeOptions,
    buckets: Mutex<Buckets>,
    clock: FakeClock,
    counts: Counts,
    faults: Faults,
}

impl Shared {
    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct S3Fake {
    shared: Arc<Shared>,
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl S3Fake {
    /// Starts a server on the current runtime.
    pub async fn start(options: FakeOptions) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            buckets: Mutex::new(Buckets::new(&options.buckets)),
            options,
            clock: FakeClock::default(),
            counts: Counts::default(),
            faults: Faults::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(serving::serve(listener, Arc::clone(&shared)));
        Ok(Self {
            shared,
            address,
            _tasks: tasks,
        })
    }

    /// Returns the address to name as the endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns how it was started.
    #[must_use]
    pub fn options(&self) -> &FakeOptions {
        &self.shared.options
    }

    /// Returns what was asked of it.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// Returns what goes wrong in it.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Returns the clock of its dates.
    #[must_use]
    pub fn clock(&self) -> &FakeClock {
        &self.shared.clock
    }

    /// Returns the keys of a bucket's objects, in order.
    #[must_use]
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.shared.buckets().keys(bucket)
    }

    /// Returns an object as it lies there.
    #[must_use]
    pub fn object(&self, bucket: &str, key: &str) -> Option<ObjectView> {
        self.shared.buckets().view(bucket, key)
    }

    /// Returns the keys of the multipart uploads that are neither completed nor aborted.
    #[must_use]
    pub fn open_uploads(&self, bucket: &str) -> Vec<String> {
        self.shared.buckets().open_uploads(bucket)
    }
}
