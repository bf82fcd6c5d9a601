//! What the driver keeps of an upload in its session: parts that are there, numbers that are taken,
//! the tail that is too short for a part.
//!
//! A session record holds at most 256 KiB, and an upload has up to 10,000 parts: entity tags are
//! kept as their 16 bytes, and lengths not at all, for all kept parts are full.

use crate::drivers::place::Place;
use crate::{Kind, Operation, Result, StorageError, UploadState};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

/// The greatest number of a part.
pub(super) const LAST_NUMBER: u32 = 10_000;

/// How many numbers a writer may use before it must look whether another has begun.
const RESERVED_NUMBERS: u32 = 256;

/// After how many parts their length doubles: 800 parts of 8 MiB are 6.25 GiB, 8,000 parts 6.4 TiB,
/// which leaves 2,000 numbers that crashed writers may have taken with them.
const PARTS_A_LENGTH: u32 = 800;

/// The greatest length of a part in bytes.
const MOST_PART_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// Returns the length of the part with this index, counted from zero, in bytes.
pub(super) fn part_length(first_bytes: u64, index: usize) -> u64 {
    let doublings = u32::try_from(index).unwrap_or(u32::MAX) / PARTS_A_LENGTH;
    let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
    first_bytes.saturating_mul(factor).min(MOST_PART_BYTES)
}

/// A part that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) number: u32,
    /// Its entity tag, without quotes.
    pub(super) tag: String,
}

/// The last bytes of an upload, in an object of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tail {
    pub(super) name: String,
    pub(super) length: u64,
    /// Its entity tag, without quotes.
    pub(super) tag: String,
}

/// An object that lies under the final key already, because its bytes had to be read back: S3 does
/// not read parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Base {
    pub(super) length: u64,
    /// Its entity tag, with quotes, for a condition.
    pub(super) tag: String,
}

/// The driver's part of an upload's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DriverState {
    /// The multipart upload, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) upload: Option<String>,
    /// The length of the first parts.
    pub(super) part_bytes: u64,
    #[serde(default, with = "packed", skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Part>,
    /// The first number that the present writer has not used.
    pub(super) next: u32,
    /// The first number that it may not use.
    pub(super) end: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tail: Option<Tail>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<Base>,
}

impl DriverState {
    pub(super) const fn new(part_bytes: u64) -> Self {
        Self {
            upload: None,
            part_bytes,
            parts: Vec::new(),
            next: 1,
            end: 1,
            tail: None,
            base: None,
        }
    }

    /// Reads it from the state of an upload.
    pub(super) fn of(operation: Operation, state: &UploadState) -> Result<Self> {
        Self::deserialize(&state.driver)
            .map_err(|error| StorageError::new(Kind::Corrupt, operation, state.key.as_str(), error))
    }

    pub(super) fn write(&self, state: &mut UploadState) {
        state.driver = serde_json::to_value(self).expect("it has no keys but texts");
    }

    /// Takes the numbers that an earlier writer may use out of reach.
    pub(super) fn reserve(&mut self) {
        self.next = self.end.max(self.next);
        self.extend();
    }

    /// Lets the present writer use further numbers.
    pub(super) fn extend(&mut self) {
        self.end = (self.next + RESERVED_NUMBERS)
            .min(LAST_NUMBER + 1)
            .max(self.end);
    }

    /// Gives back what the present writer reserved and did not use.
    pub(super) fn release(&mut self) {
        self.end = self.next;
    }

    /// Returns how long the next part is.
    pub(super) fn next_length(&self) -> u64 {
        part_length(self.part_bytes, self.parts.len())
    }

    /// Returns how many bytes the parts hold.
    pub(super) fn parts_length(&self) -> u64 {
        (0..self.parts.len())
            .map(|index| part_length(self.part_bytes, index))
            .sum()
    }

    /// Returns how many bytes are kept in all.
    pub(super) fn length(&self) -> u64 {
        let tail = self.tail.as_ref().map_or(0, |tail| tail.length);
        match (&self.base, &self.upload) {
            (Some(base), None) => base.length + tail,
            _ => self.parts_length() + tail,
        }
    }

    /// Returns the name of the object of the tail.
    pub(super) fn tail_object(&self, place: Place) -> Option<String> {
        self.tail.as_ref().map(|tail| place.tail(&tail.name))
    }
}

/// Runs of parts with consecutive numbers.
mod packed {
    use super::{Engine, Part, STANDARD_NO_PAD};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[derive(Serialize, Deserialize)]
    struct Run {
        first: u32,
        /// Tags of 32 hexadecimal digits, 16 bytes each.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        packed: String,
        /// Other tags.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
    }

    fn bytes(tag: &str) -> Option<[u8; 16]> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if tag.len() != 32 || !tag.bytes().all(is_digit) {
            return None;
        }
        u128::from_str_radix(tag, 16).ok().map(u128::to_be_bytes)
    }

    fn pack(parts: &[Part]) -> Run {
        let first = parts.first().map_or(1, |part| part.number);
        let hashes: Option<Vec<[u8; 16]>> = parts.iter().map(|part| bytes(&part.tag)).collect();
        let mut run = Run {
            first,
            packed: String::new(),
            tags: Vec::new(),
        };
        if let Some(hashes) = hashes {
            run.packed = STANDARD_NO_PAD.encode(hashes.concat());
        } else {
            run.tags = parts.iter().map(|part| part.tag.clone()).collect();
        }
        run
    }

    pub(super) fn serialize<S: Serializer>(
        parts: &[Part],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let runs = parts.chunk_by(|one, next| one.number + 1 == next.number);
        serializer.collect_seq(runs.map(pack))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Part>, D::Error> {
        let mut parts = Vec::new();
        for run in Vec::<Run>::deserialize(deserializer)? {
            let packed = STANDARD_NO_PAD
                .decode(&run.packed)
                .map_err(D::Error::custom)?;
            let (hashes, rest) = packed.as_chunks::<16>();
            if !rest.is_empty() {
                return Err(D::Error::custom("an entity tag is cut"));
            }
            let unpacked = hashes
                .iter()
                .map(|hash| format!("{:032x}", u128::from_be_bytes(*hash)));
            for (number, tag) in (run.first..).zip(unpacked.chain(run.tags)) {
                parts.push(Part { number, tag });
            }
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataKey;

    const MIB: u64 = 1024 * 1024;

    fn part(number: u32) -> Part {
        Part {
            number,
            tag: format!("{number:032x}"),
        }
    }

    fn kept(state: &DriverState) -> (UploadState, String) {
        let mut kept = UploadState {
            key: DataKey::new("key"),
            length: 0,
            epoch: 0,
            driver: serde_json::Value::Null,
        };
        state.write(&mut kept);
        let text = kept.driver.to_string();
        (kept, text)
    }

    #[test]
    fn the_longest_upload_has_five_tebibytes_and_its_state_fits_a_record() {
        let parts = 8000;
        let length: u64 = (0..parts).map(|index| part_length(8 * MIB, index)).sum();
        assert!(length >= 5 * 1024 * 1024 * MIB);
        let longest = part_length(8 * MIB, parts - 1);
        assert!(longest <= MOST_PART_BYTES);
        let mut state = DriverState::new(8 * MIB);
        state.parts = (1..=8000).map(part).collect();
        let (_, text) = kept(&state);
        assert!(text.len() < 200 * 1024, "{} bytes", text.len());
    }

    #[test]
    fn a_blob_of_six_gibibytes_has_equal_parts() {
        let equal = (0..6 * 1024 / 8).all(|index| part_length(8 * MIB, index) == 8 * MIB);
        assert!(equal);
    }

    #[test]
    fn parts_are_packed_and_read_back() {
        let mut state = DriverState::new(8 * MIB);
        state.upload = Some("id".to_owned());
        state.parts = vec![
            part(1),
            part(2),
            part(300),
            Part {
                number: 301,
                tag: "odd".to_owned(),
            },
            part(500),
        ];
        state.tail = Some(Tail {
            name: "1-a".to_owned(),
            length: 7,
            tag: "t".to_owned(),
        });
        let (kept, text) = kept(&state);
        assert_eq!(DriverState::of(Operation::Append, &kept).unwrap(), state);
        assert!(
            text.contains(r#"{"first":1,"packed":"AAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAI"}"#),
            "{text}"
        );
        assert!(
            text.contains(r#""tags":["0000000000000000000000000000012c","odd"]"#),
            "{text}"
        );
        assert_eq!(state.length(), 5 * 8 * MIB + 7);
    }

    #[test]
    fn each_writer_has_numbers_of_its_own() {
        let mut state = DriverState::new(8 * MIB);
        state.reserve();
        assert_eq!((state.next, state.end), (1, 257));
        let zombie = state.clone();
        state.reserve();
        assert_eq!((state.next, state.end), (257, 513));
        assert!(state.next >= zombie.end);
        state.next = 260;
        state.release();
        state.reserve();
        assert_eq!((state.next, state.end), (260, 516));
        state.next = 9_990;
        state.end = 9_990;
        state.extend();
        assert_eq!(state.end, 10_001);
    }
}
