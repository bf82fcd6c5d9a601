//! `/v2/<name>/blobs/<digest>`.

use crate::call::Call;
use crate::conditional;
use crate::error::ApiError;
use crate::guard::Access;
use crate::outgoing::Body;
use crate::range_response;
use crate::redirect::{self, policy::RedirectPolicy};
use crate::respond::{self, OCTET_STREAM, Reply};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use roadstead_oci::{ByteRanges, Digest, RangeOutcome, RepositoryName};

/// Content under its digest never changes.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// Keeps what not everybody may pull out of caches that several people share.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, max-age=31536000");

/// Answers `HEAD /v2/<name>/blobs/<digest>`, which knows no ranges.
pub(crate) async fn head(
    call: &Call<'_>,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Reply, ApiError> {
    let meta = call.state.registry.blob_head(name, digest).await?;
    if conditional::is_not_modified(call.headers(), digest) {
        return Ok(not_modified(call, digest));
    }
    let mut reply = Reply::with_body(StatusCode::OK, Body::Headless(meta.size));
    insert_blob_headers(call, reply.headers_mut(), digest);
    Ok(reply)
}

/// Answers `GET /v2/<name>/blobs/<digest>`.
pub(crate) async fn get(
    call: &Call<'_>,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Reply, ApiError> {
    let registry = &call.state.registry;
    let blob = if is_most_likely_whole(call) {
        registry.blob_open_whole(name, digest).await?
    } else {
        registry.blob_open(name, digest).await?
    };
    if conditional::is_not_modified(call.headers(), digest) {
        return Ok(not_modified(call, digest));
    }
    let asked = asked_range(call.headers(), digest, blob.size());
    if let Some(reply) = redirect::elsewhere(call, &blob, digest, &asked).await? {
        return Ok(reply);
    }
    let mut reply = match asked {
        RangeOutcome::Whole => range_response::whole(&blob, call.wire()).await?,
        RangeOutcome::Single(range) => range_response::single(&blob, range, call.wire()).await?,
        RangeOutcome::Multiple(ranges) => {
            let boundary = format!("{:032x}", call.state.ids.random());
            range_response::multiple(blob, ranges, &boundary)
        }
        RangeOutcome::Unsatisfiable => return Err(ApiError::Range { size: blob.size() }),
    };
    insert_blob_headers(call, reply.headers_mut(), digest);
    Ok(reply)
}

/// Answers `DELETE /v2/<name>/blobs/<digest>`.
pub(crate) async fn delete(
    call: &Call<'_>,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Reply, ApiError> {
    call.state.registry.blob_delete(name, digest).await?;
    Ok(respond::empty(StatusCode::ACCEPTED))
}

/// Tells whether all bytes will be sent from here, unless the blob is not there.
fn is_most_likely_whole(call: &Call<'_>) -> bool {
    let headers = call.headers();
    let is_sent_elsewhere = matches!(call.state.redirect, RedirectPolicy::By(_));
    !is_sent_elsewhere
        && !headers.contains_key(header::RANGE)
        && !headers.contains_key(header::IF_NONE_MATCH)
}

fn asked_range(headers: &HeaderMap, digest: &Digest, size: u64) -> RangeOutcome {
    let Some(range) = headers.get(header::RANGE) else {
        return RangeOutcome::Whole;
    };
    if !conditional::may_use_range(headers, digest) {
        return RangeOutcome::Whole;
    }
    range
        .to_str()
        .map_or(RangeOutcome::Whole, |text| ByteRanges::parse(text, size))
}

fn not_modified(call: &Call<'_>, digest: &Digest) -> Reply {
    let mut reply = Reply::with_body(StatusCode::NOT_MODIFIED, Body::None);
    let headers = reply.headers_mut();
    respond::insert_digest_and_etag(headers, digest);
    headers.insert(header::CACHE_CONTROL, cache_control(call));
    reply
}

fn cache_control(call: &Call<'_>) -> HeaderValue {
    match call.state.access {
        Access::Open => CACHE_CONTROL,
        Access::Guarded(_) => PRIVATE,
    }
}

fn insert_blob_headers(call: &Call<'_>, headers: &mut HeaderMap, digest: &Digest) {
    // A multipart answer has a type of its own.
    if !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(OCTET_STREAM));
    }
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, cache_control(call));
    respond::insert_digest_and_etag(headers, digest);
}
