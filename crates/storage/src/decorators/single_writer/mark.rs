//! The record of a single writer: who it is and how often it has beaten.

use std::fmt;

const FORMAT: u8 = 1;
const BYTES: usize = 1 + 16 + 8;

/// The random name that a server has from its start to its end. Shows itself in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WriterId(u128);

impl WriterId {
    pub(super) fn random() -> Self {
        Self(rand::random())
    }
}

impl fmt::Display for WriterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// What the record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) writer: WriterId,
    pub(super) beat: u64,
}

impl Mark {
    /// ```text
    /// 01 | id, 16 bytes | beat, 8 bytes, both big endian
    /// ```
    pub(super) fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.writer.0.to_be_bytes());
        bytes.extend_from_slice(&self.beat.to_be_bytes());
        bytes
    }

    /// Returns nothing for another format: somebody writes, but nobody this version knows.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[format], rest) = bytes.split_first_chunk::<1>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let beat: &[u8; 8] = rest.try_into().ok()?;
        (format == FORMAT).then(|| Self {
            writer: WriterId(u128::from_be_bytes(*id)),
            beat: u64::from_be_bytes(*beat),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_and_others_are_not_taken_for_one() {
        let mark = Mark {
            writer: WriterId(0x0102),
            beat: 3,
        };
        let bytes = mark.encode();
        assert_eq!(bytes.len(), BYTES);
        assert_eq!(Mark::decode(&bytes), Some(mark));
        assert_eq!(mark.writer.to_string(), format!("{:028}0102", 0));
        assert_eq!(Mark::decode(&bytes[1..]), None);
        assert_eq!(Mark::decode(&[]), None);
        let newer = [&[2], &bytes[1..]].concat();
        assert_eq!(Mark::decode(&newer), None);
    }
}
