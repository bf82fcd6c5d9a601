//! What can be set on the S3 driver.

use crate::drivers::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// Whom the store shall take us for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum S3Credentials {
    /// Whatever the SDK's usual chain finds: environment, profile, web identity, container, machine.
    #[default]
    Chain,
    /// A profile of the shared configuration files.
    Profile(String),
    /// A pair of keys.
    Keys {
        /// The public half.
        access_key: String,
        /// The secret half.
        secret_key: Secret,
        /// The token of keys that expire.
        session_token: Option<Secret>,
    },
}

/// How the store shall encrypt what it is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum S3Encryption {
    /// As the bucket says.
    #[default]
    Bucket,
    /// With keys of the store (SSE-S3).
    Store,
    /// With keys of a key service (SSE-KMS).
    KeyService {
        /// The key; the account's own when `None`.
        key: Option<String>,
    },
}

/// Settings of the S3 driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Settings {
    /// The bucket; it must be there.
    pub bucket: String,
    /// What all object names begin with, without a slash at either end; may be empty.
    pub prefix: String,
    /// The region; that of the environment or of the profile when `None`, at last `us-east-1`.
    pub region: Option<String>,
    /// The address of the service, when it is not that of AWS.
    pub endpoint: Option<String>,
    /// Whether the bucket is named in the path and not in the host name.
    pub path_style: bool,
    /// Whom the store shall take us for.
    pub credentials: S3Credentials,
    /// How everything that is created is encrypted.
    pub encryption: S3Encryption,
    /// The storage class of data objects; the bucket's own when `None`. Records never have one:
    /// they are small, read often and overwritten.
    pub storage_class: Option<String>,
    /// A file of certificates (PEM) that are trusted besides those of the machine.
    pub ca_bundle: Option<PathBuf>,
    /// The most connections that are open at once; further requests wait for one.
    pub connections: usize,
    /// How often a request is sent at most.
    pub attempts: u32,
    /// How many retries all requests together may make in a row; each success earns a fifth of one.
    pub retry_budget: u32,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long nothing may move: no byte of a request taken, none of an answer come. It never
    /// limits how long a body takes that moves.
    pub stall_timeout: Duration,
    /// How long one attempt on a record may take.
    pub record_timeout: Duration,
    /// How long a call may take with all its retries; at most 15 minutes.
    pub call_timeout: Duration,
    /// The length of the first parts of an upload, in bytes; at least 5 MiB. It doubles every 800
    /// parts, so that 8 MiB go up to 5 TiB.
    pub part_bytes: usize,
    /// Memory for the parts of all uploads, in bytes; an upload beyond it waits.
    pub upload_buffer_bytes: usize,
    /// Memory for what all readers have not taken yet, in bytes; beyond it they read in small steps.
    pub read_buffer_bytes: usize,
}

impl S3Settings {
    /// The limit of [`Self::call_timeout`]: the collector reckons with it.
    pub const LONGEST_CALL: Duration = Duration::from_mins(15);

    /// The least [`Self::part_bytes`] that S3 takes.
    pub const LEAST_PART_BYTES: usize = 5 * MIB;

    /// Makes the default settings for a bucket: 128 connections, 5 attempts, parts of 8 MiB, 128 MiB
    /// for uploads and 256 MiB for readers.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: String::new(),
            region: None,
            endpoint: None,
            path_style: false,
            credentials: S3Credentials::Chain,
            encryption: S3Encryption::Bucket,
            storage_class: None,
            ca_bundle: None,
            connections: 128,
            attempts: 5,
            retry_budget: 100,
            connect_timeout: Duration::from_secs(5),
            stall_timeout: Duration::from_secs(30),
            record_timeout: Duration::from_secs(15),
            call_timeout: Duration::from_mins(1),
            part_bytes: 8 * MIB,
            upload_buffer_bytes: 128 * MIB,
            read_buffer_bytes: 256 * MIB,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let mut settings = S3Settings::new("images");
        settings.credentials = S3Credentials::Keys {
            access_key: "public".to_owned(),
            secret_key: Secret::new("hidden"),
            session_token: Some(Secret::new("hidden")),
        };
        let shown = format!("{settings:?}");
        assert!(
            shown.contains("public") && !shown.contains("hidden"),
            "{shown}"
        );
    }
}
