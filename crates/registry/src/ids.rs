//! Random identifiers, and where they come from, so that a test can replay them.

use roadstead_storage::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;

/// Where random identifiers come from.
pub trait IdSource: Send + Sync + fmt::Debug + 'static {
    /// Returns 128 bits that nobody can guess.
    fn random(&self) -> u128;
}

/// The operating system's randomness, through a generator a thread.
#[derive(Debug, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    fn random(&self) -> u128 {
        rand::random()
    }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(u128);

        impl $name {
            /// Draws a new one.
            #[must_use]
            pub fn draw(source: &dyn IdSource) -> Self {
                Self(source.random())
            }

            /// Reads the 32 lower-case hexadecimal digits that `Display` writes.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let plain = text.len() == 32
                    && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                if !plain {
                    return None;
                }
                u128::from_str_radix(text, 16).ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{:032x}", self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom("not 32 hexadecimal digits"))
            }
        }
    };
}

identifier! {
    /// Tells one writing of a value from another.
    Nonce
}
identifier! {
    /// Tells one life of a manifest or blob from the next. Never reused, compared for equality only.
    Generation
}
identifier! {
    /// Names a job. Ids of jobs that began later come first.
    JobId
}

impl JobId {
    /// Draws the id of a job that begins at `started`.
    #[must_use]
    pub fn at(started: Timestamp, source: &dyn IdSource) -> Self {
        let low = source.random() & u128::from(u64::MAX);
        Self(Self::oldest_at(started).0 & !u128::from(u64::MAX) | low)
    }

    /// Returns what comes after all ids of jobs that began at `started` or later.
    #[must_use]
    pub fn oldest_at(started: Timestamp) -> Self {
        let inverted = u64::MAX - started.as_millis();
        Self(u128::from(inverted) << 64 | u128::from(u64::MAX))
    }
}

identifier! {
    /// Names an upload session. Unguessable: whoever knows it may go on with the upload.
    UploadId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_reads_back_what_it_writes() {
        let id = UploadId::draw(&RandomIds);
        assert_eq!(UploadId::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn only_32_lower_case_digits_are_an_identifier() {
        for text in [
            "",
            "../../x",
            &"a".repeat(31),
            &"A".repeat(32),
            &"+".repeat(32),
            &"a".repeat(10_240),
        ] {
            assert_eq!(UploadId::parse(text), None, "{text:.40}");
        }
    }
}
