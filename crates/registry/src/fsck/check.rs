//! A check on its way: what it works on, and the walk over all records.

use super::FsckOptions;
use super::SETTLED;
use super::finding::{Finding, FsckReport};
use super::kinds::{self, Record};
use super::owners::Owners;
use super::walk::{Found, Walk};
use crate::Result;
use crate::pace::Pace;
use crate::progress::Progress;
use crate::registry::Registry;
use roadstead_storage::Timestamp;

/// The sections that are walked one by one; what lies outside them is walked at last.
const SECTIONS: &[&str] = &["upload/", "blob/", "link/", "repo/"];

/// A check.
pub(super) struct Check<'a> {
    pub(super) registry: &'a Registry,
    pub(super) options: FsckOptions,
    pub(super) progress: Progress,
    /// When it began, by the store's clock.
    pub(super) now: Timestamp,
    pub(super) pace: Pace,
    pub(super) report: FsckReport,
    pub(super) owners: Owners,
    /// Whether every record was understood: one that was not may name data.
    pub(super) knows_all: bool,
}

impl<'a> Check<'a> {
    pub(super) fn new(
        registry: &'a Registry,
        options: FsckOptions,
        progress: Progress,
        now: Timestamp,
        pace: Pace,
    ) -> Self {
        Self {
            registry,
            options,
            progress,
            now,
            pace,
            report: FsckReport::default(),
            owners: Owners::from(0),
            knows_all: true,
        }
    }

    pub(super) fn walk(&self, prefix: &'static str) -> Walk {
        Walk::new(self.registry, &self.progress, prefix)
    }

    /// Tells whether a record was written so long ago that no request is at work on it.
    pub(super) fn is_settled(&self, modified: Timestamp) -> bool {
        self.now.since(modified) > SETTLED
    }

    pub(super) async fn check_records(&mut self) -> Result<()> {
        self.progress.begin("records", None);
        self.check_plain("upload/", &[]).await?;
        self.check_blobs().await?;
        self.check_repositories().await?;
        self.check_plain("", SECTIONS).await
    }

    /// Reads the records under a prefix, the sections that others read left out.
    async fn check_plain(
        &mut self,
        prefix: &'static str,
        except: &'static [&'static str],
    ) -> Result<()> {
        let mut walk = self.walk(prefix);
        while let Some(page) = walk.next_page().await? {
            for found in page {
                if let Some(section) = except.iter().find(|one| found.key.starts_with(**one)) {
                    walk.skip(section, &found.key);
                    break;
                }
                self.read(&found).await?;
            }
        }
        Ok(())
    }

    /// Reads a record, notes the data that it names, and tells when it is not understood.
    pub(super) async fn read(&mut self, found: &Found) -> Result<Option<Record>> {
        self.progress.add(1);
        let Some((kind, record)) = kinds::read(&found.key, &found.bytes) else {
            self.knows_all = false;
            self.report.count("unknown");
            self.report.add(Finding::warning(
                "unknown-record",
                &found.key,
                "no part of this program knows a record under such a key",
            ));
            return Ok(None);
        };
        self.report.count(kind);
        match record {
            Ok(record) => {
                self.owners.add_all(&record);
                Ok(Some(record))
            }
            Err(error) => {
                self.knows_all = false;
                // A record is replaced whole, so that only one that stays is broken.
                let again = self.registry.look_up(found.key.clone()).await?;
                if again.is_some_and(|again| again.version == found.version) {
                    let text = format!("the {kind} cannot be read: {error}");
                    self.report
                        .add(Finding::error("unreadable-record", &found.key, text));
                }
                Ok(None)
            }
        }
    }
}
