//! Data objects held against the records that name them, in both directions.

use super::ORPHAN_AGE;
use super::check::Check;
use super::finding::Finding;
use super::kinds::{self, Record};
use super::owners::{self, Owners};
use crate::Result;
use roadstead_storage::ListedObject;
use std::collections::BTreeMap;

/// Objects listed at once.
const PAGE: usize = 1000;
/// Suspects of one range that are looked at again; more of them are found by the next check.
const MOST_SUSPECTS: usize = 100_000;
/// Where data is named, in the order in which data moves.
const SECTIONS: [&str; 5] = ["upload/", "blob/", "link/", "repo/", "gc/"];

/// What looks wrong until the records are read a second time.
#[derive(Debug, Default)]
struct Suspects {
    /// Data that a record names and that was not listed, or with another length.
    missing: BTreeMap<u128, Option<u64>>,
    /// Data that no record names.
    orphans: BTreeMap<u128, ListedObject>,
}

impl Check<'_> {
    pub(super) async fn check_objects(&mut self) -> Result<()> {
        let mut owners = std::mem::replace(&mut self.owners, Owners::from(0));
        loop {
            let until = owners.until;
            let suspects = self.list_range(owners).await?;
            if !(suspects.missing.is_empty() && suspects.orphans.is_empty()) {
                self.look_again(suspects).await?;
            }
            let Some(until) = until else {
                return Ok(());
            };
            owners = self.own_from(until).await?;
        }
    }

    /// Lists the objects of a range of keys and holds them against their owners.
    async fn list_range(&mut self, owners: Owners) -> Result<Suspects> {
        self.progress.begin("data objects", None);
        let (from, until) = (owners.from, owners.until);
        let mut suspects = Suspects::default();
        let mut entries = owners.into_entries().peekable();
        let mut after = from.checked_sub(1).map(owners::key);
        loop {
            self.go_on()?;
            let page = self
                .registry
                .inner
                .data
                .objects(after.as_ref(), PAGE)
                .await?;
            after = page.objects.last().map(|object| object.key.clone());
            for object in page.objects {
                let Some(number) = owners::number(&object.key) else {
                    continue;
                };
                if until.is_some_and(|until| number >= until) {
                    after = None;
                    break;
                }
                self.progress.add(1);
                self.report.objects += 1;
                self.report.object_bytes += object.length;
                while let Some((missing, length)) = entries.next_if(|(owned, _)| *owned < number) {
                    suspects.miss(missing, length, None);
                }
                match entries.next_if(|(owned, _)| *owned == number) {
                    Some((_, Some(length))) if length != object.length => {
                        suspects.miss(number, Some(length), Some(object.length));
                    }
                    None if suspects.orphans.len() < MOST_SUSPECTS
                        && self.now.since(object.modified) > ORPHAN_AGE =>
                    {
                        suspects.orphans.insert(number, object);
                    }
                    Some(_) | None => {}
                }
            }
            if !page.more || after.is_none() {
                break;
            }
        }
        for (missing, length) in entries {
            suspects.miss(missing, length, None);
        }
        Ok(suspects)
    }

    /// Reads the records again for the data that they name, from a key on.
    async fn own_from(&mut self, from: u128) -> Result<Owners> {
        self.progress
            .begin("records, for the next range of data", None);
        let mut owners = Owners::from(from);
        for section in SECTIONS {
            let mut walk = self.walk(section);
            while let Some(page) = walk.next_page().await? {
                self.progress.add(page.len() as u64);
                for found in page {
                    if let Some((_, Ok(record))) = kinds::read(&found.key, &found.bytes) {
                        owners.add_all(&record);
                    }
                }
            }
        }
        Ok(owners)
    }

    /// The second look: records are read again before anything is told.
    async fn look_again(&mut self, mut suspects: Suspects) -> Result<()> {
        self.progress
            .begin("records, for data that looks wrong", None);
        let mut knows_all = self.knows_all;
        for section in SECTIONS {
            let mut walk = self.walk(section);
            while let Some(page) = walk.next_page().await? {
                self.progress.add(page.len() as u64);
                for found in page {
                    let Some((_, Ok(record))) = kinds::read(&found.key, &found.bytes) else {
                        knows_all = false;
                        continue;
                    };
                    for data in record.data() {
                        let Some(number) = owners::number(&data.key) else {
                            continue;
                        };
                        suspects.orphans.remove(&number);
                        let Some(length) = suspects.missing.get(&number).copied() else {
                            continue;
                        };
                        if record.must_have_data() {
                            self.confirm_missing(&found.key, &record, length).await?;
                        }
                    }
                }
            }
        }
        for object in suspects.orphans.into_values() {
            self.tell_orphan(object, knows_all).await?;
        }
        Ok(())
    }

    /// Tells that data is not there, if the record still says that it is.
    async fn confirm_missing(
        &mut self,
        key: &str,
        record: &Record,
        listed: Option<u64>,
    ) -> Result<()> {
        for data in record.data() {
            let is_whole = listed.is_none_or(|listed| listed == data.length);
            if is_whole && self.registry.has_data(&data).await? {
                continue;
            }
            // The record may have gone meanwhile, with its data.
            let again = self.registry.look_up(key.to_owned()).await?;
            let again = again.and_then(|again| kinds::read(key, &again.bytes));
            let Some((_, Ok(again))) = again else {
                continue;
            };
            if !again.must_have_data() || !again.data().contains(&data) {
                continue;
            }
            let text = match listed {
                Some(listed) => format!(
                    "its data {} has {listed} bytes in place of {}: push it again",
                    data.key.as_str(),
                    data.length
                ),
                None => format!("its data {} is not there: push it again", data.key.as_str()),
            };
            let mut finding = Finding::error("missing-data", key, text);
            if self.options.repair {
                self.quarantine_record(&again).await?;
                finding.repaired = Some(
                    "quarantined: readers are told, and a push of this digest heals it".to_owned(),
                );
            }
            self.report.add(finding);
        }
        Ok(())
    }

    async fn quarantine_record(&self, record: &Record) -> Result<()> {
        match record {
            Record::Blob(digest, blob) => match blob.content.data() {
                Some(data) => self.registry.quarantine_everywhere(digest, data).await,
                None => Ok(()),
            },
            Record::Manifest(repository, digest, manifest) => match manifest.content.data() {
                Some(data) => {
                    let marking = self.registry.quarantine_manifest(repository, digest, data);
                    marking.await
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Tells of data that no record names, twice looked at, and deletes it when that is asked for.
    /// Data gets its owner before its first byte and moves from one to the next: what has none now
    /// never will.
    async fn tell_orphan(&mut self, object: ListedObject, knows_all: bool) -> Result<()> {
        let text = format!("no record names these {} bytes of data", object.length);
        let mut finding = Finding::warning("orphaned-data", object.key.as_str(), text);
        if self.options.repair && knows_all {
            self.registry.inner.data.delete(&object.key).await?;
            finding.repaired = Some("deleted it".to_owned());
        } else if self.options.repair {
            finding
                .text
                .push_str("; it is kept, for there are records that this program cannot read");
        }
        self.report.add(finding);
        Ok(())
    }
}

impl Suspects {
    /// Suspects data of which the record says more than there is. Sessions promise nothing.
    fn miss(&mut self, number: u128, expected: Option<u64>, listed: Option<u64>) {
        if expected.is_some() && self.missing.len() < MOST_SUSPECTS {
            self.missing.insert(number, listed);
        }
    }
}
