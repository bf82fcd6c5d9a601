//! `/uploads`: upload sessions that are open, whoever they belong to.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::input::Input;
use super::moment::Moment;
use super::pages::{Page, PageQuery};
use crate::error::AdminError;
use roadstead_registry::{RegistryError, UploadId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An upload session.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UploadView {
    /// Its id.
    pub id: String,
    /// The repository that it was started in.
    pub repository: String,
    /// Who started it; empty where nobody has a name.
    pub owner: String,
    /// How many bytes it holds.
    pub size_bytes: u64,
    /// When it was started.
    pub created: Moment,
    /// When it was last gone on with.
    pub active: Moment,
}

/// Lists open upload sessions. A page may have fewer entries than were asked for, or none, and a
/// `next`.
#[utoipa::path(get, path = "/uploads", tag = "uploads", params(PageQuery), responses(
    (status = 200, body = Page<UploadView>), (status = "default", body = Failure)))]
pub(crate) async fn list(administration: &Administration, input: &Input<'_>) -> Outcome {
    let (after, limit) = input.page()?;
    let page = administration
        .registry
        .upload_sessions(after.as_deref(), limit)
        .await?;
    let items = page.sessions.iter().map(|open| UploadView {
        id: open.id.to_string(),
        repository: open.session.repository.to_string(),
        owner: open.session.owner.clone(),
        size_bytes: open.session.offset(),
        created: Moment::of_millis(open.session.created.as_millis()),
        active: Moment::of_millis(open.active.as_millis()),
    });
    let more = page.next.is_some();
    Ok(Output::shown(&Page::new(items.collect(), page.next, more)))
}

/// Ends an upload session and frees what it holds.
#[utoipa::path(delete, path = "/uploads/{id}", tag = "uploads",
    params(("id" = String, Path)), responses(
    (status = 204), (status = "default", body = Failure)))]
pub(crate) async fn abort(administration: &Administration, input: &Input<'_>) -> Outcome {
    let unknown = || AdminError::Absent("open upload session of this id".to_owned());
    let id = UploadId::parse(input.path(0)).ok_or_else(unknown)?;
    match administration.registry.upload_abort(id).await {
        Ok(()) => Ok(Output::done().logged(format!("ended upload session {id}"))),
        Err(RegistryError::UploadUnknown) => Err(unknown()),
        Err(error) => Err(error.into()),
    }
}
