//! Data that fails on purpose.

use super::plan::{Fault, FaultPlan, failure};
use super::records::around;
use crate::{
    DataFile, DataKey, DataRef, DataStore, DataStream, Kind, ObjectPage, Operation, Presign,
    Result, Timestamp, Upload, UploadHint, UploadState,
};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use std::ops::Range;
use std::sync::Arc;

/// A data store whose calls fail as a plan says.
#[derive(Clone, Debug)]
pub struct FaultyData<S> {
    inner: S,
    plan: Arc<FaultPlan>,
}

impl<S: DataStore> FaultyData<S> {
    /// Puts the faults of `plan` in front of `inner`.
    pub const fn new(inner: S, plan: Arc<FaultPlan>) -> Self {
        Self { inner, plan }
    }

    async fn call<T>(
        &self,
        operation: Operation,
        key: &DataKey,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        match self.plan.draw(operation, key.as_str()).await {
            Some(fault) => around(&fault, operation, key.as_str(), call).await,
            None => call.await,
        }
    }

    async fn stream(
        &self,
        operation: Operation,
        key: &DataKey,
        call: impl Future<Output = Result<DataStream>> + Send,
    ) -> Result<DataStream> {
        let Some(fault) = self.plan.draw(operation, key.as_str()).await else {
            return call.await;
        };
        let stream = around(&fault, operation, key.as_str(), call).await?;
        Ok(match fault {
            Fault::CutStream(after) => {
                let error = failure(Kind::Unavailable, operation, key.as_str());
                cut(stream, after).chain(stream::iter([Err(error)])).boxed()
            }
            Fault::EndStream(after) => cut(stream, after),
            Fault::SpoilByte(at) => spoil(stream, at),
            _ => stream,
        })
    }
}

/// Yields only the first bytes of a stream.
fn cut(stream: DataStream, mut left: u64) -> DataStream {
    let pieces = stream.map(move |piece| {
        piece.map(|piece| {
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            left -= taken as u64;
            piece.slice(..taken)
        })
    });
    let is_there = |piece: &Result<Bytes>| {
        std::future::ready(piece.as_ref().map_or(true, |piece| !piece.is_empty()))
    };
    pieces.take_while(is_there).boxed()
}

/// Turns over the bits of one byte of a stream.
fn spoil(stream: DataStream, at: u64) -> DataStream {
    let mut offset = 0;
    let pieces = stream.map(move |piece| {
        piece.map(|piece| {
            let begin = offset;
            offset += piece.len() as u64;
            if !(begin..offset).contains(&at) {
                return piece;
            }
            let mut spoiled = BytesMut::from(piece.as_ref());
            let index = usize::try_from(at - begin).expect("it lies within the piece");
            spoiled[index] ^= 0xff;
            spoiled.freeze()
        })
    });
    pieces.boxed()
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: DataStore> DataStore for FaultyData<S> {
    async fn begin(&self, hint: UploadHint) -> Result<Upload> {
        self.call(Operation::Begin, &DataKey::new(""), self.inner.begin(hint))
            .await
    }

    fn reserve(&self, upload: &mut Upload) {
        self.inner.reserve(upload);
    }

    fn release(&self, upload: &mut Upload) {
        self.inner.release(upload);
    }

    async fn append(&self, upload: &mut Upload, bytes: Bytes) -> Result<()> {
        let key = upload.state().key.clone();
        self.call(Operation::Append, &key, self.inner.append(upload, bytes))
            .await
    }

    async fn checkpoint(&self, upload: &mut Upload) -> Result<()> {
        let key = upload.state().key.clone();
        self.call(Operation::Checkpoint, &key, self.inner.checkpoint(upload))
            .await
    }

    async fn read_back(&self, upload: &mut Upload) -> Result<DataStream> {
        let key = upload.state().key.clone();
        self.stream(Operation::ReadBack, &key, self.inner.read_back(upload))
            .await
    }

    fn is_doubtful(&self, state: &UploadState) -> bool {
        self.inner.is_doubtful(state)
    }

    fn is_distant(&self) -> bool {
        self.inner.is_distant()
    }

    async fn finish(&self, upload: Upload) -> Result<DataRef> {
        let key = upload.state().key.clone();
        self.call(Operation::Finish, &key, self.inner.finish(upload))
            .await
    }

    async fn abort(&self, upload: Upload) -> Result<()> {
        let key = upload.state().key.clone();
        self.call(Operation::Abort, &key, self.inner.abort(upload))
            .await
    }

    async fn read(&self, key: &DataKey, range: Range<u64>) -> Result<DataStream> {
        self.stream(Operation::Read, key, self.inner.read(key, range))
            .await
    }

    /// Opens nothing: readers take the stream, which can be made to fail.
    async fn open(&self, _key: &DataKey, _length: u64) -> Result<Option<DataFile>> {
        Ok(None)
    }

    async fn delete(&self, key: &DataKey) -> Result<()> {
        self.call(Operation::DeleteData, key, self.inner.delete(key))
            .await
    }

    async fn uploads(&self, older_than: Timestamp, limit: usize) -> Result<Vec<Upload>> {
        let call = self.inner.uploads(older_than, limit);
        self.call(Operation::Uploads, &DataKey::new(""), call).await
    }

    async fn objects(&self, start_after: Option<&DataKey>, limit: usize) -> Result<ObjectPage> {
        let call = self.inner.objects(start_after, limit);
        self.call(Operation::Objects, &DataKey::new(""), call).await
    }

    fn as_presign(&self) -> Option<&dyn Presign> {
        self.inner.as_presign()
    }
}
