//! The names that a scan of references found, 8 bytes each.
//!
//! A name is kept as a hash with a key of its own for every pass. Two names with one hash make
//! something look referenced that is not: it is kept until another pass, and nothing is lost.

use std::hash::{BuildHasher, RandomState};

/// A set of names.
pub(super) struct Marks {
    state: RandomState,
    hashes: Vec<u64>,
    is_sorted: bool,
}

/// Hashes that are kept before doubles are thrown out for the first time.
const FIRST_CLEANING: usize = 1 << 16;

impl Marks {
    pub(super) fn new() -> Self {
        Self {
            state: RandomState::new(),
            hashes: Vec::new(),
            is_sorted: true,
        }
    }

    pub(super) fn insert(&mut self, name: &str) {
        if self.hashes.len() == self.hashes.capacity() && self.hashes.len() >= FIRST_CLEANING {
            // Before more memory is taken: many manifests name the same blobs.
            self.seal();
        }
        self.hashes.push(self.state.hash_one(name));
        self.is_sorted = false;
    }

    /// Makes the set ready to be asked.
    pub(super) fn seal(&mut self) {
        if !self.is_sorted {
            self.hashes.sort_unstable();
            self.hashes.dedup();
            self.is_sorted = true;
        }
    }

    /// Tells whether a name may have been inserted. The set must be sealed.
    pub(super) fn may_contain(&self, name: &str) -> bool {
        debug_assert!(self.is_sorted, "the set is asked after it was sealed");
        self.hashes
            .binary_search(&self.state.hash_one(name))
            .is_ok()
    }

    #[cfg(test)]
    const fn len(&self) -> usize {
        self.hashes.len()
    }
}

/// A range of digests by the first byte, so that one pass holds a bounded number of names at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DigestRange {
    pub(super) first: u8,
    pub(super) last: u8,
}

/// Names that one range may have: 64 MiB with the room that a growing list takes.
const NAMES_A_RANGE: u64 = 4 << 20;

impl DigestRange {
    /// Splits all digests so that `names` names fit, some to each range.
    pub(super) fn split(names: u64) -> Vec<Self> {
        let ranges = names
            .div_ceil(NAMES_A_RANGE)
            .clamp(1, 256)
            .next_power_of_two();
        let width = 256 / ranges;
        (0..ranges)
            .map(|at| Self {
                first: u8::try_from(at * width).expect("a range begins below 256"),
                last: u8::try_from((at + 1) * width - 1).expect("a range ends below 256"),
            })
            .collect()
    }

    pub(super) fn contains(self, first_byte: u8) -> bool {
        (self.first..=self.last).contains(&first_byte)
    }

    /// What all keys of the range come after, below a prefix that ends before the digest's digits.
    pub(super) fn start(self, prefix: &str) -> Option<String> {
        // The last possible key of the range before.
        (self.first > 0).then(|| format!("{prefix}{:02x}g", self.first - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_contains_what_was_inserted_however_often() {
        let mut marks = Marks::new();
        for round in 0..3 {
            for name in 0..100_000 {
                marks.insert(&format!("{name}"));
            }
            assert!(marks.len() <= 300_000, "round {round}");
        }
        marks.seal();
        assert_eq!(marks.len(), 100_000);
        assert!((0..100_000).all(|name| marks.may_contain(&format!("{name}"))));
        assert!(!marks.may_contain("100000"));
    }

    #[test]
    fn ranges_cover_every_digest_once() {
        for names in [0, 1, NAMES_A_RANGE, NAMES_A_RANGE + 1, 1 << 25, u64::MAX] {
            let ranges = DigestRange::split(names);
            for byte in 0..=255 {
                let holders = ranges.iter().filter(|range| range.contains(byte)).count();
                assert_eq!(holders, 1, "{names} {byte}");
            }
        }
        assert_eq!(DigestRange::split(NAMES_A_RANGE).len(), 1);
        assert_eq!(DigestRange::split(NAMES_A_RANGE + 1).len(), 2);
    }

    #[test]
    fn a_range_starts_behind_the_one_before() {
        let ranges = DigestRange::split(1 << 25);
        let start = ranges[1]
            .start("blob/sha256/")
            .expect("it is not the first");
        let last = format!("blob/sha256/{:02x}{}", ranges[0].last, "f".repeat(62));
        let first = format!("blob/sha256/{:02x}{}", ranges[1].first, "0".repeat(62));
        assert!(last < start && start < first);
        assert_eq!(ranges[0].start("blob/sha256/"), None);
    }
}
