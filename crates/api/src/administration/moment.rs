//! Times as JSON has them: RFC 3339, in UTC, to the second.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

const SECS_A_DAY: u64 = 24 * 60 * 60;

/// A time, such as `2026-11-24T19:40:25Z`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = DateTime, example = "2026-11-24T19:40:25Z")]
pub struct Moment(String);

impl Moment {
    /// Makes it of milliseconds since the Unix epoch. The year 9999 is the last.
    #[must_use]
    pub fn of_millis(millis: u64) -> Self {
        // The end of the year 9999: what lies behind it has no such form.
        let secs = (millis / 1000).min(253_402_300_799);
        let (year, month, day) = civil(secs / SECS_A_DAY);
        let rest = secs % SECS_A_DAY;
        Self(format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            rest / 3600,
            rest / 60 % 60,
            rest % 60
        ))
    }

    /// Reads a time as `Display` writes it and returns the last millisecond that it stands for; a
    /// part of a second in three digits may stand behind the seconds. `None` for anything else.
    pub(crate) fn last_milli_of(text: &str) -> Option<u64> {
        let (seconds, rest) = text.split_at_checked(19)?;
        let milli = match rest.strip_prefix('.').map(|rest| rest.split_at_checked(3)) {
            None if rest == "Z" => 999,
            Some(Some((milli, "Z"))) => number(milli)?,
            _ => return None,
        };
        let fields: Vec<&str> = seconds.split(['-', 'T', ':']).collect();
        let [year, month, day, hour, minute, second] = fields.as_slice() else {
            return None;
        };
        let days = days(number(year)?, number(month)?, number(day)?)?;
        let secs = number(hour)? * 3600 + number(minute)? * 60 + number(second)?;
        let millis = (days * SECS_A_DAY + secs) * 1000;
        // What does not come out as it went in was no time, such as the 30th of February.
        (Self::of_millis(millis).0 == format!("{seconds}Z")).then_some(millis + milli)
    }
}

fn number(text: &str) -> Option<u64> {
    let is_plain = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

/// Returns the day since the epoch of a date, which need not exist.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) {
        return None;
    }
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let day_of_year = (153 * month + 2) / 5 + day.checked_sub(1)?;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    days.checked_sub(719_468)
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// Returns year, month and day of a day since the epoch, in the Gregorian calendar.
///
/// Years begin in March here, so that the leap day is the last of them.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_are_written_as_everybody_writes_them() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Moment::of_millis(secs * 1000).to_string(), text);
        }
        assert_eq!(
            Moment::of_millis(u64::MAX).to_string(),
            "9999-12-31T23:59:59Z"
        );
    }

    #[test]
    fn a_time_reads_as_what_it_was_written_from() {
        for millis in (0..4_000_000_000_000).step_by(86_399_731) {
            let text = Moment::of_millis(millis).to_string();
            let last = millis / 1000 * 1000 + 999;
            assert_eq!(Moment::last_milli_of(&text), Some(last), "{text}");
        }
        let exact = Moment::last_milli_of("2023-11-14T22:13:20.123Z");
        assert_eq!(exact, Some(1_700_000_000_123));
    }

    #[test]
    fn no_other_text_is_a_time() {
        for text in [
            "",
            "2023-11-14",
            "2023-11-14T22:13:20",
            "2023-11-14T22:13:20+01:00",
            "2023-11-14 22:13:20Z",
            "2023-02-30T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-00-01T00:00:00Z",
            "2023-01-00T00:00:00Z",
            "2023-01-01T24:00:00Z",
            "2023-01-01T00:00:60Z",
            "1969-12-31T23:59:59Z",
            "2023-11-14T22:13:20.1Z",
            "2023-11-14T22:13:2é",
        ] {
            assert_eq!(Moment::last_milli_of(text), None, "{text}");
        }
    }
}
