//! Which call fails, and how.

use crate::{Kind, Operation, StorageError};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// What happens to one call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It fails before anything is applied.
    Fail(Kind),
    /// It is applied, and the caller gets an error of the kind `Unavailable`.
    LoseAnswer,
    /// A write ends as `Unknown` and was applied. Other calls: as `LoseAnswer`.
    UnknownApplied,
    /// A write ends as `Unknown` and was not applied. Other calls: as `Fail(Unavailable)`.
    UnknownUnapplied,
    /// It is applied a while later: a slow store.
    Delay(Duration),
    /// It is applied once the gate opens: a late request.
    HoldRequest(Gate),
    /// It is applied at once and answered once the gate opens. A write then reads the record again,
    /// as a driver does after a lost answer: its own is `Applied`, anything else `Unknown`.
    HoldAnswer(Gate),
    /// A stream fails with `Unavailable` after this many bytes.
    CutStream(u64),
    /// A stream ends after this many bytes as if that were all.
    EndStream(u64),
    /// A stream yields a wrong byte at this place, counted from the start of its range.
    SpoilByte(u64),
}

/// Holds calls until a test lets them go, and tells the test that they have come.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Doors>);

#[derive(Debug)]
struct Doors {
    reached: Semaphore,
    open: Semaphore,
}

impl Gate {
    /// Makes a closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Doors {
            reached: Semaphore::new(0),
            open: Semaphore::new(0),
        }))
    }

    /// Waits until one more call has come to the gate.
    pub async fn reached(&self) {
        if let Ok(permit) = self.0.reached.acquire().await {
            permit.forget();
        }
    }

    /// Opens the gate for good.
    pub fn open(&self) {
        self.0.open.close();
    }

    pub(super) async fn pass(&self) {
        self.0.reached.add_permits(1);
        // There never is a permit: the wait ends when the gate opens.
        let _ = self.0.open.acquire().await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

/// The faults to come, shared by the stores and the test.
#[derive(Debug)]
pub struct FaultPlan {
    rules: Mutex<Rules>,
    is_yielding: AtomicBool,
}

#[derive(Debug, Default)]
struct Rules {
    scripted: VecDeque<Rule>,
    random: Option<Random>,
}

#[derive(Debug)]
struct Rule {
    operation: Operation,
    key_prefix: String,
    /// How many calls still pass before the fault comes.
    skip: usize,
    is_lasting: bool,
    fault: Fault,
}

#[derive(Debug)]
struct Random {
    source: fastrand::Rng,
    per_thousand: u32,
    faults: Vec<(Operation, Fault)>,
}

impl FaultPlan {
    /// Makes a plan without faults.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            rules: Mutex::default(),
            is_yielding: AtomicBool::new(false),
        })
    }

    /// Makes a plan without faults in which every call lets other tasks run before it does
    /// anything, so that calls sent together overlap even on a store that answers at once.
    #[must_use]
    pub fn yielding() -> Arc<Self> {
        let plan = Self::new();
        plan.is_yielding.store(true, Ordering::Relaxed);
        plan
    }

    /// Gives `fault` to the next call of `operation`.
    pub fn once(&self, operation: Operation, fault: Fault) {
        self.nth_on(operation, "", 0, fault);
    }

    /// Gives `fault` to the next call of `operation` on a key that starts with `key_prefix`.
    pub fn once_on(&self, operation: Operation, key_prefix: &str, fault: Fault) {
        self.nth_on(operation, key_prefix, 0, fault);
    }

    /// Lets `skip` calls of `operation` on such keys pass and gives `fault` to the one after.
    pub fn nth_on(&self, operation: Operation, key_prefix: &str, skip: usize, fault: Fault) {
        self.add(operation, key_prefix, skip, false, fault);
    }

    /// Gives `fault` to every call of `operation` from now on.
    pub fn always(&self, operation: Operation, fault: Fault) {
        self.add(operation, "", 0, true, fault);
    }

    /// Gives each call that is named in `faults` one of its faults with a chance of `per_thousand`,
    /// the same ones for the same seed and the same order of calls.
    pub fn randomly(&self, seed: u64, per_thousand: u32, faults: Vec<(Operation, Fault)>) {
        let source = fastrand::Rng::with_seed(seed);
        self.lock().random = Some(Random {
            source,
            per_thousand,
            faults,
        });
    }

    /// Tells whether all scripted faults have come, those aside that last.
    #[must_use]
    pub fn is_played(&self) -> bool {
        self.lock().scripted.iter().all(|rule| rule.is_lasting)
    }

    /// Forgets all faults that have not come.
    pub fn clear(&self) {
        *self.lock() = Rules::default();
    }

    fn add(
        &self,
        operation: Operation,
        key_prefix: &str,
        skip: usize,
        is_lasting: bool,
        fault: Fault,
    ) {
        let key_prefix = key_prefix.to_owned();
        let rule = Rule {
            operation,
            key_prefix,
            skip,
            is_lasting,
            fault,
        };
        self.lock().scripted.push_back(rule);
    }

    /// Returns the fault of this call, after letting others run where the plan says so.
    pub(super) async fn draw(&self, operation: Operation, key: &str) -> Option<Fault> {
        if self.is_yielding.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        let mut rules = self.lock();
        rules
            .scripted(operation, key)
            .or_else(|| rules.random(operation))
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rules {
    fn scripted(&mut self, operation: Operation, key: &str) -> Option<Fault> {
        let position = self.scripted.iter_mut().position(|rule| {
            let concerns = rule.operation == operation && key.starts_with(&rule.key_prefix);
            let is_due = concerns && rule.skip == 0;
            if concerns && rule.skip > 0 {
                rule.skip -= 1;
            }
            is_due
        })?;
        if self.scripted[position].is_lasting {
            return Some(self.scripted[position].fault.clone());
        }
        self.scripted.remove(position).map(|rule| rule.fault)
    }

    fn random(&mut self, operation: Operation) -> Option<Fault> {
        let random = self.random.as_mut()?;
        let mut fitting = random.faults.iter().filter(|(of, _)| *of == operation);
        let choices = fitting.clone().count();
        if choices == 0 || random.source.u32(0..1000) >= random.per_thousand {
            return None;
        }
        fitting
            .nth(random.source.usize(0..choices))
            .map(|(_, fault)| fault.clone())
    }
}

/// Makes the error that a fault stands for.
pub(super) fn failure(kind: Kind, operation: Operation, key: &str) -> StorageError {
    StorageError::new(kind, operation, key, "a fault that was asked for")
}
