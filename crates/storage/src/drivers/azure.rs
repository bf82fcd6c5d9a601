//! The Azure Blob driver: records and data as blobs of one container, for any number of servers.

mod settings;

pub use crate::drivers::secret::Secret;
pub use settings::{AzureCredentials, AzureSettings};
