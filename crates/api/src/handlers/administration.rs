//! `/api/v1/…`: the administration of the registry, for callers who have the right.

use crate::administration::{
    ADMINISTRATION_PATH, AdminAnswer, AdminRequest, Administration, MAX_ADMIN_BODY_BYTES, Requester,
};
use crate::audit;
use crate::body::{CollectError, RequestBody};
use crate::call::Call;
use crate::error::{AdminError, ApiError, RETRY_SOON};
use crate::respond::{self, Reply};
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};

/// Answers everything below [`ADMINISTRATION_PATH`] on the registry's listener.
pub(crate) async fn answer(
    call: &Call<'_>,
    administration: &Administration,
    body: &mut RequestBody,
) -> Result<Reply, ApiError> {
    let by = Requester::Caller(call.caller.clone());
    Ok(perform(call.request, administration, by, body).await)
}

/// Reads a request and makes its answer, whoever asks.
pub(crate) async fn perform(
    request: &HttpRequest,
    administration: &Administration,
    by: Requester,
    body: &mut RequestBody,
) -> Reply {
    let content = match collect(request, body).await {
        Ok(content) => content,
        Err(error) => return refuse(error),
    };
    let path = request.uri().path();
    let whence = audit::whence(request);
    let request = AdminRequest {
        method: request.method().as_str(),
        path: path.strip_prefix(ADMINISTRATION_PATH).unwrap_or(path),
        query: request.query_string(),
        body: &content,
        by,
        whence,
    };
    reply(administration.answer(request).await)
}

async fn collect(
    request: &HttpRequest,
    body: &mut RequestBody,
) -> Result<bytes::Bytes, AdminError> {
    let content = match body.collect(MAX_ADMIN_BODY_BYTES).await {
        Ok(content) => content,
        Err(CollectError::TooLarge) => return Err(AdminError::TooLarge),
        Err(CollectError::Body(error)) => return Err(error.into()),
    };
    // A page of another site can have a browser send a POST of some other type, or none, with the
    // password or certificate that the browser has for us; but not of this type, and no other method.
    let is_json = || {
        let media_type = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
        let essence = media_type.split(';').next().unwrap_or_default();
        Some(essence.trim().eq_ignore_ascii_case("application/json"))
    };
    let needs_type = match request.method().as_str() {
        "POST" => true,
        "PUT" => !content.is_empty(),
        _ => false,
    };
    if needs_type && is_json() != Some(true) {
        return Err(AdminError::MediaType);
    }
    Ok(content)
}

/// Answers a request that is not run.
pub(crate) fn refuse(error: AdminError) -> Reply {
    reply(AdminAnswer::of_error(error))
}

fn reply(answer: AdminAnswer) -> Reply {
    let (allow, location) = (answer.allow.clone(), answer.location.clone());
    let status = answer.status;
    let body = answer.into_body();
    let mut reply = if body.is_empty() {
        respond::empty(status)
    } else {
        respond::json(status, body)
    };
    let headers = reply.headers_mut();
    // Secrets are shown once.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, RETRY_SOON);
    }
    if let Some(allow) = allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
        headers.insert(header::ALLOW, allow);
    }
    if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
        headers.insert(header::LOCATION, location);
    }
    reply
}
