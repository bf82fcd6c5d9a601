//! What a check found, as its report tells it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Findings that a report lists; the others are counted, and all are in the log.
const MOST_LISTED: usize = 1000;
/// How long what they say may be together, in bytes: a report must fit into a record.
const MOST_LISTED_BYTES: usize = 150 * 1024;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something that was stored cannot be read, or will not be.
    Error,
    /// Something is missing that a client may have taken away, or that can be made again.
    Warning,
    /// Something is left over that the registry clears away by itself.
    Note,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in one word, such as `tag-without-manifest`.
    pub problem: String,
    /// The key of the record, or of the data.
    pub key: String,
    /// What is wrong and what it means, in a sentence.
    pub text: String,
    /// What was done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repaired: Option<String>,
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        problem: &str,
        key: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            problem: problem.to_owned(),
            key: key.into(),
            text: text.into(),
            repaired: None,
        }
    }

    pub(super) fn error(problem: &str, key: &str, text: impl Into<String>) -> Self {
        Self::new(Severity::Error, problem, key, text)
    }

    pub(super) fn warning(problem: &str, key: &str, text: impl Into<String>) -> Self {
        Self::new(Severity::Warning, problem, key, text)
    }

    pub(super) fn note(problem: &str, key: &str, text: impl Into<String>) -> Self {
        Self::new(Severity::Note, problem, key, text)
    }
}

/// What a check looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FsckReport {
    /// How many records of each kind were read.
    pub records: BTreeMap<String, u64>,
    /// How many data objects there are.
    pub objects: u64,
    /// How many bytes they have.
    pub object_bytes: u64,
    /// How many bytes of content were hashed.
    pub hashed_bytes: u64,
    /// How many errors were found.
    pub errors: u64,
    /// How many warnings.
    pub warnings: u64,
    /// How many notes.
    pub notes: u64,
    /// How many findings were repaired.
    pub repaired: u64,
    /// How many findings of each problem there are.
    pub problems: BTreeMap<String, u64>,
    /// The first findings.
    pub findings: Vec<Finding>,
    /// How many more there are, which the log of whoever ran the check tells.
    pub more: u64,
    #[serde(skip)]
    listed_bytes: usize,
}

impl FsckReport {
    /// Tells whether everything is as it should be; what is left over is no damage.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.errors == 0 && self.warnings == 0
    }

    pub(super) fn count(&mut self, kind: &str) {
        match self.records.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                self.records.insert(kind.to_owned(), 1);
            }
        }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        let Finding {
            problem, key, text, ..
        } = &finding;
        match finding.severity {
            Severity::Error => {
                tracing::error!(problem, key, "fsck: {key}: {text}");
                self.errors += 1;
            }
            Severity::Warning => {
                tracing::warn!(problem, key, "fsck: {key}: {text}");
                self.warnings += 1;
            }
            Severity::Note => {
                tracing::debug!(problem, key, "fsck: {key}: {text}");
                self.notes += 1;
            }
        }
        if let Some(repaired) = &finding.repaired {
            tracing::info!(problem, key, "fsck: {key}: {repaired}");
            self.repaired += 1;
        }
        *self.problems.entry(problem.clone()).or_default() += 1;
        self.listed_bytes += 200 + key.len() + text.len();
        if self.findings.len() < MOST_LISTED && self.listed_bytes <= MOST_LISTED_BYTES {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }
}
