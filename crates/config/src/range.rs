//! What values a setting allows.

use crate::value::SettingValue;
use crate::{ByteSize, Period};
use std::fmt;

/// What values a setting allows, bounds included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Whatever its type allows.
    Any,
    /// Sizes.
    Sizes {
        /// The smallest.
        least: ByteSize,
        /// The largest.
        most: ByteSize,
    },
    /// Durations.
    Periods {
        /// The shortest.
        least: Period,
        /// The longest.
        most: Period,
    },
    /// Whole numbers.
    Counts {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
}

impl Range {
    /// Checks the text of a value that its type has accepted. A word such as `off` is no number
    /// and thus in every range.
    pub(crate) fn check(self, text: &str) -> Result<(), String> {
        let is_inside = match self {
            Self::Any => true,
            Self::Sizes { least, most } => is_between(ByteSize::parse(text), &least, &most),
            Self::Periods { least, most } => is_between(Period::parse(text), &least, &most),
            Self::Counts { least, most } => is_between(text.trim().parse(), &least, &most),
        };
        if is_inside {
            Ok(())
        } else {
            Err(format!("is out of range; it may be {self}"))
        }
    }
}

fn is_between<T: PartialOrd, E>(parsed: Result<T, E>, least: &T, most: &T) -> bool {
    parsed.map_or(true, |value| *least <= value && value <= *most)
}

impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("any"),
            Self::Sizes { least, most } => write!(formatter, "{least} to {most}"),
            Self::Periods { least, most } => write!(formatter, "{least} to {most}"),
            Self::Counts { least, most } => write!(formatter, "{least} to {most}"),
        }
    }
}
