//! The table of settings: one row each, from which everything else is made.

use crate::range::Range;
use crate::value::{List, SettingValue, Shown};
use crate::{
    AccessRule, AuditTarget, ByteSize, Config, ExternalUrl, LocalStorage, LogFilter, LogFormat,
    Networks, Openness, Period, Storage, Workers,
};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;

mod azure;
mod s3;

/// One setting: its key, its type, its range, its meaning, and how it is written and read.
#[derive(Clone, Copy)]
pub struct Setting {
    key: &'static str,
    kind: &'static str,
    range: Range,
    meaning: &'static str,
    text_only: bool,
    list: List,
    is_secret: bool,
    write: fn(&mut Config, &str) -> Result<(), String>,
    show: fn(&Config) -> Option<Shown>,
}

impl Setting {
    /// Returns the key in the file, such as `storage.local.path`.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// Returns the name in the environment, such as `ROADSTEAD_STORAGE__LOCAL__PATH`.
    #[must_use]
    pub fn variable(&self) -> String {
        crate::environment::variable_of(self.key)
    }

    /// Returns the type's name for a reader.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Returns what values are allowed.
    #[must_use]
    pub const fn range(&self) -> Range {
        self.range
    }

    /// Returns what the setting does, in one or two sentences.
    #[must_use]
    pub const fn meaning(&self) -> &'static str {
        self.meaning
    }

    /// Returns the value in a configuration as text that reads back as the same value; `None`
    /// when it belongs to a storage driver that the configuration does not use.
    #[must_use]
    pub fn text(&self, config: &Config) -> Option<String> {
        self.show(config).map(|shown| shown.text())
    }

    pub(crate) fn show(&self, config: &Config) -> Option<Shown> {
        (self.show)(config)
    }

    /// Whether YAML must write the value as text.
    pub(crate) const fn is_text_only(&self) -> bool {
        self.text_only
    }

    /// Whether YAML may write the value as a list, and of what.
    pub(crate) const fn list(&self) -> List {
        self.list
    }

    /// Whether the value is a reference to a secret, never the secret itself.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        self.is_secret
    }

    /// Reads a value and sets it. The error goes on after "`text`".
    pub(crate) fn set(&self, config: &mut Config, text: &str) -> Result<(), String> {
        (self.write)(config, text)?;
        self.range.check(text)
    }
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Setting")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Finds the setting that a key names.
pub(crate) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// Tells whether settings lie under this key.
pub(crate) fn is_section(key: &str) -> bool {
    SETTINGS
        .iter()
        .any(|setting| below(key, setting.key).is_some())
}

/// Returns the keys directly under a section (the empty key is the top), each once.
pub(crate) fn children(section: &str) -> Vec<&'static str> {
    let mut children = Vec::new();
    for setting in settings() {
        let Some(rest) = below(section, setting.key) else {
            continue;
        };
        let child = rest.split('.').next().unwrap_or(rest);
        if !children.contains(&child) {
            children.push(child);
        }
    }
    children
}

/// Returns the key of something under a section; the empty section is the top.
pub(crate) fn join(section: &str, key: &str) -> String {
    if section.is_empty() {
        key.to_owned()
    } else {
        format!("{section}.{key}")
    }
}

fn below<'a>(section: &str, key: &'a str) -> Option<&'a str> {
    if section.is_empty() {
        return Some(key);
    }
    key.strip_prefix(section)?.strip_prefix('.')
}

/// Returns every setting, in the order of the documentation.
#[must_use]
pub fn settings() -> &'static [Setting] {
    &SETTINGS
}

static SETTINGS: LazyLock<Vec<Setting>> =
    LazyLock::new(|| [ROWS, tls::ROWS, s3::ROWS, azure::ROWS].concat());

/// Makes a row for a field that every configuration has.
macro_rules! row {
    ($key:literal, $($field:ident).+ : $type:ty, $range:expr, $meaning:literal) => {
        Setting {
            key: $key,
            kind: <$type as SettingValue>::KIND,
            range: $range,
            meaning: $meaning,
            text_only: <$type as SettingValue>::TEXT_ONLY,
            list: <$type as SettingValue>::LIST,
            is_secret: <$type as SettingValue>::IS_SECRET,
            write: |config, text| {
                config.$($field).+ = <$type as SettingValue>::parse(text)?;
                Ok(())
            },
            show: |config| Some(config.$($field).+.shown()),
        }
    };
}

/// Makes a row for a field of the local driver.
macro_rules! local_row {
    ($key:literal, $field:ident : $type:ty, $range:expr, $meaning:literal) => {
        Setting {
            key: $key,
            kind: <$type as SettingValue>::KIND,
            range: $range,
            meaning: $meaning,
            text_only: <$type as SettingValue>::TEXT_ONLY,
            list: <$type as SettingValue>::LIST,
            is_secret: <$type as SettingValue>::IS_SECRET,
            write: |config, text| {
                local(&mut config.storage).$field = <$type as SettingValue>::parse(text)?;
                Ok(())
            },
            show: |config| match &config.storage {
                Storage::Local(local) => Some(local.$field.shown()),
                _ => None,
            },
        }
    };
}

// Below the macro that its rows are made with.
mod tls;

/// Returns the local driver's settings, choosing that driver. Two drivers named at once are found
/// by the loader, which remembers where each was named.
fn local(storage: &mut Storage) -> &mut LocalStorage {
    if !matches!(storage, Storage::Local(_)) {
        *storage = Storage::default();
    }
    match storage {
        Storage::Local(local) => local,
        _ => unreachable!("the default storage is local"),
    }
}

const fn sizes(least: ByteSize, most: ByteSize) -> Range {
    Range::Sizes { least, most }
}

const fn seconds(least: u64, most: u64) -> Range {
    Range::Periods {
        least: Period::seconds(least),
        most: Period::seconds(most),
    }
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

const ROWS: &[Setting] = &[
    row!(
        "listen", listen: SocketAddr, Range::Any,
        "Where the registry listens. `0.0.0.0:5000` or `[::]:5000` lets other machines in; port 0 takes a free one."
    ),
    row!(
        "external_url", external_url: Option<ExternalUrl>, Range::Any,
        "The address that clients use when a proxy stands in front: scheme, host and port."
    ),
    row!(
        "trusted_proxies", trusted_proxies: Networks, Range::Any,
        "The networks of proxies and load balancers in front, whose `X-Forwarded-For`, `-Proto`, `-Host` or `Forwarded` tells who a client is. Nobody else's is believed."
    ),
    row!(
        "proxy_protocol", proxy_protocol: bool, Range::Any,
        "Expects a header of the PROXY protocol, version 1 or 2, at the beginning of each connection from `trusted_proxies`, and of no other."
    ),
    row!(
        "admin.listen", admin.listen: Option<SocketAddr>, Range::Any,
        "Where metrics and health are served to operators; `off` switches this listener off. Must differ from `listen`."
    ),
    row!(
        "access.open", access.open: Openness, Range::Any,
        "Lets everybody do everything with `true`, nobody what no rule allows with `false`. `auto` is `true` while there are neither rules nor a htpasswd file, and then refuses a `listen` that other machines reach."
    ),
    row!(
        "access.htpasswd", access.htpasswd: Option<PathBuf>, Range::Any,
        "A htpasswd file with bcrypt hashes, whose users may log in beside those of the record store; read again when it changes."
    ),
    row!(
        "access.rules", access.rules: Vec<AccessRule>, Range::Any,
        "Who may do what where: see below. In the environment, the same list as YAML on one line."
    ),
    row!(
        "workers", workers: Workers, Range::Counts { least: 1, most: 512 },
        "How many threads answer requests; `auto` is the number of cores."
    ),
    local_row!(
        "storage.local.path", path: PathBuf, Range::Any,
        "The folder that everything is kept in; made when it is not there. A relative path starts at the working directory."
    ),
    local_row!(
        "storage.local.reserve", reserve: ByteSize, sizes(ByteSize::bytes(0), ByteSize::tib(1024)),
        "Free space that is left alone: below it uploads are refused, pulls and deletes still work."
    ),
    local_row!(
        "storage.local.cache", cache: ByteSize, sizes(ByteSize::mib(1), ByteSize::gib(64)),
        "Memory in which the record store keeps its pages."
    ),
    Setting {
        key: "storage.memory",
        kind: "`{}`",
        range: Range::Any,
        meaning: "Keeps everything in memory, to try things out: it is gone when the server ends. Takes the place of `storage.local`.",
        text_only: false,
        list: List::Never,
        is_secret: false,
        write: |config, text| match text.trim() {
            "{}" | "null" | "true" => {
                config.storage = Storage::Memory;
                Ok(())
            }
            _ => Err("is more than this driver takes; write {}".to_owned()),
        },
        show: |config| match &config.storage {
            Storage::Memory => Some(Shown::Chosen),
            _ => None,
        },
    },
    row!(
        "redirect.least_size", redirect.least_size: ByteSize, sizes(ByteSize::bytes(0), ByteSize::tib(1)),
        "The smallest blob that clients are sent to the storage for, once the driver's `redirect` is `true`; smaller ones cost less when they are served here."
    ),
    row!(
        "redirect.networks", redirect.networks: Networks, Range::Any,
        "The networks whose clients are sent to the storage: those that can reach it."
    ),
    row!(
        "redirect.except", redirect.except: Networks, Range::Any,
        "Networks within `redirect.networks` whose clients are served here all the same."
    ),
    row!(
        "redirect.lifetime", redirect.lifetime: Period, seconds(30, HOUR),
        "How long a client may begin to use the address that it was sent to. Whoever has the address can read the blob until then."
    ),
    row!(
        "verify_reads", verify_reads: Option<Period>, seconds(60, 365 * DAY),
        "The first whole read of a blob within this time is hashed while it streams, so that damage on the disk never reaches a client as whole; `off` never hashes."
    ),
    row!(
        "scrub.period", scrub.period: Option<Period>, seconds(DAY, 365 * DAY),
        "Within this time all stored content is hashed in the background, again and again, so that damage on the disk is found while there is another copy to push; `off` never does it."
    ),
    row!(
        "scrub.rate", scrub.rate: ByteSize, sizes(ByteSize::kib(64), ByteSize::gib(16)),
        "How much the scrub reads a second at most. It may then take longer than `scrub.period`."
    ),
    row!(
        "deleted_retention", deleted_retention: Option<Period>, seconds(60, 3650 * DAY),
        "How long a deleted manifest and its tags can be brought back; what it names takes space until then. `off` keeps nothing, and lets go of what was kept."
    ),
    row!(
        "manifests.sparse", manifests.sparse: bool, Range::Any,
        "Accepts manifests whose blobs, and indexes whose children, are not in the repository."
    ),
    row!(
        "limits.manifest", limits.manifest: ByteSize, sizes(ByteSize::kib(64), ByteSize::mib(64)),
        "The largest manifest. Clients expect 4MiB to work, and several pull no larger ones."
    ),
    row!(
        "limits.blob", limits.blob: ByteSize, sizes(ByteSize::mib(1), ByteSize::tib(1024)),
        "The largest blob."
    ),
    row!(
        "limits.uploads_per_client", limits.uploads_per_client: u32, Range::Counts { least: 1, most: 1_000_000 },
        "How many uploads one client may have open at once."
    ),
    row!(
        "timeouts.headers", timeouts.headers: Period, seconds(1, 60),
        "How long a client may take to send a request's headers, and for a TLS handshake before."
    ),
    row!(
        "timeouts.body_silence", timeouts.body_silence: Period, seconds(1, HOUR),
        "How long a request's body may be silent. The upload can be resumed afterwards."
    ),
    row!(
        "timeouts.slow_body_floor", timeouts.slow_body_floor: ByteSize, sizes(ByteSize::bytes(0), ByteSize::mib(16)),
        "Bytes a second below which a request's body is cut, averaged over `timeouts.slow_body_window`; `0` never cuts."
    ),
    row!(
        "timeouts.slow_body_window", timeouts.slow_body_window: Period, seconds(1, HOUR),
        "What `timeouts.slow_body_floor` is averaged over."
    ),
    row!(
        "timeouts.keep_alive", timeouts.keep_alive: Period, seconds(1, HOUR),
        "How long a connection without a request stays open; longer than a load balancer in front keeps it."
    ),
    row!(
        "timeouts.shutdown", timeouts.shutdown: Period, seconds(0, HOUR),
        "How long a stopping server lets requests in flight go on."
    ),
    row!(
        "gc.interval", gc.interval: Option<Period>, seconds(1, 30 * DAY),
        "How often a pass of the collector begins, on one of all servers; `off` leaves it to `roadstead gc run`."
    ),
    row!(
        "gc.calls_per_second", gc.calls_per_second: u32, Range::Counts { least: 1, most: 10_000_000 },
        "Calls to the storage that the collector makes in a second at most."
    ),
    row!(
        "gc.grace", gc.grace: Period, seconds(1, 365 * DAY),
        "How long what nobody names is left alone: longer than a push takes from its first blob to its manifest."
    ),
    row!(
        "gc.condemned", gc.condemned: Period, seconds(1, 365 * DAY),
        "How long it then waits before it is looked at again and goes. Longer than `gc.reference_window` and `gc.request_life` together."
    ),
    row!(
        "gc.reference_window", gc.reference_window: Period, seconds(1, HOUR),
        "How long after it made sure of a blob a push may name it; later it makes sure again. The same on all servers."
    ),
    row!(
        "gc.request_life", gc.request_life: Period, seconds(1, HOUR),
        "How long a request to the storage may take to land. S3 and Azure take requests that are 15 minutes old, so there it is no less; the local driver refuses older ones itself."
    ),
    row!(
        "gc.untagged", gc.untagged: Option<Period>, seconds(1, 3650 * DAY),
        "Deletes manifests that no tag, no index and no subject has named for so long; `off` keeps them."
    ),
    row!(
        "log.level", log.level: LogFilter, Range::Any,
        "What is logged: `error`, `warn`, `info`, `debug`, `trace` or `off`, or a list by module such as `info,roadstead_storage=debug`."
    ),
    row!(
        "log.format", log.format: LogFormat, Range::Any,
        "`auto` writes for humans on a terminal and JSON otherwise."
    ),
    row!(
        "audit.file", audit.file: AuditTarget, Range::Any,
        "Where the audit log goes: a file that is made when it is not there, `stdout`, or `off`."
    ),
    row!(
        "audit.max_size", audit.max_size: ByteSize, sizes(ByteSize::kib(64), ByteSize::gib(64)),
        "The size at which the file is set aside as `FILE.1` and a new one begun."
    ),
    row!(
        "audit.keep", audit.keep: u32, Range::Counts { least: 1, most: 1000 },
        "How many files that were set aside are kept."
    ),
];
