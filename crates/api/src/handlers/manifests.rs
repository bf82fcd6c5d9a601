//! `/v2/<name>/manifests/<reference>`.

mod put;

pub(crate) use put::put;

use crate::access;
use crate::call::Call;
use crate::conditional;
use crate::error::ApiError;
use crate::outgoing::Body;
use crate::respond::{self, OCTET_STREAM, Reply};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use roadstead_oci::{Digest, ManifestMediaType, Reference, ReferenceError, RepositoryName};

/// What the path names, or why it is no reference.
type Asked = Result<Reference, ReferenceError>;

/// Answers `HEAD`. What the client accepts does not matter: what is stored is what there is.
pub(crate) async fn head(
    call: &Call<'_>,
    name: &RepositoryName,
    reference: Asked,
) -> Result<Reply, ApiError> {
    let reference = reference.map_err(ApiError::UnknownReference)?;
    let meta = call.state.registry.manifest_head(name, &reference).await?;
    if conditional::is_not_modified(call.headers(), &meta.digest) {
        return Ok(not_modified(&meta.digest));
    }
    let mut reply = Reply::with_body(StatusCode::OK, Body::Headless(meta.size));
    insert_manifest_headers(reply.headers_mut(), &meta.digest, &meta.media_type);
    Ok(reply)
}

/// Answers `GET`, with the bytes that were pushed.
pub(crate) async fn get(
    call: &Call<'_>,
    name: &RepositoryName,
    reference: Asked,
) -> Result<Reply, ApiError> {
    let reference = reference.map_err(ApiError::UnknownReference)?;
    let manifest = call.state.registry.manifest_get(name, &reference).await?;
    let meta = manifest.meta;
    if conditional::is_not_modified(call.headers(), &meta.digest) {
        return Ok(not_modified(&meta.digest));
    }
    let mut reply = Reply::with_body(StatusCode::OK, Body::Bytes(manifest.bytes));
    insert_manifest_headers(reply.headers_mut(), &meta.digest, &meta.media_type);
    Ok(reply)
}

/// Answers `DELETE`: a tag alone, or a manifest with all its tags.
pub(crate) async fn delete(
    call: &Call<'_>,
    name: &RepositoryName,
    reference: Asked,
) -> Result<Reply, ApiError> {
    let registry = &call.state.registry;
    match reference.map_err(ApiError::UnknownReference)? {
        Reference::Tag(tag) => {
            access::check_losable(call, name, std::slice::from_ref(&tag))?;
            registry.tag_delete(name, &tag, &call.by()).await?;
        }
        Reference::Digest(digest) => {
            // A tag that is set while this request runs may be set before it or after.
            if call.state.access.guard().is_some() {
                let tags = registry.manifest_tags(name, &digest).await?;
                access::check_losable(call, name, &tags)?;
            }
            registry.manifest_delete(name, &digest, &call.by()).await?;
        }
    }
    Ok(respond::empty(StatusCode::ACCEPTED))
}

fn not_modified(digest: &Digest) -> Reply {
    let mut reply = Reply::with_body(StatusCode::NOT_MODIFIED, Body::None);
    respond::insert_digest_and_etag(reply.headers_mut(), digest);
    reply
}

/// Names the stored type, which is one of four: nobody can have a page of HTML served.
fn insert_manifest_headers(headers: &mut HeaderMap, digest: &Digest, media_type: &str) {
    let known =
        ManifestMediaType::parse_exact(media_type).map_or(OCTET_STREAM, ManifestMediaType::as_str);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(known));
    respond::insert_digest_and_etag(headers, digest);
}
