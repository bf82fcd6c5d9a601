//! Hashing of a stream that can stop on one replica and go on at another.

use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest as _, Sha256, Sha512};

use crate::midstate::{Midstate, MidstateError};
use crate::{Algorithm, Digest};

/// An incremental hash that knows how many bytes it has taken.
#[derive(Debug, Clone)]
pub struct Hasher {
    state: State,
    offset: u64,
}

#[derive(Debug, Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// Begins at offset zero.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        let state = match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        };
        Self { state, offset: 0 }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha256(hash) => hash.update(bytes),
            State::Sha512(hash) => hash.update(bytes),
        }
        self.offset = self.offset.saturating_add(bytes.len() as u64);
    }

    /// Returns the number of bytes taken so far.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.state {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Returns the digest of all bytes taken.
    #[must_use]
    pub fn finish(self) -> Digest {
        match self.state {
            State::Sha256(hash) => Digest::from_raw(Algorithm::Sha256, &hash.finalize()),
            State::Sha512(hash) => Digest::from_raw(Algorithm::Sha512, &hash.finalize()),
        }
    }

    /// Returns the state as a value that can be stored, and resumed by any process.
    #[must_use]
    pub fn midstate(&self) -> Midstate {
        match &self.state {
            State::Sha256(hash) => {
                Midstate::seal(Algorithm::Sha256, self.offset, &hash.serialize())
            }
            State::Sha512(hash) => {
                Midstate::seal(Algorithm::Sha512, self.offset, &hash.serialize())
            }
        }
    }

    /// Goes on where a stored state stopped.
    ///
    /// Refuses a midstate that is damaged, of an unknown version, or that does not agree with its own offset; the
    /// caller then hashes the stored bytes anew.
    pub fn resume(midstate: &Midstate) -> Result<Self, MidstateError> {
        let opened = midstate.open()?;
        let state = match opened.algorithm {
            Algorithm::Sha256 => State::Sha256(restore(opened.state)?),
            Algorithm::Sha512 => State::Sha512(restore(opened.state)?),
        };
        Ok(Self {
            state,
            offset: opened.offset,
        })
    }
}

fn restore<H: SerializableState>(state: &[u8]) -> Result<H, MidstateError> {
    let serialized = SerializedState::<H>::try_from(state).map_err(|_| MidstateError::Length)?;
    H::deserialize(&serialized).map_err(|_| MidstateError::State)
}

#[cfg(test)]
mod tests;
