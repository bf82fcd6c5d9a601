//! Passwords of people: hashing them, and verifying them without letting that take the machine.
//!
//! Argon2id with 19 MiB, two passes and one lane (the first choice of the OWASP cheat sheet): some
//! 20 to 50 ms of one core, and 19 MiB while it lasts. So only so many run at once, off the workers
//! that serve requests, and only so many wait; the next is told that the server is busy. A name
//! that nobody bears is verified against a hash of nothing, to take as long as one that exists.

use crate::{AuthError, Result};
use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The longest password, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// What hashing costs, and how much of it runs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordSettings {
    /// Memory of one hash, in KiB; at least 8.
    pub memory_kib: u32,
    /// Passes over it; at least 1.
    pub passes: u32,
    /// How many hashes run at once; at least 1.
    pub concurrent: usize,
    /// How many more wait.
    pub waiting: usize,
}

impl Default for PasswordSettings {
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
            concurrent: 2,
            waiting: 64,
        }
    }
}

/// The hash of a password as a PHC string, its parameters included. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(…)")
    }
}

/// Verifies and hashes passwords.
#[derive(Debug)]
pub struct Passwords {
    settings: PasswordSettings,
    /// Those that run and those that wait.
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    nobody: PasswordHash,
}

/// What a password is compared with. Both kinds are computed even where only one can fit.
#[derive(Clone, Debug)]
pub(crate) struct Candidates {
    /// The hash of the user's record.
    pub(crate) recorded: Option<PasswordHash>,
    /// A bcrypt hash of a htpasswd file; `None` without such a file.
    pub(crate) listed: Option<Listed>,
}

/// A hash of a htpasswd file.
#[derive(Clone)]
pub(crate) enum Listed {
    /// The user's own.
    Own(Arc<str>),
    /// Any, to take as long; the user is not in the file.
    Other(Arc<str>),
}

impl fmt::Debug for Listed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Listed(…)")
    }
}

/// Which of the candidates the password fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fits {
    Recorded,
    Listed,
    Nothing,
}

impl Passwords {
    /// Makes a verifier. Takes the time of one hash.
    pub fn new(settings: PasswordSettings) -> Result<Self> {
        let concurrent = settings.concurrent.max(1);
        let nobody: [u8; 32] = rand::random();
        Ok(Self {
            admitted: Arc::new(Semaphore::new(concurrent + settings.waiting)),
            running: Arc::new(Semaphore::new(concurrent)),
            nobody: hash(settings, &nobody)?,
            settings,
        })
    }

    /// Hashes a password for a user's record.
    ///
    /// # Errors
    /// `Invalid` for an empty one or one of more than [`MAX_PASSWORD_BYTES`]; `Busy`.
    pub async fn hash(&self, password: &str) -> Result<PasswordHash> {
        if password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
            return Err(AuthError::Invalid(format!(
                "a password has 1 to {MAX_PASSWORD_BYTES} bytes"
            )));
        }
        let settings = self.settings;
        let password = password.to_owned();
        self.run(move || hash(settings, password.as_bytes()))
            .await?
    }

    /// Verifies a password. Takes as long whether there is anything to compare it with or not.
    pub(crate) async fn verify(&self, password: &str, candidates: Candidates) -> Result<Fits> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Ok(Fits::Nothing);
        }
        let password = password.to_owned();
        let nobody = self.nobody.clone();
        self.run(move || compare(&password, candidates, &nobody))
            .await
    }

    /// Returns how many passwords are hashed right now, and how many wait for it.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        let concurrent = self.settings.concurrent.max(1);
        let running = concurrent.saturating_sub(self.running.available_permits());
        let places = concurrent + self.settings.waiting;
        let admitted = places.saturating_sub(self.admitted.available_permits());
        (running, admitted.saturating_sub(running))
    }

    /// Runs `work` off the workers, when its turn has come.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let admitted = self.admitted.clone().try_acquire_owned();
        let admitted = admitted.map_err(|_| AuthError::Busy)?;
        let running = self.running.clone().acquire_owned().await;
        let running = running.expect("the semaphore is never closed");
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work itself: a caller that goes away does not make room for another.
            let _held = (admitted, running);
            work()
        });
        done.await
            .map_err(|error| AuthError::Hash(error.to_string()))
    }
}

fn hash(settings: PasswordSettings, password: &[u8]) -> Result<PasswordHash> {
    let failed = |reason: String| AuthError::Hash(reason);
    let params = Params::new(settings.memory_kib, settings.passes, 1, None)
        .map_err(|error| failed(error.to_string()))?;
    let salt: [u8; 16] = rand::random();
    let hash: phc::PasswordHash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(password, &salt)
        .map_err(|error| failed(error.to_string()))?;
    Ok(PasswordHash(hash.to_string()))
}

fn compare(password: &str, candidates: Candidates, nobody: &PasswordHash) -> Fits {
    let recorded = candidates.recorded.as_ref();
    let is_recorded = fits(password, recorded.unwrap_or(nobody)) & recorded.is_some();
    let is_listed = match candidates.listed {
        None => false,
        Some(Listed::Own(hash)) => bcrypt::verify(password, &hash).unwrap_or(false),
        Some(Listed::Other(hash)) => bcrypt::verify(password, &hash).unwrap_or(false) & false,
    };
    if is_recorded {
        Fits::Recorded
    } else if is_listed {
        Fits::Listed
    } else {
        Fits::Nothing
    }
}

fn fits(password: &str, hash: &PasswordHash) -> bool {
    phc::PasswordHash::new(&hash.0).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

#[cfg(test)]
pub(crate) mod tests;
