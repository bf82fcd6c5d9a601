//! Rounds and what is quoted of them: medians, percentiles, ratios.

use anyhow::Result;
use std::time::Duration;

/// What one or more workers did within a round.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) latencies: Vec<Duration>,
    pub(crate) bytes: u64,
    pub(crate) errors: usize,
    pub(crate) first_error: Option<String>,
}

impl Tally {
    pub(crate) fn record(&mut self, latency: Duration, result: Result<u64>) {
        match result {
            Ok(bytes) => {
                self.latencies.push(latency);
                self.bytes += bytes;
            }
            Err(error) => self.fail(format!("{error:#}")),
        }
    }

    pub(crate) fn fail(&mut self, error: String) {
        self.errors += 1;
        self.first_error.get_or_insert(error);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.bytes += other.bytes;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

/// One visit to one target.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) wall: Duration,
    pub(crate) tally: Tally,
    pub(crate) processor: Option<Duration>,
    pub(crate) peak_kib: Option<u64>,
    /// How many requests its store had to answer.
    pub(crate) store_requests: Option<u64>,
}

/// What is quoted of the rounds of one target in one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) mib_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) slowest_ms: f64,
    pub(crate) processor_ms: Option<f64>,
    /// The largest of all rounds.
    pub(crate) peak_mib: Option<f64>,
    pub(crate) store_requests: Option<f64>,
    pub(crate) errors: usize,
    pub(crate) first_error: Option<String>,
}

impl Figures {
    /// The medians over the rounds, each figure by itself.
    pub(crate) fn of(rounds: &[Round]) -> Self {
        let over = |figure: &dyn Fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
        let each = |total: f64, round: &Round| total / count(round.tally.latencies.len().max(1));
        let latency = |share: f64| {
            over(&|round| {
                let mut sorted = round.tally.latencies.clone();
                sorted.sort_unstable();
                milliseconds(percentile(&sorted, share))
            })
        };
        let known = |figure: &dyn Fn(&Round) -> Option<f64>| {
            let values: Vec<f64> = rounds.iter().filter_map(figure).collect();
            (!values.is_empty()).then(|| median(values))
        };
        let peak_kib = rounds.iter().filter_map(|round| round.peak_kib).max();
        Self {
            per_second: over(&|round| {
                count(round.tally.latencies.len()) / round.wall.as_secs_f64()
            }),
            mib_per_second: over(&|round| mebibytes(round.tally.bytes) / round.wall.as_secs_f64()),
            p50_ms: latency(0.5),
            p99_ms: latency(0.99),
            slowest_ms: latency(1.0),
            processor_ms: known(&|round| Some(each(milliseconds(round.processor?), round))),
            peak_mib: peak_kib.map(|kib| mebibytes(kib * 1024)),
            store_requests: known(&|round| Some(each(count(round.store_requests?), round))),
            errors: rounds.iter().map(|round| round.tally.errors).sum(),
            first_error: rounds
                .iter()
                .find_map(|round| round.tally.first_error.clone()),
        }
    }
}

/// The middle value; of an even number, the higher of the two. Nothing has no median.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The value that a share of all are not above, of sorted values.
pub(crate) fn percentile(sorted: &[Duration], share: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length is a place in it"
    )]
    let rank = (count(sorted.len()) * share).ceil() as usize;
    let place = rank.clamp(1, sorted.len().max(1)) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub(crate) fn mebibytes(bytes: u64) -> f64 {
    count(bytes) / 1_048_576.0
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub(crate) fn count(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(milliseconds: u64, latencies: &[u64]) -> Round {
        let latencies = latencies.iter().copied().map(Duration::from_millis);
        Round {
            wall: Duration::from_millis(milliseconds),
            tally: Tally {
                latencies: latencies.collect(),
                bytes: 1 << 20,
                ..Tally::default()
            },
            processor: Some(Duration::from_millis(8)),
            peak_kib: Some(milliseconds),
            store_requests: None,
        }
    }

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert!((median(vec![9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0, 3.0, 2.0]) - 3.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 0.5), Duration::from_millis(100));
        assert_eq!(percentile(&sorted, 0.99), Duration::from_millis(198));
        assert_eq!(percentile(&sorted, 1.0), Duration::from_millis(200));
        assert_eq!(percentile(&sorted[..1], 0.01), Duration::from_millis(1));
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn figures_are_medians_over_rounds_and_the_largest_peak() {
        let rounds = [
            round(1000, &[1, 2]),
            round(4000, &[3, 4]),
            round(2000, &[5, 6]),
        ];
        let figures = Figures::of(&rounds);
        assert!((figures.per_second - 1.0).abs() < 1e-9);
        assert!((figures.p50_ms - 3.0).abs() < 1e-9);
        assert!((figures.slowest_ms - 4.0).abs() < 1e-9);
        assert!((figures.processor_ms.unwrap() - 4.0).abs() < 1e-9);
        assert!((figures.peak_mib.unwrap() - 4000.0 / 1024.0).abs() < 1e-9);
        assert_eq!(figures.store_requests, None);
    }

    #[test]
    fn errors_are_counted_and_the_first_is_told() {
        let mut tally = Tally::default();
        tally.record(Duration::ZERO, Err(anyhow::anyhow!("one")));
        tally.record(Duration::from_millis(1), Ok(7));
        let mut other = Tally::default();
        other.record(Duration::ZERO, Err(anyhow::anyhow!("two")));
        tally.add(other);
        assert_eq!(
            (tally.errors, tally.bytes, tally.latencies.len()),
            (2, 7, 1)
        );
        assert_eq!(tally.first_error.as_deref(), Some("one"));
    }
}
