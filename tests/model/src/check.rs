//! Checks one model breadth-first and tells what was found. Knows nothing of any protocol.

use stateright::{Checker, HasDiscoveries, Model};
use std::fmt;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// How far a model goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What the test command has time for.
    Bounded,
    /// What somebody waits for.
    Deep,
}

/// Generated states after which a check gives up.
const MOST_STATES: usize = 400_000_000;

/// The name of a property that must hold in some state begins so; all others must hold in every one.
pub(crate) const REACHED: &str = "reached: ";

type Check = Box<dyn Fn(usize) -> Report + Send + Sync>;

/// One model with its bounds, ready to be checked.
pub struct Run {
    /// The part of the protocol.
    pub part: &'static str,
    /// What happens in it.
    pub name: String,
    check: Check,
}

impl Run {
    pub(crate) fn new<M>(part: &'static str, name: impl Into<String>, model: M) -> Self
    where
        M: Model + Clone + Send + Sync + 'static,
        M::State: Clone + fmt::Debug + Hash + PartialEq + Send + Sync + 'static,
        M::Action: Clone + fmt::Debug + PartialEq + Send + Sync + 'static,
    {
        Self {
            part,
            name: name.into(),
            check: Box::new(move |threads| check(model.clone(), threads)),
        }
    }

    /// Explores the model on so many threads. On one, what is found is the same every time.
    #[must_use]
    pub fn check(&self, threads: usize) -> Report {
        (self.check)(threads)
    }
}

/// What a check found.
#[derive(Debug)]
pub struct Report {
    /// Distinct states.
    pub states: usize,
    /// States that were come to, also on several ways.
    pub generated: usize,
    /// Steps of the longest way.
    pub depth: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// Whether every state within the bounds was looked at. A check ends at its first violation.
    pub is_exhausted: bool,
    /// How a property was broken.
    pub counterexample: Option<Counterexample>,
    /// Situations that the model is there for and never came to.
    pub unreached: Vec<&'static str>,
}

/// A way to a state that breaks a property.
#[derive(Debug)]
pub struct Counterexample {
    /// Which one.
    pub property: &'static str,
    /// The state at the beginning.
    pub start: String,
    /// What was done, and the state it led to.
    pub steps: Vec<(String, String)>,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "broken: {}", self.property)?;
        writeln!(f, "   0  {}", self.start)?;
        for (number, (action, state)) in self.steps.iter().enumerate() {
            writeln!(f, "{:>4}  {action}\n      {state}", number + 1)?;
        }
        Ok(())
    }
}

fn check<M>(model: M, threads: usize) -> Report
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + fmt::Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + fmt::Debug + PartialEq + Send + Sync + 'static,
{
    let started = Instant::now();
    let to_reach: Vec<_> = model
        .properties()
        .into_iter()
        .map(|property| property.name)
        .filter(|name| name.starts_with(REACHED))
        .collect();
    let checker = model
        .checker()
        .threads(threads)
        .target_state_count(MOST_STATES)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let found = checker.discoveries();
    let unreached = to_reach
        .into_iter()
        .filter(|name| !found.contains_key(name))
        .collect();
    let counterexample = found
        .into_iter()
        .filter(|(name, _)| !name.starts_with(REACHED))
        .map(|(name, path)| (name, path.into_vec()))
        .min_by_key(|(name, path)| (path.len(), *name))
        .map(|(property, path)| told(property, path));
    Report {
        states: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        elapsed: started.elapsed(),
        is_exhausted: counterexample.is_none() && checker.state_count() < MOST_STATES,
        counterexample,
        unreached,
    }
}

fn told<S: fmt::Debug, A: fmt::Debug>(
    property: &'static str,
    path: Vec<(S, Option<A>)>,
) -> Counterexample {
    let mut start = String::new();
    let mut steps = Vec::with_capacity(path.len());
    let mut done: Option<A> = None;
    for (state, next) in path {
        let state = format!("{state:?}");
        match done.take() {
            None => start = state,
            Some(action) => steps.push((format!("{action:?}"), state)),
        }
        done = next;
    }
    Counterexample {
        property,
        start,
        steps,
    }
}
