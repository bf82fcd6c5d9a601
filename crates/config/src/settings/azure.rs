//! The rows of `storage.azure`.

use super::{HOUR, Setting, seconds, sizes};
use crate::config::AzureStorage;
use crate::range::Range;
use crate::value::SettingValue;
use crate::{ByteSize, Period, SecretReference, Storage};
use std::path::PathBuf;

/// Makes a row for a field of the Azure Blob driver.
macro_rules! azure_row {
    ($key:literal, $field:ident : $type:ty, $range:expr, $meaning:literal) => {
        Setting {
            key: concat!("storage.azure.", $key),
            kind: <$type as SettingValue>::KIND,
            range: $range,
            meaning: $meaning,
            text_only: <$type as SettingValue>::TEXT_ONLY,
            is_secret: <$type as SettingValue>::IS_SECRET,
            list: <$type as SettingValue>::LIST,
            write: |config, text| {
                azure(&mut config.storage).$field = <$type as SettingValue>::parse(text)?;
                Ok(())
            },
            show: |config| match &config.storage {
                Storage::Azure(azure) => Some(azure.$field.shown()),
                _ => None,
            },
        }
    };
}

/// Returns the Azure Blob driver's settings, choosing that driver.
fn azure(storage: &mut Storage) -> &mut AzureStorage {
    if !matches!(storage, Storage::Azure(_)) {
        *storage = Storage::Azure(Box::default());
    }
    match storage {
        Storage::Azure(azure) => azure,
        _ => unreachable!("it was just chosen"),
    }
}

pub(super) const ROWS: &[Setting] = &[
    azure_row!(
        "account", account: Option<String>, Range::Any,
        "The storage account. A connection string may name it instead."
    ),
    azure_row!(
        "container", container: String, Range::Any,
        "The container that everything is kept in; it must be there. Any number of servers share it. Takes the place of `storage.local`."
    ),
    azure_row!(
        "prefix", prefix: String, Range::Any,
        "What the names of all blobs begin with, when the container has other things in it, too."
    ),
    azure_row!(
        "endpoint", endpoint: Option<String>, Range::Any,
        "The blob service's address when it is not `https://ACCOUNT.blob.core.windows.net`; an emulator names the account in the path."
    ),
    azure_row!(
        "key", key: Option<SecretReference>, Range::Any,
        "A key of the account. Without any secret here the usual chain holds: the `AZURE_` variables of the environment, workload identity, managed identity."
    ),
    azure_row!(
        "sas", sas: Option<SecretReference>, Range::Any,
        "A shared access signature in place of the key; pulls cannot be redirected with it."
    ),
    azure_row!(
        "connection_string", connection_string: Option<SecretReference>, Range::Any,
        "Account, key or signature, and address in one text, as the portal shows it."
    ),
    azure_row!(
        "ca_bundle", ca_bundle: Option<PathBuf>, Range::Any,
        "A file of certificates (PEM) to trust besides those of the machine."
    ),
    azure_row!(
        "connections", connections: u32, Range::Counts { least: 1, most: 10_000 },
        "The most requests under way at once; further ones wait for one to end."
    ),
    azure_row!(
        "attempts", attempts: u32, Range::Counts { least: 1, most: 20 },
        "How often a request is sent at most."
    ),
    azure_row!(
        "retry_budget", retry_budget: u32, Range::Counts { least: 0, most: 100_000 },
        "How many retries all requests together may make in a row; each success earns a fifth of one."
    ),
    azure_row!(
        "connect_timeout", connect_timeout: Period, seconds(1, 60),
        "How long a connection may take to come about."
    ),
    azure_row!(
        "stall_timeout", stall_timeout: Period, seconds(1, HOUR),
        "How long nothing may move, no byte sent or received; a body that moves takes as long as it takes."
    ),
    azure_row!(
        "record_timeout", record_timeout: Period, seconds(1, 15 * 60),
        "How long one attempt on a record may take."
    ),
    azure_row!(
        "call_timeout", call_timeout: Period, seconds(1, 15 * 60),
        "How long a call may take with all its retries."
    ),
    azure_row!(
        "part_size", part_size: ByteSize, sizes(ByteSize::mib(1), ByteSize::gib(1)),
        "The length of an upload's first blocks; it doubles every 5,000 blocks. An upload holds up to two in memory."
    ),
    azure_row!(
        "upload_memory", upload_memory: ByteSize, sizes(ByteSize::mib(2), ByteSize::tib(1)),
        "Memory for the blocks of all uploads; beyond it they wait."
    ),
    azure_row!(
        "read_memory", read_memory: ByteSize, sizes(ByteSize::mib(1), ByteSize::tib(1)),
        "Memory for what all readers have not taken yet; beyond it they read in small steps."
    ),
    azure_row!(
        "redirect", redirect: bool, Range::Any,
        "Sends clients that pull a large blob to the container itself, by a signed address that expires."
    ),
];
