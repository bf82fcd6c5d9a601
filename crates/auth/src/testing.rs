//! A record store over the memory driver with a clock that tests move.

use crate::record::Records;
use roadstead_storage::decorators::fault::{FaultPlan, FaultyRecords};
use roadstead_storage::drivers::memory::MemoryRecords;
use roadstead_storage::{ManualClock, Timestamp};
use std::sync::Arc;

/// What a test holds.
pub(crate) struct Fixture {
    pub(crate) records: Records,
    pub(crate) clock: Arc<ManualClock>,
}

/// The time at which every test begins.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

impl Fixture {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(START));
        Self {
            records: Arc::new(MemoryRecords::new(clock.clone())),
            clock,
        }
    }
}

/// Makes a store that fails by plan. Its calls yield, so that racing changes meet.
pub(crate) fn faulty() -> (Records, Arc<FaultPlan>) {
    let plan = FaultPlan::yielding();
    let records = MemoryRecords::new(Arc::new(ManualClock::new(START)));
    (Arc::new(FaultyRecords::new(records, plan.clone())), plan)
}
