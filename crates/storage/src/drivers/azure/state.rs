//! What the driver keeps of an upload in its session: blocks that are there, and the tail that is
//! no block yet.
//!
//! A session record holds at most 256 KiB, and a blob has up to 50,000 blocks: the ids of a
//! writer's blocks are its own random number and a count, so that a run of them is kept as 16
//! bytes, and lengths not at all, for all kept blocks are full. No two writers share an id: nothing
//! need be reserved.

use crate::{Kind, Operation, Result, StorageError, UploadState};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// The most blocks that a blob has.
pub(super) const MOST_BLOCKS: usize = 50_000;

/// After how many blocks their length doubles: 5,000 blocks of 8 MiB are 39 GiB, 35,000 blocks
/// 4.84 TiB, the last of which have 512 MiB.
const BLOCKS_A_LENGTH: u32 = 5_000;

/// The greatest length of a block in bytes.
const MOST_BLOCK_BYTES: u64 = 4000 * 1024 * 1024;

/// Stands for a number in the id of a tail that became a block.
const TAIL_NUMBER: u32 = u32::MAX;

/// Returns the length of the block with this index, counted from zero, in bytes.
pub(super) fn block_length(first_bytes: u64, index: usize) -> u64 {
    let doublings = u32::try_from(index).unwrap_or(u32::MAX) / BLOCKS_A_LENGTH;
    let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
    first_bytes.saturating_mul(factor).min(MOST_BLOCK_BYTES)
}

/// A block: who sent it, and which of its own it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) writer: u64,
    pub(super) number: u32,
}

impl Block {
    /// Returns the id as the service wants it: base64, of one length for all blocks of a blob.
    pub(super) fn id(self) -> String {
        let mut bytes = [0; 12];
        let (writer, number) = bytes.split_at_mut(8);
        writer.copy_from_slice(&self.writer.to_be_bytes());
        number.copy_from_slice(&self.number.to_be_bytes());
        STANDARD.encode(bytes)
    }
}

/// The last bytes of an upload, in a blob of their own. There is one from the first checkpoint on,
/// be it empty: without it no writer goes on, so that an abort ends an upload for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tail {
    epoch: u64,
    random: u64,
    pub(super) length: u64,
}

impl Tail {
    pub(super) fn fresh(epoch: u64, length: u64) -> Self {
        let random = rand::random();
        Self {
            epoch,
            random,
            length,
        }
    }

    /// Returns its name among the tails of the upload.
    pub(super) fn name(&self) -> String {
        format!("{}-{:016x}", self.epoch, self.random)
    }

    /// Returns the block that it becomes where nothing is added: the same whoever sends it.
    pub(super) const fn block(&self) -> Block {
        Block {
            writer: self.random,
            number: TAIL_NUMBER,
        }
    }
}

/// A blob that lies under the final key already, because its bytes had to be read back: blocks that
/// are in no list cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Base {
    pub(super) length: u64,
    /// Its entity tag, for a condition.
    pub(super) tag: String,
    #[serde(with = "packed")]
    pub(super) blocks: Vec<Block>,
}

/// The driver's part of an upload's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DriverState {
    /// The length of the first blocks.
    pub(super) part_bytes: u64,
    #[serde(default, with = "packed", skip_serializing_if = "Vec::is_empty")]
    pub(super) blocks: Vec<Block>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tail: Option<Tail>,
    /// Names of tails before that one, which nobody needs once this state is kept. The next writer
    /// deletes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) replaced: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<Base>,
}

impl DriverState {
    pub(super) const fn new(part_bytes: u64) -> Self {
        Self {
            part_bytes,
            blocks: Vec::new(),
            tail: None,
            replaced: Vec::new(),
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

    fn base_blocks(&self) -> &[Block] {
        self.base.as_ref().map_or(&[], |base| &base.blocks)
    }

    /// Returns how many blocks there are.
    pub(super) fn count(&self) -> usize {
        self.base_blocks().len() + self.blocks.len()
    }

    /// Returns all blocks in order.
    pub(super) fn all_blocks(&self) -> Vec<Block> {
        [self.base_blocks(), &self.blocks].concat()
    }

    /// Returns how long the block is that has `ahead` others between it and the last one kept.
    pub(super) fn next_length(&self, ahead: usize) -> u64 {
        block_length(self.part_bytes, self.count() + ahead)
    }

    /// Returns how many bytes the blocks hold, those of the base included.
    pub(super) fn blocks_length(&self) -> u64 {
        let base = self.base.as_ref().map_or(0, |base| base.length);
        let own = self.base_blocks().len()..self.count();
        base + own
            .map(|index| block_length(self.part_bytes, index))
            .sum::<u64>()
    }

    /// Returns how many bytes are kept in all.
    pub(super) fn length(&self) -> u64 {
        self.blocks_length() + self.tail.as_ref().map_or(0, |tail| tail.length)
    }

    /// Gives up the present tail: its bytes are elsewhere, or the upload is finished.
    pub(super) fn replace_tail(&mut self, tail: Option<Tail>) {
        let present = std::mem::replace(&mut self.tail, tail);
        self.replaced.extend(present.map(|tail| tail.name()));
    }
}

/// Runs of blocks of one writer with consecutive numbers, 16 bytes each.
mod packed {
    use super::{Block, Engine, MOST_BLOCKS, STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        blocks: &[Block],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut packed = Vec::new();
        let runs = blocks.chunk_by(|one, next| {
            one.writer == next.writer && one.number.checked_add(1) == Some(next.number)
        });
        for run in runs {
            let Some(first) = run.first() else { continue };
            let count = u32::try_from(run.len()).unwrap_or(u32::MAX);
            packed.extend_from_slice(&first.writer.to_be_bytes());
            packed.extend_from_slice(&first.number.to_be_bytes());
            packed.extend_from_slice(&count.to_be_bytes());
        }
        serializer.serialize_str(&STANDARD.encode(packed))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Block>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let packed = STANDARD.decode(text).map_err(D::Error::custom)?;
        let (runs, rest) = packed.as_chunks::<16>();
        if !rest.is_empty() {
            return Err(D::Error::custom("a run of blocks is cut"));
        }
        let mut blocks = Vec::new();
        for run in runs {
            let run = u128::from_be_bytes(*run);
            let writer = u64::try_from(run >> 64).expect("64 bits are left");
            let first = u32::try_from((run >> 32) & 0xffff_ffff).expect("32 bits are left");
            let count = u32::try_from(run & 0xffff_ffff).expect("32 bits are left");
            let is_too_long = usize::try_from(count)
                .is_ok_and(|count| count.saturating_add(blocks.len()) > MOST_BLOCKS);
            if is_too_long || first.checked_add(count - count.min(1)).is_none() {
                return Err(D::Error::custom("a run of blocks is too long"));
            }
            let numbers = (0..count).map(|index| first + index);
            blocks.extend(numbers.map(|number| Block { writer, number }));
        }
        Ok(blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataKey;

    const MIB: u64 = 1024 * 1024;

    fn kept(state: &DriverState) -> UploadState {
        let mut kept = UploadState {
            key: DataKey::new("key"),
            length: 0,
            epoch: 0,
            driver: serde_json::Value::Null,
        };
        state.write(&mut kept);
        kept
    }

    fn run(writer: u64, count: u32) -> impl Iterator<Item = Block> {
        (0..count).map(move |number| Block { writer, number })
    }

    #[test]
    fn an_upload_of_almost_five_tebibytes_fits_with_blocks_to_spare() {
        let mut state = DriverState::new(8 * MIB);
        state.blocks = run(1, 35_000).collect();
        assert!(state.length() > 4864 * 1024 * MIB, "{}", state.length());
        assert_eq!(block_length(8 * MIB, 34_999), 512 * MIB);
        assert_eq!(block_length(8 * MIB, 4_999), 8 * MIB);
        assert!(block_length(4000 * MIB, MOST_BLOCKS) == MOST_BLOCK_BYTES);
    }

    #[test]
    fn an_upload_that_many_writers_went_on_with_fits_a_record() {
        let mut state = DriverState::new(8 * MIB);
        state.blocks = (0..8_000).flat_map(|writer| run(writer, 4)).collect();
        let text = kept(&state).driver.to_string();
        assert!(text.len() < 200 * 1024, "{} bytes", text.len());
    }

    #[test]
    fn blocks_are_packed_and_read_back() {
        let mut state = DriverState::new(8 * MIB);
        state.blocks = run(7, 3).chain(run(u64::MAX, 1)).collect();
        state.tail = Some(Tail {
            epoch: 1,
            random: 0xab,
            length: 7,
        });
        state.base = Some(Base {
            length: 11,
            tag: "\"t\"".to_owned(),
            blocks: run(3, 1)
                .chain([state.tail.clone().unwrap().block()])
                .collect(),
        });
        state.replaced = vec!["0-1".to_owned()];
        let kept = kept(&state);
        assert_eq!(DriverState::of(Operation::Append, &kept).unwrap(), state);
        assert_eq!(state.length(), 11 + 4 * 8 * MIB + 7);
        assert_eq!(state.count(), 6);
        let packed = kept.driver["blocks"].as_str().unwrap();
        assert_eq!(packed.len(), 44, "{packed}");
        assert_eq!(state.tail.unwrap().name(), "1-00000000000000ab");
    }

    #[test]
    fn a_state_that_nobody_wrote_is_corrupt() {
        // A run of all blocks there are, twice; and half a run.
        let mut long = Vec::new();
        for _ in 0..2 {
            long.extend_from_slice(&[0; 12]);
            long.extend_from_slice(&50_000_u32.to_be_bytes());
        }
        for packed in [
            STANDARD.encode(long),
            STANDARD.encode([0; 8]),
            "?".to_owned(),
        ] {
            let mut kept = kept(&DriverState::new(MIB));
            kept.driver["blocks"] = packed.into();
            let error = DriverState::of(Operation::Append, &kept).unwrap_err();
            assert_eq!(error.kind(), Kind::Corrupt);
        }
    }

    #[test]
    fn ids_of_blocks_have_one_length_and_differ() {
        let ids = [
            Block {
                writer: 0,
                number: 0,
            },
            Block {
                writer: u64::MAX,
                number: TAIL_NUMBER,
            },
        ]
        .map(Block::id);
        assert_eq!(ids.each_ref().map(String::len), [16, 16]);
        assert_ne!(ids[0], ids[1]);
    }
}
