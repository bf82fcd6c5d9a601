//! Holds our figures against those of the best peer, figure by figure.

use crate::rows::Demand;
use crate::statistics::Figures;
use crate::table::{Table, maybe, number};

/// The best of all peers, each figure that of whoever is best in it.
#[derive(Debug, Default)]
pub(crate) struct Best<'a> {
    per_second: Option<(&'a str, f64)>,
    processor_ms: Option<(&'a str, f64)>,
    peak_mib: Option<(&'a str, f64)>,
}

impl<'a> Best<'a> {
    /// Of peers by name. Who has made errors has not done the work and does not count.
    pub(crate) fn of(peers: &[(&'a str, &Figures)]) -> Self {
        let sound = || peers.iter().filter(|(_, figures)| figures.errors == 0);
        let least = |figure: &dyn Fn(&Figures) -> Option<f64>| {
            sound()
                .filter_map(|&(name, figures)| Some((name, figure(figures)?)))
                .min_by(|one, other| one.1.total_cmp(&other.1))
        };
        Self {
            per_second: least(&|figures| Some(-figures.per_second))
                .map(|(name, negative)| (name, -negative)),
            processor_ms: least(&|figures| figures.processor_ms),
            peak_mib: least(&|figures| figures.peak_mib),
        }
    }
}

/// What is missed; nothing when all is met.
pub(crate) fn missed(demand: Demand, best: &Best<'_>, ours: &Figures) -> Vec<String> {
    let mut missed = Vec::new();
    if ours.errors > 0 {
        let first = ours.first_error.as_deref().unwrap_or_default();
        missed.push(format!("{} errors, the first: {first}", ours.errors));
    }
    if let Some((_, theirs)) = best.per_second.filter(|_| demand.faster)
        && ours.per_second <= theirs
    {
        missed.push("operations a second".to_owned());
    }
    if let (Some(share), Some(ratio)) = (demand.processor, processor_ratio(best, ours))
        && ratio > share
    {
        missed.push("CPU".to_owned());
    }
    if let (true, Some((_, theirs)), Some(ours)) = (demand.memory, best.peak_mib, ours.peak_mib)
        && ours >= theirs
    {
        missed.push("memory".to_owned());
    }
    missed
}

fn processor_ratio(best: &Best<'_>, ours: &Figures) -> Option<f64> {
    Some(ours.processor_ms? / best.processor_ms?.1)
}

/// What a table says of what is missed.
pub(crate) fn said<Name: AsRef<str>>(missed: &[Name]) -> String {
    if missed.is_empty() {
        return "good".to_owned();
    }
    let names: Vec<&str> = missed.iter().map(AsRef::as_ref).collect();
    format!("MISSED: {}", names.join(", "))
}

/// An empty table of verdicts.
pub(crate) fn table() -> Table {
    let head = [
        "row",
        "best peer/s",
        "ours/s",
        "times",
        "best CPU ms",
        "ours",
        "of best",
        "at most",
        "least peak MiB",
        "ours",
        "verdict",
    ];
    Table::new("Against the best peer of the run", &head)
}

/// One line of it.
pub(crate) fn line(row: &str, demand: Demand, best: &Best<'_>, ours: &Figures) -> Vec<String> {
    let named = |best: Option<(&str, f64)>| {
        best.map_or_else(
            || "–".to_owned(),
            |(name, value)| format!("{} ({name})", number(value)),
        )
    };
    let missed = missed(demand, best, ours);
    let verdict = match best.per_second {
        None if missed.is_empty() => "no peer".to_owned(),
        _ => said(&missed),
    };
    vec![
        row.to_owned(),
        named(best.per_second),
        number(ours.per_second),
        maybe(best.per_second.map(|(_, theirs)| ours.per_second / theirs)),
        named(best.processor_ms),
        maybe(ours.processor_ms),
        maybe(processor_ratio(best, ours)),
        maybe(demand.processor),
        named(best.peak_mib),
        maybe(ours.peak_mib),
        verdict,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(per_second: f64, processor_ms: f64, peak_mib: f64) -> Figures {
        Figures {
            per_second,
            processor_ms: Some(processor_ms),
            peak_mib: Some(peak_mib),
            ..Figures::default()
        }
    }

    #[test]
    fn each_figure_is_held_against_whoever_is_best_in_it() {
        let (fast, lean) = (figures(100.0, 9.0, 90.0), figures(50.0, 2.0, 20.0));
        let best = Best::of(&[("fast", &fast), ("lean", &lean)]);
        assert_eq!(best.per_second, Some(("fast", 100.0)));
        assert_eq!(best.processor_ms, Some(("lean", 2.0)));
        let demand = Demand::ahead(0.5);
        assert!(missed(demand, &best, &figures(101.0, 1.0, 19.0)).is_empty());
        assert_eq!(
            missed(demand, &best, &figures(100.0, 1.1, 20.0)),
            ["operations a second", "CPU", "memory"]
        );
    }

    #[test]
    fn a_peer_that_fails_is_no_measure() {
        let mut broken = figures(1000.0, 0.1, 1.0);
        broken.errors = 1;
        let best = Best::of(&[("broken", &broken)]);
        assert!(missed(Demand::ahead(0.5), &best, &figures(1.0, 9.0, 9.0)).is_empty());
    }

    #[test]
    fn an_error_of_ours_is_never_good() {
        let mut ours = figures(9.0, 1.0, 1.0);
        ours.errors = 2;
        ours.first_error = Some("status 500".to_owned());
        let missed = missed(Demand::default(), &Best::default(), &ours);
        assert_eq!(missed, ["2 errors, the first: status 500"]);
        let line = line("row", Demand::default(), &Best::default(), &ours);
        assert!(line.last().unwrap().starts_with("MISSED"));
    }
}
