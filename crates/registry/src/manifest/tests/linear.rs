//! Whether answers could have come from one request after another: an exhaustive search for an
//! order of the operations on one object that explains every answer.
//!
//! An operation that was not answered took effect once or never.

use std::collections::HashSet;
use std::hash::Hash;

/// What an operation does to an object.
pub(super) trait Operation: Clone {
    type Object: Copy + Eq + Hash;

    /// Returns the object after the operation; `None` when its answer is impossible before it.
    fn apply(&self, object: Self::Object) -> Option<Self::Object>;
}

/// An operation with the time it was asked for and the time it was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<O> {
    pub(super) operation: O,
    pub(super) asked: usize,
    pub(super) answered: Option<usize>,
}

/// Tells whether some order explains all answers.
pub(super) fn is_linearizable<O: Operation>(first: O::Object, events: &[Event<O>]) -> bool {
    let placed = vec![false; events.len()];
    search(first, events, placed, &mut HashSet::new())
}

fn search<O: Operation>(
    object: O::Object,
    events: &[Event<O>],
    placed: Vec<bool>,
    dead_ends: &mut HashSet<(Vec<bool>, O::Object)>,
) -> bool {
    let waiting: Vec<_> = (0..events.len()).filter(|&at| !placed[at]).collect();
    // Whatever was answered before another was asked for comes before it.
    let Some(first_answer) = waiting.iter().filter_map(|&at| events[at].answered).min() else {
        return true;
    };
    if dead_ends.contains(&(placed.clone(), object)) {
        return false;
    }
    for &next in waiting
        .iter()
        .filter(|&&at| events[at].asked <= first_answer)
    {
        if let Some(after) = events[next].operation.apply(object) {
            let mut placed = placed.clone();
            placed[next] = true;
            if search(after, events, placed, dead_ends) {
                return true;
            }
        }
    }
    dead_ends.insert((placed, object));
    false
}

#[derive(Clone, Copy, Debug)]
enum Register {
    Write(u8),
    Read(u8),
}

impl Operation for Register {
    type Object = u8;

    fn apply(&self, object: u8) -> Option<u8> {
        match *self {
            Self::Write(value) => Some(value),
            Self::Read(value) => (object == value).then_some(object),
        }
    }
}

fn event(operation: Register, asked: usize, answered: Option<usize>) -> Event<Register> {
    Event {
        operation,
        asked,
        answered,
    }
}

#[test]
fn overlapping_operations_may_take_effect_in_either_order() {
    let write = event(Register::Write(1), 0, Some(3));
    for seen in [0, 1] {
        let read = event(Register::Read(seen), 1, Some(2));
        assert!(is_linearizable(0, &[write, read]));
    }
}

#[test]
fn a_value_once_replaced_does_not_come_back() {
    let events = [
        event(Register::Write(1), 0, Some(1)),
        event(Register::Write(2), 2, Some(3)),
        event(Register::Read(1), 4, Some(5)),
    ];
    assert!(!is_linearizable(0, &events));
}

#[test]
fn an_unanswered_operation_takes_effect_once_or_never() {
    let lost = event(Register::Write(1), 0, None);
    let read = |value, at| event(Register::Read(value), at, Some(at + 1));
    assert!(is_linearizable(0, &[lost, read(0, 2), read(1, 4)]));
    assert!(is_linearizable(0, &[lost, read(0, 2), read(0, 4)]));
    assert!(!is_linearizable(0, &[lost, read(1, 2), read(0, 4)]));
}
