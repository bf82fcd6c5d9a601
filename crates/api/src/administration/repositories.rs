//! `/repositories`: which repositories there are.

use super::Administration;
use super::answer::{Failure, Outcome, Output};
use super::input::Input;
use super::pages::{Page, PageQuery};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A repository.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RepositoryView {
    /// Its name.
    #[schema(example = "team-a/app")]
    pub name: String,
}

/// Lists repositories, of which one exists from its first manifest on.
#[utoipa::path(get, path = "/repositories", tag = "repositories", params(PageQuery), responses(
    (status = 200, body = Page<RepositoryView>), (status = "default", body = Failure)))]
pub(crate) async fn list(administration: &Administration, input: &Input<'_>) -> Outcome {
    let (after, limit) = input.page()?;
    let page = administration
        .registry
        .catalog(after.as_deref(), limit)
        .await?;
    let items: Vec<RepositoryView> = page
        .repositories
        .iter()
        .map(|name| RepositoryView {
            name: name.to_string(),
        })
        .collect();
    let last = items.last().map(|repository| repository.name.clone());
    Ok(Output::shown(&Page::new(items, last, page.more)))
}
