//! `/tags`: the tags of a repository, and what they were. The repository stands in the query: its
//! slashes would mean something else in a path.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::input::{Input, Requester};
use super::moment::Moment;
use super::pages::{Page, PageQuery, READS_AT_ONCE};
use super::restoring::{Restorable, brought_back, check_push, kept_by, with_reason};
use crate::audit::ContentChange;
use crate::error::AdminError;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use roadstead_auth::{AccessRequest, Action, Reason};
use roadstead_oci::{Digest, RepositoryName, Tag};
use roadstead_registry::record::{EndedBy, HistoryRecord, TagRecord};
use roadstead_registry::{RegistryError, RestorePoint, TagRestore, TagRestored, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use utoipa::{IntoParams, ToSchema};

/// Which repository.
#[derive(Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfRepository {
    /// The repository.
    #[param(example = "team-a/app")]
    pub(crate) repository: String,
}

/// Which tag.
#[derive(Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfTag {
    /// The repository.
    #[param(example = "team-a/app")]
    pub(crate) repository: String,
    /// The tag.
    #[param(example = "1.0")]
    pub(crate) tag: String,
}

/// A tag and what it names.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TagView {
    /// The tag.
    #[schema(example = "1.0")]
    pub name: String,
    /// What it names.
    #[serde(flatten)]
    pub value: TagValue,
}

/// What a tag names, or named.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TagValue {
    /// The digest of the manifest.
    pub digest: String,
    /// The media type of the manifest.
    pub media_type: String,
    /// The size of the manifest, in bytes.
    pub size_bytes: u64,
    /// When the tag was set to it.
    pub set: Moment,
    /// Who set it; empty where nobody has a name.
    pub set_by: String,
    /// How it ended; missing of the present value, and after a crash of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<TagEnding>,
    /// Of a past value: that its manifest can be had; missing where it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restorable: Option<Restorable>,
}

/// How a value of a tag ended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TagEnding {
    /// `replaced` or `deleted`.
    #[schema(example = "replaced")]
    pub how: String,
    /// When.
    pub at: Moment,
    /// By whom; empty where nobody has a name.
    pub by: String,
}

/// Which past value; without either the last one that named something else than the tag names now.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TagRestoration {
    /// The digest of one of its past values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// A time, RFC 3339 in UTC: the value that the tag had then, at the end of that second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-11-24T19:40:25Z")]
    pub at: Option<String>,
}

/// A tag that was set back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RestoredTag {
    /// What it names now.
    pub digest: String,
    /// What it named before; missing of a tag that was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Deleted manifests that were brought back for it.
    pub restored: Vec<String>,
}

/// Lists the tags of a repository.
#[utoipa::path(get, path = "/tags", tag = "tags", params(OfRepository, PageQuery), responses(
    (status = 200, body = Page<TagView>), (status = "default", body = Failure)))]
pub(crate) async fn list(administration: &Administration, input: &Input<'_>) -> Outcome {
    let repository = input.repository()?;
    let (after, limit) = input.page()?;
    let registry = &administration.registry;
    let page = registry.tags(&repository, after.as_deref(), limit).await?;
    let values = registry.tag_values(&repository, &page.tags).await?;
    let items = values.iter().map(|(tag, value)| TagView {
        name: tag.to_string(),
        value: of_record(value),
    });
    let last = page.tags.last().cloned();
    Ok(Output::shown(&Page::new(items.collect(), last, page.more)))
}

/// Removes a tag, as a DELETE of it over the registry's protocol does; the manifest stays. A rule
/// that denies it to the caller holds here, too.
#[utoipa::path(delete, path = "/tags", tag = "tags", params(OfTag), responses(
    (status = 204), (status = "default", body = Failure)))]
pub(crate) async fn remove(administration: &Administration, input: &Input<'_>) -> Outcome {
    let name = input.repository()?;
    let tag = input.tag()?;
    let by = &input.request.by;
    if let Requester::Caller(caller) = by {
        let request = AccessRequest::Tag {
            name: &name,
            tag: &tag,
            action: Action::Delete,
        };
        let decided = administration.rules.policy().explain(caller, &request);
        if matches!(decided, Reason::DeniedByRule(_)) {
            return Err(AdminError::Forbidden(decided.to_string()));
        }
    }
    administration
        .registry
        .tag_delete(&name, &tag, &by.to_string())
        .await?;
    Ok(Output::done().logged(format!("removed tag {tag} of {name}")))
}

/// Lists what a tag is and was, the newest first; of a tag that was removed, too. `last` is the
/// `next` of the page before.
#[utoipa::path(get, path = "/tags/history", tag = "tags", params(OfTag, PageQuery), responses(
    (status = 200, body = Page<TagValue>), (status = "default", body = Failure)))]
pub(crate) async fn history(administration: &Administration, input: &Input<'_>) -> Outcome {
    let (repository, tag) = (input.repository()?, input.tag()?);
    let (after, limit) = input.page()?;
    let registry = &administration.registry;
    let mut items = Vec::new();
    if after.is_none() {
        let current = registry.tag_value(&repository, &tag).await?;
        items.extend(current.as_ref().map(of_record));
    }
    let page = registry
        .tag_history(&repository, &tag, after.as_deref(), limit)
        .await?;
    let standings = standings(administration, &repository, &page.entries).await?;
    items.extend(page.entries.iter().map(|entry| TagValue {
        restorable: standings.get(&entry.was.digest).cloned(),
        ..of_history(entry)
    }));
    if items.is_empty() && after.is_none() {
        return Err(AdminError::Absent(format!("tag {tag} of {repository}")));
    }
    let more = page.next.is_some();
    Ok(Output::shown(&Page::new(items, page.next, more)))
}

/// Tells of the manifests of past values which can be had.
async fn standings(
    administration: &Administration,
    repository: &RepositoryName,
    entries: &[HistoryRecord],
) -> Result<HashMap<Digest, Restorable>, RegistryError> {
    let digests: BTreeSet<&Digest> = entries.iter().map(|entry| &entry.was.digest).collect();
    let looks = digests.into_iter().map(|digest| async move {
        let registry = &administration.registry;
        let found = registry.manifest_availability(repository, digest).await?;
        Ok::<_, RegistryError>(Restorable::of(&found).map(|found| (digest.clone(), found)))
    });
    let found: Vec<_> = stream::iter(looks)
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// Lists the tags of a repository that were deleted and can be brought back, with their last value. A
/// page may have fewer entries than were asked for, or none, and a `next`.
#[utoipa::path(get, path = "/tags/deleted", tag = "tags", params(OfRepository, PageQuery), responses(
    (status = 200, body = Page<TagView>), (status = "default", body = Failure)))]
pub(crate) async fn deleted(administration: &Administration, input: &Input<'_>) -> Outcome {
    let repository = input.repository()?;
    let (after, limit) = input.page()?;
    let page = administration
        .registry
        .deleted_tags(&repository, after.as_deref(), limit)
        .await?;
    let items = page.tags.iter().map(|deleted| TagView {
        name: deleted.tag.to_string(),
        value: TagValue {
            restorable: Restorable::of(&deleted.availability),
            ..of_history(&deleted.last)
        },
    });
    let items = items.collect();
    let more = page.next.is_some();
    Ok(Output::shown(&Page::new(items, page.next, more)))
}

/// Sets a tag back to a value that it had: by default the last one that named something else than it
/// names now. A manifest that was deleted is brought back. Rules hold as for a push by the caller.
#[utoipa::path(post, path = "/tags/restore", tag = "tags", params(OfTag),
    request_body = TagRestoration, responses(
    (status = 200, body = RestoredTag), (status = "default", body = Failure)))]
pub(crate) async fn restore(administration: &Administration, input: &Input<'_>) -> Outcome {
    let (repository, tag) = (input.repository()?, input.tag()?);
    let point = input.optional_body::<TagRestoration>()?.point()?;
    check_push(
        administration,
        input,
        &repository,
        std::slice::from_ref(&tag),
    )?;
    let reason = |tag: &Tag| kept_by(administration, input, &repository, tag);
    let restore = TagRestore {
        repository: repository.clone(),
        is_kept: reason(&tag).is_some(),
        tag: tag.clone(),
        point,
        by: input.request.by.to_string(),
    };
    let restored = administration.registry.tag_restore(&restore).await;
    let restored = restored.map_err(|error| with_reason(error, reason))?;
    let digest = restored.digest.to_string();
    let output = Output::shown(&RestoredTag::of(&restored));
    if restored.manifest.is_none() {
        return Ok(output);
    }
    let content = ContentChange {
        repository: repository.to_string(),
        digest: digest.clone(),
        tag: Some(tag.to_string()),
    };
    let change = format!("restored tag {tag} of {repository} to {digest}");
    Ok(output.logged_as("tag.restore", change).of_content(content))
}

impl TagRestoration {
    fn point(&self) -> Result<RestorePoint, AdminError> {
        match (&self.digest, &self.at) {
            (None, None) => Ok(RestorePoint::Last),
            (Some(digest), None) => Digest::parse(digest)
                .map(RestorePoint::Digest)
                .map_err(|error| AdminError::invalid(format!("member digest: {error}"))),
            (None, Some(at)) => Moment::last_milli_of(at)
                .map(|millis| RestorePoint::At(Timestamp::from_millis(millis)))
                .ok_or_else(|| {
                    AdminError::invalid("member at: write a time such as 2026-11-24T19:40:25Z")
                }),
            (Some(_), Some(_)) => Err(AdminError::invalid("name a digest or a time, not both")),
        }
    }
}

impl RestoredTag {
    fn of(restored: &TagRestored) -> Self {
        let manifest = restored.manifest.as_ref();
        Self {
            digest: restored.digest.to_string(),
            before: restored.before.as_ref().map(ToString::to_string),
            restored: manifest.map_or_else(Vec::new, |manifest| {
                brought_back(&restored.digest, manifest)
            }),
        }
    }
}

fn of_record(record: &TagRecord) -> TagValue {
    TagValue {
        digest: record.digest.to_string(),
        media_type: record.media_type.clone(),
        size_bytes: record.size,
        set: Moment::of_millis(record.at.as_millis()),
        set_by: record.by.clone(),
        ended: None,
        restorable: None,
    }
}

fn of_history(entry: &HistoryRecord) -> TagValue {
    let ended = entry.ended.as_ref().map(|ending| TagEnding {
        how: match ending.how {
            EndedBy::Replaced => "replaced",
            EndedBy::Deleted => "deleted",
        }
        .to_owned(),
        at: Moment::of_millis(ending.at.as_millis()),
        by: ending.by.clone(),
    });
    TagValue {
        ended,
        ..of_record(&entry.was)
    }
}
