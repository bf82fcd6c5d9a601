//! Stores whose calls wait until the scheduler lets them go.

use crate::scheduler::{Late, Turns, Verdict};
use async_trait::async_trait;
use bytes::Bytes;
use roadstead_storage::drivers::memory::{MemoryData, MemoryRecords};
use roadstead_storage::{
    Condition, DataFile, DataKey, DataRef, DataStore, DataStream, Kind, ObjectPage, Operation,
    Outcome, Page, Part, Presign, Read, RecordStore, Result, StorageError, Timestamp, Upload,
    UploadHint, UploadState, Version, WriteTogether,
};
use std::ops::Range;

/// The error of a call that failed, or whose answer was lost.
fn failure(operation: Operation, key: &str) -> StorageError {
    StorageError::new(
        Kind::Unavailable,
        operation,
        key,
        "a fault of the simulation",
    )
}

/// Records as one replica sees them.
#[derive(Clone, Debug)]
pub(crate) struct TurnRecords {
    pub(crate) inner: MemoryRecords,
    pub(crate) turns: Turns,
}

impl TurnRecords {
    /// Writes once, when its turn comes. A lost answer is looked for as a driver does: own writing is
    /// told as applied, what was matched is written again, anything else is unknown.
    async fn write(&self, operation: Operation, key: &str, write: Late) -> Result<Outcome> {
        let verdict = self.turns.wait(operation, key, Some(write.clone())).await;
        match verdict {
            Verdict::Arrives => self.apply(write).await,
            Verdict::Fails => Err(failure(operation, key)),
            Verdict::AnswerIsLost => {
                let _ = self.apply(write).await?;
                Err(failure(operation, key))
            }
            Verdict::IsLookedFor => {
                let Outcome::Applied(own) = self.apply(write).await? else {
                    // The refusal was lost: another's record is there, or none.
                    return Ok(Outcome::Unknown);
                };
                // Others have their turns before it is looked for.
                match self.turns.wait(Operation::Get, key, None).await {
                    Verdict::Arrives => {}
                    _ => return Err(failure(operation, key)),
                }
                let is_own = self.inner.get(key).await?.version == own;
                Ok(if is_own {
                    Outcome::Applied(own)
                } else {
                    Outcome::Unknown
                })
            }
        }
    }

    async fn apply(&self, write: Late) -> Result<Outcome> {
        match write {
            Late::Put(key, bytes, condition) => self.inner.put(&key, bytes, condition).await,
            Late::Delete(key, condition) => self.inner.delete(&key, condition).await,
            Late::Together(_) | Late::DeleteData(_) => unreachable!("it is no write of one record"),
        }
    }

    async fn read<T>(
        &self,
        operation: Operation,
        key: &str,
        read: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        match self.turns.wait(operation, key, None).await {
            Verdict::Arrives => read.await,
            _ => Err(failure(operation, key)),
        }
    }
}

#[async_trait]
impl RecordStore for TurnRecords {
    async fn get(&self, key: &str) -> Result<Read> {
        self.read(Operation::Get, key, self.inner.get(key)).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Outcome> {
        let write = Late::Put(key.to_owned(), bytes, condition);
        self.write(Operation::Put, key, write).await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<Outcome> {
        let write = Late::Delete(key.to_owned(), condition);
        self.write(Operation::Delete, key, write).await
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        // Short pages, so that listings are interrupted, too.
        let limit = limit.min(3);
        let list = self.inner.list(prefix, start_after, limit);
        self.read(Operation::List, prefix, list).await
    }

    async fn now(&self) -> Result<Timestamp> {
        self.inner.now().await
    }

    fn as_together(&self) -> Option<&dyn WriteTogether> {
        self.inner.as_together().is_some().then_some(self)
    }
}

#[async_trait]
impl WriteTogether for TurnRecords {
    async fn write_together(&self, parts: Vec<Part>) -> Result<Option<Vec<Version>>> {
        let key = parts
            .first()
            .map_or_else(String::new, |part| part.key.clone());
        let late = Late::Together(parts.clone());
        let verdict = self.turns.wait(Operation::Put, &key, Some(late)).await;
        let Some(store) = self.inner.as_together() else {
            return Ok(None);
        };
        match verdict {
            Verdict::Arrives => store.write_together(parts).await,
            Verdict::Fails => Err(failure(Operation::Put, &key)),
            // A store that writes together is no other machine: nothing is looked for.
            Verdict::AnswerIsLost | Verdict::IsLookedFor => {
                let _ = store.write_together(parts).await?;
                Err(failure(Operation::Put, &key))
            }
        }
    }
}

/// Data as one replica sees it.
#[derive(Clone, Debug)]
pub(crate) struct TurnData {
    pub(crate) inner: MemoryData,
    pub(crate) turns: Turns,
}

impl TurnData {
    async fn call<T>(
        &self,
        operation: Operation,
        key: &str,
        late: Option<Late>,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        match self.turns.wait(operation, key, late).await {
            Verdict::Arrives => call.await,
            Verdict::Fails => Err(failure(operation, key)),
            Verdict::AnswerIsLost | Verdict::IsLookedFor => {
                call.await?;
                Err(failure(operation, key))
            }
        }
    }
}

#[async_trait]
impl DataStore for TurnData {
    async fn begin(&self, hint: UploadHint) -> Result<Upload> {
        self.call(Operation::Begin, "", None, self.inner.begin(hint))
            .await
    }

    fn reserve(&self, upload: &mut Upload) {
        self.inner.reserve(upload);
    }

    fn release(&self, upload: &mut Upload) {
        self.inner.release(upload);
    }

    async fn append(&self, upload: &mut Upload, bytes: Bytes) -> Result<()> {
        let key = upload.state().key.as_str().to_owned();
        let append = self.inner.append(upload, bytes);
        self.call(Operation::Append, &key, None, append).await
    }

    async fn checkpoint(&self, upload: &mut Upload) -> Result<()> {
        let key = upload.state().key.as_str().to_owned();
        let checkpoint = self.inner.checkpoint(upload);
        self.call(Operation::Checkpoint, &key, None, checkpoint)
            .await
    }

    async fn read_back(&self, upload: &mut Upload) -> Result<DataStream> {
        self.inner.read_back(upload).await
    }

    fn is_doubtful(&self, state: &UploadState) -> bool {
        self.inner.is_doubtful(state)
    }

    fn is_distant(&self) -> bool {
        false
    }

    async fn finish(&self, upload: Upload) -> Result<DataRef> {
        let key = upload.state().key.as_str().to_owned();
        let finish = self.inner.finish(upload);
        self.call(Operation::Finish, &key, None, finish).await
    }

    async fn abort(&self, upload: Upload) -> Result<()> {
        let key = upload.state().key.as_str().to_owned();
        let abort = self.inner.abort(upload);
        self.call(Operation::Abort, &key, None, abort).await
    }

    async fn read(&self, key: &DataKey, range: Range<u64>) -> Result<DataStream> {
        let read = self.inner.read(key, range);
        self.call(Operation::Read, key.as_str(), None, read).await
    }

    async fn open(&self, _key: &DataKey, _length: u64) -> Result<Option<DataFile>> {
        Ok(None)
    }

    async fn delete(&self, key: &DataKey) -> Result<()> {
        let late = Late::DeleteData(key.clone());
        let delete = self.inner.delete(key);
        self.call(Operation::DeleteData, key.as_str(), Some(late), delete)
            .await
    }

    async fn uploads(&self, older_than: Timestamp, limit: usize) -> Result<Vec<Upload>> {
        let uploads = self.inner.uploads(older_than, limit);
        self.call(Operation::Uploads, "", None, uploads).await
    }

    async fn objects(&self, start_after: Option<&DataKey>, limit: usize) -> Result<ObjectPage> {
        self.inner.objects(start_after, limit).await
    }

    fn as_presign(&self) -> Option<&dyn Presign> {
        None
    }
}
