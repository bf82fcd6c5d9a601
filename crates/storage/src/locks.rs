//! Locks by key within one process: a fixed number of them, so that keys need not be counted; two
//! keys may share one.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Enough that keys which are written at the same time rarely meet.
const STRIPES: usize = 256;

#[derive(Debug)]
pub(crate) struct Locks {
    stripes: Vec<Arc<Mutex<()>>>,
    hasher: RandomState,
}

impl Default for Locks {
    fn default() -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| Arc::default()).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Locks {
    /// Waits for the lock of a key, in the order of those who ask.
    pub(crate) async fn lock(&self, key: &str) -> OwnedMutexGuard<()> {
        let stripe = self.hasher.hash_one(key) % self.stripes.len() as u64;
        let stripe = usize::try_from(stripe).expect("a stripe's number is small");
        Arc::clone(&self.stripes[stripe]).lock_owned().await
    }

    /// Waits until every lock was free once.
    pub(crate) async fn wait_for_all(&self) {
        for stripe in &self.stripes {
            drop(stripe.lock().await);
        }
    }
}
