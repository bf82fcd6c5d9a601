//! What lists tell: tags, referrers and the catalog show exactly what can be read.

use super::{Reader, is_seen};
use crate::campaign::connection::{Body, Connection};
use crate::campaign::content::Manifest;
use crate::campaign::register::Name;
use crate::campaign::world::{Object, Repository};
use anyhow::Context;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Small, so that every list has several pages.
const PAGE: usize = 5;

/// How often a list is read again that differs from what was read before it: a deletion that was
/// left half done may be finished in between.
const LOOKS: usize = 3;

impl Reader {
    /// Compares all lists with what was just found.
    pub(super) async fn check_lists(&mut self) -> anyhow::Result<()> {
        let count = self.shared.world().repositories.len();
        let catalog = strings(&mut self.connection, "/v2/_catalog", "repositories").await?;
        for repository in 0..count {
            self.check_tags(repository).await?;
            self.check_referrers(repository).await?;
            let mut world = self.shared.world();
            let contents = &world.repositories[repository];
            let has_manifest = contents.manifests.iter().any(|manifest| {
                let object = Object::Manifest(repository, Arc::clone(&manifest.digest));
                // A push that was cut off may have left the manifest alone.
                let register = world.register(&object);
                register
                    .is_some_and(|register| register.seen().is_some() && register.was_ever_set())
            });
            if has_manifest && !catalog.contains(&contents.name) {
                let finding = format!("the catalog lacks {}: {catalog:?}", contents.name);
                world.findings.push(finding);
            }
        }
        Ok(())
    }

    async fn check_tags(&mut self, repository: Repository) -> anyhow::Result<()> {
        let path = format!("{}/tags/list", self.path(repository));
        for look in 1..=LOOKS {
            let listed = strings(&mut self.connection, &path, "tags").await?;
            let (readable, tags) = {
                let world = self.shared.world();
                let is_readable = |tag: &&Name| {
                    let object = Object::Tag(repository, Arc::clone(tag));
                    is_seen(&world, &object)
                };
                let readable = world.tags.iter().filter(is_readable);
                let readable: BTreeSet<String> = readable.map(ToString::to_string).collect();
                (readable, world.tags.clone())
            };
            if listed == readable {
                return Ok(());
            }
            if look == LOOKS {
                let finding = format!("GET {path}: listed {listed:?}, readable {readable:?}");
                self.shared.find(finding);
            }
            for tag in tags.iter().filter(|tag| {
                let tag = tag.to_string();
                listed.contains(&tag) != readable.contains(&tag)
            }) {
                self.check_tag(repository, tag).await?;
            }
        }
        Ok(())
    }

    async fn check_referrers(&mut self, repository: Repository) -> anyhow::Result<()> {
        let mut referrers: BTreeMap<Name, Vec<Arc<Manifest>>> = BTreeMap::new();
        for manifest in &self.shared.world().repositories[repository].manifests {
            if let Some(subject) = &manifest.subject {
                let of_subject = referrers.entry(Arc::clone(subject)).or_default();
                of_subject.push(Arc::clone(manifest));
            }
        }
        for (subject, known) in referrers {
            let path = format!("{}/referrers/{subject}", self.path(repository));
            let answer = self.connection.send("GET", &path, "", Body::EMPTY).await?;
            let index: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let Some(listed) = index["manifests"].as_array() else {
                self.shared
                    .find(format!("GET {path}: {}", answer.summary()));
                continue;
            };
            let listed: BTreeSet<&str> = listed
                .iter()
                .filter_map(|descriptor| descriptor["digest"].as_str())
                .collect();
            for manifest in &known {
                let object = Object::Manifest(repository, Arc::clone(&manifest.digest));
                let is_listed = listed.contains(&*manifest.digest);
                let mut world = self.shared.world();
                let is_readable = is_seen(&world, &object);
                if is_listed && !is_readable {
                    let problem = format!("not readable, but listed for {subject}");
                    world.accuse(&object, &problem);
                }
                let digest = Arc::clone(&manifest.digest);
                let found = is_listed.then(|| Arc::clone(&digest));
                let object = Object::Referrer(repository, Arc::clone(&subject), digest);
                world.observe(&object, found);
            }
        }
        Ok(())
    }
}

/// Reads a list of names, page after page. One that is not there is empty.
async fn strings(
    connection: &mut Connection,
    path: &str,
    member: &str,
) -> anyhow::Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    let mut next = Some(format!("{path}?n={PAGE}"));
    while let Some(path) = next.take() {
        let answer = connection.send("GET", &path, "", Body::EMPTY).await?;
        if answer.status == 404 {
            break;
        }
        let page: Value =
            serde_json::from_slice(&answer.body).with_context(|| format!("list {path}"))?;
        let names = page[member].as_array();
        let names = names.with_context(|| format!("list {path}: {}", answer.summary()))?;
        all.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
        let link = answer
            .header("link")
            .and_then(|link| link.strip_prefix('<'));
        next = link.and_then(|link| Some(link.split_once('>')?.0.to_owned()));
    }
    Ok(all)
}
