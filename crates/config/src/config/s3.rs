//! `S3Storage`: the S3 driver's settings.

use crate::value::{SettingValue, Shown};
use crate::{ByteSize, Period, SecretReference};
use std::path::PathBuf;

/// The S3 driver's settings. Times and sizes are those of the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Storage {
    /// The bucket; it must be there.
    pub bucket: String,
    /// What all object names begin with; may be empty.
    pub prefix: String,
    /// The region; `None`: as the environment or the profile says, at last `us-east-1`.
    pub region: Option<String>,
    /// The service's address when it is not AWS.
    pub endpoint: Option<String>,
    /// Whether the bucket is named in the path and not in the host name.
    pub path_style: bool,
    /// The public half of a pair of keys; `None`: the usual chain of credentials.
    pub access_key: Option<String>,
    /// The secret half.
    pub secret_key: Option<SecretReference>,
    /// The token of keys that expire.
    pub session_token: Option<SecretReference>,
    /// A profile of the shared configuration files.
    pub profile: Option<String>,
    /// How everything that is created is encrypted.
    pub encryption: S3Encryption,
    /// The key of the key service; `None`: the account's own.
    pub kms_key: Option<String>,
    /// The storage class of data objects; `None`: the bucket's own.
    pub storage_class: Option<String>,
    /// Certificates that are trusted besides those of the machine.
    pub ca_bundle: Option<PathBuf>,
    /// The most connections open at once.
    pub connections: u32,
    /// How often a request is sent at most.
    pub attempts: u32,
    /// How many retries all requests together may make in a row.
    pub retry_budget: u32,
    /// How long a connection may take to come about.
    pub connect_timeout: Period,
    /// How long nothing may move.
    pub stall_timeout: Period,
    /// How long one attempt on a record may take.
    pub record_timeout: Period,
    /// How long a call may take with all its retries.
    pub call_timeout: Period,
    /// The length of an upload's first parts.
    pub part_size: ByteSize,
    /// Memory for the parts of all uploads.
    pub upload_memory: ByteSize,
    /// Memory for what all readers have not taken yet.
    pub read_memory: ByteSize,
    /// Whether pulls are sent to the bucket itself.
    pub redirect: bool,
}

impl Default for S3Storage {
    fn default() -> Self {
        Self {
            bucket: String::new(),
            prefix: String::new(),
            region: None,
            endpoint: None,
            path_style: false,
            access_key: None,
            secret_key: None,
            session_token: None,
            profile: None,
            encryption: S3Encryption::Bucket,
            kms_key: None,
            storage_class: None,
            ca_bundle: None,
            connections: 128,
            attempts: 5,
            retry_budget: 100,
            connect_timeout: Period::seconds(5),
            stall_timeout: Period::seconds(30),
            record_timeout: Period::seconds(15),
            call_timeout: Period::seconds(60),
            part_size: ByteSize::mib(8),
            upload_memory: ByteSize::mib(128),
            read_memory: ByteSize::mib(256),
            redirect: false,
        }
    }
}

/// How the store encrypts what it is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum S3Encryption {
    /// As the bucket says.
    #[default]
    Bucket,
    /// With keys of the store (SSE-S3).
    S3,
    /// With keys of a key service (SSE-KMS).
    Kms,
}

impl SettingValue for S3Encryption {
    const KIND: &'static str = "`bucket`, `s3` or `kms`";

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "bucket" => Ok(Self::Bucket),
            "s3" => Ok(Self::S3),
            "kms" => Ok(Self::Kms),
            _ => Err("is not bucket, s3 or kms".to_owned()),
        }
    }

    fn shown(&self) -> Shown {
        let text = match self {
            Self::Bucket => "bucket",
            Self::S3 => "s3",
            Self::Kms => "kms",
        };
        Shown::Text(text.to_owned())
    }
}
