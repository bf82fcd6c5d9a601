//! Whether what clients saw of one register can be told as one order of events.
//!
//! The search is that of Wing and Gong with the memory of Lowe: it takes one operation after the
//! other whose effect may come next, and never looks twice at the same set of operations with the
//! same value. It is exact: a history is refused only when no order explains it.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::hash::Hash;

/// What an operation did, or saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<V> {
    /// Set the register to a value.
    Write(V),
    /// Emptied the register, whatever it held.
    Clear,
    /// Found this; `None` is the empty register.
    Read(Option<V>),
}

/// How an operation ended, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was answered at this moment.
    Answered(u64),
    /// Nobody knows: its effect may have come at any moment since its beginning, may come later, or
    /// never. Only writes and clears end so.
    Unknown,
}

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<V> {
    /// What it did.
    pub action: Action<V>,
    /// When it was sent. Any clock will do that all clients share.
    pub began: u64,
    /// How it ended.
    pub end: End,
}

impl<V> Operation<V> {
    fn answered(&self) -> u64 {
        match self.end {
            End::Answered(moment) => moment,
            End::Unknown => u64::MAX,
        }
    }
}

/// What the search says of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An order explains everything.
    Linearizable,
    /// No order does.
    Violated,
    /// More states were met than one wants to look at.
    Undecided,
}

/// States after which the search gives up.
const MOST_STATES: usize = 2_000_000;

/// Judges a history that begins with an empty register.
#[must_use]
pub fn judge<V: Clone + Debug + Eq + Hash>(operations: &[Operation<V>]) -> Verdict {
    let mut search = Search::new(operations);
    search.run()
}

/// A value by its number; 0 is the empty register.
type Value = usize;

#[derive(Clone, Copy, Debug)]
enum Step {
    Write(Value),
    Read(Value),
}

struct Search {
    steps: Vec<Step>,
    began: Vec<u64>,
    answered: Vec<u64>,
    /// Which operations a state must account for: all but those whose end is unknown.
    must_happen: Vec<bool>,
    /// By value: whether only one operation writes it.
    is_written_once: Vec<bool>,
    met: HashSet<(Vec<u64>, Value)>,
}

/// Where the search stands.
#[derive(Clone)]
struct State {
    done: Vec<u64>,
    value: Value,
    /// By value: reads that are still to come.
    unread: Vec<u32>,
    /// Operations that are done.
    count: usize,
}

impl State {
    fn is_done(&self, number: usize) -> bool {
        self.done[number / 64] & (1 << (number % 64)) != 0
    }

    fn take(&mut self, number: usize) {
        self.done[number / 64] |= 1 << (number % 64);
        self.count += 1;
    }
}

impl Search {
    fn new<V: Clone + Debug + Eq + Hash>(operations: &[Operation<V>]) -> Self {
        let mut order: Vec<&Operation<V>> = operations.iter().collect();
        order.sort_by_key(|operation| (operation.began, operation.answered()));
        let mut numbers: HashMap<&V, Value> = HashMap::new();
        for operation in &order {
            if let Action::Write(value) | Action::Read(Some(value)) = &operation.action {
                let next = numbers.len() + 1;
                numbers.entry(value).or_insert(next);
            }
        }
        let mut writers = vec![0; numbers.len() + 1];
        let mut steps = Vec::with_capacity(order.len());
        for operation in &order {
            let step = match &operation.action {
                Action::Write(value) => Step::Write(numbers[value]),
                Action::Clear => Step::Write(0),
                Action::Read(value) => Step::Read(value.as_ref().map_or(0, |value| numbers[value])),
            };
            if let Step::Write(value) = step {
                writers[value] += 1;
            }
            steps.push(step);
        }
        Self {
            steps,
            began: order.iter().map(|operation| operation.began).collect(),
            answered: order.iter().map(|operation| operation.answered()).collect(),
            must_happen: order
                .iter()
                .map(|operation| operation.end != End::Unknown)
                .collect(),
            // The empty register is there before anybody writes it.
            is_written_once: writers
                .iter()
                .enumerate()
                .map(|(value, count)| value != 0 && *count <= 1)
                .collect(),
            met: HashSet::new(),
        }
    }

    fn start(&self) -> State {
        let mut unread = vec![0; self.is_written_once.len()];
        for step in &self.steps {
            if let Step::Read(value) = step {
                unread[*value] += 1;
            }
        }
        State {
            done: vec![0; self.steps.len().div_ceil(64)],
            value: 0,
            unread,
            count: 0,
        }
    }

    fn run(&mut self) -> Verdict {
        let mut stack = vec![self.start()];
        while let Some(mut state) = stack.pop() {
            self.take_reads(&mut state);
            if self.is_complete(&state) {
                return Verdict::Linearizable;
            }
            if !self.met.insert((state.done.clone(), state.value)) {
                continue;
            }
            if self.met.len() > MOST_STATES {
                return Verdict::Undecided;
            }
            // What nobody can write again must have been read by all who saw it.
            if self.is_written_once[state.value] && state.unread[state.value] > 0 {
                continue;
            }
            let writes = self.writes_that_may_come_next(&state);
            // What nobody is still to read may come at once: all reads of the present value that need
            // no other write before them are done.
            let (hidden, mut seen): (Vec<usize>, Vec<usize>) = writes
                .into_iter()
                .partition(|number| self.is_never_seen(&state, *number));
            if !hidden.is_empty() {
                for number in hidden {
                    self.write(&mut state, number);
                }
                stack.push(state);
                continue;
            }
            // The one whose answer came first is the best guess, so it is tried first: popped last.
            seen.sort_by_key(|number| std::cmp::Reverse(self.answered[*number]));
            for number in seen {
                let mut next = state.clone();
                self.write(&mut next, number);
                stack.push(next);
            }
        }
        Verdict::Violated
    }

    fn write(&self, state: &mut State, number: usize) {
        if let Step::Write(value) = self.steps[number] {
            state.take(number);
            state.value = value;
        }
    }

    /// Tells whether a write's value is nobody else's and nobody is still to read it.
    fn is_never_seen(&self, state: &State, number: usize) -> bool {
        matches!(self.steps[number], Step::Write(value)
            if self.is_written_once[value] && state.unread[value] == 0)
    }

    /// Takes every read that may come now and saw the present value. That is never wrong: a read
    /// changes nothing, so no order needs it later.
    fn take_reads(&self, state: &mut State) {
        loop {
            let horizon = self.horizon(state);
            let mut took = false;
            for number in 0..self.steps.len() {
                if self.began[number] > horizon {
                    break;
                }
                let sees_it =
                    matches!(self.steps[number], Step::Read(value) if value == state.value);
                if sees_it && !state.is_done(number) {
                    state.take(number);
                    state.unread[state.value] -= 1;
                    took = true;
                }
            }
            if !took {
                return;
            }
        }
    }

    /// Returns the first answer among what is not done: whatever began after it comes later.
    fn horizon(&self, state: &State) -> u64 {
        let open = (0..self.steps.len()).filter(|number| !state.is_done(*number));
        open.map(|number| self.answered[number])
            .min()
            .unwrap_or(u64::MAX)
    }

    fn writes_that_may_come_next(&self, state: &State) -> Vec<usize> {
        let horizon = self.horizon(state);
        let mut writes = Vec::new();
        for number in 0..self.steps.len() {
            if self.began[number] > horizon {
                break;
            }
            if matches!(self.steps[number], Step::Write(_)) && !state.is_done(number) {
                writes.push(number);
            }
        }
        writes
    }

    fn is_complete(&self, state: &State) -> bool {
        state.count == self.steps.len()
            || (0..self.steps.len())
                .all(|number| state.is_done(number) || !self.must_happen[number])
    }
}
