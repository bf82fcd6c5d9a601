//! What lists tell: tags, referrers and the catalog show exactly what can be read.

use crate::campaign::connection::{Body, Connection};
use crate::campaign::register::Name;
use crate::campaign::shared::Shared;
use crate::campaign::world::{Object, Repository};
use anyhow::Context;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Small, so that every list has several pages.
const PAGE: usize = 5;

/// Compares all lists with what was just found.
pub(super) async fn check_lists(
    shared: &Shared,
    connection: &mut Connection,
) -> anyhow::Result<()> {
    let count = shared.world().repositories.len();
    let catalog = strings(connection, "/v2/_catalog", "repositories").await?;
    for repository in 0..count {
        check_tags(shared, connection, repository).await?;
        check_referrers(shared, connection, repository).await?;
        let mut world = shared.world();
        let contents = &world.repositories[repository];
        let has_manifest = contents.manifests.iter().any(|manifest| {
            let object = Object::Manifest(repository, Arc::clone(&manifest.digest));
            let register = world.register(&object);
            register.is_some_and(|register| register.seen().is_some())
        });
        if has_manifest && !catalog.contains(&contents.name) {
            let finding = format!("the catalog lacks {}: {catalog:?}", contents.name);
            world.findings.push(finding);
        }
    }
    Ok(())
}

async fn check_tags(
    shared: &Shared,
    connection: &mut Connection,
    repository: Repository,
) -> anyhow::Result<()> {
    let name = shared.world().repositories[repository].name.clone();
    let listed = strings(connection, &format!("/v2/{name}/tags/list"), "tags").await?;
    let mut world = shared.world();
    let tags = world.tags.iter();
    let readable: BTreeSet<String> = tags
        .filter(|tag| {
            let object = Object::Tag(repository, Arc::clone(tag));
            let register = world.register(&object);
            register.is_some_and(|register| register.seen().is_some())
        })
        .map(ToString::to_string)
        .collect();
    if listed != readable {
        let finding = format!("tags of {name}: listed {listed:?}, readable {readable:?}");
        world.findings.push(finding);
    }
    Ok(())
}

async fn check_referrers(
    shared: &Shared,
    connection: &mut Connection,
    repository: Repository,
) -> anyhow::Result<()> {
    let name = shared.world().repositories[repository].name.clone();
    let mut referrers: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
    for manifest in &shared.world().repositories[repository].manifests {
        if let Some(subject) = &manifest.subject {
            let of_subject = referrers.entry(Arc::clone(subject)).or_default();
            of_subject.push(Arc::clone(&manifest.digest));
        }
    }
    for (subject, known) in referrers {
        let path = format!("/v2/{name}/referrers/{subject}");
        let answer = connection.send("GET", &path, "", Body::EMPTY).await?;
        let index: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let Some(listed) = index["manifests"].as_array() else {
            shared.find(format!("GET {path}: {}", answer.summary()));
            continue;
        };
        let listed: BTreeSet<&str> = listed
            .iter()
            .filter_map(|descriptor| descriptor["digest"].as_str())
            .collect();
        let mut world = shared.world();
        for digest in &known {
            let found = listed.contains(&**digest).then(|| Arc::clone(digest));
            let manifest = Object::Manifest(repository, Arc::clone(digest));
            let is_readable = world
                .register(&manifest)
                .is_some_and(|register| register.seen().is_some());
            if found.is_some() && !is_readable {
                world.accuse(
                    &manifest,
                    &format!("not readable, but listed for {subject}"),
                );
            }
            let object = Object::Referrer(repository, Arc::clone(&subject), Arc::clone(digest));
            world.observe(&object, found);
        }
    }
    Ok(())
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
