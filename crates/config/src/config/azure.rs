//! `AzureStorage`: the Azure Blob driver's settings.

use crate::{ByteSize, Period, SecretReference};
use std::path::PathBuf;

/// The Azure Blob driver's settings. Times and sizes are those of the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzureStorage {
    /// The storage account; may be left out beside a connection string.
    pub account: Option<String>,
    /// The container; it must be there.
    pub container: String,
    /// What all blob names begin with; may be empty.
    pub prefix: String,
    /// The blob service's address when it is not the account's at Azure.
    pub endpoint: Option<String>,
    /// A key of the account; without any secret the usual chain of credentials holds.
    pub key: Option<SecretReference>,
    /// A shared access signature.
    pub sas: Option<SecretReference>,
    /// The account, its key or signature, and its address in one text.
    pub connection_string: Option<SecretReference>,
    /// Certificates that are trusted besides those of the machine.
    pub ca_bundle: Option<PathBuf>,
    /// The most requests under way at once.
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
    /// The length of an upload's first blocks.
    pub part_size: ByteSize,
    /// Memory for the blocks of all uploads.
    pub upload_memory: ByteSize,
    /// Memory for what all readers have not taken yet.
    pub read_memory: ByteSize,
    /// Whether pulls are sent to the container itself.
    pub redirect: bool,
}

impl Default for AzureStorage {
    fn default() -> Self {
        Self {
            account: None,
            container: String::new(),
            prefix: String::new(),
            endpoint: None,
            key: None,
            sas: None,
            connection_string: None,
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
