//! What can go wrong in the registry, in its own words; the HTTP face turns each into a status.

use roadstead_oci::{Digest, ManifestError, RepositoryName, Tag};
use roadstead_storage::{Kind, StorageError};

/// The result of every registry call.
pub type Result<T> = std::result::Result<T, RegistryError>;

/// Why the registry did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No manifest was ever pushed to the repository.
    #[error("repository {0} is not known")]
    NameUnknown(RepositoryName),
    /// The repository has no such blob.
    #[error("blob {0} is not in this repository")]
    BlobUnknown(Digest),
    /// The stored bytes of the blob are not the ones that were pushed; a new push heals it.
    #[error("stored content of blob {0} failed its verification; push it again to heal it")]
    BlobRotten(Digest),
    /// Live manifests of the repository may still need what was to be deleted, or the store cannot.
    #[error("{0}")]
    Unsupported(&'static str),
    /// No such upload session, or it ended, or it belongs to another repository or client.
    #[error("upload session is not known")]
    UploadUnknown,
    /// The chunk does not start where the upload stands, or another request went on with it.
    #[error("chunk does not start at offset {offset} of the upload")]
    UploadOutOfOrder {
        /// How many bytes the session holds.
        offset: u64,
    },
    /// The body was not as long as the request said.
    #[error("body has {actual} bytes where the request named {expected}")]
    UploadSizeMismatch {
        /// What the request named.
        expected: u64,
        /// What arrived.
        actual: u64,
    },
    /// The client has too many upload sessions open.
    #[error("more than {limit} upload sessions are open for this client")]
    TooManyUploads {
        /// The setting `limits.uploads_per_client`.
        limit: usize,
    },
    /// The blob is larger than the registry takes.
    #[error("blob is larger than the limit of {limit} bytes")]
    BlobTooLarge {
        /// The setting `limits.blob`.
        limit: u64,
    },
    /// The content has another digest than the one named. Boxed: two digests would make every
    /// `Result` of the registry twice as large.
    #[error("content has digest {actual}, not {expected}")]
    DigestMismatch {
        /// The digest that the client named.
        expected: Box<Digest>,
        /// The digest of what arrived.
        actual: Box<Digest>,
    },
    /// No such manifest or tag.
    #[error("manifest {0} is not known")]
    ManifestUnknown(String),
    /// The document is no manifest that the registry takes.
    #[error(transparent)]
    ManifestInvalid(#[from] ManifestError),
    /// The manifest names content that the repository does not have: one digest at least.
    #[error("manifest names content that this repository does not have")]
    ManifestBlobUnknown(Vec<Digest>),
    /// A descriptor's size is not the size of what is stored.
    #[error("descriptor of {digest} says {described} bytes, stored are {stored}")]
    SizeMismatch {
        /// The described content.
        digest: Digest,
        /// The descriptor's `size`.
        described: u64,
        /// The size of the stored content.
        stored: u64,
    },
    /// The tag keeps the digest that it has, as far as this client is concerned.
    #[error("tag {0} exists and may not be given another digest")]
    TagKept(Tag),
    /// There is no past to bring back: no such value of a tag, or a manifest that is not retained.
    #[error("{0}")]
    NothingToRestore(String),
    /// A deleted manifest cannot be brought back, because what it names is gone: one digest at least.
    #[error("manifest {digest} cannot be brought back, for what it names is gone: {}", listed(.missing))]
    ContentGone {
        /// The manifest.
        digest: Box<Digest>,
        /// What is gone.
        missing: Vec<Digest>,
    },
    /// Another replica makes a pass of the collector.
    #[error("another replica is collecting")]
    CollectorBusy,
    /// Other writers kept changing the same record; the same request may work later.
    #[error("too many writers change {0} at once")]
    Contended(String),
    /// The stored bytes of the manifest are not the ones that were pushed; a new push heals it.
    #[error("stored content of manifest {0} failed its verification; push it again to heal it")]
    ManifestRotten(Digest),
    /// The program is about to end, and the work with it.
    #[error("the program was stopped")]
    Stopped,
    /// A record cannot be read: an unknown version or a broken body.
    #[error("record {key} cannot be read: {reason}")]
    RecordUnreadable {
        /// The record's key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A storage call failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The most digests that one message names.
const MOST_LISTED: usize = 10;

/// Writes digests one after the other, many of them in part.
fn listed(digests: &[Digest]) -> String {
    let shown: Vec<String> = digests
        .iter()
        .take(MOST_LISTED)
        .map(ToString::to_string)
        .collect();
    let text = shown.join(", ");
    match digests.len().saturating_sub(MOST_LISTED) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

impl RegistryError {
    /// Tells whether the same request may work a little later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Contended(_) | Self::CollectorBusy => true,
            Self::Storage(error) => matches!(error.kind(), Kind::Unavailable | Kind::Full),
            _ => false,
        }
    }
}
