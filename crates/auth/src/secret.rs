//! Secrets that this program makes: robots' secrets and access tokens.
//!
//! `rsr_` or `rsp_`, 40 random characters of 62, and 6 that are a checksum, so that a scanner finds
//! them in a text, offline and without false alarms, and a mistyped one costs no read. 40 of 62
//! characters are 238 bits: nobody guesses one, so SHA-256 is hash enough and a slow one buys nothing.

use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq as _;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_CHARACTERS: usize = 40;
const CHECKSUM_CHARACTERS: usize = 6;
const PREFIX_CHARACTERS: usize = 4;
/// How many of the random characters name an access token; the others are its secret (166 bits).
const ID_CHARACTERS: usize = 12;

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// A robot's secret.
    Robot,
    /// A user's access token.
    AccessToken,
}

impl SecretKind {
    /// Returns the first characters of every such secret.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Robot => "rsr_",
            Self::AccessToken => "rsp_",
        }
    }
}

/// A secret that was just made. It is shown once; what is kept is its hash. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecret(String);

impl NewSecret {
    /// Makes a secret.
    #[must_use]
    pub fn make(kind: SecretKind) -> Self {
        let mut text = kind.prefix().to_owned();
        while text.len() < PREFIX_CHARACTERS + RANDOM_CHARACTERS {
            let byte: u8 = rand::random();
            // 248 is the last multiple of 62 in a byte: above it, some characters would come more often.
            if byte < 248 {
                text.push(char::from(ALPHABET[usize::from(byte % 62)]));
            }
        }
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Self(text)
    }

    /// Returns the secret, to be shown and not to be kept.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the part that names an access token.
    pub(crate) fn id(&self) -> &str {
        &self.0[PREFIX_CHARACTERS..PREFIX_CHARACTERS + ID_CHARACTERS]
    }

    pub(crate) fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NewSecret(…)")
    }
}

fn checksum(text: &str) -> String {
    let mut value = crc32fast::hash(text.as_bytes());
    let mut characters = Vec::with_capacity(CHECKSUM_CHARACTERS);
    for _ in 0..CHECKSUM_CHARACTERS {
        let digit = usize::try_from(value % 62).expect("a remainder of 62 is small");
        characters.push(char::from(ALPHABET[digit]));
        value /= 62;
    }
    characters.into_iter().rev().collect()
}

/// Tells whether a text has the form of such a secret, its checksum included.
#[must_use]
pub fn is_secret(kind: SecretKind, text: &str) -> bool {
    let length = PREFIX_CHARACTERS + RANDOM_CHARACTERS + CHECKSUM_CHARACTERS;
    text.len() == length
        && text.starts_with(kind.prefix())
        && text[PREFIX_CHARACTERS..]
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric())
        && checksum(&text[..length - CHECKSUM_CHARACTERS]) == text[length - CHECKSUM_CHARACTERS..]
}

/// Returns the part of an access token that names it, which is no secret.
pub(crate) fn access_token_id(text: &str) -> Option<&str> {
    is_secret(SecretKind::AccessToken, text)
        .then(|| &text[PREFIX_CHARACTERS..PREFIX_CHARACTERS + ID_CHARACTERS])
}

/// The hash of a secret, as records hold it: SHA-256 in hexadecimal digits.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct SecretHash(String);

impl SecretHash {
    pub(crate) fn of(text: &str) -> Self {
        use std::fmt::Write as _;
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(text) {
            write!(hex, "{byte:02x}").expect("a string takes everything");
        }
        Self(hex)
    }

    /// Compares in a time that does not depend on where the hashes differ.
    pub(crate) fn is_of(&self, text: &str) -> bool {
        Self::of(text).0.as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_recognised_and_a_mistyped_one_is_not() {
        for kind in [SecretKind::Robot, SecretKind::AccessToken] {
            let secret = NewSecret::make(kind);
            assert!(is_secret(kind, secret.expose()));
            let mut wrong = secret.expose().to_owned().into_bytes();
            wrong[10] = if wrong[10] == b'a' { b'b' } else { b'a' };
            assert!(!is_secret(kind, std::str::from_utf8(&wrong).unwrap()));
        }
        let robot = NewSecret::make(SecretKind::Robot);
        assert!(!is_secret(SecretKind::AccessToken, robot.expose()));
        for text in [
            "",
            "rsr_",
            &"é".repeat(25),
            &format!("rsr_{}", "a".repeat(46)),
        ] {
            assert!(!is_secret(SecretKind::Robot, text), "{text}");
        }
    }

    #[test]
    fn the_form_is_pinned_for_scanners() {
        let text = format!("rsr_{}", "0".repeat(40));
        assert_eq!(checksum(&text).len(), 6);
        assert!(is_secret(
            SecretKind::Robot,
            &format!("{text}{}", checksum(&text))
        ));
    }

    #[test]
    fn a_hash_is_of_its_secret_alone_and_no_secret_is_shown() {
        let secret = NewSecret::make(SecretKind::Robot);
        assert!(secret.hash().is_of(secret.expose()));
        assert!(
            !secret
                .hash()
                .is_of(NewSecret::make(SecretKind::Robot).expose())
        );
        assert!(!format!("{secret:?} {:?}", secret.hash()).contains("rsr_"));
    }
}
