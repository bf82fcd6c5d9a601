//! What the actors do to the register, and what that means when they come one after the other.

use crate::linear::Sequential;

/// What an actor is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// Puts on the condition `Absent`.
    Create,
    /// Puts on the version that it read.
    Update,
    /// Deletes on the version that it read.
    Delete,
    /// Puts whatever is there.
    Overwrite,
    ReadTwice,
}

/// An operation with its answer: whether it was applied, or what was read.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) enum Operation {
    Create(u8, bool),
    Update(u8, u8, bool),
    Delete(u8, bool),
    Overwrite(u8),
    Get(Option<u8>),
}

/// The nonce of an actor; 1 is the value at the start, 0 the tombstone.
pub(super) fn nonce(number: usize) -> u8 {
    u8::try_from(number).map_or(u8::MAX, |number| number + 2)
}

impl Job {
    pub(super) fn operation(self, number: usize, seen: u8, is_applied: bool) -> Operation {
        match self {
            Self::Create => Operation::Create(nonce(number), is_applied),
            Self::Update => Operation::Update(seen, nonce(number), is_applied),
            Self::Delete => Operation::Delete(seen, is_applied),
            Self::Overwrite => Operation::Overwrite(nonce(number)),
            Self::ReadTwice => Operation::Get(None),
        }
    }
}

impl Sequential for Operation {
    type Object = Option<u8>;

    fn apply(self, object: Option<u8>, is_answered: bool) -> Option<Option<u8>> {
        let (fits, next, is_applied) = match self {
            Self::Get(seen) => {
                let fits = !is_answered || seen == object;
                return fits.then_some(object);
            }
            Self::Overwrite(new) => (true, Some(new), true),
            Self::Create(new, is_applied) => (object.is_none(), Some(new), is_applied),
            Self::Update(seen, new, is_applied) => (object == Some(seen), Some(new), is_applied),
            Self::Delete(seen, is_applied) => (object == Some(seen), None, is_applied),
        };
        if is_answered && !is_applied {
            return (!fits).then_some(object);
        }
        fits.then_some(next)
    }
}
