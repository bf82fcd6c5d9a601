//! Where a data object lies: its number, and the paths made of it and of nothing else.

use crate::{DataKey, Kind, Operation, Result, StorageError, Timestamp};

const MILLIS_A_DAY: u64 = 24 * 60 * 60 * 1000;

/// The number of a data object or upload. Only 32 lower-case hexadecimal digits name one, so that
/// no text from outside ever becomes a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place(u128);

impl Place {
    /// Makes a place that nobody has used and nobody can guess: 120 random bits and the day.
    ///
    /// All uploads of a day share 256 folders, so that after the first few hundred a finish makes
    /// no folder and has one folder to bring to the disk, not three. The days take turns in the
    /// 65,536 folders.
    pub(super) fn fresh(now: Timestamp) -> Self {
        const DAY_BITS: u128 = 0xff << 112;
        let day = u128::from(now.as_millis() / MILLIS_A_DAY) << 112;
        Self((rand::random::<u128>() & !DAY_BITS) | (day & DAY_BITS))
    }

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
    fn the_places_of_a_day_share_256_folders_and_are_never_the_same() {
        let now = Timestamp::from_millis(MILLIS_A_DAY * 0x1234 + 5);
        let places: Vec<Place> = (0..1000).map(|_| Place::fresh(now)).collect();
        assert!(
            places
                .iter()
                .all(|place| place.folder_number() & 0xff == 0x34)
        );
        let folders: HashSet<u16> = places.iter().map(|place| place.folder_number()).collect();
        assert!(folders.len() > 200);
        assert_eq!(places.into_iter().collect::<HashSet<Place>>().len(), 1000);
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
