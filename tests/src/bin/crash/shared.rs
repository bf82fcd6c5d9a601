//! What all clients of a campaign hold together.

use crate::world::World;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The model, and whether the server of this round is still meant to live.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    is_killed: AtomicBool,
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world: Mutex::new(world),
            is_killed: AtomicBool::new(false),
        }
    }

    /// Locks the model. Never held while something is awaited.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes something that is wrong with the server.
    pub(crate) fn find(&self, finding: String) {
        self.world().findings.push(finding);
    }

    /// Says whether a lost connection is no finding from now on.
    pub(crate) fn set_killed(&self, is_killed: bool) {
        self.is_killed.store(is_killed, Ordering::SeqCst);
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::SeqCst)
    }
}
