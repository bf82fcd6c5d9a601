//! Where a data object lies: its number, and the paths made of it and of nothing else.

use crate::{DataKey, Kind, Operation, Result, StorageError, Timestamp};
use std::sync::atomic::{AtomicU32, Ordering};

const MILLIS_A_DAY: u64 = 24 * 60 * 60 * 1000;

/// How many places follow each other in one folder.
const PLACES_A_TURN: u32 = 1024;

/// The number of a data object or upload. Only 32 lower-case hexadecimal digits name one, so that
/// no text from outside ever becomes a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place(u128);

/// Makes places, so that few folders are in use at a time: of the uploads that follow each other
/// nearly all find their folder there and on the disk already, with one name to bring there, and
/// those that end together share that.
#[derive(Debug)]
pub(super) struct Places {
    made: AtomicU32,
}

impl Default for Places {
    fn default() -> Self {
        // Not the folders of the process before: servers that are started often fill all of them.
        Self {
            made: AtomicU32::new(rand::random()),
        }
    }
}

impl Places {
    /// Makes a place that nobody has used and nobody can guess: 112 random bits, the day, and a
    /// folder of the 256 of that day, which is another after each 1,024 places. The days take turns
    /// in the 65,536 folders.
    pub(super) fn fresh(&self, now: Timestamp) -> Place {
        let day = now.as_millis() / MILLIS_A_DAY;
        let turn = self.made.fetch_add(1, Ordering::Relaxed) / PLACES_A_TURN;
        let folder = u128::from(turn & 0xff) << 8 | u128::from(day & 0xff);
        Place(folder << 112 | rand::random::<u128>() >> 16)
    }
}

impl Place {
    /// Returns the beginning of the day on which it was made, as far as 256 days tell.
    pub(super) fn not_before(self, now: Timestamp) -> Timestamp {
        let today = now.as_millis() / MILLIS_A_DAY;
        let [_, day_low] = self.folder_number().to_be_bytes();
        let age = today.wrapping_sub(u64::from(day_low)) & 0xff;
        Timestamp::from_millis(today.saturating_sub(age) * MILLIS_A_DAY)
    }

    /// Reads a key; anything but this driver's own text is `Invalid`.
    pub(super) fn of_key(operation: Operation, key: &DataKey) -> Result<Self> {
        Self::of_name(key.as_str().as_bytes()).ok_or_else(|| {
            let reason = "it is not a key that this driver made";
            StorageError::new(Kind::Invalid, operation, key.as_str(), reason)
        })
    }

    /// Reads a file name.
    pub(super) fn of_name(name: &[u8]) -> Option<Self> {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if name.len() != 32 || !name.iter().all(is_digit) {
            return None;
        }
        let text = std::str::from_utf8(name).ok()?;
        u128::from_str_radix(text, 16).ok().map(Self)
    }

    /// Returns the key.
    pub(super) fn key(self) -> DataKey {
        DataKey::new(format!("{:032x}", self.0))
    }

    /// Returns the path of the unfinished upload, relative to the data folder.
    pub(super) fn staged(self) -> String {
        format!("uploads/{:032x}", self.0)
    }

    /// Returns the path of the finished object.
    pub(super) fn published(self) -> String {
        let [outer, inner] = self.folder_number().to_be_bytes();
        format!("data/{outer:02x}/{inner:02x}/{:032x}", self.0)
    }

    /// Returns the path of the outer folder of the object.
    pub(super) fn outer_folder(self) -> String {
        let [outer, _] = self.folder_number().to_be_bytes();
        format!("data/{outer:02x}")
    }

    /// Returns the path of the folder of the object.
    pub(super) fn inner_folder(self) -> String {
        let [outer, inner] = self.folder_number().to_be_bytes();
        format!("data/{outer:02x}/{inner:02x}")
    }

    /// Returns the number of the folder: one of 65,536.
    pub(super) fn folder_number(self) -> u16 {
        u16::try_from(self.0 >> 112).expect("128 bits less 112 are 16")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_key_names_its_paths() {
        let key = DataKey::new("0123456789abcdef0123456789abcdef");
        let place = Place::of_key(Operation::Read, &key).unwrap();
        assert_eq!(place.key(), key);
        assert_eq!(place.staged(), "uploads/0123456789abcdef0123456789abcdef");
        assert_eq!(
            place.published(),
            "data/01/23/0123456789abcdef0123456789abcdef"
        );
        assert_eq!(place.outer_folder(), "data/01");
        assert_eq!(place.inner_folder(), "data/01/23");
        assert_eq!(place.folder_number(), 0x0123);
    }

    #[test]
    fn places_that_follow_each_other_share_a_folder_and_are_never_the_same() {
        let now = Timestamp::from_millis(MILLIS_A_DAY * 0x1234 + 5);
        let places = Places::default();
        let made: Vec<Place> = (0..5000).map(|_| places.fresh(now)).collect();
        assert!(
            made.iter()
                .all(|place| place.folder_number() & 0xff == 0x34)
        );
        let folders: HashSet<u16> = made.iter().map(|place| place.folder_number()).collect();
        assert!((5..=6).contains(&folders.len()), "{folders:?}");
        assert_eq!(made.into_iter().collect::<HashSet<Place>>().len(), 5000);
    }

    #[test]
    fn a_place_tells_the_day_on_which_it_was_made() {
        let day = MILLIS_A_DAY * 0x1234;
        let place = Places::default().fresh(Timestamp::from_millis(day + 5));
        let later = Timestamp::from_millis(day + 200 * MILLIS_A_DAY + 7);
        assert_eq!(place.not_before(later), Timestamp::from_millis(day));
    }

    #[test]
    fn no_other_text_is_a_key() {
        let fine = "0123456789abcdef0123456789abcdef";
        let texts = [
            String::new(),
            fine.to_uppercase(),
            format!("{fine}0"),
            fine[1..].to_owned(),
            format!("+{}", &fine[1..]),
            format!("../{}", &fine[3..]),
            format!("{}/", &fine[1..]),
            format!("{}\0", &fine[1..]),
            format!(" {}", &fine[1..]),
        ];
        for text in texts {
            let error = Place::of_key(Operation::Read, &DataKey::new(text.clone())).unwrap_err();
            assert_eq!(error.kind(), Kind::Invalid, "{text:?}");
        }
    }
}
