//! `DataStore`: large immutable byte strings, each written once under a key that is never reused.

use crate::{DataFile, Result, Timestamp};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Names one data object. Made by a driver at `begin`, never from anything a client sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DataKey(String);

impl DataKey {
    /// Makes a key of a driver's own text. Drivers check the text again before they use it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A finished data object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRef {
    /// Where it is.
    pub key: DataKey,
    /// How many bytes it has.
    pub length: u64,
}

/// A finished data object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Where it is.
    pub key: DataKey,
    /// How many bytes it has.
    pub length: u64,
    /// When it was written, by the store's own clock.
    pub modified: Timestamp,
}

/// A page of a listing of finished objects, in byte order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectPage {
    /// The objects, at most as many as were asked for.
    pub objects: Vec<ListedObject>,
    /// Whether objects follow after the last one. Never set on an empty page.
    pub more: bool,
}

/// What the caller knows of an upload before it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UploadHint {
    /// The expected length in bytes, if the client named one; never a promise.
    pub length: Option<u64>,
}

/// The part of an upload that a session record keeps: any process may go on from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UploadState {
    /// Where the object will be once it is finished.
    pub key: DataKey,
    /// Bytes that a later `resume` starts from: what the last checkpoint covered.
    pub length: u64,
    /// Counts the writers; see [`DataStore::reserve`].
    pub epoch: u64,
    /// What the driver itself must remember (part numbers, entity tags, a boot id).
    pub driver: serde_json::Value,
}

/// An upload that this process works on: its state and what the driver holds open for it.
///
/// Dropping it releases what is held open and keeps the last checkpoint.
pub struct Upload {
    state: UploadState,
    live: Option<Box<dyn Any + Send>>,
}

impl Upload {
    /// Goes on with an upload from what a session record kept. Nothing is opened before the first
    /// call that needs it.
    #[must_use]
    pub const fn resume(state: UploadState) -> Self {
        Self { state, live: None }
    }

    /// Returns what a session record must keep.
    #[must_use]
    pub const fn state(&self) -> &UploadState {
        &self.state
    }

    /// Gives a driver both halves.
    pub fn parts(&mut self) -> (&mut UploadState, &mut Option<Box<dyn Any + Send>>) {
        (&mut self.state, &mut self.live)
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Upload")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The bytes of a data object as they come. An error ends the stream.
pub type DataStream = BoxStream<'static, Result<Bytes>>;

/// Large byte strings.
///
/// The life of an object: `begin`, then for each writer `reserve`, `append` many times,
/// `checkpoint` now and then and `release` after its last, at last `finish` or `abort`. Nothing is readable before `finish`
/// answered, and everything is on stable storage from then on.
#[async_trait]
pub trait DataStore: Send + Sync + 'static {
    /// Begins an upload under a new key. Leaves nothing behind that `uploads` does not show.
    async fn begin(&self, hint: UploadHint) -> Result<Upload>;

    /// Marks that a new writer goes on: raises the epoch and reserves what only this writer may
    /// use, in the state alone, without I/O. The caller then makes the state durable by
    /// compare-and-set; a writer of an older epoch can no longer touch what the newer one wrote.
    fn reserve(&self, upload: &mut Upload);

    /// Marks that the writer which has just made a checkpoint adds nothing more: gives back what it
    /// reserved and did not use, in the state alone, without I/O. The caller then makes the state
    /// durable. A writer that ends without it wastes what it had reserved.
    fn release(&self, upload: &mut Upload);

    /// Adds bytes at the end. They may stay in memory (bounded, at most two parts) until a
    /// checkpoint. Fails with `Superseded` once a writer of a newer epoch has appended, with
    /// `Full` when the store's reserve would be used up.
    async fn append(&self, upload: &mut Upload, bytes: Bytes) -> Result<()>;

    /// Makes everything appended so far resumable by any process after a crash of this one, and
    /// sets the state's `length` to it. On the local driver a power cut may lose it; `resume`
    /// then notices (see `verify`).
    async fn checkpoint(&self, upload: &mut Upload) -> Result<()>;

    /// Reads back the `length` bytes that the last checkpoint covered, for a hash that must be
    /// computed anew. The caller stops all writers of this upload first.
    async fn read_back(&self, upload: &mut Upload) -> Result<DataStream>;

    /// Tells whether the checkpointed bytes may have been lost by a power cut since, so that the
    /// caller compares their hash with its midstate before it trusts them.
    fn is_doubtful(&self, state: &UploadState) -> bool;

    /// Tells whether a read begins with a wait for another machine, so that it is worth beginning
    /// it before it is certain that it is needed.
    fn is_distant(&self) -> bool;

    /// Makes the object readable under its key and durable: all appended bytes, whatever was
    /// check-pointed. Idempotent: an upload that is gone while its object is there with this
    /// length was finished before.
    async fn finish(&self, upload: Upload) -> Result<DataRef>;

    /// Ends an upload and frees its space. Idempotent. Does not touch a finished object.
    async fn abort(&self, upload: Upload) -> Result<()>;

    /// Streams bytes `range` of an object. `NotFound` when the object is absent, `Corrupt` when it
    /// is shorter than the range's end; both may come as the stream's first error.
    async fn read(&self, key: &DataKey, range: Range<u64>) -> Result<DataStream>;

    /// Opens an object of `length` bytes as a file for the kernel to send; `None` where objects are
    /// no files of this machine. Errors as `read`.
    async fn open(&self, key: &DataKey, length: u64) -> Result<Option<DataFile>>;

    /// Deletes an object. Idempotent.
    async fn delete(&self, key: &DataKey) -> Result<()>;

    /// Returns up to `limit` unfinished uploads that were last written before `older_than`.
    async fn uploads(&self, older_than: Timestamp, limit: usize) -> Result<Vec<Upload>>;

    /// Lists at most `limit` (1 to 10,000) finished objects whose keys come after `start_after`,
    /// which need not exist, in byte order of keys. Walks the store, so no request waits for it.
    ///
    /// What is there from before the first page until after the last is shown once. What is
    /// finished or deleted meanwhile may be shown or not. Unfinished uploads and what a driver
    /// keeps for them elsewhere are not shown; where an upload's bytes had to be put together to be
    /// read back, they are an object under the upload's key from then on, and are shown.
    async fn objects(&self, start_after: Option<&DataKey>, limit: usize) -> Result<ObjectPage>;

    /// Returns the ability to give clients an address of the store's own, where there is one.
    fn as_presign(&self) -> Option<&dyn Presign>;
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: DataStore + ?Sized> DataStore for Arc<S> {
    async fn begin(&self, hint: UploadHint) -> Result<Upload> {
        (**self).begin(hint).await
    }

    fn reserve(&self, upload: &mut Upload) {
        (**self).reserve(upload);
    }

    fn release(&self, upload: &mut Upload) {
        (**self).release(upload);
    }

    async fn append(&self, upload: &mut Upload, bytes: Bytes) -> Result<()> {
        (**self).append(upload, bytes).await
    }

    async fn checkpoint(&self, upload: &mut Upload) -> Result<()> {
        (**self).checkpoint(upload).await
    }

    async fn read_back(&self, upload: &mut Upload) -> Result<DataStream> {
        (**self).read_back(upload).await
    }

    fn is_doubtful(&self, state: &UploadState) -> bool {
        (**self).is_doubtful(state)
    }

    fn is_distant(&self) -> bool {
        (**self).is_distant()
    }

    async fn finish(&self, upload: Upload) -> Result<DataRef> {
        (**self).finish(upload).await
    }

    async fn abort(&self, upload: Upload) -> Result<()> {
        (**self).abort(upload).await
    }

    async fn read(&self, key: &DataKey, range: Range<u64>) -> Result<DataStream> {
        (**self).read(key, range).await
    }

    async fn open(&self, key: &DataKey, length: u64) -> Result<Option<DataFile>> {
        (**self).open(key, length).await
    }

    async fn delete(&self, key: &DataKey) -> Result<()> {
        (**self).delete(key).await
    }

    async fn uploads(&self, older_than: Timestamp, limit: usize) -> Result<Vec<Upload>> {
        (**self).uploads(older_than, limit).await
    }

    async fn objects(&self, start_after: Option<&DataKey>, limit: usize) -> Result<ObjectPage> {
        (**self).objects(start_after, limit).await
    }

    fn as_presign(&self) -> Option<&dyn Presign> {
        (**self).as_presign()
    }
}

/// The ability to let a client fetch an object from the store itself.
#[async_trait]
pub trait Presign: Send + Sync {
    /// Returns an address that is good for `lifetime`.
    async fn presign(&self, key: &DataKey, lifetime: Duration) -> Result<String>;
}
