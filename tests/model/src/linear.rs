//! A log of operations with their order in time, and the question whether some order of their
//! effects explains all answers. An operation without an answer took effect once or never.

/// Operations that one log holds.
pub(crate) const MOST: usize = 14;

/// What an operation does to the object when operations come one after the other.
pub(crate) trait Sequential: Copy {
    /// The object.
    type Object: Copy + PartialEq;

    /// Returns the object afterwards; `None` when the answer that this operation carries is
    /// impossible. The answer of an operation that `is_answered` says has none is to be ignored.
    fn apply(self, object: Self::Object, is_answered: bool) -> Option<Self::Object>;
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Entry<O> {
    operation: O,
    is_answered: bool,
    /// Those that were answered before this one was called.
    earlier: u16,
}

/// The log.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Log<O> {
    entries: [Option<Entry<O>>; MOST],
}

impl<O: Sequential> Log<O> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: [None; MOST],
        }
    }

    /// Notes that an operation is called. Returns its place.
    pub(crate) fn call(&mut self, operation: O) -> u8 {
        let earlier = self.answered();
        let mut free = (0u8..).zip(&mut self.entries);
        let free = free.find(|(_, entry)| entry.is_none());
        let (place, entry) = free.expect("the log has room for the operations of one model");
        *entry = Some(Entry {
            operation,
            is_answered: false,
            earlier,
        });
        place
    }

    /// Notes the answer, which `operation` carries.
    pub(crate) fn answer(&mut self, place: u8, operation: O) {
        let entry = self.entries[usize::from(place)].as_mut();
        let entry = entry.expect("an operation is called before it is answered");
        entry.operation = operation;
        entry.is_answered = true;
    }

    /// Adds an operation that is called and answered now.
    pub(crate) fn with(mut self, operation: O) -> Self {
        let place = self.call(operation);
        self.answer(place, operation);
        self
    }

    fn answered(&self) -> u16 {
        let mut answered = 0;
        for (place, entry) in self.entries.iter().enumerate() {
            if entry.is_some_and(|entry| entry.is_answered) {
                answered |= 1 << place;
            }
        }
        answered
    }

    /// Tells whether all answers fit some order that keeps the order in time.
    pub(crate) fn is_linearizable(&self, object: O::Object) -> bool {
        let answered = self.answered();
        let mut seen: Vec<(u16, O::Object)> = Vec::with_capacity(64);
        let mut to_try = vec![(0u16, object)];
        while let Some((placed, object)) = to_try.pop() {
            if answered & !placed == 0 {
                return true;
            }
            if seen.contains(&(placed, object)) {
                continue;
            }
            seen.push((placed, object));
            // The last one pushed is looked at first: whoever called first, most likely.
            for (place, entry) in self.entries.iter().enumerate().rev() {
                let Some(entry) = entry else { continue };
                let is_placed = placed & (1 << place) != 0;
                if is_placed || entry.earlier & !placed != 0 {
                    continue;
                }
                if let Some(next) = entry.operation.apply(object, entry.is_answered) {
                    to_try.push((placed | 1 << place, next));
                }
            }
        }
        false
    }
}
