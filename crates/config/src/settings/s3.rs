//! The rows of `storage.s3`.

use super::{HOUR, Setting, seconds, sizes};
use crate::config::{S3Encryption, S3Storage};
use crate::range::Range;
use crate::value::SettingValue;
use crate::{ByteSize, Period, SecretReference, Storage};
use std::path::PathBuf;

/// Makes a row for a field of the S3 driver.
macro_rules! s3_row {
    ($key:literal, $field:ident : $type:ty, $range:expr, $meaning:literal) => {
        Setting {
            key: concat!("storage.s3.", $key),
            kind: <$type as SettingValue>::KIND,
            range: $range,
            meaning: $meaning,
            text_only: <$type as SettingValue>::TEXT_ONLY,
            list: <$type as SettingValue>::LIST,
            is_secret: <$type as SettingValue>::IS_SECRET,
            write: |config, text| {
                s3(&mut config.storage).$field = <$type as SettingValue>::parse(text)?;
                Ok(())
            },
            show: |config| match &config.storage {
                Storage::S3(s3) => Some(s3.$field.shown()),
                _ => None,
            },
        }
    };
}

/// Returns the S3 driver's settings, choosing that driver.
fn s3(storage: &mut Storage) -> &mut S3Storage {
    if !matches!(storage, Storage::S3(_)) {
        *storage = Storage::S3(Box::default());
    }
    match storage {
        Storage::S3(s3) => s3,
        _ => unreachable!("it was just chosen"),
    }
}

pub(super) const ROWS: &[Setting] = &[
    s3_row!(
        "bucket", bucket: String, Range::Any,
        "The bucket that everything is kept in; it must be there. Any number of servers share it. Takes the place of `storage.local`."
    ),
    s3_row!(
        "prefix", prefix: String, Range::Any,
        "What the names of all objects begin with, when the bucket has other things in it, too."
    ),
    s3_row!(
        "region", region: Option<String>, Range::Any,
        "The bucket's region; otherwise that of the environment or of the profile, at last `us-east-1`."
    ),
    s3_row!(
        "endpoint", endpoint: Option<String>, Range::Any,
        "The service's address when it is not AWS, such as `https://s3.example.com`."
    ),
    s3_row!(
        "path_style", path_style: bool, Range::Any,
        "Names the bucket in the path and not in the host name, as MinIO, Ceph and most servers other than AWS want it."
    ),
    s3_row!(
        "access_key", access_key: Option<String>, Range::Any,
        "The public half of a pair of keys; without it the usual chain holds: environment, profile, web identity, container, machine."
    ),
    s3_row!(
        "secret_key", secret_key: Option<SecretReference>, Range::Any,
        "The secret half; only by reference, never written out."
    ),
    s3_row!(
        "session_token", session_token: Option<SecretReference>, Range::Any,
        "The token that comes with keys that expire."
    ),
    s3_row!(
        "profile", profile: Option<String>, Range::Any,
        "A profile of the shared AWS configuration files, in place of keys."
    ),
    s3_row!(
        "encryption", encryption: S3Encryption, Range::Any,
        "How the store encrypts what is created: as the bucket says, with its own keys (SSE-S3), or with those of a key service (SSE-KMS)."
    ),
    s3_row!(
        "kms_key", kms_key: Option<String>, Range::Any,
        "The key of the key service, for `encryption: kms`; otherwise the account's own."
    ),
    s3_row!(
        "storage_class", storage_class: Option<String>, Range::Any,
        "The storage class of data objects, such as `STANDARD_IA`; records, small and often read, never have one."
    ),
    s3_row!(
        "ca_bundle", ca_bundle: Option<PathBuf>, Range::Any,
        "A file of certificates (PEM) to trust besides those of the machine."
    ),
    s3_row!(
        "connections", connections: u32, Range::Counts { least: 1, most: 10_000 },
        "The most connections open at once; further requests wait for one."
    ),
    s3_row!(
        "attempts", attempts: u32, Range::Counts { least: 1, most: 20 },
        "How often a request is sent at most."
    ),
    s3_row!(
        "retry_budget", retry_budget: u32, Range::Counts { least: 0, most: 100_000 },
        "How many retries all requests together may make in a row; each success earns a fifth of one."
    ),
    s3_row!(
        "connect_timeout", connect_timeout: Period, seconds(1, 60),
        "How long a connection may take to come about."
    ),
    s3_row!(
        "stall_timeout", stall_timeout: Period, seconds(1, HOUR),
        "How long nothing may move, no byte sent or received; a body that moves takes as long as it takes."
    ),
    s3_row!(
        "record_timeout", record_timeout: Period, seconds(1, 15 * 60),
        "How long one attempt on a record may take."
    ),
    s3_row!(
        "call_timeout", call_timeout: Period, seconds(1, 15 * 60),
        "How long a call may take with all its retries."
    ),
    s3_row!(
        "part_size", part_size: ByteSize, sizes(ByteSize::mib(5), ByteSize::gib(1)),
        "The length of an upload's first parts; it doubles every 800 parts. An upload holds up to two in memory."
    ),
    s3_row!(
        "upload_memory", upload_memory: ByteSize, sizes(ByteSize::mib(10), ByteSize::tib(1)),
        "Memory for the parts of all uploads; beyond it they wait."
    ),
    s3_row!(
        "read_memory", read_memory: ByteSize, sizes(ByteSize::mib(1), ByteSize::tib(1)),
        "Memory for what all readers have not taken yet; beyond it they read in small steps."
    ),
    s3_row!(
        "redirect", redirect: bool, Range::Any,
        "Sends clients that pull a large blob to the bucket itself, by a signed address that expires."
    ),
];
