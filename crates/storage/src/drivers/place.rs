//! Where data lies: the names of an upload's objects, made of its id and of nothing else.

use crate::{DataKey, Kind, Operation, Result, StorageError};

/// The id of a data object or upload. Only 32 lower-case hexadecimal digits are one, so that no
/// text from outside ever becomes a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::drivers) struct Place(u128);

impl Place {
    /// Makes an id that nobody has used and nobody can guess.
    pub(in crate::drivers) fn fresh() -> Self {
        Self(rand::random())
    }

    /// Reads a key; anything but this driver's own text is `Invalid`.
    pub(in crate::drivers) fn of_key(operation: Operation, key: &DataKey) -> Result<Self> {
        Self::of_id(key.as_str()).ok_or_else(|| {
            let reason = "it is not a key that this driver made";
            StorageError::new(Kind::Invalid, operation, key.as_str(), reason)
        })
    }

    fn of_id(id: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if id.len() != 32 || !id.bytes().all(is_digit) {
            return None;
        }
        u128::from_str_radix(id, 16).ok().map(Self)
    }

    /// Reads the name of an object below the driver's prefix.
    pub(in crate::drivers) fn of_object(name: &str) -> Option<Self> {
        let place = Self::of_id(name.rsplit('/').next()?)?;
        (place.object() == name).then_some(place)
    }

    /// Reads the name of a tail below the driver's prefix.
    pub(in crate::drivers) fn of_tail(name: &str) -> Option<Self> {
        let (id, _) = name.strip_prefix("tails/")?.split_once('/')?;
        Self::of_id(id)
    }

    /// Returns the key.
    pub(in crate::drivers) fn key(self) -> DataKey {
        DataKey::new(format!("{:032x}", self.0))
    }

    /// Returns the name of the object; the first digits spread the objects over a store that keeps
    /// names in order.
    pub(in crate::drivers) fn object(self) -> String {
        format!("data/{:02x}/{:032x}", self.0 >> 120, self.0)
    }

    /// Returns the name of a tail.
    pub(in crate::drivers) fn tail(self, name: &str) -> String {
        format!("{}{name}", self.tails())
    }

    /// Returns what the names of all its tails begin with.
    pub(in crate::drivers) fn tails(self) -> String {
        format!("tails/{:032x}/", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_objects_and_no_other_text_is_a_key() {
        let key = DataKey::new("0123456789abcdef0123456789abcdef");
        let place = Place::of_key(Operation::Read, &key).unwrap();
        assert_eq!(place.key(), key);
        assert_eq!(place.object(), "data/01/0123456789abcdef0123456789abcdef");
        assert_eq!(Place::of_object(&place.object()), Some(place));
        assert_eq!(
            place.tail("1-x"),
            "tails/0123456789abcdef0123456789abcdef/1-x"
        );
        assert_eq!(Place::of_tail(&place.tail("1-x")), Some(place));
        assert_ne!(Place::fresh(), Place::fresh());
        for text in [
            "",
            "0123456789ABCDEF0123456789abcdef",
            "+123456789abcdef0123456789abcdef",
            "x",
        ] {
            assert!(
                Place::of_key(Operation::Read, &DataKey::new(text)).is_err(),
                "{text:?}"
            );
        }
        assert_eq!(
            Place::of_object("data/02/0123456789abcdef0123456789abcdef"),
            None
        );
    }
}
