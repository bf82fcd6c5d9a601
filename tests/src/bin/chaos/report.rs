//! What a campaign tells: a line every few seconds, the figures at the end, and what is wrong.

use roadstead_tests::campaign::verify::Checked;
use roadstead_tests::campaign::world::{Count, Kind, World};
use roadstead_tests::campaign::{MOST_TOLD, say};
use roadstead_tests::stored::Inventory;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

/// The figures of a campaign.
#[derive(Debug)]
pub(crate) struct Report {
    store: &'static str,
    seed: u64,
    wanted: u64,
    folder: PathBuf,
    began: Instant,
    /// What is wrong with the server.
    pub(crate) findings: Vec<String>,
    /// Servers that were killed while clients worked.
    pub(crate) kills: u64,
    /// Data objects that were looked at.
    pub(crate) objects: u64,
    /// What was left at the ends of chapters, compared one by one: records and data objects.
    left: (u64, u64),
    checked: Checked,
    /// Operations of the chapters that have ended.
    counts: BTreeMap<Kind, Count>,
    /// What went wrong below the servers in those chapters, by the name of the fault.
    harmed: BTreeMap<&'static str, u64>,
    harmed_starts: u64,
    /// What the collector took or brought back between two looks.
    collected: u64,
    rounds: usize,
    /// Of the present chapter, at the last line.
    told: Count,
}

impl Report {
    pub(crate) fn new(store: &'static str, seed: u64, wanted: u64, folder: PathBuf) -> Self {
        let place = folder.display();
        say(&format!(
            "chaos: {wanted} faults over {store}, seed {seed}, logs in {place}"
        ));
        Self {
            store,
            seed,
            wanted,
            folder,
            began: Instant::now(),
            findings: Vec::new(),
            kills: 0,
            objects: 0,
            left: (0, 0),
            checked: Checked::default(),
            counts: BTreeMap::new(),
            harmed: BTreeMap::new(),
            harmed_starts: 0,
            collected: 0,
            rounds: 0,
            told: Count::default(),
        }
    }

    /// Returns how much has gone wrong in the chapters that have ended, and kills so far.
    pub(crate) fn faults(&self) -> u64 {
        self.harmed.values().sum::<u64>() + self.kills
    }

    /// Tells of a round in one line. `harmed` is what went wrong in this chapter, but for kills.
    pub(crate) fn end_round(&mut self, world: &World, harmed: u64, checked: Checked) {
        self.rounds += 1;
        let count = total(&world.counts);
        say(&format!(
            "round {} at {} s: {} of {} faults, {} kills; {} acknowledged, {} of unknown end; \
             looked at {} blobs, {} manifests, {} tags, {} uploads{}",
            self.rounds,
            self.began.elapsed().as_secs(),
            self.faults() + harmed,
            self.wanted,
            self.kills,
            count.acknowledged - self.told.acknowledged,
            open(count) - open(self.told),
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
        self.told = count;
        self.checked.add(checked);
    }

    /// Tells that a store holds what clients see, and nothing else.
    pub(crate) fn nothing_is_left(&mut self, inventory: &Inventory) {
        let (records, objects) = (inventory.records, inventory.objects.len());
        self.left.0 += records as u64;
        self.left.1 += objects as u64;
        say(&format!(
            "chaos: nothing is left but what is named: {records} records and {objects} data objects"
        ));
    }

    /// Takes over what is known of a chapter.
    pub(crate) fn end_chapter(
        &mut self,
        findings: Vec<String>,
        world: &World,
        harmed: BTreeMap<&'static str, u64>,
        harmed_starts: u64,
    ) {
        self.findings.extend(findings);
        for (kind, count) in &world.counts {
            let sum = self.counts.entry(*kind).or_default();
            sum.begun += count.begun;
            sum.acknowledged += count.acknowledged;
            sum.refused += count.refused;
        }
        for (name, count) in harmed {
            *self.harmed.entry(name).or_default() += count;
        }
        self.harmed_starts += harmed_starts;
        self.collected += world.collected;
        self.told = Count::default();
    }

    /// Tells the figures and what is wrong. Returns whether nothing is.
    pub(crate) fn conclude(&self, result: &anyhow::Result<()>) -> bool {
        let count = total(&self.counts);
        let mut text = format!(
            "chaos: {} faults over {} in {} s, seed {}: {} operations acknowledged, {} of unknown end; \
             looked at {} blobs, {} manifests, {} tags, {} uploads, {} data objects, read {} MiB",
            self.faults(),
            self.store,
            self.began.elapsed().as_secs(),
            self.seed,
            count.acknowledged,
            open(count),
            self.checked.blobs,
            self.checked.manifests,
            self.checked.tags,
            self.checked.sessions,
            self.objects,
            self.checked.read_bytes >> 20,
        );
        for (kind, count) in &self.counts {
            let _ = write!(
                text,
                "\n  {kind:?}: {} acknowledged, {} refused, {} of unknown end",
                count.acknowledged,
                count.refused,
                open(*count)
            );
        }
        let (records, objects) = self.left;
        let _ = write!(
            text,
            "\n  collected between two looks: {}; left at the ends, each of them named: {records} \
             records, {objects} data objects",
            self.collected
        );
        let (kills, starts) = (self.kills, self.harmed_starts);
        let _ = write!(
            text,
            "\n  faults: {kills} servers killed at work, {starts} starts harmed"
        );
        for (name, count) in &self.harmed {
            let _ = write!(text, ", {count} {name}");
        }
        say(&text);
        let failure = result.as_ref().err();
        if failure.is_none() && self.findings.is_empty() {
            say("chaos: no violation");
            return true;
        }
        if let Some(failure) = failure {
            say(&format!("chaos: FAILED: {failure:#}"));
        }
        for finding in self.findings.iter().take(MOST_TOLD) {
            say(&format!("VIOLATION: {finding}"));
        }
        say(&format!(
            "chaos: {} violations; seed {}, logs are kept in {}",
            self.findings.len(),
            self.seed,
            self.folder.display()
        ));
        false
    }
}

fn total(counts: &BTreeMap<Kind, Count>) -> Count {
    let mut total = Count::default();
    for count in counts.values() {
        total.begun += count.begun;
        total.acknowledged += count.acknowledged;
        total.refused += count.refused;
    }
    total
}

fn open(count: Count) -> u64 {
    count.begun - count.acknowledged - count.refused
}
