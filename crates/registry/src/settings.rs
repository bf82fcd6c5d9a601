//! What an operator may set, with the constants of the storage contract as defaults.

use std::time::Duration;

/// The largest blob that is kept inside its record, in bytes.
pub const INLINE_BLOB_BYTES: usize = 32 * 1024;
/// The largest manifest that is kept inside its record, in bytes.
pub const INLINE_MANIFEST_BYTES: usize = 128 * 1024;
/// How old a reverse entry must be before a deleter need not fence its tag: more than D + R.
pub const YOUNG: Duration = Duration::from_hours(1);

/// Limits and constants of the registry.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The largest manifest, in bytes. 4 MiB: containerd, oras and crane pull no larger one.
    pub manifest_bytes: usize,
    /// The largest blob, in bytes.
    pub blob_bytes: u64,
    /// Upload sessions that one client may have open at this replica.
    pub uploads_per_client: usize,
    /// Whether manifests may name content that the repository does not have.
    pub sparse: bool,
    /// How long a whole read that was hashed vouches for a blob; `None` hashes no reads.
    pub verify_reads: Option<Duration>,
    /// How long a deleted manifest can be brought back; `None` keeps none.
    pub deleted_retention: Option<Duration>,
    /// G: how long something unreferenced is left alone.
    pub grace: Duration,
    /// C: how long something condemned waits.
    pub condemned: Duration,
    /// D: how long after `protect` a reference may be sent. C > D + R must hold, with R the time that a
    /// request may take to land.
    pub window: Duration,
    /// How long an upload session may be idle.
    pub session_idle: Duration,
    /// How long a finished session answers a repeated PUT.
    pub session_memory: Duration,
    /// Bytes after which a long upload is made resumable.
    pub checkpoint_bytes: u64,
    /// Within which time all content is hashed, again and again; `None` leaves it to readers.
    pub scrub_period: Option<Duration>,
    /// How many bytes a second the scrub reads at most.
    pub scrub_rate_bytes: u64,
    /// What the collector does, and how fast.
    pub collector: CollectorSettings,
}

/// What the collector does by itself, and how fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorSettings {
    /// How often a pass begins; `None` leaves it to whoever asks for one.
    pub interval: Option<Duration>,
    /// Calls to storage that it makes in a second at most; `None` for as many as it can.
    pub calls_per_second: Option<u32>,
    /// How long a manifest that no tag, no index and no subject names is kept; `None` keeps it.
    pub untagged: Option<Duration>,
}

impl Default for CollectorSettings {
    fn default() -> Self {
        Self {
            interval: Some(Duration::from_hours(1)),
            calls_per_second: Some(2000),
            untagged: None,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            manifest_bytes: 4 << 20,
            blob_bytes: 10 << 40,
            uploads_per_client: 1000,
            sparse: false,
            verify_reads: Some(Duration::from_hours(24)),
            deleted_retention: Some(Duration::from_hours(7 * 24)),
            grace: Duration::from_hours(24),
            condemned: Duration::from_hours(1),
            window: Duration::from_mins(5),
            session_idle: Duration::from_hours(7 * 24),
            session_memory: Duration::from_mins(5),
            checkpoint_bytes: 64 << 20,
            scrub_period: Some(Duration::from_hours(30 * 24)),
            scrub_rate_bytes: 50 << 20,
            collector: CollectorSettings::default(),
        }
    }
}
