//! Data, observed.

use super::observer::{Ended, StorageObserver, Streamed, Watch};
use crate::clock::Clock;
use crate::{
    DataFile, DataKey, DataRef, DataStore, DataStream, Kind, ObjectPage, Operation, Presign,
    Result, Timestamp, Upload, UploadHint, UploadState,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A data store that tells an observer of every call, and of every stream when it ends.
///
/// The ability to presign is handed on as it is, unobserved.
#[derive(Clone, Debug)]
pub struct ObservedData<S> {
    inner: S,
    watch: Watch,
}

impl<S> ObservedData<S> {
    /// Observes `inner` under the name `driver`.
    pub fn new(
        inner: S,
        driver: &'static str,
        observer: Arc<dyn StorageObserver>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            inner,
            watch: Watch {
                driver,
                observer,
                clock,
            },
        }
    }

    fn observe(&self, result: Result<DataStream>) -> Result<DataStream> {
        let observed = |stream| ObservedStream {
            inner: stream,
            watch: self.watch.clone(),
            bytes: 0,
            failed: None,
        };
        result.map(|stream| observed(stream).boxed())
    }
}

/// Counts what a stream yields and reports it when it is dropped.
struct ObservedStream {
    inner: DataStream,
    watch: Watch,
    bytes: u64,
    failed: Option<Kind>,
}

impl Stream for ObservedStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.inner.poll_next_unpin(context);
        match &polled {
            Poll::Ready(Some(Ok(piece))) => self.bytes += piece.len() as u64,
            Poll::Ready(Some(Err(error))) => self.failed = Some(error.kind()),
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }
}

impl Drop for ObservedStream {
    fn drop(&mut self) {
        let Self {
            watch,
            bytes,
            failed,
            ..
        } = self;
        let stream = Streamed {
            driver: watch.driver,
            bytes: *bytes,
            failed: *failed,
        };
        watch.observer.streamed(stream);
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: DataStore> DataStore for ObservedData<S> {
    async fn begin(&self, hint: UploadHint) -> Result<Upload> {
        let began_at = self.watch.clock.monotonic();
        let result = self.inner.begin(hint).await;
        let key = result
            .as_ref()
            .map_or("", |upload| upload.state().key.as_str());
        self.watch
            .report(Operation::Begin, key, began_at, Ended::of(&result), 0);
        result
    }

    fn reserve(&self, upload: &mut Upload) {
        self.inner.reserve(upload);
    }

    fn release(&self, upload: &mut Upload) {
        self.inner.release(upload);
    }

    async fn append(&self, upload: &mut Upload, bytes: Bytes) -> Result<()> {
        let began_at = self.watch.clock.monotonic();
        let length = bytes.len();
        let result = self.inner.append(upload, bytes).await;
        let key = upload.state().key.as_str();
        self.watch
            .report(Operation::Append, key, began_at, Ended::of(&result), length);
        result
    }

    async fn checkpoint(&self, upload: &mut Upload) -> Result<()> {
        let began_at = self.watch.clock.monotonic();
        let result = self.inner.checkpoint(upload).await;
        let key = upload.state().key.as_str();
        self.watch
            .report(Operation::Checkpoint, key, began_at, Ended::of(&result), 0);
        result
    }

    async fn read_back(&self, upload: &mut Upload) -> Result<DataStream> {
        let began_at = self.watch.clock.monotonic();
        let result = self.inner.read_back(upload).await;
        let key = upload.state().key.as_str();
        self.watch
            .report(Operation::ReadBack, key, began_at, Ended::of(&result), 0);
        self.observe(result)
    }

    fn is_doubtful(&self, state: &UploadState) -> bool {
        self.inner.is_doubtful(state)
    }

    fn is_distant(&self) -> bool {
        self.inner.is_distant()
    }

    async fn finish(&self, upload: Upload) -> Result<DataRef> {
        let began_at = self.watch.clock.monotonic();
        let key = upload.state().key.clone();
        let result = self.inner.finish(upload).await;
        self.watch.report(
            Operation::Finish,
            key.as_str(),
            began_at,
            Ended::of(&result),
            0,
        );
        result
    }

    async fn abort(&self, upload: Upload) -> Result<()> {
        let began_at = self.watch.clock.monotonic();
        let key = upload.state().key.clone();
        let result = self.inner.abort(upload).await;
        self.watch.report(
            Operation::Abort,
            key.as_str(),
            began_at,
            Ended::of(&result),
            0,
        );
        result
    }

    async fn read(&self, key: &DataKey, range: Range<u64>) -> Result<DataStream> {
        let began_at = self.watch.clock.monotonic();
        let result = self.inner.read(key, range).await;
        self.watch.report(
            Operation::Read,
            key.as_str(),
            began_at,
            Ended::of(&result),
            0,
        );
        self.observe(result)
    }

    /// Counted as a read; what the kernel sends of the file is not seen here.
    async fn open(&self, key: &DataKey, length: u64) -> Result<Option<DataFile>> {
        let began_at = self.watch.clock.monotonic();
        let result = self.inner.open(key, length).await;
        if !matches!(result, Ok(None)) {
            let ended = Ended::of(&result);
            self.watch
                .report(Operation::Read, key.as_str(), began_at, ended, 0);
        }
        result
    }

    async fn delete(&self, key: &DataKey) -> Result<()> {
        let began_at = self.watch.clock.monotonic();
        let result = self.inner.delete(key).await;
        self.watch.report(
            Operation::DeleteData,
            key.as_str(),
            began_at,
            Ended::of(&result),
            0,
        );
        result
    }

    async fn uploads(&self, older_than: Timestamp, limit: usize) -> Result<Vec<Upload>> {
        let began_at = self.watch.clock.monotonic();
        let result = self.inner.uploads(older_than, limit).await;
        self.watch
            .report(Operation::Uploads, "", began_at, Ended::of(&result), 0);
        result
    }

    async fn objects(&self, start_after: Option<&DataKey>, limit: usize) -> Result<ObjectPage> {
        let began_at = self.watch.clock.monotonic();
        let result = self.inner.objects(start_after, limit).await;
        self.watch
            .report(Operation::Objects, "", began_at, Ended::of(&result), 0);
        result
    }

    fn as_presign(&self) -> Option<&dyn Presign> {
        self.inner.as_presign()
    }
}
