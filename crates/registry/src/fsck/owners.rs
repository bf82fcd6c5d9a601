//! Which data the records name: 32 bytes for each object, by ranges of data keys where there are too
//! many of them.

use super::kinds::Record;
use roadstead_storage::{DataKey, DataRef};

/// Entries that are kept at most: 64 MiB.
const MOST: usize = 2 * 1024 * 1024;

/// A data key as a number, in the order of keys. Every driver makes keys of 32 digits.
pub(super) fn number(key: &DataKey) -> Option<u128> {
    let text = key.as_str();
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 32 || !text.bytes().all(is_digit) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

/// Returns the key of a number.
pub(super) fn key(number: u128) -> DataKey {
    DataKey::new(format!("{number:032x}"))
}

/// Data that records name.
#[derive(Debug)]
pub(super) struct Owners {
    /// The range of keys: from this one, and up to the other where the range has an end.
    pub(super) from: u128,
    pub(super) until: Option<u128>,
    entries: Vec<Entry>,
    most: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    number: u128,
    /// The greatest length that a record says; none where the record need not be right, as that of
    /// a session whose object may not be finished.
    length: Option<u64>,
}

impl Owners {
    /// Makes a range that begins at a key and reaches as far as there is room.
    pub(super) fn from(from: u128) -> Self {
        Self::with_room(from, MOST)
    }

    pub(super) fn with_room(from: u128, most: usize) -> Self {
        Self {
            from,
            until: None,
            entries: Vec::new(),
            most,
        }
    }

    /// Notes the data that a record names.
    pub(super) fn add_all(&mut self, record: &Record) {
        for data in record.data() {
            // Blobs and large manifests must have their data whole; of others it is not certain.
            let is_certain = record.must_have_data();
            self.add(&data, is_certain);
        }
    }

    fn add(&mut self, data: &DataRef, is_certain: bool) {
        let Some(number) = number(&data.key) else {
            return;
        };
        if number < self.from || self.until.is_some_and(|until| number >= until) {
            return;
        }
        let length = is_certain.then_some(data.length);
        // A link names the data of its blob, which was noted a moment ago.
        if let Some(last) = self.entries.last_mut()
            && last.number == number
        {
            last.length = last.length.max(length);
            return;
        }
        self.entries.push(Entry { number, length });
        if self.entries.len() > self.most {
            self.halve();
        }
    }

    /// Gives up the upper half of the range: another walk takes care of it.
    fn halve(&mut self) {
        self.settle();
        // Else the next entry would bring this about again.
        if self.entries.len() <= self.most / 2 {
            return;
        }
        let middle = self.entries[self.entries.len() / 2].number;
        self.entries.retain(|entry| entry.number < middle);
        self.until = Some(middle);
    }

    /// Brings the entries into order, one for each object.
    pub(super) fn settle(&mut self) {
        self.entries.sort_unstable();
        self.entries.dedup_by(|next, kept| {
            let is_same = next.number == kept.number;
            if is_same {
                kept.length = kept.length.max(next.length);
            }
            is_same
        });
    }

    /// Takes the entries, in the order of their keys.
    pub(super) fn into_entries(mut self) -> impl Iterator<Item = (u128, Option<u64>)> {
        self.settle();
        self.entries
            .into_iter()
            .map(|entry| (entry.number, entry.length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(number: u128, length: u64) -> DataRef {
        DataRef {
            key: key(number),
            length,
        }
    }

    #[test]
    fn a_range_ends_where_there_is_no_more_room_and_the_next_goes_on_there() {
        let mut seen = Vec::new();
        let mut from = 0;
        let mut ranges = 0;
        loop {
            let mut owners = Owners::with_room(from, 10);
            for number in (0..100_u128).rev() {
                owners.add(&data(number, 7), true);
                owners.add(&data(number, 7), false);
            }
            let until = owners.until;
            seen.extend(owners.into_entries());
            ranges += 1;
            let Some(until) = until else { break };
            from = until;
        }
        let expected: Vec<_> = (0..100).map(|number| (number, Some(7))).collect();
        assert_eq!(seen, expected);
        assert!(ranges < 25, "{ranges} ranges");
    }

    #[test]
    fn only_the_keys_of_drivers_have_a_number() {
        assert_eq!(number(&key(77)), Some(77));
        for text in ["", "1", "0a/1b/2c", &"F".repeat(32), &"+".repeat(32)] {
            assert_eq!(number(&DataKey::new(text)), None, "{text}");
        }
    }
}
