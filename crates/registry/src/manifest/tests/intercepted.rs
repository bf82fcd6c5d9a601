//! A record store that tells of every call before it is made, and may lose the answer after it.

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use roadstead_storage::{Condition, Outcome, Page, Read, RecordStore, Result, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};

/// A call that is about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) operation: &'static str,
    pub(super) key: String,
}

impl Call {
    pub(super) fn is(&self, operation: &str, fragment: &str) -> bool {
        self.operation == operation && self.key.contains(fragment)
    }
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Arrives,
    /// A write answers `Unknown`, whether or not it happened.
    IsLost,
}

pub(super) type Before = dyn Fn(Call) -> BoxFuture<'static, Answer> + Send + Sync;

pub(super) struct Intercepted {
    inner: Arc<dyn RecordStore>,
    before: Arc<Before>,
}

impl Intercepted {
    pub(super) fn new(
        inner: impl RecordStore,
        before: impl Fn(Call) -> BoxFuture<'static, Answer> + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner: Arc::new(inner),
            before: Arc::new(before),
        }
    }

    async fn ask(&self, operation: &'static str, key: &str) -> Answer {
        let key = key.to_owned();
        (self.before)(Call { operation, key }).await
    }
}

#[async_trait]
impl RecordStore for Intercepted {
    async fn get(&self, key: &str) -> Result<Read> {
        self.ask("get", key).await;
        self.inner.get(key).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Outcome> {
        let answer = self.ask("put", key).await;
        let outcome = self.inner.put(key, bytes, condition).await?;
        Ok(match answer {
            Answer::Arrives => outcome,
            Answer::IsLost => Outcome::Unknown,
        })
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<Outcome> {
        let answer = self.ask("delete", key).await;
        let outcome = self.inner.delete(key, condition).await?;
        Ok(match answer {
            Answer::Arrives => outcome,
            Answer::IsLost => Outcome::Unknown,
        })
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        self.ask("list", prefix).await;
        self.inner.list(prefix, start_after, limit).await
    }

    async fn now(&self) -> Result<Timestamp> {
        self.inner.now().await
    }
}

/// The calls that were made, and what a test does before some of them.
#[derive(Clone, Default)]
pub(super) struct Script {
    calls: Arc<Mutex<Vec<Call>>>,
    scenes: Arc<Mutex<Vec<Scene>>>,
}

struct Scene {
    operation: &'static str,
    fragment: String,
    action: BoxFuture<'static, Answer>,
}

impl Script {
    /// Returns a view of `inner` that follows this script.
    pub(super) fn view(&self, inner: impl RecordStore) -> Intercepted {
        let script = self.clone();
        Intercepted::new(inner, move |call| {
            let action = script.next(&call);
            script.lock_calls().push(call);
            Box::pin(async move {
                match action {
                    Some(action) => action.await,
                    None => Answer::Arrives,
                }
            })
        })
    }

    /// Runs `action` before the next call of this kind on a key that contains `fragment`, once.
    pub(super) fn before(
        &self,
        operation: &'static str,
        fragment: impl Into<String>,
        action: impl Future<Output = ()> + Send + 'static,
    ) {
        self.add(operation, fragment.into(), async {
            action.await;
            Answer::Arrives
        });
    }

    /// Loses the answer of the next call of this kind, after `action` and the call itself.
    pub(super) fn lose(&self, operation: &'static str, fragment: impl Into<String>) {
        self.add(operation, fragment.into(), async { Answer::IsLost });
    }

    /// Runs `action` before the next call of this kind and then loses its answer.
    pub(super) fn lose_after(
        &self,
        operation: &'static str,
        fragment: impl Into<String>,
        action: impl Future<Output = ()> + Send + 'static,
    ) {
        self.add(operation, fragment.into(), async {
            action.await;
            Answer::IsLost
        });
    }

    /// Returns the calls since it was asked last.
    pub(super) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut *self.lock_calls())
    }

    /// Tells whether everything in the script came to pass.
    pub(super) fn is_played(&self) -> bool {
        self.scenes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    fn add(
        &self,
        operation: &'static str,
        fragment: String,
        action: impl Future<Output = Answer> + Send + 'static,
    ) {
        let scene = Scene {
            operation,
            fragment,
            action: Box::pin(action),
        };
        self.scenes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(scene);
    }

    fn next(&self, call: &Call) -> Option<BoxFuture<'static, Answer>> {
        let mut scenes = self.scenes.lock().unwrap_or_else(PoisonError::into_inner);
        let at = scenes
            .iter()
            .position(|scene| call.is(scene.operation, &scene.fragment))?;
        Some(scenes.remove(at).action)
    }

    fn lock_calls(&self) -> std::sync::MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
