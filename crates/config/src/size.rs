//! `ByteSize`: a number of bytes as people write it.

use crate::value::{SettingValue, Shown};
use std::fmt;

/// The units in the order of their size, so that the display finds the largest that fits.
const UNITS: [(&str, u64); 11] = [
    ("PiB", 1 << 50),
    ("PB", 1_000_000_000_000_000),
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// A number of bytes, written `4MiB` (2^20), `500MB` (10^6) or plainly `4194304`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// Makes a size from a number of bytes.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Makes a size from a number of KiB; saturates at the largest size.
    #[must_use]
    pub const fn kib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 10))
    }

    /// Makes a size from a number of MiB; saturates at the largest size.
    #[must_use]
    pub const fn mib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 20))
    }

    /// Makes a size from a number of GiB; saturates at the largest size.
    #[must_use]
    pub const fn gib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 30))
    }

    /// Makes a size from a number of TiB; saturates at the largest size.
    #[must_use]
    pub const fn tib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 40))
    }

    /// Returns the number of bytes.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Returns the number of bytes as a length in memory; the largest one where it does not fit.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for ByteSize {
    /// Writes the largest unit that divides the size, so that reading it gives the same size.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, factor) in UNITS {
            if self.0 >= factor && self.0.is_multiple_of(factor) {
                return write!(formatter, "{}{unit}", self.0 / factor);
            }
        }
        write!(formatter, "{}B", self.0)
    }
}

impl std::str::FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        <Self as SettingValue>::parse(text)
    }
}

impl SettingValue for ByteSize {
    const KIND: &'static str = "size";

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits_end = text.find(|character: char| !character.is_ascii_digit());
        let (digits, unit) = text.split_at(digits_end.unwrap_or(text.len()));
        let unit = unit.trim_start();
        if digits.is_empty() {
            return Err("is not a size; write one like 4MiB, 500MB or 4194304".to_owned());
        }
        let factor = if unit.is_empty() {
            1
        } else {
            let known = UNITS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unit));
            let Some((_, factor)) = known else {
                return Err(unknown_unit(digits, unit));
            };
            *factor
        };
        let count: u64 = digits
            .parse()
            .map_err(|_| "is too large a number".to_owned())?;
        count
            .checked_mul(factor)
            .map(Self)
            .ok_or_else(|| "is too large a size".to_owned())
    }

    fn shown(&self) -> Shown {
        Shown::Text(self.to_string())
    }
}

/// Tells what to write instead of a unit that is none, or that could mean two things.
fn unknown_unit(digits: &str, unit: &str) -> String {
    if unit.starts_with('.') {
        return "is not a whole number; write it in the next smaller unit (1536MiB for 1.5GiB)"
            .to_owned();
    }
    let first = unit
        .chars()
        .next()
        .map(|letter| letter.to_ascii_uppercase());
    match first {
        Some(letter @ ('K' | 'M' | 'G' | 'T' | 'P')) => format!(
            "has an unknown unit; write {digits}{letter}iB (powers of 1024) or {digits}{letter}B \
             (powers of 1000)"
        ),
        _ => "has an unknown unit; the units are B, KiB, MiB, GiB, TiB, PiB and KB, MB, GB, TB, PB"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_both_families_of_units() {
        for (text, bytes) in [
            ("0", 0),
            ("4194304", 4 << 20),
            ("4MiB", 4 << 20),
            ("4 mib", 4 << 20),
            ("500MB", 500_000_000),
            ("64B", 64),
            ("10TiB", 10 << 40),
            ("1kb", 1000),
        ] {
            assert_eq!(ByteSize::parse(text), Ok(ByteSize::bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_what_to_write() {
        for (text, part) in [
            ("", "is not a size"),
            ("many", "is not a size"),
            ("-1", "is not a size"),
            ("4M", "write 4MiB (powers of 1024) or 4MB"),
            ("4XB", "the units are"),
            ("1.5GiB", "1536MiB"),
            ("99999999999999999999", "too large a number"),
            ("99999999PiB", "too large a size"),
        ] {
            let message = ByteSize::parse(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn the_display_of_a_size_reads_back_as_the_same_size() {
        for bytes in [
            0,
            1,
            64,
            1000,
            1024,
            1500,
            4 << 20,
            500_000_000,
            10 << 40,
            u64::MAX,
        ] {
            let size = ByteSize::bytes(bytes);
            assert_eq!(ByteSize::parse(&size.to_string()), Ok(size));
        }
        assert_eq!(ByteSize::mib(4).to_string(), "4MiB");
        assert_eq!(ByteSize::bytes(500_000_000).to_string(), "500MB");
    }
}
