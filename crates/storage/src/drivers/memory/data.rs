//! Data objects in a map behind one lock.

use crate::clock::Clock;
use crate::limits;
use crate::{
    DataFile, DataKey, DataRef, DataStore, DataStream, Kind, ListedObject, ObjectPage, Operation,
    Presign, Result, StorageError, Timestamp, Upload, UploadHint, UploadState,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The length of the pieces that a read yields, in bytes.
const BLOCK_BYTES: usize = 256 * 1024;

/// Data objects in memory. A clone shares them.
#[derive(Clone, Debug)]
pub struct MemoryData {
    clock: Arc<dyn Clock>,
    is_distant: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<DataKey, Object>,
    uploads: BTreeMap<DataKey, Staged>,
    last_key: u64,
}

/// The bytes of a finished object and when it came to be.
#[derive(Debug)]
struct Object {
    bytes: Bytes,
    modified: Timestamp,
}

/// The bytes of an unfinished upload and the newest writer that touched them.
#[derive(Debug)]
struct Staged {
    bytes: Vec<u8>,
    epoch: u64,
    written: Timestamp,
}

/// What a writer holds open: where its next byte goes.
struct Position(usize);

impl MemoryData {
    /// Makes an empty store that takes its time from `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            is_distant: false,
            state: Arc::default(),
        }
    }

    /// Says of itself that a read waits for another machine, so that tests can see what is done
    /// about it.
    #[must_use]
    pub fn distant(self) -> Self {
        Self {
            is_distant: true,
            ..self
        }
    }

    /// Flips all bits of one byte of a finished object, as a failing disk may do, so that tests can
    /// see what notices it. Does nothing when there is no such byte.
    pub fn corrupt(&self, key: &DataKey, offset: usize) {
        let mut state = self.lock();
        if let Some(object) = state.objects.get_mut(key) {
            let mut bytes = object.bytes.to_vec();
            if let Some(byte) = bytes.get_mut(offset) {
                *byte = !*byte;
            }
            object.bytes = bytes.into();
        }
    }

    /// Returns how many finished objects there are, for tests that look for leftovers.
    #[must_use]
    pub fn object_count(&self) -> usize {
        self.lock().objects.len()
    }

    /// Returns how many uploads are not finished.
    #[must_use]
    pub fn upload_count(&self) -> usize {
        self.lock().uploads.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the staged bytes after making `upload` their writer, unless a newer one was there.
    fn claim(&mut self, operation: Operation, upload: &UploadState) -> Result<&mut Staged> {
        let key = upload.key.as_str();
        let Some(staged) = self.uploads.get_mut(&upload.key) else {
            return Err(StorageError::new(
                Kind::NotFound,
                operation,
                key,
                "the upload is not there",
            ));
        };
        if staged.epoch > upload.epoch {
            let reason = format!(
                "writer {} went on after writer {}",
                staged.epoch, upload.epoch
            );
            return Err(StorageError::new(Kind::Superseded, operation, key, reason));
        }
        staged.epoch = upload.epoch;
        Ok(staged)
    }
}

fn position(operation: Operation, upload: &mut Upload) -> Result<usize> {
    let (state, live) = upload.parts();
    if let Some(Position(position)) = live.as_ref().and_then(|live| live.downcast_ref()) {
        return Ok(*position);
    }
    usize::try_from(state.length)
        .map_err(|error| StorageError::new(Kind::Invalid, operation, state.key.as_str(), error))
}

/// Cuts what an older writer left behind `position`.
fn cut(operation: Operation, key: &DataKey, bytes: &mut Vec<u8>, position: usize) -> Result<()> {
    if bytes.len() < position {
        let reason = format!(
            "the upload has {} bytes, its writer knows of {position}",
            bytes.len()
        );
        return Err(StorageError::new(
            Kind::Corrupt,
            operation,
            key.as_str(),
            reason,
        ));
    }
    bytes.truncate(position);
    Ok(())
}

fn pieces(bytes: Bytes) -> DataStream {
    let blocks = (0..bytes.len()).step_by(BLOCK_BYTES);
    stream::iter(
        blocks.map(move |start| Ok(bytes.slice(start..bytes.len().min(start + BLOCK_BYTES)))),
    )
    .boxed()
}

#[async_trait]
impl DataStore for MemoryData {
    async fn begin(&self, _hint: UploadHint) -> Result<Upload> {
        let written = self.clock.now();
        let mut state = self.lock();
        state.last_key += 1;
        let key = DataKey::new(format!("{:032x}", state.last_key));
        state.uploads.insert(
            key.clone(),
            Staged {
                bytes: Vec::new(),
                epoch: 0,
                written,
            },
        );
        Ok(Upload::resume(UploadState {
            key,
            length: 0,
            epoch: 0,
            driver: serde_json::Value::Null,
        }))
    }

    fn reserve(&self, upload: &mut Upload) {
        upload.parts().0.epoch += 1;
    }

    fn release(&self, _upload: &mut Upload) {}

    async fn append(&self, upload: &mut Upload, bytes: Bytes) -> Result<()> {
        let position = position(Operation::Append, upload)?;
        let written = self.clock.now();
        let mut state = self.lock();
        let staged = state.claim(Operation::Append, upload.state())?;
        cut(
            Operation::Append,
            &upload.state().key,
            &mut staged.bytes,
            position,
        )?;
        staged.bytes.extend_from_slice(&bytes);
        staged.written = written;
        *upload.parts().1 = Some(Box::new(Position(position + bytes.len())));
        Ok(())
    }

    async fn checkpoint(&self, upload: &mut Upload) -> Result<()> {
        let position = position(Operation::Checkpoint, upload)?;
        let written = self.clock.now();
        let mut state = self.lock();
        let staged = state.claim(Operation::Checkpoint, upload.state())?;
        cut(
            Operation::Checkpoint,
            &upload.state().key,
            &mut staged.bytes,
            position,
        )?;
        staged.written = written;
        upload.parts().0.length = position as u64;
        Ok(())
    }

    async fn read_back(&self, upload: &mut Upload) -> Result<DataStream> {
        let known = upload.state();
        let state = self.lock();
        let Some(staged) = state.uploads.get(&known.key) else {
            let key = known.key.as_str();
            return Err(StorageError::new(
                Kind::NotFound,
                Operation::ReadBack,
                key,
                "the upload is not there",
            ));
        };
        let covered = usize::try_from(known.length)
            .ok()
            .and_then(|length| staged.bytes.get(..length));
        let Some(covered) = covered else {
            let range = 0..known.length;
            return Err(limits::too_short(
                known.key.as_str(),
                staged.bytes.len() as u64,
                &range,
            ));
        };
        Ok(pieces(Bytes::copy_from_slice(covered)))
    }

    fn is_doubtful(&self, _state: &UploadState) -> bool {
        false
    }

    fn is_distant(&self) -> bool {
        self.is_distant
    }

    async fn finish(&self, mut upload: Upload) -> Result<DataRef> {
        let position = position(Operation::Finish, &mut upload)?;
        let modified = self.clock.now();
        let known = upload.state();
        let mut state = self.lock();
        let finished = DataRef {
            key: known.key.clone(),
            length: position as u64,
        };
        let was_finished = !state.uploads.contains_key(&known.key)
            && state
                .objects
                .get(&known.key)
                .is_some_and(|object| object.bytes.len() == position);
        if was_finished {
            return Ok(finished);
        }
        let staged = state.claim(Operation::Finish, known)?;
        cut(Operation::Finish, &known.key, &mut staged.bytes, position)?;
        let bytes = std::mem::take(&mut staged.bytes).into();
        state.uploads.remove(&known.key);
        let object = Object { bytes, modified };
        state.objects.insert(known.key.clone(), object);
        Ok(finished)
    }

    async fn abort(&self, upload: Upload) -> Result<()> {
        self.lock().uploads.remove(&upload.state().key);
        Ok(())
    }

    async fn read(&self, key: &DataKey, range: Range<u64>) -> Result<DataStream> {
        limits::check_range(key.as_str(), &range)?;
        let found = self
            .lock()
            .objects
            .get(key)
            .map(|object| object.bytes.clone());
        let Some(bytes) = found else {
            return Err(StorageError::new(
                Kind::NotFound,
                Operation::Read,
                key.as_str(),
                "no such object",
            ));
        };
        let length = bytes.len() as u64;
        if range.end > length {
            return Err(limits::too_short(key.as_str(), length, &range));
        }
        let start =
            usize::try_from(range.start).expect("it is below the length of bytes in memory");
        let end = usize::try_from(range.end).expect("it is at most the length of bytes in memory");
        Ok(pieces(bytes.slice(start..end)))
    }

    async fn open(&self, _key: &DataKey, _length: u64) -> Result<Option<DataFile>> {
        Ok(None)
    }

    async fn delete(&self, key: &DataKey) -> Result<()> {
        self.lock().objects.remove(key);
        Ok(())
    }

    async fn uploads(&self, older_than: Timestamp, limit: usize) -> Result<Vec<Upload>> {
        let state = self.lock();
        let old = state
            .uploads
            .iter()
            .filter(|(_, staged)| staged.written < older_than)
            .take(limit);
        let resumed = old.map(|(key, staged)| {
            let driver = serde_json::Value::Null;
            Upload::resume(UploadState {
                key: key.clone(),
                length: 0,
                epoch: staged.epoch,
                driver,
            })
        });
        Ok(resumed.collect())
    }

    async fn objects(&self, start_after: Option<&DataKey>, limit: usize) -> Result<ObjectPage> {
        limits::check_objects(limit)?;
        let state = self.lock();
        let start = start_after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = state.objects.range::<DataKey, _>((start, Bound::Unbounded));
        let listed = found.by_ref().take(limit);
        let objects = listed.map(|(key, object)| ListedObject {
            key: key.clone(),
            length: object.bytes.len() as u64,
            modified: object.modified,
        });
        Ok(ObjectPage {
            objects: objects.collect(),
            more: found.next().is_some(),
        })
    }

    fn as_presign(&self) -> Option<&dyn Presign> {
        None
    }
}
