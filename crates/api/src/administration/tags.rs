//! `/tags`: the tags of a repository, and what they were. The repository stands in the query: its
//! slashes would mean something else in a path.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::input::{Input, Requester};
use super::moment::Moment;
use super::pages::{Page, PageQuery};
use crate::error::AdminError;
use roadstead_auth::{AccessRequest, Action, Reason};
use roadstead_registry::record::{EndedBy, HistoryRecord, TagRecord};
use serde::{Deserialize, Serialize};
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
    items.extend(page.entries.iter().map(of_history));
    if items.is_empty() && after.is_none() {
        return Err(AdminError::Absent(format!("tag {tag} of {repository}")));
    }
    let more = page.next.is_some();
    Ok(Output::shown(&Page::new(items, page.next, more)))
}

fn of_record(record: &TagRecord) -> TagValue {
    TagValue {
        digest: record.digest.to_string(),
        media_type: record.media_type.clone(),
        size_bytes: record.size,
        set: Moment::of_millis(record.at.as_millis()),
        set_by: record.by.clone(),
        ended: None,
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
