//! How a record lies in redb: its tables and the encoding of a value.
//!
//! A value is `[kind][nonce 16][modified 8][payload]`, numbers in big endian. Kind 1 is a record,
//! kind 0 a tombstone without payload.

use crate::{Kind, Operation, Result, StorageError, Timestamp, Version};
use redb::TableDefinition;
use std::time::Duration;

/// Key to value.
pub(super) const RECORDS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("records");

/// Time and key of every tombstone to its nonce: finds the old ones without walking the records.
/// An entry whose nonce is no longer the key's names a tombstone that was replaced.
pub(super) const TOMBSTONES: TableDefinition<'static, (u64, &str), u128> =
    TableDefinition::new("tombstones");

/// The store's time, at most [`CLOCK_STEP`] before the latest of any record.
pub(super) const CLOCK: TableDefinition<'static, &str, u64> = TableDefinition::new("clock");

/// The only key of that table.
pub(super) const LATEST: &str = "latest";

/// The cycle of the journal that goes on from this state of the file.
pub(super) const JOURNAL: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("journal");

/// The only key of that table.
pub(super) const CYCLE: &str = "cycle";

/// How far apart the times in the table of the clock are.
pub(super) const CLOCK_STEP: Duration = Duration::from_secs(1);

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 1 + 16 + 8;

const TOMBSTONE: u8 = 0;
const RECORD: u8 = 1;

/// A value as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value<'a> {
    /// The payload; a tombstone has none.
    pub(super) record: Option<&'a [u8]>,
    pub(super) nonce: u128,
    pub(super) modified: Timestamp,
}

impl<'a> Value<'a> {
    /// Reads a value; an unknown kind is an error that names it.
    pub(super) fn decode(operation: Operation, key: &str, bytes: &'a [u8]) -> Result<Self> {
        let corrupt = |reason: String| StorageError::new(Kind::Corrupt, operation, key, reason);
        let Some((header, payload)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(corrupt(format!(
                "the record has {} bytes, too few for its header",
                bytes.len()
            )));
        };
        let [kind, rest @ ..] = header;
        let (nonce, modified) = rest
            .split_first_chunk::<16>()
            .expect("the rest has 24 bytes");
        let modified = modified.try_into().expect("24 bytes less 16 are 8");
        let record = match *kind {
            RECORD => Some(payload),
            TOMBSTONE => None,
            other => return Err(corrupt(format!("the record has the unknown kind {other}"))),
        };
        Ok(Self {
            record,
            nonce: u128::from_be_bytes(*nonce),
            modified: Timestamp::from_millis(u64::from_be_bytes(modified)),
        })
    }

    /// Returns the length of the encoded value in bytes.
    pub(super) fn encoded_length(&self) -> usize {
        HEADER_BYTES + self.record.map_or(0, <[u8]>::len)
    }

    /// Writes the value into exactly `encoded_length` bytes.
    pub(super) fn encode(&self, into: &mut [u8]) {
        let kind = if self.record.is_some() {
            RECORD
        } else {
            TOMBSTONE
        };
        let (header, payload) = into.split_at_mut(HEADER_BYTES);
        header[0] = kind;
        header[1..17].copy_from_slice(&self.nonce.to_be_bytes());
        header[17..].copy_from_slice(&self.modified.as_millis().to_be_bytes());
        payload.copy_from_slice(self.record.unwrap_or_default());
    }

    /// Returns the version that this value stands for.
    pub(super) const fn version(&self) -> Version {
        Version::nonce(self.nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_of_a_value_stays_as_it_is() {
        let value = Value {
            record: Some(b"ab"),
            nonce: 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
            modified: Timestamp::from_millis(0x1112_1314_1516_1718),
        };
        let mut bytes = vec![0; value.encoded_length()];
        value.encode(&mut bytes);
        let expected: Vec<u8> = [1].into_iter().chain(1..=0x18).chain(*b"ab").collect();
        assert_eq!(bytes, expected);
        assert_eq!(Value::decode(Operation::Get, "key", &bytes).unwrap(), value);

        let tombstone = Value {
            record: None,
            ..value
        };
        let mut bytes = vec![7; tombstone.encoded_length()];
        tombstone.encode(&mut bytes);
        assert_eq!(bytes, [0].into_iter().chain(1..=0x18).collect::<Vec<u8>>());
        assert_eq!(
            Value::decode(Operation::Get, "key", &bytes).unwrap(),
            tombstone
        );
    }

    #[test]
    fn an_unknown_kind_or_a_short_value_is_a_readable_error() {
        let mut unknown = [0; HEADER_BYTES + 1];
        unknown[0] = 9;
        let error = Value::decode(Operation::Get, "key", &unknown).unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
        assert!(error.to_string().contains("unknown kind 9"), "{error}");
        let error = Value::decode(Operation::Get, "key", &unknown[..24]).unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
    }
}
