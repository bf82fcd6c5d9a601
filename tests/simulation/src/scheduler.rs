//! Whose turn it is: the queue of calls that wait, and what becomes of each.

use crate::dice::Dice;
use bytes::Bytes;
use roadstead_storage::drivers::memory::{MemoryData, MemoryRecords};
use roadstead_storage::{
    Clock, Condition, DataKey, DataStore, ManualClock, Operation, Part, RecordStore,
};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a request may take to land, R of the storage contract. An older one is refused.
const REQUEST_LIFE: Duration = Duration::from_mins(15);

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Arrives,
    /// Nothing happens, and an error comes back.
    Fails,
    /// It happens, and an error comes back.
    AnswerIsLost,
    /// It happens, its answer is lost, and it is looked for what became of it.
    IsLookedFor,
}

/// A write that may land although nobody waits for it any more.
#[derive(Clone, Debug)]
pub(crate) enum Late {
    Put(String, Bytes, Condition),
    Delete(String, Condition),
    Together(Vec<Part>),
    DeleteData(DataKey),
}

/// A call that waits for its turn.
#[derive(Debug)]
struct Parked {
    /// The life of a replica that makes it.
    life: u64,
    operation: Operation,
    key: String,
    sent: Duration,
    late: Option<Late>,
    /// `None` once whoever waited is gone.
    go: Option<oneshot::Sender<Verdict>>,
}

#[derive(Debug, Default)]
struct Queue {
    parked: Vec<Parked>,
    dead: BTreeSet<u64>,
}

/// Where the calls of one life of a replica wait. Clones wait in the same queue.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    queue: Arc<Mutex<Queue>>,
    activity: Arc<AtomicU64>,
    clock: Arc<ManualClock>,
    life: u64,
}

impl Turns {
    /// Waits for the verdict. A replica that has died hears of failures only.
    pub(crate) async fn wait(
        &self,
        operation: Operation,
        key: &str,
        late: Option<Late>,
    ) -> Verdict {
        let turn = {
            let mut queue = lock(&self.queue);
            if queue.dead.contains(&self.life) {
                return Verdict::Fails;
            }
            let (go, turn) = oneshot::channel();
            queue.parked.push(Parked {
                life: self.life,
                operation,
                key: key.to_owned(),
                sent: self.clock.monotonic(),
                late,
                go: Some(go),
            });
            turn
        };
        self.activity.fetch_add(1, Ordering::SeqCst);
        turn.await.unwrap_or(Verdict::Fails)
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often what goes wrong: one call in so many; 0 is never.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rates {
    pub(crate) faults: usize,
    pub(crate) crashes: usize,
    pub(crate) waits: usize,
}

/// Decides whose turn it is.
pub(crate) struct Scheduler {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) records: MemoryRecords,
    pub(crate) data: MemoryData,
    queue: Arc<Mutex<Queue>>,
    activity: Arc<AtomicU64>,
    lives: u64,
    pub(crate) calls: u64,
    pub(crate) faults: u64,
    pub(crate) crashes: u64,
    pub(crate) late: u64,
    pub(crate) trace: Vec<String>,
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A call had its turn.
    Call {
        /// Whether the store may have changed.
        writes: bool,
    },
    /// This life of a replica ended.
    Crash(u64),
    /// Nobody waits.
    Idle,
}

impl Scheduler {
    /// Makes one. Its records are written several in one step, as on a local disk, or each by itself,
    /// as on an object store.
    pub(crate) fn new(clock: Arc<ManualClock>, writes_together: bool) -> Self {
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let records = MemoryRecords::new(Arc::clone(&shared));
        Self {
            records: if writes_together {
                records.writing_together()
            } else {
                records
            },
            data: MemoryData::new(shared),
            clock,
            queue: Arc::default(),
            activity: Arc::default(),
            lives: 0,
            calls: 0,
            faults: 0,
            crashes: 0,
            late: 0,
            trace: Vec::new(),
        }
    }

    /// Begins another life of a replica.
    pub(crate) fn new_life(&mut self) -> (u64, Turns) {
        self.lives += 1;
        let turns = Turns {
            queue: Arc::clone(&self.queue),
            activity: Arc::clone(&self.activity),
            clock: Arc::clone(&self.clock),
            life: self.lives,
        };
        (self.lives, turns)
    }

    /// Counts something that a task did besides calling a store.
    pub(crate) fn activity(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.activity)
    }

    /// Lets every task go on until all of them wait.
    pub(crate) async fn settle(&self) {
        loop {
            let before = self.activity.load(Ordering::SeqCst);
            for _ in 0..6 {
                tokio::task::yield_now().await;
            }
            if self.activity.load(Ordering::SeqCst) == before {
                return;
            }
        }
    }

    /// Gives one call its turn, or lets something happen to a replica.
    pub(crate) async fn step(&mut self, dice: &mut Dice, rates: Rates) -> Step {
        self.settle().await;
        let waiting = lock(&self.queue).parked.len();
        if waiting == 0 {
            return Step::Idle;
        }
        if rates.waits > 0 && dice.one_in(rates.waits) {
            let minutes = dice.pick(&[1, 2, 4, 9]);
            self.clock.advance(Duration::from_mins(minutes));
            self.trace.push(format!("{minutes} minutes pass"));
        }
        let turn = dice.below(waiting);
        let mut parked = lock(&self.queue).parked.swap_remove(turn);
        if rates.crashes > 0 && parked.go.is_some() && dice.one_in(rates.crashes) {
            let life = parked.life;
            lock(&self.queue).parked.push(parked);
            self.crash(life, dice);
            return Step::Crash(life);
        }
        self.calls += 1;
        let is_write = parked.late.is_some() || parked.operation == Operation::Finish;
        let age = self.clock.monotonic().saturating_sub(parked.sent);
        let verdict = if age > REQUEST_LIFE {
            Verdict::Fails
        } else {
            self.draw(dice, rates, is_write)
        };
        self.trace.push(format!(
            "{} {:?} {} {verdict:?}{}",
            parked.life,
            parked.operation,
            parked.key,
            if parked.go.is_none() { ", late" } else { "" }
        ));
        match parked.go.take() {
            Some(go) => {
                let _ = go.send(verdict);
                self.settle().await;
            }
            None if verdict == Verdict::Arrives => self.land(parked.late).await,
            None => {}
        }
        Step::Call { writes: is_write }
    }

    fn draw(&mut self, dice: &mut Dice, rates: Rates, is_write: bool) -> Verdict {
        if rates.faults == 0 || !dice.one_in(rates.faults) {
            return Verdict::Arrives;
        }
        self.faults += 1;
        if !is_write {
            return Verdict::Fails;
        }
        dice.pick(&[Verdict::Fails, Verdict::AnswerIsLost, Verdict::IsLookedFor])
    }

    /// Ends a life. Of its writes that are under way some are lost, some land later.
    pub(crate) fn crash(&mut self, life: u64, dice: &mut Dice) {
        self.crashes += 1;
        self.trace.push(format!("{life} dies"));
        let mut queue = lock(&self.queue);
        queue.dead.insert(life);
        let parked = std::mem::take(&mut queue.parked);
        for mut call in parked {
            if call.life == life {
                call.go = None;
                if call.late.is_none() || dice.one_in(2) {
                    continue;
                }
            }
            queue.parked.push(call);
        }
    }

    async fn land(&mut self, late: Option<Late>) {
        self.late += 1;
        // Nobody hears how it ends.
        match late {
            Some(Late::Put(key, bytes, condition)) => {
                let _ = self.records.put(&key, bytes, condition).await;
            }
            Some(Late::Delete(key, condition)) => {
                let _ = self.records.delete(&key, condition).await;
            }
            Some(Late::Together(parts)) => {
                if let Some(store) = self.records.as_together() {
                    let _ = store.write_together(parts).await;
                }
            }
            Some(Late::DeleteData(key)) => {
                let _ = self.data.delete(&key).await;
            }
            None => {}
        }
    }
}
