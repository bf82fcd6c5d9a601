//! The data half of the S3 driver.

use super::client::S3Client;
use super::finish::{FINISH, Identity};
use super::listing;
use super::ranges::ObjectRanges;
use super::requests::Requests;
use super::state::{Base, DriverState};
use super::uploads;
use super::writer::Writer;
use crate::drivers::place::Place;
use crate::drivers::read_ahead::{self, Object};
use crate::drivers::shares::Memory;
use crate::limits;
use crate::{
    DataFile, DataKey, DataRef, DataStore, DataStream, Kind, ObjectPage, Operation, Presign,
    Result, StorageError, Timestamp, Upload, UploadHint, UploadState,
};
use async_trait::async_trait;
use aws_sdk_s3::presigning::PresigningConfig;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Data objects in a bucket. A clone shares them.
#[derive(Clone, Debug)]
pub struct S3Data {
    client: Arc<S3Client>,
    uploads: Memory,
    readers: Memory,
}

impl S3Data {
    pub(super) fn new(client: Arc<S3Client>) -> Self {
        let uploads = Memory::new(client.settings.upload_buffer_bytes);
        let readers = Memory::new(client.settings.read_buffer_bytes);
        Self {
            client,
            uploads,
            readers,
        }
    }

    fn requests(&self, operation: Operation, key: &DataKey) -> Result<Requests<'_>> {
        let place = Place::of_key(operation, key)?;
        Ok(Requests {
            client: &self.client,
            operation,
            place,
        })
    }

    async fn stream(
        &self,
        operation: Operation,
        key: &DataKey,
        name: String,
        range: Range<u64>,
    ) -> Result<DataStream> {
        let ranges = ObjectRanges {
            client: Arc::clone(&self.client),
            operation,
            key: key.clone(),
            name,
        };
        let object = Object {
            ranges,
            operation,
            key: key.clone(),
            attempts: self.client.settings.attempts,
            stall: self.client.settings.stall_timeout,
        };
        read_ahead::open(object, self.readers.clone(), range).await
    }

    /// Returns the writer of an upload, made when this is its first call in this process.
    fn writer<'a>(&self, operation: Operation, upload: &'a mut Upload) -> Result<&'a mut Writer> {
        let (state, live) = upload.parts();
        if live.as_ref().is_none_or(|live| !live.is::<Writer>()) {
            let place = Place::of_key(operation, &state.key)?;
            let kept = DriverState::of(operation, state)?;
            let (client, memory) = (Arc::clone(&self.client), self.uploads.clone());
            *live = Some(Box::new(Writer::new(
                client,
                memory,
                place,
                kept,
                state.epoch,
            )));
        }
        let writer = live.as_mut().and_then(|live| live.downcast_mut::<Writer>());
        Ok(writer.expect("it was a writer or has just been made one"))
    }

    /// Puts the kept bytes of an upload together under their key, for S3 reads no parts.
    async fn put_together(&self, upload: &mut Upload) -> Result<()> {
        let operation = Operation::ReadBack;
        let (state, live) = upload.parts();
        *live = None;
        let mut kept = DriverState::of(operation, state)?;
        let requests = self.requests(operation, &state.key)?;
        let length = state.length;
        let identity = Identity::of_state(&kept);
        if let Some(tail) = kept.tail.take() {
            let name = self.client.name(&requests.place.tail(&tail.name));
            let bytes = requests.fetch(&name, None).await?;
            let Some(bytes) = bytes else {
                let reason = "the last bytes of the upload are gone";
                let key = state.key.as_str();
                return Err(StorageError::new(Kind::NotFound, operation, key, reason));
            };
            let id = kept.upload.clone().unwrap_or_default();
            let number = kept.next;
            kept.next += 1;
            match requests.upload_part(&id, number, bytes).await {
                Ok(part) => kept.parts.push(part),
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let tag = match requests.complete(&kept, length).await {
            Ok(tag) => tag,
            // A process that did this before us, and died, left the object.
            Err(error) => match (requests.head().await?, identity) {
                (Some(head), Some(identity)) if requests.was_finished(&identity).await? => head.tag,
                _ => return Err(error),
            },
        };
        kept.upload = None;
        kept.parts.clear();
        kept.base = Some(Base {
            length,
            tag: format!("\"{tag}\""),
        });
        kept.write(state);
        Ok(())
    }
}

#[async_trait]
impl DataStore for S3Data {
    async fn begin(&self, _hint: UploadHint) -> Result<Upload> {
        let part_bytes = self.client.settings.part_bytes as u64;
        let mut state = UploadState {
            key: Place::fresh().key(),
            length: 0,
            epoch: 0,
            driver: serde_json::Value::Null,
        };
        DriverState::new(part_bytes).write(&mut state);
        Ok(Upload::resume(state))
    }

    fn reserve(&self, upload: &mut Upload) {
        let (state, live) = upload.parts();
        state.epoch += 1;
        *live = None;
        // A state that cannot be read is told by the first call that can fail.
        if let Ok(mut kept) = DriverState::of(Operation::Begin, state) {
            kept.reserve();
            kept.write(state);
        }
    }

    fn release(&self, upload: &mut Upload) {
        let (state, _) = upload.parts();
        if let Ok(mut kept) = DriverState::of(Operation::Checkpoint, state) {
            kept.release();
            kept.write(state);
        }
    }

    async fn append(&self, upload: &mut Upload, bytes: Bytes) -> Result<()> {
        self.writer(Operation::Append, upload)?.append(bytes).await
    }

    async fn checkpoint(&self, upload: &mut Upload) -> Result<()> {
        self.writer(Operation::Checkpoint, upload)?;
        let (state, live) = upload.parts();
        let writer = live.as_mut().and_then(|live| live.downcast_mut::<Writer>());
        let writer = writer.expect("it has just been made one");
        writer.checkpoint(state).await
    }

    async fn read_back(&self, upload: &mut Upload) -> Result<DataStream> {
        let kept = DriverState::of(Operation::ReadBack, upload.state())?;
        if kept.upload.is_some() {
            self.put_together(upload).await?;
        }
        let state = upload.state();
        let kept = DriverState::of(Operation::ReadBack, state)?;
        let requests = self.requests(Operation::ReadBack, &state.key)?;
        let name = match &kept.tail {
            _ if state.length == 0 => return Ok(Box::pin(futures::stream::empty())),
            Some(tail) => self.client.name(&requests.place.tail(&tail.name)),
            None => requests.name(),
        };
        let range = 0..state.length;
        self.stream(Operation::ReadBack, &state.key, name, range)
            .await
    }

    fn is_doubtful(&self, _state: &UploadState) -> bool {
        false
    }

    fn is_distant(&self) -> bool {
        true
    }

    async fn finish(&self, mut upload: Upload) -> Result<DataRef> {
        let key = upload.state().key.clone();
        let expected = upload.state().length;
        let writer = self.writer(FINISH, &mut upload)?;
        writer.check(FINISH)?;
        if !writer.has_grown && writer.length() != expected {
            let reason = "its state tells of another length than its parts have";
            return Err(StorageError::new(
                Kind::NotFound,
                FINISH,
                key.as_str(),
                reason,
            ));
        }
        let length = writer.finish().await?;
        Ok(DataRef { key, length })
    }

    async fn abort(&self, upload: Upload) -> Result<()> {
        let key = upload.state().key.clone();
        drop(upload);
        uploads::abort(self.requests(Operation::Abort, &key)?).await
    }

    async fn read(&self, key: &DataKey, range: Range<u64>) -> Result<DataStream> {
        limits::check_range(key.as_str(), &range)?;
        let name = self.requests(Operation::Read, key)?.name();
        self.stream(Operation::Read, key, name, range).await
    }

    async fn open(&self, _key: &DataKey, _length: u64) -> Result<Option<DataFile>> {
        Ok(None)
    }

    async fn delete(&self, key: &DataKey) -> Result<()> {
        let requests = self.requests(Operation::DeleteData, key)?;
        requests.delete(&requests.name()).await
    }

    async fn uploads(&self, older_than: Timestamp, limit: usize) -> Result<Vec<Upload>> {
        let places = uploads::older_than(&self.client, older_than, limit).await?;
        let part_bytes = self.client.settings.part_bytes as u64;
        let resumed = places.into_iter().map(|place| {
            let mut state = UploadState {
                key: place.key(),
                length: 0,
                epoch: 0,
                driver: serde_json::Value::Null,
            };
            DriverState::new(part_bytes).write(&mut state);
            Upload::resume(state)
        });
        Ok(resumed.collect())
    }

    async fn objects(&self, start_after: Option<&DataKey>, limit: usize) -> Result<ObjectPage> {
        limits::check_objects(limit)?;
        let start = start_after.map(|key| Place::of_key(Operation::Objects, key));
        listing::page(&self.client, start.transpose()?, limit).await
    }

    fn as_presign(&self) -> Option<&dyn Presign> {
        Some(self)
    }
}

#[async_trait]
impl Presign for S3Data {
    async fn presign(&self, key: &DataKey, lifetime: Duration) -> Result<String> {
        let operation = Operation::Presign;
        let name = self.requests(operation, key)?.name();
        let failed = |kind, error: Box<dyn std::error::Error + Send + Sync>| {
            StorageError::new(kind, operation, key.as_str(), error)
        };
        let lifetime = PresigningConfig::expires_in(lifetime);
        let lifetime = lifetime.map_err(|error| failed(Kind::Invalid, error.into()))?;
        let request = self.client.sdk.get_object();
        let request = request.bucket(&self.client.settings.bucket).key(name);
        let signed = request.presigned(lifetime).await;
        let signed = signed.map_err(|error| failed(Kind::Unavailable, error.into()))?;
        Ok(signed.uri().to_owned())
    }
}
