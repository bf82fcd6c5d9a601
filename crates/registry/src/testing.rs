//! A registry over the memory driver with a clock that tests move, for this crate's own tests.

mod pushing;

pub(crate) use pushing::{by_tag, bytes_of, descriptor, image, index, push_blob, push_of, tag};

use crate::{Background, RandomIds, Registry, Settings};
use roadstead_oci::{Algorithm, Digest, RepositoryName};
use roadstead_storage::drivers::memory::{MemoryData, MemoryRecords};
use roadstead_storage::{Clock, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(crate) struct TestClock {
    millis: AtomicU64,
}

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).expect("a test moves the clock by a sane step");
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + self.millis.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }
}

/// What a test holds.
pub(crate) struct Fixture {
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) records: MemoryRecords,
    pub(crate) data: MemoryData,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::made(settings, |data| data, MemoryRecords::writing_together)
    }

    /// Over a store that writes each record by itself, as object stores do.
    pub(crate) fn one_by_one() -> Self {
        Self::made(Settings::default(), |data| data, |records| records)
    }

    /// Over a store whose data is on another machine, or says so.
    pub(crate) fn distant() -> Self {
        Self::made(Settings::default(), MemoryData::distant, |records| records)
    }

    fn made(
        settings: Settings,
        adjust: impl FnOnce(MemoryData) -> MemoryData,
        adjust_records: impl FnOnce(MemoryRecords) -> MemoryRecords,
    ) -> Self {
        let clock = Arc::new(TestClock {
            millis: AtomicU64::new(0),
        });
        let records = adjust_records(MemoryRecords::new(clock.clone()));
        let data = adjust(MemoryData::new(clock.clone()));
        let registry = Self::over(&records, &data, &clock, settings);
        Self {
            registry,
            clock,
            records,
            data,
        }
    }

    /// Another replica over the same stores: it shares no memory with the first.
    pub(crate) fn replica(&self, settings: Settings) -> Registry {
        Self::over(&self.records, &self.data, &self.clock, settings)
    }

    /// A replica over other records and the same data.
    pub(crate) fn replica_over(&self, records: &MemoryRecords, settings: Settings) -> Registry {
        Self::over(records, &self.data, &self.clock, settings)
    }

    fn over(
        records: &MemoryRecords,
        data: &MemoryData,
        clock: &Arc<TestClock>,
        settings: Settings,
    ) -> Registry {
        let background = Background::new(tokio::runtime::Handle::current());
        Registry::new(
            Arc::new(records.clone()),
            Arc::new(data.clone()),
            settings,
            clock.clone(),
            Arc::new(RandomIds),
            background,
        )
    }
}

pub(crate) fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).expect("a test names repositories well")
}

pub(crate) fn digest_of(content: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, content)
}

/// Content that does not fit into a record.
pub(crate) fn large(seed: u8) -> Vec<u8> {
    (0..200_000_u32)
        .map(|at| seed ^ at.to_le_bytes()[0] ^ at.to_le_bytes()[1])
        .collect()
}
