//! A life of a store in short: every kind of call, each entered into a ledger before it is made and
//! after it was answered. It goes on after errors, as a server does.

use super::ledger::{Ledger, naming};
use super::watched::Watched;
use crate::drivers::local::LocalStore;
use crate::suite::pattern;
use crate::{
    Condition, DataKey, DataStore, Kind, Outcome, RecordStore, Result, StorageError, Upload,
    UploadHint, UploadState,
};
use bytes::Bytes;
use std::sync::Arc;

const KIB: usize = 1024;

/// A store under test and what it must hold to.
pub(super) struct Scenario {
    pub(super) disk: Arc<Watched>,
    pub(super) ledger: Ledger,
    /// The errors that calls were answered with.
    pub(super) errors: Vec<StorageError>,
}

impl Scenario {
    pub(super) fn new(disk: Arc<Watched>) -> Self {
        Self {
            disk,
            ledger: Ledger::default(),
            errors: Vec::new(),
        }
    }

    /// Records small and large, put over and deleted; objects of one write and of several, finished
    /// by another writer than began them, aborted and deleted.
    pub(super) async fn run(&mut self, store: &LocalStore) {
        self.put(store, "a", 100).await;
        self.put(store, "a", 200).await;
        self.put(store, "b", 60 * KIB).await;
        self.delete(store, "a").await;
        let small = self.upload(store, 1, 5000, 5000).await;
        let large = self.upload(store, 2, 100 * KIB, 30 * KIB).await;
        self.abort(store, 3, 40 * KIB).await;
        self.put(store, "a", 10).await;
        for key in [small, large].into_iter().flatten() {
            self.remove(store, &key).await;
        }
        self.upload(store, 4, 0, 1).await;
        self.delete(store, "b").await;
    }

    pub(super) async fn put(&mut self, store: &LocalStore, key: &str, length: usize) {
        let value = pattern(length as u64, length);
        self.write(store, key, Some(value)).await;
    }

    pub(super) async fn delete(&mut self, store: &LocalStore, key: &str) {
        self.write(store, key, None).await;
    }

    async fn write(&mut self, store: &LocalStore, key: &str, value: Option<Bytes>) {
        self.ledger.record_may_be(key, value.as_ref());
        self.disk.note(&self.ledger);
        let records = store.records();
        let outcome = match value.clone() {
            Some(bytes) => records.put(key, bytes, Condition::Any).await,
            None => records.delete(key, Condition::Any).await,
        };
        if let Some(outcome) = self.keep_error(outcome) {
            assert!(matches!(outcome, Outcome::Applied(_)));
            self.ledger.record_is(key, value.as_ref());
            self.disk.note(&self.ledger);
        }
    }

    /// Uploads an object with a checkpoint after `first` bytes, and names it in a record. After an
    /// error it is tried once more from the checkpoint.
    pub(super) async fn upload(
        &mut self,
        store: &LocalStore,
        seed: u64,
        length: usize,
        first: usize,
    ) -> Option<DataKey> {
        let content = pattern(seed, length);
        let begun = store.data().begin(UploadHint::default()).await;
        let upload = self.keep_error(begun)?;
        let mut state = upload.state().clone();
        let key = state.key.clone();
        self.ledger.object_is_begun(&key, &content);
        let mut finished = false;
        for mut upload in [upload, Upload::resume(state.clone())] {
            if *upload.state() != state {
                upload = Upload::resume(state.clone());
            }
            let result = self.send(store, upload, &content, first, &mut state).await;
            if self.keep_error(result).is_some() {
                finished = true;
                break;
            }
        }
        if !finished {
            let aborted = store.data().abort(Upload::resume(state)).await;
            let _ = self.keep_error(aborted);
            return None;
        }
        self.write(store, &naming(&key), Some(pattern(9, 20))).await;
        Some(key)
    }

    async fn send(
        &mut self,
        store: &LocalStore,
        mut upload: Upload,
        content: &Bytes,
        first: usize,
        state: &mut UploadState,
    ) -> Result<()> {
        let data = store.data();
        data.reserve(&mut upload);
        state.epoch += 1;
        let at = usize::try_from(state.length).unwrap();
        if at == 0 && first < content.len() {
            data.append(&mut upload, content.slice(..first)).await?;
            data.checkpoint(&mut upload).await?;
            *state = upload.state().clone();
            data.append(&mut upload, content.slice(first..)).await?;
        } else {
            data.append(&mut upload, content.slice(at..)).await?;
        }
        let key = state.key.clone();
        self.ledger.object_may_be_whole_or_not(&key);
        self.disk.note(&self.ledger);
        let finished = data.finish(upload).await?;
        assert_eq!(finished.length, content.len() as u64);
        self.ledger.object_is(&key, true);
        self.disk.note(&self.ledger);
        Ok(())
    }

    async fn abort(&mut self, store: &LocalStore, seed: u64, length: usize) {
        let data = store.data();
        let begun = data.begin(UploadHint::default()).await;
        let Some(mut upload) = self.keep_error(begun) else {
            return;
        };
        data.reserve(&mut upload);
        let content = pattern(seed, length);
        self.ledger.object_is_begun(&upload.state().key, &content);
        let appended = data.append(&mut upload, content).await;
        let _ = self.keep_error(appended);
        let checked = data.checkpoint(&mut upload).await;
        let _ = self.keep_error(checked);
        let aborted = data.abort(upload).await;
        let _ = self.keep_error(aborted);
    }

    /// Deletes an object as the collector does: first the record that names it. While that may
    /// still be there, the object stays.
    pub(super) async fn remove(&mut self, store: &LocalStore, key: &DataKey) {
        let errors = self.errors.len();
        self.delete(store, &naming(key)).await;
        if self.errors.len() > errors {
            return;
        }
        self.ledger.object_may_be_whole_or_not(key);
        self.disk.note(&self.ledger);
        // A delete whose answer was an error is sent again.
        for _ in 0..2 {
            let deleted = store.data().delete(key).await;
            if self.keep_error(deleted).is_some() {
                self.ledger.object_is(key, false);
                self.disk.note(&self.ledger);
                return;
            }
        }
    }

    fn keep_error<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                assert!(
                    matches!(
                        error.kind(),
                        Kind::Io | Kind::Full | Kind::NotFound | Kind::Unavailable
                    ),
                    "{error}"
                );
                self.errors.push(error);
                None
            }
        }
    }
}
