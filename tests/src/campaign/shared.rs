//! What all clients of a campaign hold together.

use crate::campaign::world::World;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a request that fails, or is answered with 500 or more, means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failures {
    /// The server was killed, or it is to blame.
    EndTheClient,
    /// The store failed, or one replica was killed: what was asked for may have been done, and the
    /// client goes on.
    AreUnknown,
}

/// The model, and whether clients are still meant to work.
#[derive(Debug)]
pub struct Shared {
    world: Mutex<World>,
    failures: Failures,
    is_over: AtomicBool,
}

impl Shared {
    /// Begins with a model in which nothing has happened.
    #[must_use]
    pub fn new(world: World, failures: Failures) -> Self {
        Self {
            world: Mutex::new(world),
            failures,
            is_over: AtomicBool::new(false),
        }
    }

    /// Tells what a failed request means.
    #[must_use]
    pub fn failures(&self) -> Failures {
        self.failures
    }

    /// Locks the model. Never held while something is awaited.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes something that is wrong with the server.
    pub fn find(&self, finding: String) {
        self.world().findings.push(finding);
    }

    /// Says whether the round is over: a lost connection is no finding from then on, and clients
    /// begin nothing new.
    pub fn set_over(&self, is_over: bool) {
        self.is_over.store(is_over, Ordering::SeqCst);
    }

    /// Tells whether the round is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}
