//! `Config`: what the server is told, as plain data with a default for everything.
//!
//! Ranges and meanings stand beside the keys in `settings.rs`.

use crate::value::{SettingValue, Shown};
use crate::{ByteSize, ExternalUrl, LogFilter, LogFormat, Networks, Period};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

mod access;
mod audit;
mod azure;
mod collector;
mod s3;
mod tls;

pub use access::{Access, AccessRule, Openness};
pub use audit::{Audit, AuditTarget};
pub use azure::AzureStorage;
pub use collector::Collector;
pub use s3::{S3Encryption, S3Storage};
pub use tls::{CertificateIdentity, CertificateName, ClientCertificates, Tls, TlsVersion};

/// Everything the server is told. What [`Config::load`] returns is valid; [`Config::validate`]
/// checks one that was made by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the registry listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address that clients use, when it is not the one they connect to.
    pub external_url: Option<ExternalUrl>,
    /// Proxies in front, whose word about clients is believed.
    pub trusted_proxies: Networks,
    /// Whether those proxies begin each connection with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// TLS where the registry listens.
    pub tls: Tls,
    /// The listener for operators.
    pub admin: Admin,
    /// Who may use the registry.
    pub access: Access,
    /// How many threads answer requests.
    pub workers: Workers,
    /// Where everything is kept.
    pub storage: Storage,
    /// Which pulls are sent to the storage, where the driver's own `redirect` allows any.
    pub redirect: Redirect,
    /// The first whole read of a blob within this time is hashed while it streams; `None`: never.
    pub verify_reads: Option<Period>,
    /// How stored content is hashed in the background.
    pub scrub: Scrub,
    /// How long a deleted manifest can be brought back; `None`: not at all.
    pub deleted_retention: Option<Period>,
    /// What a manifest must be.
    pub manifests: Manifests,
    /// How much a client may send.
    pub limits: Limits,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// What takes back the space of what nobody names any more.
    pub gc: Collector,
    /// What is logged, and how.
    pub log: Log,
    /// Who did what: the audit log.
    pub audit: Audit,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 5000)),
            external_url: None,
            trusted_proxies: Networks::default(),
            proxy_protocol: false,
            tls: Tls::default(),
            admin: Admin::default(),
            access: Access::default(),
            workers: Workers::Auto,
            storage: Storage::default(),
            redirect: Redirect::default(),
            verify_reads: Some(Period::hours(24)),
            scrub: Scrub::default(),
            deleted_retention: Some(Period::days(7)),
            manifests: Manifests::default(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            gc: Collector::default(),
            log: Log::default(),
            audit: Audit::default(),
        }
    }
}

/// The listener for operators: metrics and health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens; `None` switches it off.
    pub listen: Option<SocketAddr>,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 5001))),
        }
    }
}

/// How stored content is hashed in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrub {
    /// Within which time all of it is hashed, again and again; `None`: never.
    pub period: Option<Period>,
    /// How much is read a second at most.
    pub rate: ByteSize,
}

impl Default for Scrub {
    fn default() -> Self {
        Self {
            period: Some(Period::days(30)),
            rate: ByteSize::mib(50),
        }
    }
}

/// How many threads answer requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Workers {
    /// As many as the machine has cores for this process.
    #[default]
    Auto,
    /// This many.
    Exactly(NonZeroUsize),
}

impl Workers {
    /// Returns the number of threads on this machine.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Auto => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            Self::Exactly(count) => count.get(),
        }
    }
}

impl SettingValue for Workers {
    const KIND: &'static str = "whole number or `auto`";

    fn parse(text: &str) -> Result<Self, String> {
        if text.trim().eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        let count = text.trim().parse().map_err(
            |_| "is not a whole number above zero; write one, or auto for the number of cores",
        )?;
        Ok(Self::Exactly(count))
    }

    fn shown(&self) -> Shown {
        match self {
            Self::Auto => Shown::Text("auto".to_owned()),
            Self::Exactly(count) => Shown::Number(u64::try_from(count.get()).unwrap_or(u64::MAX)),
        }
    }
}

/// Where everything is kept: exactly one driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Files and an embedded record store in one folder of this machine.
    Local(LocalStorage),
    /// A bucket that any number of servers share.
    S3(Box<S3Storage>),
    /// A container of Azure Blob Storage that any number of servers share.
    Azure(Box<AzureStorage>),
    /// The process's memory; everything is gone when it ends.
    Memory,
}

impl Default for Storage {
    fn default() -> Self {
        Self::Local(LocalStorage::default())
    }
}

/// The local driver's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalStorage {
    /// The folder; made when it is not there.
    pub path: PathBuf,
    /// Free space that is left alone: below it uploads are refused, deletes still work.
    pub reserve: ByteSize,
    /// Memory that the record store keeps pages in.
    pub cache: ByteSize,
}

impl Default for LocalStorage {
    fn default() -> Self {
        Self {
            path: PathBuf::from("./data"),
            reserve: ByteSize::gib(1),
            cache: ByteSize::mib(32),
        }
    }
}

/// Which pulls are sent to the storage itself. Whether any are is said beside the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The smallest blob that clients are sent away for.
    pub least_size: ByteSize,
    /// Clients that can reach the storage.
    pub networks: Networks,
    /// Clients of `networks` that are served here all the same.
    pub except: Networks,
    /// How long an address may be used.
    pub lifetime: Period,
}

impl Default for Redirect {
    fn default() -> Self {
        Self {
            least_size: ByteSize::mib(1),
            networks: Networks::everywhere(),
            except: Networks::default(),
            lifetime: Period::seconds(10 * 60),
        }
    }
}

/// What a manifest must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifests {
    /// Accepts manifests and indexes whose blobs or children are not there.
    pub sparse: bool,
}

/// How much a client may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest manifest.
    pub manifest: ByteSize,
    /// The largest blob.
    pub blob: ByteSize,
    /// How many uploads one client may have open.
    pub uploads_per_client: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest: ByteSize::mib(4),
            blob: ByteSize::tib(10),
            uploads_per_client: 1000,
        }
    }
}

/// How long things may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first byte of a connection or request to the end of its headers.
    pub headers: Period,
    /// Silence in a request's body.
    pub body_silence: Period,
    /// Bytes a second, averaged over `slow_body_window`, below which a body is cut; 0: never.
    pub slow_body_floor: ByteSize,
    /// What `slow_body_floor` is averaged over.
    pub slow_body_window: Period,
    /// How long a connection without a request stays open.
    pub keep_alive: Period,
    /// How long a stopping server lets requests in flight go on.
    pub shutdown: Period,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            headers: Period::seconds(8),
            body_silence: Period::seconds(30),
            slow_body_floor: ByteSize::bytes(64),
            slow_body_window: Period::seconds(60),
            keep_alive: Period::seconds(75),
            shutdown: Period::seconds(30),
        }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The level, or levels by module.
    pub level: LogFilter,
    /// The form of the lines.
    pub format: LogFormat,
}
