//! What a campaign tells: a line every few seconds, the figures at the end, and what is wrong.

use roadstead_tests::campaign::verify::Checked;
use roadstead_tests::campaign::world::World;
use roadstead_tests::campaign::{MOST_TOLD, say};
use roadstead_tests::s3_fake::S3Fake;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

/// The figures of a campaign.
#[derive(Debug)]
pub(crate) struct Report {
    seed: u64,
    wanted: u64,
    folder: PathBuf,
    began: Instant,
    checked: Checked,
    /// Replicas that were killed, also those that were killed at the end of a round.
    pub(crate) kills: u64,
    /// Data objects that were found to have an owner.
    pub(crate) objects: u64,
    /// Objects that starts left which met a fault.
    pub(crate) tried: u64,
    /// Figures of operations, by kind.
    summary: String,
    acknowledged: u64,
    open: u64,
}

impl Report {
    pub(crate) fn new(seed: u64, wanted: u64, folder: PathBuf) -> Self {
        let place = folder.display();
        say(&format!(
            "chaos: {wanted} faults, seed {seed}, logs in {place}"
        ));
        Self {
            seed,
            wanted,
            folder,
            began: Instant::now(),
            checked: Checked::default(),
            kills: 0,
            objects: 0,
            tried: 0,
            summary: String::new(),
            acknowledged: 0,
            open: 0,
        }
    }

    /// Returns how much has gone wrong: what the store harmed, and kills.
    pub(crate) fn faults(&self, fake: &S3Fake) -> u64 {
        fake.faults().done() + self.kills
    }

    /// Ends a round with its line.
    pub(crate) fn end_round(&mut self, world: &World, fake: &S3Fake, checked: Checked) {
        let counts = world.counts.values();
        let (acknowledged, open) = counts.fold((0, 0), |(acknowledged, open), count| {
            let ended = count.acknowledged + count.refused;
            (
                acknowledged + count.acknowledged,
                open + count.begun - ended,
            )
        });
        say(&format!(
            "round {} at {} s: {} of {} faults, {} kills; {} acknowledged, {} of unknown end; \
             looked at {} blobs, {} manifests, {} tags, {} uploads{}",
            world.round,
            self.began.elapsed().as_secs(),
            self.faults(fake),
            self.wanted,
            self.kills,
            acknowledged - self.acknowledged,
            open - self.open,
            checked.blobs,
            checked.manifests,
            checked.tags,
            checked.sessions,
            if world.findings.is_empty() {
                ""
            } else {
                "; VIOLATIONS"
            },
        ));
        (self.acknowledged, self.open) = (acknowledged, open);
        self.checked.add(checked);
        self.summary.clear();
        for (kind, count) in &world.counts {
            let open = count.begun - count.acknowledged - count.refused;
            let _ = write!(
                self.summary,
                "\n  {kind:?}: {} acknowledged, {} refused, {open} of unknown end",
                count.acknowledged, count.refused
            );
        }
    }

    /// Tells the figures and what is wrong. Returns whether nothing is.
    pub(crate) fn conclude(
        &self,
        result: &anyhow::Result<()>,
        findings: &[String],
        fake: &S3Fake,
        harmed_starts: u64,
    ) -> bool {
        let mut text = format!(
            "chaos: {} faults in {} s, seed {}: {} operations acknowledged, {} of unknown end; \
             looked at {} blobs, {} manifests, {} tags, {} uploads, {} data objects, read {} MiB{}",
            self.faults(fake),
            self.began.elapsed().as_secs(),
            self.seed,
            self.acknowledged,
            self.open,
            self.checked.blobs,
            self.checked.manifests,
            self.checked.tags,
            self.checked.sessions,
            self.objects,
            self.checked.read_bytes >> 20,
            self.summary,
        );
        let _ = write!(
            text,
            "\n  {harmed_starts} starts met a fault, and left {} objects behind\n  faults: {} kills",
            self.tried, self.kills
        );
        for (name, count) in fake.faults().done_by_name() {
            let _ = write!(text, ", {count} {name}");
        }
        say(&text);
        let failure = result.as_ref().err();
        if failure.is_none() && findings.is_empty() {
            say("chaos: no violation");
            return true;
        }
        if let Some(failure) = failure {
            say(&format!("chaos: FAILED: {failure:#}"));
        }
        for finding in findings.iter().take(MOST_TOLD) {
            say(&format!("VIOLATION: {finding}"));
        }
        say(&format!(
            "chaos: {} violations; seed {}, logs are kept in {}",
            findings.len(),
            self.seed,
            self.folder.display()
        ));
        false
    }
}
