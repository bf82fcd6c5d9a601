//! `/manifests`: those that were deleted and can be brought back.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::input::Input;
use super::moment::Moment;
use super::pages::{Page, PageQuery};
use super::restoring::{brought_back, check_push, kept_by, with_reason};
use super::tags::OfRepository;
use crate::audit::ContentChange;
use crate::error::AdminError;
use roadstead_oci::{Digest, Tag};
use roadstead_registry::{ManifestRestore, RemovedManifest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most tags that one request can set.
const MOST_TAGS: usize = 100;

/// A manifest that was deleted and can be brought back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RemovedManifestView {
    /// Its digest.
    pub digest: String,
    /// Its media type.
    pub media_type: String,
    /// Its type of artifact, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was deleted.
    pub deleted: Moment,
    /// By whom; empty where nobody has a name.
    pub deleted_by: String,
    /// Until when it is retained.
    pub until: Moment,
}

/// What to bring back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManifestRestoration {
    /// The digest of the manifest.
    pub digest: String,
    /// Tags to set to it.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// What came back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RestoredManifest {
    /// The digest of the manifest.
    pub digest: String,
    /// The manifests that were brought back: itself, unless it was there, and deleted ones that it names.
    pub restored: Vec<String>,
}

/// Lists the manifests of a repository that were deleted and can be brought back. A page may have
/// fewer entries than were asked for, or none, and a `next`.
#[utoipa::path(get, path = "/manifests/deleted", tag = "manifests", params(OfRepository, PageQuery),
    responses((status = 200, body = Page<RemovedManifestView>), (status = "default", body = Failure)))]
pub(crate) async fn deleted(administration: &Administration, input: &Input<'_>) -> Outcome {
    let repository = input.repository()?;
    let (after, limit) = input.page()?;
    let page = administration
        .registry
        .removed_manifests(&repository, after.as_deref(), limit)
        .await?;
    let items = page.manifests.iter().map(view).collect();
    let more = page.next.is_some();
    Ok(Output::shown(&Page::new(items, page.next, more)))
}

/// Brings a deleted manifest back, and deleted ones that it names. Its tags stay away, but for those
/// that the request names. A rule that denies pushing to the caller holds here, too.
#[utoipa::path(post, path = "/manifests/restore", tag = "manifests", params(OfRepository),
    request_body = ManifestRestoration, responses(
    (status = 200, body = RestoredManifest), (status = "default", body = Failure)))]
pub(crate) async fn restore(administration: &Administration, input: &Input<'_>) -> Outcome {
    let name = input.repository()?;
    let asked: ManifestRestoration = input.body()?;
    let digest = Digest::parse(&asked.digest)
        .map_err(|error| AdminError::invalid(format!("member digest: {error}")))?;
    if asked.tags.len() > MOST_TAGS {
        return Err(AdminError::invalid(format!(
            "member tags: at most {MOST_TAGS} can be set at once"
        )));
    }
    let tags: Result<Vec<Tag>, _> = asked.tags.iter().map(|tag| Tag::parse(tag)).collect();
    let tags = tags.map_err(|error| AdminError::invalid(format!("member tags: {error}")))?;
    check_push(administration, input, &name, &tags)?;
    let reason = |tag: &Tag| kept_by(administration, input, &name, tag);
    let restore = ManifestRestore {
        repository: name.clone(),
        digest: digest.clone(),
        kept_tags: tags
            .iter()
            .filter(|tag| reason(tag).is_some())
            .cloned()
            .collect(),
        tags,
        by: input.request.by.to_string(),
    };
    let restored = administration.registry.manifest_restore(&restore).await;
    let restored = restored.map_err(|error| with_reason(error, reason))?;
    let shown = RestoredManifest {
        digest: digest.to_string(),
        restored: brought_back(&digest, &restored),
    };
    let change = format!("restored manifest {digest} of {name}");
    let content = ContentChange {
        repository: name.to_string(),
        digest: digest.to_string(),
        tag: None,
    };
    Ok(Output::shown(&shown)
        .logged_as("manifest.restore", change)
        .of_content(content))
}

fn view(removed: &RemovedManifest) -> RemovedManifestView {
    let entry = &removed.entry;
    RemovedManifestView {
        digest: removed.digest.to_string(),
        media_type: entry.media_type.as_str().to_owned(),
        artifact_type: entry.artifact_type.clone(),
        size_bytes: entry.bytes.len() as u64,
        deleted: Moment::of_millis(entry.at.as_millis()),
        deleted_by: entry.by.clone(),
        until: Moment::of_millis(removed.until.as_millis()),
    }
}
