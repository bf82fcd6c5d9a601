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
}
