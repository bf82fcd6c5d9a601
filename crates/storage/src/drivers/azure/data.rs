//! The data half of the Azure driver.

use super::client::AzureClient;
use super::finish::FINISH;
use super::listing::{LONGEST_PAGE, Start};
use super::ranges::BlobRanges;
use super::requests::Requests;
use super::settings::AzureCredentials;
use super::state::{Base, DriverState, Tail};
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
use bytes::Bytes;
use futures::future::try_join_all;
use hyper::Method;
use object_store::path::Path;
use object_store::signer::Signer;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Data objects in a container. A clone shares them.
#[derive(Clone, Debug)]
pub struct AzureData {
    client: Arc<AzureClient>,
    uploads: Memory,
    readers: Memory,
}

impl AzureData {
    pub(super) fn new(client: Arc<AzureClient>) -> Self {
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
        let ranges = BlobRanges {
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

    fn fresh_state(&self, place: Place) -> UploadState {
        let mut state = UploadState {
            key: place.key(),
            length: 0,
            epoch: 0,
            driver: serde_json::Value::Null,
        };
        DriverState::new(self.client.settings.part_bytes as u64).write(&mut state);
        state
    }

    /// Returns the writer of an upload, made when this is its first call in this process, and the
    /// state beside it.
    fn writer<'a>(
        &self,
        operation: Operation,
        upload: &'a mut Upload,
    ) -> Result<(&'a mut Writer, &'a mut UploadState)> {
        let (state, live) = upload.parts();
        if live.as_ref().is_none_or(|live| !live.is::<Writer>()) {
            let place = Place::of_key(operation, &state.key)?;
            let kept = DriverState::of(operation, state)?;
            let (client, memory) = (Arc::clone(&self.client), self.uploads.clone());
            let writer = Writer::new(client, memory, place, kept, state.epoch);
            *live = Some(Box::new(writer));
        }
        let writer = live.as_mut().and_then(|live| live.downcast_mut::<Writer>());
        let writer = writer.expect("it was a writer or has just been made one");
        Ok((writer, state))
    }

    /// Puts the kept bytes of an upload together under their key: a block that is in no list cannot
    /// be read. Whoever does it again, after a process that died, sends the same list.
    async fn put_together(&self, upload: &mut Upload) -> Result<()> {
        let (state, live) = upload.parts();
        *live = None;
        let mut kept = DriverState::of(Operation::ReadBack, state)?;
        let requests = self.requests(Operation::ReadBack, &state.key)?;
        let tail = kept.tail.clone().filter(|tail| tail.length > 0);
        if kept.blocks.is_empty() && tail.is_none() {
            return Ok(());
        }
        if let Some(tail) = &tail {
            let bytes = requests.fetch_tail(tail).await?;
            requests.put_block(tail.block(), bytes).await?;
        }
        let last = tail.as_ref().map(Tail::block);
        let tag = requests.commit(&kept, last).await?;
        let mut blocks = kept.all_blocks();
        blocks.extend(last);
        kept.blocks.clear();
        kept.base = Some(Base {
            length: state.length,
            tag,
            blocks,
        });
        kept.replace_tail(None);
        kept.write(state);
        Ok(())
    }
}

#[async_trait]
impl DataStore for AzureData {
    async fn begin(&self, _hint: UploadHint) -> Result<Upload> {
        Ok(Upload::resume(self.fresh_state(Place::fresh())))
    }

    fn reserve(&self, upload: &mut Upload) {
        // No two writers share the id of a block, so that the epoch is all there is to raise.
        let (state, live) = upload.parts();
        state.epoch += 1;
        *live = None;
    }

    fn release(&self, _upload: &mut Upload) {}

    async fn append(&self, upload: &mut Upload, bytes: Bytes) -> Result<()> {
        let (writer, _) = self.writer(Operation::Append, upload)?;
        writer.append(bytes).await
    }

    async fn checkpoint(&self, upload: &mut Upload) -> Result<()> {
        let (writer, state) = self.writer(Operation::Checkpoint, upload)?;
        writer.checkpoint(state).await
    }

    async fn read_back(&self, upload: &mut Upload) -> Result<DataStream> {
        let operation = Operation::ReadBack;
        let kept = DriverState::of(operation, upload.state())?;
        if kept.count() > 0 {
            self.put_together(upload).await?;
        }
        let state = upload.state();
        if state.length == 0 {
            return Ok(Box::pin(futures::stream::empty()));
        }
        let kept = DriverState::of(operation, state)?;
        let requests = self.requests(operation, &state.key)?;
        let name = match &kept.tail {
            Some(tail) if kept.base.is_none() => {
                self.client.name(&requests.place.tail(&tail.name()))
            }
            _ => requests.name(),
        };
        self.stream(operation, &state.key, name, 0..state.length)
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
        let (writer, _) = self.writer(FINISH, &mut upload)?;
        writer.check(FINISH)?;
        if !writer.has_grown && writer.length() != expected {
            let reason = "its state tells of another length than its blocks have";
            let key = key.as_str();
            return Err(StorageError::new(Kind::NotFound, FINISH, key, reason));
        }
        let length = writer.finish().await?;
        Ok(DataRef { key, length })
    }

    async fn abort(&self, upload: Upload) -> Result<()> {
        let key = upload.state().key.clone();
        drop(upload);
        let requests = self.requests(Operation::Abort, &key)?;
        // The tails go first: without them no writer can go on, even if the rest fails.
        let tails = requests.tails().await?;
        try_join_all(tails.iter().map(|name| requests.delete(name))).await?;
        requests.discard_blocks().await
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

    /// Shows uploads that have a tail, which all have from their first checkpoint on. The blocks of
    /// others vanish by themselves a week after the last of them was sent.
    async fn uploads(&self, older_than: Timestamp, limit: usize) -> Result<Vec<Upload>> {
        let mut last_written: BTreeMap<Place, Timestamp> = BTreeMap::new();
        let mut start = Start::Beginning;
        loop {
            let page = self
                .client
                .list(Operation::Uploads, "tails/", &start, LONGEST_PAGE);
            let (listed, next) = page.await?;
            for tail in listed {
                if let Some(place) = Place::of_tail(&tail.name) {
                    let last = last_written.entry(place).or_insert(tail.modified);
                    *last = tail.modified.max(*last);
                }
            }
            let Some(next) = next else { break };
            start = next;
        }
        let old = last_written
            .into_iter()
            .filter(|(_, written)| *written < older_than)
            .take(limit);
        Ok(old
            .map(|(place, _)| Upload::resume(self.fresh_state(place)))
            .collect())
    }

    /// Tails lie under a prefix of their own, and blocks that are in no list are in no listing.
    async fn objects(&self, start_after: Option<&DataKey>, limit: usize) -> Result<ObjectPage> {
        limits::check_objects(limit)?;
        let after = start_after.map(|key| Place::of_key(Operation::Objects, key));
        self.client.list_objects(after.transpose()?, limit).await
    }

    fn as_presign(&self) -> Option<&dyn Presign> {
        // One signature cannot make another.
        let can_sign = !matches!(self.client.settings.credentials, AzureCredentials::Sas(_));
        can_sign.then_some(self as &dyn Presign)
    }
}

#[async_trait]
impl Presign for AzureData {
    async fn presign(&self, key: &DataKey, lifetime: Duration) -> Result<String> {
        let operation = Operation::Presign;
        let name = self.requests(operation, key)?.name();
        let failed = |kind, error: Box<dyn std::error::Error + Send + Sync>| {
            StorageError::new(kind, operation, key.as_str(), error)
        };
        let path = Path::parse(name).map_err(|error| failed(Kind::Invalid, error.into()))?;
        let store = &self.client.store;
        let signed = store.signed_url(Method::GET, &path, lifetime).await;
        let signed = signed.map_err(|error| failed(Kind::Unavailable, error.into()))?;
        Ok(signed.into())
    }
}
