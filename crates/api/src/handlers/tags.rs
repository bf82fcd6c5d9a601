//! `/v2/<name>/tags/list`.

use crate::call::Call;
use crate::error::ApiError;
use crate::page::{self, PageRequest};
use crate::respond::{self, Reply};
use actix_web::http::StatusCode;
use actix_web::http::header;
use roadstead_oci::RepositoryName;

/// Tags on a page when the client names no number.
const DEFAULT_ENTRIES: usize = 1000;

#[derive(serde::Serialize)]
struct TagList<'a> {
    name: &'a str,
    tags: &'a [String],
}

/// Answers `GET /v2/<name>/tags/list`.
pub(crate) async fn list(call: &Call<'_>, name: &RepositoryName) -> Result<Reply, ApiError> {
    let page = PageRequest::parse(call.query())?;
    let limit = page.limit.unwrap_or(DEFAULT_ENTRIES);
    // An empty page still tells an unknown repository from a known one.
    let found = call
        .state
        .registry
        .tags(name, page.after.as_deref(), limit.max(1))
        .await?;
    let tags = if limit == 0 { &[] } else { &found.tags[..] };
    let body = serde_json::to_vec(&TagList {
        name: name.as_str(),
        tags,
    })
    .expect("a list of texts is JSON");
    let mut reply = respond::json(StatusCode::OK, body);
    if let Some(last) = tags.last().filter(|_| found.more) {
        let link = page::next_link(&format!("/v2/{name}/tags/list"), "", Some(limit), last);
        reply.headers_mut().insert(header::LINK, link);
    }
    Ok(reply)
}
