//! `/v2/_catalog`: docker's list of repositories, which is no part of OCI.

use crate::call::Call;
use crate::error::ApiError;
use crate::page::{self, PageRequest};
use crate::respond::{self, Reply};
use actix_web::http::StatusCode;
use actix_web::http::header;
use roadstead_oci::RepositoryName;

/// Repositories on a page when the client names no number.
const DEFAULT_ENTRIES: usize = 100;

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
    let found = call
        .state
        .registry
        .catalog(page.after.as_deref(), limit)
        .await?;
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
