//! `Period`: a length of time as people write it.

use crate::value::{SettingValue, Shown};
use std::fmt;
use std::time::Duration;

/// The units in milliseconds, the largest first.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A length of time in whole milliseconds, written `500ms`, `30s`, `15m`, `24h` or `7d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(u64);

impl Period {
    /// Makes a period from milliseconds.
    #[must_use]
    pub const fn millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Makes a period from seconds; saturates at the longest period.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Makes a period from hours; saturates at the longest period.
    #[must_use]
    pub const fn hours(hours: u64) -> Self {
        Self(hours.saturating_mul(3_600_000))
    }

    /// Makes a period from days; saturates at the longest period.
    #[must_use]
    pub const fn days(days: u64) -> Self {
        Self(days.saturating_mul(86_400_000))
    }

    /// Returns the period as the standard library's type.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// Returns the number of milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Period {
    /// Writes the largest unit that divides the period, so that reading it gives the same period.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, factor) in UNITS {
            // `24h` says more than `1d`, so days begin at two.
            let least = if unit == "d" { 2 * factor } else { factor };
            if self.0 >= least && self.0.is_multiple_of(factor) {
                return write!(formatter, "{}{unit}", self.0 / factor);
            }
        }
        write!(formatter, "{}s", self.0)
    }
}

impl std::str::FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        <Self as SettingValue>::parse(text)
    }
}

impl SettingValue for Period {
    const KIND: &'static str = "duration";

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits_end = text.find(|character: char| !character.is_ascii_digit());
        let (digits, unit) = text.split_at(digits_end.unwrap_or(text.len()));
        if digits.is_empty() {
            return Err("is not a duration; write one like 30s, 15m, 24h or 7d".to_owned());
        }
        let unit = unit.trim_start();
        if unit.is_empty() {
            return Err(format!(
                "has no unit; write {digits}s for seconds (or ms, m, h, d)"
            ));
        }
        let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(
                "is not a duration; write a whole number and one unit of ms, s, m, h, d".to_owned(),
            );
        };
        let count: u64 = digits
            .parse()
            .map_err(|_| "is too large a number".to_owned())?;
        count
            .checked_mul(*factor)
            .map(Self)
            .ok_or_else(|| "is too long a duration".to_owned())
    }

    fn shown(&self) -> Shown {
        Shown::Text(self.to_string())
    }
}

/// A period that the word `off` switches off.
impl SettingValue for Option<Period> {
    const KIND: &'static str = "duration or `off`";

    fn parse(text: &str) -> Result<Self, String> {
        if crate::value::is_off(text) {
            Ok(None)
        } else {
            Period::parse(text).map(Some)
        }
    }

    fn shown(&self) -> Shown {
        self.map_or_else(|| Shown::Text("off".to_owned()), |period| period.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_in_every_unit() {
        for (text, millis) in [
            ("0s", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("15 m", 900_000),
            ("24h", 86_400_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(Period::parse(text), Ok(Period::millis(millis)), "{text}");
        }
        assert_eq!(Option::<Period>::parse("off"), Ok(None));
        assert_eq!(Option::<Period>::parse("1s"), Ok(Some(Period::seconds(1))));
    }

    #[test]
    fn what_is_no_period_is_refused_with_what_to_write() {
        for (text, part) in [
            ("", "is not a duration"),
            ("soon", "is not a duration"),
            ("30", "write 30s"),
            ("30 minutes", "one unit of"),
            ("1h30m", "one unit of"),
            ("99999999999999999999s", "too large a number"),
            ("999999999999999999d", "too long"),
        ] {
            let message = Period::parse(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn the_display_of_a_period_reads_back_as_the_same_period() {
        for millis in [0, 1, 999, 1_000, 61_000, 86_400_000, 604_800_000, u64::MAX] {
            let period = Period::millis(millis);
            assert_eq!(Period::parse(&period.to_string()), Ok(period));
        }
        assert_eq!(Period::hours(24).to_string(), "24h");
        assert_eq!(Period::days(7).to_string(), "7d");
    }
}
