//! The data half of the local driver: plain files, staged in `uploads` and published in `data`.

use super::failure;
use super::finished;
use super::folder::Folder;
use super::listing;
use super::place::{Place, Places};
use super::publish;
use super::reader::Reading;
use super::staging::{self, Origin, Staging};
use super::upload::{Writer, Writers};
use crate::clock::Clock;
use crate::limits;
use crate::{
    DataFile, DataKey, DataRef, DataStore, DataStream, Kind, ObjectPage, Operation, Presign,
    Result, StorageError, Timestamp, Upload, UploadHint, UploadState,
};
use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// Data objects as files. A clone shares them.
#[derive(Clone, Debug)]
pub struct LocalData {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: Arc<Folder>,
    clock: Arc<dyn Clock>,
    staging: Staging,
    places: Places,
    writers: Arc<Writers>,
    reading: Arc<Reading>,
}

/// What the driver keeps in an upload's state.
#[derive(Debug, Serialize, Deserialize)]
struct DriverState {
    /// The boot of the machine at the last checkpoint.
    boot: String,
}

impl LocalData {
    pub(super) fn new(
        folder: Arc<Folder>,
        upload_buffer_bytes: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let shared = Shared {
            folder,
            clock,
            staging: Staging::default(),
            places: Places::default(),
            writers: Arc::new(Writers::new(upload_buffer_bytes)),
            reading: Arc::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Returns the writer of an upload, made when this is its first call in this process.
    fn writer<'a>(&self, operation: Operation, upload: &'a mut Upload) -> Result<&'a mut Writer> {
        let (state, live) = upload.parts();
        if live.as_ref().is_none_or(|live| !live.is::<Writer>()) {
            let place = Place::of_key(operation, &state.key)?;
            *live = Some(Box::new(self.make_writer(
                operation,
                place,
                Origin::Resumed,
                state,
            )?));
        }
        let writer = live.as_mut().and_then(|live| live.downcast_mut::<Writer>());
        let writer = writer.expect("it was a writer or has just been made one");
        writer.claim.epoch = state.epoch;
        Ok(writer)
    }

    fn make_writer(
        &self,
        operation: Operation,
        place: Place,
        origin: Origin,
        state: &UploadState,
    ) -> Result<Writer> {
        let Shared {
            folder,
            staging,
            writers,
            ..
        } = &*self.shared;
        let staged = staging.enter(operation, place)?;
        let (folder, writers) = (Arc::clone(folder), Arc::clone(writers));
        Ok(Writer::new(
            folder,
            writers,
            staged,
            origin,
            state.epoch,
            state.length,
        ))
    }

    fn driver_state(&self) -> serde_json::Value {
        serde_json::json!({ "boot": self.shared.folder.boot() })
    }

    /// Runs `work` on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        operation: Operation,
        key: &DataKey,
        work: impl FnOnce(&Shared) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        let joined = tokio::task::spawn_blocking(move || work(&shared)).await;
        joined
            .map_err(|error| StorageError::new(Kind::Unavailable, operation, key.as_str(), error))?
    }
}

#[async_trait]
impl DataStore for LocalData {
    async fn begin(&self, hint: UploadHint) -> Result<Upload> {
        let place = self.shared.places.fresh(self.shared.clock.now());
        let key = place.key();
        let length = hint.length.unwrap_or(0);
        self.shared
            .folder
            .check_space(Operation::Begin, key.as_str(), length)?;
        let state = UploadState {
            key,
            length: 0,
            epoch: 0,
            driver: self.driver_state(),
        };
        let writer = self.make_writer(Operation::Begin, place, Origin::Begun, &state)?;
        let mut upload = Upload::resume(state);
        *upload.parts().1 = Some(Box::new(writer));
        Ok(upload)
    }

    fn reserve(&self, upload: &mut Upload) {
        upload.parts().0.epoch += 1;
    }

    fn release(&self, _upload: &mut Upload) {}

    async fn append(&self, upload: &mut Upload, bytes: Bytes) -> Result<()> {
        self.writer(Operation::Append, upload)?.append(bytes).await
    }

    async fn checkpoint(&self, upload: &mut Upload) -> Result<()> {
        let writer = self.writer(Operation::Checkpoint, upload)?;
        writer.flush(Operation::Checkpoint).await?;
        let length = writer.offset;
        let state = upload.parts().0;
        state.length = length;
        state.driver = self.driver_state();
        Ok(())
    }

    async fn read_back(&self, upload: &mut Upload) -> Result<DataStream> {
        let state = upload.state();
        let range = 0..state.length;
        let place = Place::of_key(Operation::ReadBack, &state.key)?;
        let has_ended = self.shared.staging.has_ended(place);
        if range.is_empty() && !has_ended {
            return Ok(Box::pin(futures::stream::empty()));
        }
        let Shared {
            reading, folder, ..
        } = &*self.shared;
        let key = &state.key;
        let staged = reading
            .open(folder, key, place.staged(), range.clone())
            .await;
        match staged {
            // A server that was killed right after a finish: the object has what was kept.
            Err(error) if error.kind() == Kind::NotFound && !has_ended => {
                reading.open(folder, key, place.published(), range).await
            }
            other => other,
        }
    }

    fn is_doubtful(&self, state: &UploadState) -> bool {
        let driver = DriverState::deserialize(&state.driver);
        state.length > 0 && driver.map_or(true, |driver| driver.boot != self.shared.folder.boot())
    }

    fn is_distant(&self) -> bool {
        false
    }

    async fn finish(&self, mut upload: Upload) -> Result<DataRef> {
        let key = upload.state().key.clone();
        let place = Place::of_key(Operation::Finish, &key)?;
        let length = upload.state().length;
        let writer = match self.writer(Operation::Finish, &mut upload) {
            Ok(writer) => writer,
            Err(error) if error.kind() == Kind::NotFound => {
                let object = DataRef {
                    key: key.clone(),
                    length,
                };
                let look = move |shared: &Shared| {
                    finished::was_finished(&shared.folder, place, length).map(|()| object)
                };
                return self.blocking(Operation::Finish, &key, look).await;
            }
            Err(error) => return Err(error),
        };
        writer.settle().await?;
        let pieces = writer.gather.take();
        let (claim, offset) = (writer.claim.clone(), writer.offset);
        self.shared
            .folder
            .take_space(Operation::Finish, key.as_str(), pieces.length())?;
        let finish = move |shared: &Shared| {
            shared
                .staging
                .finish(&shared.folder, &claim, &pieces, offset)
        };
        self.blocking(Operation::Finish, &key, finish).await
    }

    async fn abort(&self, upload: Upload) -> Result<()> {
        let key = upload.state().key.clone();
        let place = Place::of_key(Operation::Abort, &key)?;
        drop(upload);
        let abort = move |shared: &Shared| {
            shared.staging.abort(&shared.folder, place);
            Ok(())
        };
        self.blocking(Operation::Abort, &key, abort).await
    }

    async fn read(&self, key: &DataKey, range: Range<u64>) -> Result<DataStream> {
        limits::check_range(key.as_str(), &range)?;
        let place = Place::of_key(Operation::Read, key)?;
        self.shared
            .reading
            .open(&self.shared.folder, key, place.published(), range)
            .await
    }

    async fn open(&self, key: &DataKey, length: u64) -> Result<Option<DataFile>> {
        let place = Place::of_key(Operation::Read, key)?;
        let Shared {
            folder, reading, ..
        } = &*self.shared;
        let file = reading
            .open_whole(folder, key, place.published(), length)
            .await?;
        Ok(Some(DataFile::new(file, key.clone())))
    }

    async fn delete(&self, key: &DataKey) -> Result<()> {
        let place = Place::of_key(Operation::DeleteData, key)?;
        let name = key.clone();
        let remove = move |shared: &Shared| {
            let _may = shared.folder.begin_delete();
            publish::remove(shared.folder.root(), place)
                .map_err(|error| failure::from_io(Operation::DeleteData, name.as_str(), error))
        };
        self.blocking(Operation::DeleteData, key, remove).await
    }

    async fn uploads(&self, older_than: Timestamp, limit: usize) -> Result<Vec<Upload>> {
        let list = move |shared: &Shared| {
            let now = shared.clock.now();
            staging::list(&shared.folder, now, older_than, limit)
        };
        let places = self
            .blocking(Operation::Uploads, &DataKey::new(""), list)
            .await?;
        let resumed = places.into_iter().map(|place| {
            let driver = self.driver_state();
            Upload::resume(UploadState {
                key: place.key(),
                length: 0,
                epoch: 0,
                driver,
            })
        });
        Ok(resumed.collect())
    }

    async fn objects(&self, start_after: Option<&DataKey>, limit: usize) -> Result<ObjectPage> {
        limits::check_objects(limit)?;
        let start = start_after.map(|key| Place::of_key(Operation::Objects, key));
        let start = start.transpose()?;
        let list = move |shared: &Shared| listing::page(&shared.folder, start, limit);
        self.blocking(Operation::Objects, &DataKey::new(""), list)
            .await
    }

    fn as_presign(&self) -> Option<&dyn Presign> {
        None
    }
}
