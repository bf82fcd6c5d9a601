//! Numbers from a seed.

use roadstead_registry::IdSource;
use std::sync::{Mutex, PoisonError};

/// A small generator: the same seed gives the same numbers.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % limit).unwrap_or_default()
    }

    pub(crate) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A generator of its own, so that what one part draws does not shift what another does.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }
}

/// Identifiers from a seed.
#[derive(Debug)]
pub(crate) struct SeededIds(Mutex<Dice>);

impl SeededIds {
    pub(crate) const fn new(dice: Dice) -> Self {
        Self(Mutex::new(dice))
    }
}

impl IdSource for SeededIds {
    fn random(&self) -> u128 {
        let mut dice = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (u128::from(dice.next()) << 64) | u128::from(dice.next())
    }
}
