//! What a campaign tells: a line a round, the figures at the end, and what is wrong.

use roadstead_tests::campaign::verify::Checked;
use roadstead_tests::campaign::world::World;
use roadstead_tests::campaign::{MOST_TOLD, say};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The figures of a campaign.
#[derive(Debug)]
pub(crate) struct Report {
    seed: u64,
    rounds: usize,
    folder: PathBuf,
    began: Instant,
    done: usize,
    load: Duration,
    startups: Vec<Duration>,
    acknowledged: u64,
    in_flight: u64,
    checked: Checked,
    summary: String,
}

impl Report {
    pub(crate) fn new(seed: u64, rounds: usize, folder: PathBuf) -> Self {
        say(&format!(
            "crash: {rounds} rounds, seed {seed}, data in {}",
            folder.display()
        ));
        Self {
            seed,
            rounds,
            folder,
            began: Instant::now(),
            done: 0,
            load: Duration::ZERO,
            startups: Vec::new(),
            acknowledged: 0,
            in_flight: 0,
            checked: Checked::default(),
            summary: String::new(),
        }
    }

    pub(crate) fn kill(&mut self, load: Duration) {
        self.load = load;
    }

    pub(crate) fn startup(&mut self, took: Duration) {
        self.startups.push(took);
    }

    /// Ends a round with its line.
    pub(crate) fn end_round(&mut self, world: &World, checked: Checked) {
        self.done = world.round;
        let counts = world.counts.values();
        let (acknowledged, open) = counts.fold((0, 0), |(acknowledged, open), count| {
            let ended = count.acknowledged + count.refused;
            (
                acknowledged + count.acknowledged,
                open + count.begun - ended,
            )
        });
        let startup = self.startups.last().copied().unwrap_or_default();
        say(&format!(
            "round {}/{}: killed after {} ms, {} acknowledged, {} in flight; up in {} ms; \
             whole: {} blobs, {} manifests, {} tags, {} uploads, {} MiB read{}",
            self.done,
            self.rounds,
            self.load.as_millis(),
            acknowledged - self.acknowledged,
            open - self.in_flight,
            startup.as_millis(),
            checked.blobs,
            checked.manifests,
            checked.tags,
            checked.sessions,
            checked.read_bytes >> 20,
            if world.findings.is_empty() {
                ""
            } else {
                "; VIOLATIONS"
            },
        ));
        (self.acknowledged, self.in_flight) = (acknowledged, open);
        self.checked.add(checked);
        self.summary.clear();
        for (kind, count) in &world.counts {
            let open = count.begun - count.acknowledged - count.refused;
            let _ = write!(
                self.summary,
                "\n  {kind:?}: {} acknowledged, {} refused, {open} in flight at a kill",
                count.acknowledged, count.refused
            );
        }
    }

    /// Tells the figures and what is wrong. Returns whether nothing is.
    pub(crate) fn conclude(&self, result: &anyhow::Result<()>, findings: &[String]) -> bool {
        let longest = self.startups.iter().max().copied().unwrap_or_default();
        say(&format!(
            "crash: {} of {} rounds in {} s, seed {}: {} operations acknowledged, {} in flight at a kill; \
             looked at {} blobs, {} manifests, {} tags, {} uploads, read {} MiB; \
             longest start {} ms{}",
            self.done,
            self.rounds,
            self.began.elapsed().as_secs(),
            self.seed,
            self.acknowledged,
            self.in_flight,
            self.checked.blobs,
            self.checked.manifests,
            self.checked.tags,
            self.checked.sessions,
            self.checked.read_bytes >> 20,
            longest.as_millis(),
            self.summary,
        ));
        let failure = result.as_ref().err();
        if failure.is_none() && findings.is_empty() {
            say("crash: no violation");
            return true;
        }
        if let Some(failure) = failure {
            say(&format!("crash: FAILED: {failure:#}"));
        }
        for finding in findings.iter().take(MOST_TOLD) {
            say(&format!("VIOLATION: {finding}"));
        }
        say(&format!(
            "crash: {} violations; seed {}, data and log are kept in {}",
            findings.len(),
            self.seed,
            self.folder.display()
        ));
        false
    }
}
