//! `/v2/_catalog`: docker's list of repositories, which is no part of OCI.

use crate::access;
use crate::call::Call;
use crate::error::ApiError;
use crate::guard::Access;
use crate::page::{self, PageRequest};
use crate::respond::{self, Reply};
use actix_web::http::StatusCode;
use actix_web::http::header;
use roadstead_oci::RepositoryName;
use roadstead_registry::CatalogPage;

/// Repositories on a page when the client names no number.
const DEFAULT_ENTRIES: usize = 100;
/// Repositories that are read at once to find those that the caller may see.
const READ_AT_ONCE: usize = 1000;

#[derive(serde::Serialize)]
struct Catalog<'a> {
    repositories: &'a [RepositoryName],
}

/// Answers `GET /v2/_catalog`.
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = PageRequest::parse(call.query())?;
    let limit = page.limit.unwrap_or(DEFAULT_ENTRIES);
    if limit == 0 {
        return Ok(respond::json(StatusCode::OK, "{\"repositories\":[]}"));
    }
    let found = shown(call, page.after.as_deref(), limit).await?;
    let catalog = Catalog {
        repositories: &found.repositories,
    };
    let body = serde_json::to_vec(&catalog).expect("a list of names is JSON");
    let mut reply = respond::json(StatusCode::OK, body);
    if let Some(last) = found.repositories.last().filter(|_| found.more) {
        let link = page::next_link("/v2/_catalog", "", Some(limit), last.as_str());
        reply.headers_mut().insert(header::LINK, link);
    }
    Ok(reply)
}

/// Reads the repositories that the caller may pull from. Where they may pull from few, many are
/// read for a page: where it ends must tell nothing of those in between.
async fn shown(
    call: &Call<'_>,
    after: Option<&str>,
    limit: usize,
) -> Result<CatalogPage, ApiError> {
    let registry = &call.state.registry;
    if matches!(call.state.access, Access::Open) {
        return Ok(registry.catalog(after, limit).await?);
    }
    let limit = limit.min(READ_AT_ONCE);
    let mut found = CatalogPage::default();
    let mut after = after.map(ToOwned::to_owned);
    loop {
        let page = registry.catalog(after.as_deref(), READ_AT_ONCE).await?;
        after = page.repositories.last().map(ToString::to_string);
        for name in page.repositories {
            if !access::is_shown(call, &name) {
                continue;
            }
            if found.repositories.len() == limit {
                found.more = true;
                return Ok(found);
            }
            found.repositories.push(name);
        }
        if !page.more || after.is_none() {
            return Ok(found);
        }
    }
}
