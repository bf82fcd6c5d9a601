//! `upload/<id>`: what any replica needs to go on with an upload.

use super::{Content, Encoded, decode, encode};
use crate::Result;
use crate::ids::Nonce;
use bytes::Bytes;
use roadstead_oci::{Algorithm, Digest, Midstate, RepositoryName};
use roadstead_storage::{DataRef, Timestamp, UploadState};
use serde::{Deserialize, Serialize};

/// An upload session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRecord {
    /// The repository that it was started in; elsewhere it is unknown.
    pub repository: RepositoryName,
    /// Whose it is; to others it is unknown.
    pub owner: String,
    /// What is hashed while bytes arrive.
    pub algorithm: Algorithm,
    /// Counts the writers.
    pub epoch: u64,
    /// Where in its life it is.
    pub state: SessionState,
    /// The bytes so far.
    pub staged: Staged,
    /// When it was started, by the store's clock.
    pub created: Timestamp,
    /// This writing of the record.
    pub nonce: Nonce,
}

impl SessionRecord {
    /// Returns how many bytes the session holds.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.staged.length()
    }
}

/// The life of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Takes bytes.
    Open,
    /// All bytes are there and hash to this target; from now on the record is never rewritten.
    Committing(Target),
    /// Cancelled, failed or expired; its data goes.
    Aborted,
}

/// What the bytes of a session become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// A blob: its blob record tells whether the data is in use.
    Blob(Digest),
    /// A manifest too large for its record: the manifest record tells it.
    Manifest(Digest),
}

/// Bytes of an upload: the first few in the record itself, more in the data store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Staged {
    /// Bytes that come before those of the data upload and are not yet in it; at most
    /// [`crate::INLINE_BLOB_BYTES`], and none once the upload holds any.
    pub head: Bytes,
    /// The data upload, as the driver keeps it.
    pub upload: Option<UploadState>,
    /// The hash of the upload's `length` bytes; absent while it holds none.
    pub midstate: Option<Midstate>,
}

impl Staged {
    /// Returns how many bytes are staged.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.head.len() as u64 + self.upload.as_ref().map_or(0, |upload| upload.length)
    }

    /// Returns the content that a `committing` session's bytes are: the data upload is finished.
    #[must_use]
    pub fn content(&self) -> Content {
        match &self.upload {
            Some(upload) => Content::Data(DataRef {
                key: upload.key.clone(),
                length: upload.length,
            }),
            None => Content::Inline(self.head.clone()),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct SessionHeader {
    repository: RepositoryName,
    owner: String,
    algorithm: String,
    epoch: u64,
    state: SessionState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upload: Option<UploadState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    midstate: Option<Midstate>,
    created: Timestamp,
    nonce: Nonce,
}

impl Encoded for SessionRecord {
    fn encode(&self) -> Bytes {
        let header = SessionHeader {
            repository: self.repository.clone(),
            owner: self.owner.clone(),
            algorithm: self.algorithm.as_str().to_owned(),
            epoch: self.epoch,
            state: self.state.clone(),
            upload: self.staged.upload.clone(),
            midstate: self.staged.midstate.clone(),
            created: self.created,
            nonce: self.nonce,
        };
        encode(&header, &self.staged.head)
    }

    fn decode(key: &str, bytes: &Bytes) -> Result<Self> {
        let (header, head) = decode::<SessionHeader>(key, bytes)?;
        let algorithm =
            header
                .algorithm
                .parse()
                .map_err(|_| crate::RegistryError::RecordUnreadable {
                    key: key.to_owned(),
                    reason: format!("it names the algorithm {:?}", header.algorithm),
                })?;
        let staged = Staged {
            head,
            upload: header.upload,
            midstate: header.midstate,
        };
        Ok(Self {
            repository: header.repository,
            owner: header.owner,
            algorithm,
            epoch: header.epoch,
            state: header.state,
            staged,
            created: header.created,
            nonce: header.nonce,
        })
    }
}
