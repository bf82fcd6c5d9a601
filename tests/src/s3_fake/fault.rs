//! What goes wrong, and when.

use super::count::S3Operation;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One thing that goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Executed; the connection closes instead of an answer.
    AnswerLost,
    /// The connection closes before the request is executed.
    RequestLost,
    /// 503 `SlowDown` before anything is done.
    SlowDown,
    /// 500 `InternalError` before anything is done.
    InternalError,
    /// Executed, and answered by 500 `InternalError`.
    InternalErrorAfter,
    /// 409 `ConditionalRequestConflict` before anything is done.
    ConditionalConflict,
    /// The answer's body ends after this many bytes, and so does the connection.
    TruncatedBody(u64),
    /// Executed after this time.
    DelayBefore(Duration),
    /// Executed at once and answered after this time.
    DelayAfter(Duration),
    /// The connection closes at once; executed after this time, as a request does that was held up
    /// on its way.
    LandsLate(Duration),
    /// Answered as done and never executed: a store that breaks its word. For puts alone.
    Forgotten,
}

impl Fault {
    /// Returns what figures call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnswerLost => "answer lost",
            Self::RequestLost => "request lost",
            Self::SlowDown => "503 SlowDown",
            Self::InternalError => "500 before",
            Self::InternalErrorAfter => "500 after",
            Self::ConditionalConflict => "409",
            Self::TruncatedBody(_) => "body cut",
            Self::DelayBefore(_) => "late execution",
            Self::DelayAfter(_) => "late answer",
            Self::LandsLate(_) => "lost and landed late",
            Self::Forgotten => "forgotten",
        }
    }
}

/// Says which requests a fault is for.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Only this operation; any when `None`.
    pub operation: Option<S3Operation>,
    /// Only keys that contain this.
    pub key_contains: String,
    /// How many matching requests pass unharmed first.
    pub skip: u32,
    /// How many are then harmed.
    pub times: u32,
    /// What happens to them.
    pub fault: Fault,
}

impl Rule {
    /// Harms the next request of an operation.
    #[must_use]
    pub fn next(operation: S3Operation, fault: Fault) -> Self {
        Self {
            operation: Some(operation),
            key_contains: String::new(),
            skip: 0,
            times: 1,
            fault,
        }
    }
}

/// How long every request waits before it is executed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Latency {
    /// All of them.
    pub fixed: Duration,
    /// A few of them, besides.
    pub tail: Duration,
    /// How many of a thousand are the few.
    pub tail_per_mille: u32,
}

/// Random faults: of a thousand requests, how many have which.
#[derive(Debug)]
struct Chances {
    random: fastrand::Rng,
    of: Vec<(u32, Fault)>,
    spares: Spares,
}

/// Tells which faults a request does not meet.
pub type Spares = fn(Fault, S3Operation, &str) -> bool;

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    chances: Option<Chances>,
    latency: Latency,
    done: BTreeMap<&'static str, u64>,
    under_way: usize,
}

/// The switches of a server.
#[derive(Debug, Default)]
pub struct Faults(Mutex<State>);

impl Faults {
    /// Adds a rule; the first that fits a request decides.
    pub fn add(&self, rule: Rule) {
        self.with(|state| state.rules.push(rule));
    }

    /// Harms requests at random: for each fault, how many of a thousand.
    pub fn at_random(&self, seed: u64, of: Vec<(u32, Fault)>) {
        self.at_random_but(seed, of, |_, _, _| false);
    }

    /// Harms requests at random, but for those that `spares` spares.
    pub fn at_random_but(&self, seed: u64, of: Vec<(u32, Fault)>, spares: Spares) {
        let random = fastrand::Rng::with_seed(seed);
        self.with(|state| state.chances = Some(Chances { random, of, spares }));
    }

    /// Lets every request wait.
    pub fn set_latency(&self, latency: Latency) {
        self.with(|state| state.latency = latency);
    }

    /// Ends all faults; the latency stays.
    pub fn clear(&self) {
        self.with(|state| {
            state.rules.clear();
            state.chances = None;
        });
    }

    /// Returns how many requests were harmed.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.with(|state| state.done.values().sum())
    }

    /// Returns how many requests were harmed, by the name of the fault.
    #[must_use]
    pub fn done_by_name(&self) -> BTreeMap<&'static str, u64> {
        self.with(|state| state.done.clone())
    }

    /// Returns how many requests of [`Fault::LandsLate`] have yet to land.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.with(|state| state.under_way)
    }

    /// Notes that a request is held up, or has landed.
    pub(super) fn hold_up(&self, is_held_up: bool) {
        self.with(|state| {
            if is_held_up {
                state.under_way += 1;
            } else {
                state.under_way -= 1;
            }
        });
    }

    /// Returns how long a request waits.
    pub(super) fn wait(&self) -> Duration {
        self.with(|state| {
            let latency = state.latency;
            if fastrand::u32(0..1000) < latency.tail_per_mille {
                latency.fixed + latency.tail
            } else {
                latency.fixed
            }
        })
    }

    /// Returns what happens to a request.
    pub(super) fn draw(&self, operation: S3Operation, key: &str) -> Option<Fault> {
        self.with(|state| {
            let fault = state
                .draw_rule(operation, key)
                .or_else(|| state.draw_chance(operation, key));
            if let Some(fault) = fault {
                *state.done.entry(fault.name()).or_default() += 1;
            }
            fault
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn draw_rule(&mut self, operation: S3Operation, key: &str) -> Option<Fault> {
        let fits = |rule: &Rule| {
            rule.operation.is_none_or(|wanted| wanted == operation)
                && key.contains(&rule.key_contains)
        };
        let at = self.rules.iter().position(fits)?;
        let rule = &mut self.rules[at];
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        let fault = rule.fault;
        rule.times = rule.times.saturating_sub(1);
        if rule.times == 0 {
            self.rules.remove(at);
        }
        Some(fault)
    }

    fn draw_chance(&mut self, operation: S3Operation, key: &str) -> Option<Fault> {
        let Chances { random, of, spares } = self.chances.as_mut()?;
        let drawn = random.u32(0..1000);
        let mut upto = 0;
        for (per_mille, fault) in of {
            upto += *per_mille;
            if drawn < upto {
                return Some(*fault).filter(|fault| !spares(*fault, operation, key));
            }
        }
        None
    }
}
