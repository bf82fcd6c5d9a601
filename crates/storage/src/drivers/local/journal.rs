//! The journal: what was written since the record file was last brought to the disk.
//!
//! A commit of the record file that survives a power cut rewrites a page for each record, and those
//! above them; and it survives a crash without reading the whole file only if it also takes down
//! which pages are in use. The journal makes a batch durable with one write of a few blocks and one
//! fdatasync instead. The record file follows at once, in memory; it is brought to the disk when the
//! journal is full or nobody writes. A start applies what the journal has on top.
//!
//! ```text
//! entry    "RsJ1", cycle 8, index 4, length of the changes 4, SHA-256 32, changes
//! change   length of the key 2, length of the value 4, key, value
//! ```
//!
//! Numbers are in big endian. An entry begins with a block, so that no block that holds what was
//! answered is ever written again. The hash also covers the salt of the cycle, which only the record
//! file knows: neither what is left of an earlier cycle nor a manifest that somebody made to look so
//! is ever taken for an entry.

use super::direct::{Buffers, DirectFile};
use super::disk::Root;
use super::value::Value;
use crate::Operation;
use rustix::fd::AsFd;
use rustix::fs::{Advice, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;

/// The name of the journal in the data folder.
const NAME: &str = "records.journal";

const BLOCK_BYTES: usize = 4096;

/// By how much the file grows, in bytes. Where it has been written before, an fdatasync has nothing
/// to bring to the disk but the entry.
const GROWTH_BYTES: u64 = 128 * 1024;

const MAGIC: [u8; 4] = *b"RsJ1";
const DIGEST_BYTES: usize = 32;
const HEADER_BYTES: usize = MAGIC.len() + 8 + 4 + 4 + DIGEST_BYTES;

/// The entries since one state of the record file that is on the disk. The record file names the
/// cycle that goes on from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cycle {
    number: u64,
    salt: [u8; 16],
}

impl Cycle {
    /// Makes the cycle that follows.
    pub(super) fn after(earlier: Option<Self>) -> Self {
        Self {
            number: earlier.map_or(0, |earlier| earlier.number) + 1,
            salt: rand::random(),
        }
    }

    /// Returns the bytes by which the record file names it.
    pub(super) fn encode(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.number.to_be_bytes());
        bytes[8..].copy_from_slice(&self.salt);
        bytes
    }

    /// Reads what `encode` made; nothing when the bytes are not of that.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (number, salt) = bytes.split_first_chunk()?;
        Some(Self {
            number: u64::from_be_bytes(*number),
            salt: salt.try_into().ok()?,
        })
    }
}

impl Position {
    pub(super) const fn entries_before(self) -> u32 {
        self.index
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// It is durable.
    Durable,
    /// It is not, and the record file must be brought to the disk with it: there is no room, or it
    /// could not be written.
    NoRoom,
}

/// The file and where its next entry goes.
#[derive(Debug)]
pub(super) struct Journal {
    root: Arc<Root>,
    file: Arc<DirectFile>,
    buffers: Buffers,
    /// Up to where it has ever been written.
    length: u64,
    /// The most bytes of a cycle, and the most that its changes may take up in the record file.
    limit: u64,
    cycle: Option<Cycle>,
    next: Position,
    buffer: Vec<u8>,
}

/// Where an entry of a cycle is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// How many there are before it.
    index: u32,
    /// Where it begins in the file.
    offset: u64,
    /// How much the changes before it take up in the record file, at most.
    record_bytes: u64,
}

impl Journal {
    /// Opens or makes the file. The caller brings its name to the disk. No cycle goes on yet.
    pub(super) fn open(root: Arc<Root>, limit: u64) -> Result<Self> {
        let file = root.create(NAME, OFlags::RDWR)?;
        // What an earlier process failed to bring to the disk may still be in the page cache.
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
        let length = u64::try_from(rustix::fs::fstat(&file)?.st_size).unwrap_or(0);
        Ok(Self {
            root,
            file: Arc::new(DirectFile::new(file, NAME.to_owned())),
            buffers: Buffers::default(),
            length,
            limit,
            cycle: None,
            next: Position::default(),
            buffer: Vec::new(),
        })
    }

    /// Returns the cycle that goes on.
    pub(super) const fn cycle(&self) -> Option<Cycle> {
        self.cycle
    }

    /// Forgets all entries: the record file is on the disk with what they say, and names `cycle`;
    /// none when it has never named one.
    pub(super) fn begin(&mut self, cycle: Option<Cycle>) {
        self.cycle = cycle;
        self.next = Position::default();
    }

    /// Brings what the file has to the disk.
    ///
    /// # Errors
    /// As for `enter`.
    pub(super) fn sync(&self) -> std::result::Result<(), Errno> {
        self.root.sync_data(self.file.as_fd())
    }

    /// Goes on behind the entries of this cycle that are in the file.
    pub(super) const fn go_on(&mut self, next: Position) {
        self.next = next;
    }

    /// Makes the changes of a batch durable, all or none.
    ///
    /// # Errors
    /// The fdatasync failed: what is on the disk is not known, and will not be by another one.
    pub(super) fn enter<'a>(
        &mut self,
        changes: impl Iterator<Item = (&'a str, Value<'a>)>,
    ) -> std::result::Result<Entered, Errno> {
        let Some(cycle) = self.cycle else {
            return Ok(Entered::NoRoom);
        };
        let record_bytes = self.next.record_bytes + self.encode(cycle, changes);
        let used = self.buffer.len().next_multiple_of(BLOCK_BYTES);
        let end = self.next.offset + used as u64;
        if end.max(record_bytes) > self.limit {
            return Ok(Entered::NoRoom);
        }
        let grown = if end > self.length {
            end.next_multiple_of(GROWTH_BYTES)
        } else {
            end
        };
        let padded = used + usize::try_from(grown - end).unwrap_or(0);
        self.buffer.resize(padded, 0);
        let written =
            self.file
                .write_blocks(&self.root, &self.buffers, &self.buffer, self.next.offset);
        if let Err(error) = written {
            tracing::debug!(%error, "failed to write to the journal, so the record file goes to the disk");
            return Ok(Entered::NoRoom);
        }
        self.sync()?;
        self.length = self.length.max(grown);
        self.next = Position {
            index: self.next.index + 1,
            offset: end,
            record_bytes,
        };
        Ok(Entered::Durable)
    }

    /// Puts the next entry into the buffer; returns what it takes up in the record file, at most.
    fn encode<'a>(
        &mut self,
        cycle: Cycle,
        changes: impl Iterator<Item = (&'a str, Value<'a>)>,
    ) -> u64 {
        let buffer = &mut self.buffer;
        buffer.clear();
        buffer.resize(HEADER_BYTES, 0);
        let mut record_bytes = 0;
        for (key, value) in changes {
            let length = value.encoded_length();
            let key_length = u16::try_from(key.len()).expect("a key has at most a kibibyte");
            buffer.extend_from_slice(&key_length.to_be_bytes());
            buffer.extend_from_slice(&length_of(length).to_be_bytes());
            buffer.extend_from_slice(key.as_bytes());
            let start = buffer.len();
            buffer.resize(start + length, 0);
            value.encode(&mut buffer[start..]);
            record_bytes += bytes_in_the_record_file(&value);
        }
        let (head, changes) = buffer.split_at_mut(HEADER_BYTES);
        head.copy_from_slice(&header(cycle, self.next.index, changes));
        record_bytes
    }

    /// Returns the entries of this cycle, as they are in the file.
    pub(super) fn entries(&self) -> Entries {
        Entries {
            file: Arc::clone(&self.file),
            length: self.length,
            cycle: self.cycle,
        }
    }
}

/// The entries of a cycle.
#[derive(Debug)]
pub(super) struct Entries {
    file: Arc<DirectFile>,
    length: u64,
    cycle: Option<Cycle>,
}

impl Entries {
    /// Tells whether there are none. The file may still hold those of an earlier cycle.
    pub(super) fn are_none(&self) -> Result<bool> {
        Ok(self.read(0, 0)?.is_none())
    }

    /// Gives them to `visit`, change by change: keys and values. Returns where the next one goes. The
    /// last may be one that nobody was told of.
    pub(super) fn replay<E: From<Error>>(
        &self,
        mut visit: impl FnMut(&str, Value<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<Position, E> {
        let unreadable = |reason: String| Error::new(ErrorKind::InvalidData, reason);
        let mut next = Position::default();
        while let Some(entry) = self.read(next.index, next.offset)? {
            let mut rest = &entry[HEADER_BYTES..];
            while !rest.is_empty() {
                let change = split_change(rest).ok_or_else(|| {
                    unreadable("an entry of the journal cannot be read".to_owned())
                })?;
                let value = Value::decode(Operation::Open, change.0, change.1);
                let value = value.map_err(|error| unreadable(error.to_string()))?;
                next.record_bytes += bytes_in_the_record_file(&value);
                visit(change.0, value)?;
                rest = change.2;
            }
            next.offset += entry.len().next_multiple_of(BLOCK_BYTES) as u64;
            next.index += 1;
        }
        Ok(next)
    }

    /// Reads the entry at `offset`; nothing when there is none.
    fn read(&self, index: u32, offset: u64) -> Result<Option<Vec<u8>>> {
        let mut entry = vec![0; HEADER_BYTES];
        if self.read_at(&mut entry, offset)? < HEADER_BYTES || entry[..4] != MAGIC {
            return Ok(None);
        }
        let number = u64::from_be_bytes(entry[4..12].try_into().expect("8 bytes"));
        if offset == 0 && number > self.cycle.map_or(0, |cycle| cycle.number) {
            // Entries are written only once the record file names their cycle.
            let reason = "the journal is newer than the record file, or of another one; were \
                          `records.redb` and `records.journal` copied at different times?";
            return Err(Error::new(ErrorKind::InvalidData, reason));
        }
        let Some(cycle) = self.cycle else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(entry[16..20].try_into().expect("4 bytes"));
        // The journal may have been larger under earlier settings, but not larger than its file.
        if offset + HEADER_BYTES as u64 + u64::from(length) > self.length {
            return Ok(None);
        }
        let length = length as usize;
        entry.resize(HEADER_BYTES + length, 0);
        let read = self.read_at(&mut entry[HEADER_BYTES..], offset + HEADER_BYTES as u64)?;
        let (found, changes) = entry.split_at(HEADER_BYTES);
        let is_whole = read == length && found == header(cycle, index, changes);
        Ok(is_whole.then_some(entry))
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        let mut read = 0;
        while read < into.len() {
            match rustix::io::pread(&*self.file, &mut into[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(read)
    }
}

/// Makes the header of an entry.
fn header(cycle: Cycle, index: u32, changes: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (named, digest) = header.split_at_mut(HEADER_BYTES - DIGEST_BYTES);
    named[..4].copy_from_slice(&MAGIC);
    named[4..12].copy_from_slice(&cycle.number.to_be_bytes());
    named[12..16].copy_from_slice(&index.to_be_bytes());
    named[16..].copy_from_slice(&length_of(changes.len()).to_be_bytes());
    let hasher = Sha256::new_with_prefix(cycle.salt);
    let hasher = hasher.chain_update(&named).chain_update(changes);
    digest.copy_from_slice(&hasher.finalize());
    header
}

/// Returns how many bytes of the record file a change takes up at most: a leaf for itself, twice as
/// large as a large value, and two pages above it; where there is an index of it, the same there. The
/// index of deletes is one.
fn bytes_in_the_record_file(value: &Value<'_>) -> u64 {
    let pages = if value.record.is_none() { 5 } else { 2 };
    let leaf = (2 * value.encoded_length()).next_multiple_of(BLOCK_BYTES);
    (leaf + pages * BLOCK_BYTES) as u64
}

fn length_of(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a batch is far smaller than 4 GiB")
}

/// Splits the first change off: key, value, the rest.
fn split_change(bytes: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let (key_length, rest) = bytes.split_first_chunk()?;
    let (value_length, rest) = rest.split_first_chunk()?;
    let (key, rest) = rest.split_at_checked(u16::from_be_bytes(*key_length).into())?;
    let length = usize::try_from(u32::from_be_bytes(*value_length)).ok()?;
    let (value, rest) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(key).ok()?, value, rest))
}
