//! What can be set on the Azure driver.

use crate::drivers::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// Whom the store shall take us for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AzureCredentials {
    /// Whatever the usual chain finds: the `AZURE_*` variables of the environment, a workload
    /// identity, the command line tool when it is asked for there, the machine's own identity.
    #[default]
    Chain,
    /// A key of the storage account, in base64 as the portal shows it.
    Key(Secret),
    /// A shared access signature: the query that begins with `sv=`, with or without `?`.
    /// Addresses for clients cannot be signed with it.
    Sas(Secret),
}

/// Settings of the Azure driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzureSettings {
    /// The storage account.
    pub account: String,
    /// The container; it must be there.
    pub container: String,
    /// What all blob names begin with, without a slash at either end; may be empty.
    pub prefix: String,
    /// The address of the blob service, when it is not `https://<account>.blob.core.windows.net`.
    /// An emulator names the account in the path: `http://127.0.0.1:10000/devstoreaccount1`.
    pub endpoint: Option<String>,
    /// Whom the store shall take us for.
    pub credentials: AzureCredentials,
    /// A file of certificates (PEM) that are trusted besides those of the machine.
    pub ca_bundle: Option<PathBuf>,
    /// The most requests that are under way at once; further requests wait for one to end.
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
    /// The length of the first blocks of an upload, in bytes; 1 to 4,000 MiB. It doubles every
    /// 5,000 blocks, so that 8 MiB go up to 4.8 TiB before blocks pass 512 MiB.
    pub part_bytes: usize,
    /// Memory for the blocks of all uploads, in bytes; an upload beyond it waits.
    pub upload_buffer_bytes: usize,
    /// Memory for what all readers have not taken yet, in bytes; beyond it they read in small steps.
    pub read_buffer_bytes: usize,
}

impl AzureSettings {
    /// The limit of [`Self::call_timeout`]: the collector reckons with it.
    pub const LONGEST_CALL: Duration = Duration::from_mins(15);

    /// The least [`Self::part_bytes`]: Azure takes less, but a blob has at most 50,000 blocks.
    pub const LEAST_PART_BYTES: usize = MIB;

    /// The greatest [`Self::part_bytes`], which is Azure's limit of a block.
    pub const MOST_PART_BYTES: usize = 4000 * MIB;

    /// Makes the default settings for a container: 128 connections, 5 attempts, blocks of 8 MiB,
    /// 128 MiB for uploads and 256 MiB for readers.
    pub fn new(account: impl Into<String>, container: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            container: container.into(),
            prefix: String::new(),
            endpoint: None,
            credentials: AzureCredentials::Chain,
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
