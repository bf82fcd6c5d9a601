//! Bounds on the memory of all uploads and of all readers.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one permit stands for, in bytes.
const UNIT_BYTES: usize = 64 * 1024;

/// Memory that is shared.
#[derive(Clone, Debug)]
pub(in crate::drivers) struct Memory {
    units: Arc<Semaphore>,
    total_units: u32,
}

/// A share of it, given back when it is dropped.
#[derive(Debug)]
pub(in crate::drivers) struct Share {
    _permit: OwnedSemaphorePermit,
}

impl Memory {
    pub(in crate::drivers) fn new(bytes: usize) -> Self {
        let total_units = u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX).max(1);
        let units = Arc::new(Semaphore::new(total_units as usize));
        Self { units, total_units }
    }

    /// Waits for a share; more than there is counts as all there is.
    pub(in crate::drivers) async fn take(&self, bytes: u64) -> Share {
        let units = Arc::clone(&self.units).acquire_many_owned(self.units_of(bytes));
        Share {
            _permit: units.await.expect("it is never closed"),
        }
    }

    /// Takes a share if it is free.
    pub(in crate::drivers) fn try_take(&self, bytes: u64) -> Option<Share> {
        let units = Arc::clone(&self.units).try_acquire_many_owned(self.units_of(bytes));
        Some(Share {
            _permit: units.ok()?,
        })
    }

    fn units_of(&self, bytes: u64) -> u32 {
        let units = bytes.div_ceil(UNIT_BYTES as u64);
        u32::try_from(units)
            .unwrap_or(u32::MAX)
            .min(self.total_units)
    }
}
