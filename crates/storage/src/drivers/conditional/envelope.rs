//! How a record lies in an object: `[format 1][nonce 16][payload]`. A tombstone is a zero format
//! byte and a nonce: exactly 17 bytes, which no record has, so that a listing tells them apart.

use crate::{Kind, Operation, Result, StorageError};
use bytes::{BufMut, Bytes, BytesMut};

/// The length of a tombstone in bytes; a record is longer, for its payload is never empty.
pub(in crate::drivers) const TOMBSTONE_BYTES: usize = 17;

const TOMBSTONE: u8 = 0;
const RECORD: u8 = 1;

/// An object taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::drivers) struct Envelope {
    /// Drawn by the writer: tells it its own write from everybody else's.
    pub(in crate::drivers) nonce: u128,
    /// The record; a tombstone has none.
    pub(in crate::drivers) payload: Option<Bytes>,
}

impl Envelope {
    /// Tells a record from a tombstone.
    pub(in crate::drivers) const fn is_record(&self) -> bool {
        self.payload.is_some()
    }
}

/// Makes the object of a record, or of a tombstone where `payload` is `None`.
pub(super) fn encode(nonce: u128, payload: Option<&[u8]>) -> Bytes {
    let payload_bytes = payload.map_or(0, <[u8]>::len);
    let mut object = BytesMut::with_capacity(TOMBSTONE_BYTES + payload_bytes);
    object.put_u8(if payload.is_some() { RECORD } else { TOMBSTONE });
    object.put_u128(nonce);
    object.put_slice(payload.unwrap_or_default());
    object.freeze()
}

/// Takes an object apart; one that no driver wrote is `Corrupt` and never taken for an absence.
pub(in crate::drivers) fn decode(
    operation: Operation,
    key: &str,
    object: &Bytes,
) -> Result<Envelope> {
    let corrupt = |reason: String| Err(StorageError::new(Kind::Corrupt, operation, key, reason));
    let Some((header, _)) = object.split_first_chunk::<TOMBSTONE_BYTES>() else {
        return corrupt(format!(
            "the object has {} bytes, too few for its header",
            object.len()
        ));
    };
    let [format, nonce @ ..] = *header;
    let nonce = u128::from_be_bytes(nonce);
    let is_empty = object.len() == TOMBSTONE_BYTES;
    match format {
        TOMBSTONE if is_empty => Ok(Envelope {
            nonce,
            payload: None,
        }),
        RECORD if !is_empty => {
            let payload = Some(object.slice(TOMBSTONE_BYTES..));
            Ok(Envelope { nonce, payload })
        }
        TOMBSTONE | RECORD => corrupt(format!(
            "the object has the format {format} and {} bytes, which do not go together",
            object.len()
        )),
        other => corrupt(format!("the object has the unknown format {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: u128 = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10;

    #[test]
    fn the_envelope_stays_as_it_is() {
        let record = encode(NONCE, Some(b"ab"));
        let expected: Vec<u8> = [1].into_iter().chain(1..=0x10).chain(*b"ab").collect();
        assert_eq!(record, expected);
        let decoded = decode(Operation::Get, "key", &record).unwrap();
        assert_eq!(
            (decoded.nonce, decoded.payload.as_deref()),
            (NONCE, Some(&b"ab"[..]))
        );

        let tombstone = encode(NONCE, None);
        assert_eq!(
            tombstone,
            [0].into_iter().chain(1..=0x10).collect::<Vec<u8>>()
        );
        assert_eq!(tombstone.len(), TOMBSTONE_BYTES);
        let decoded = decode(Operation::Get, "key", &tombstone).unwrap();
        assert!(!decoded.is_record());
    }

    #[test]
    fn what_no_driver_wrote_is_corrupt() {
        let objects: [&[u8]; 5] = [b"", &[1; 16], &[1; 17], &[0; 18], &[2; 40]];
        for object in objects {
            let error = decode(Operation::Get, "key", &Bytes::from_static(object)).unwrap_err();
            assert_eq!(error.kind(), Kind::Corrupt, "{object:?}");
        }
    }
}
