//! The parts every answer is built of: header names, header values and the short replies.
//!
//! Values come from types that were validated when they were parsed, so that nothing a client sent
//! can end a header line.

use crate::outgoing::Body;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use roadstead_oci::{Digest, RepositoryName};
use roadstead_registry::UploadId;

/// An answer before it is handed to actix.
pub(crate) type Reply = HttpResponse<Body>;

pub(crate) static DOCKER_CONTENT_DIGEST: HeaderName =
    HeaderName::from_static("docker-content-digest");
pub(crate) static OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
pub(crate) static OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
pub(crate) static OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
static DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

pub(crate) const OCTET_STREAM: &str = "application/octet-stream";
const JSON: &str = "application/json";

/// Adds what every answer carries.
pub(crate) fn finish_headers(headers: &mut HeaderMap, request_id: HeaderValue) {
    headers.insert(
        API_VERSION.clone(),
        HeaderValue::from_static("registry/2.0"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(REQUEST_ID.clone(), request_id);
}

/// Makes a header value of a text that the protocol's types have made sure of.
pub(crate) fn header_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("names, digests, tags and encoded values are visible ASCII")
}

/// Answers with a body of JSON.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    content(status, JSON, body)
}

/// Answers with a body of a fixed media type.
pub(crate) fn content(
    status: StatusCode,
    media_type: &'static str,
    body: impl Into<Bytes>,
) -> Reply {
    let mut reply = HttpResponse::with_body(status, Body::Bytes(body.into()));
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    reply
}

/// Answers without a body: `Content-Length: 0` where the status allows one.
pub(crate) fn empty(status: StatusCode) -> Reply {
    HttpResponse::with_body(status, Body::Empty)
}

/// Names the content of an answer by its digest, in the algorithm the client asked by.
///
/// Both headers share one allocation.
pub(crate) fn insert_digest_and_etag(headers: &mut HeaderMap, digest: &Digest) {
    let quoted = Bytes::from(format!("\"{digest}\""));
    let plain = quoted.slice(1..quoted.len() - 1);
    let value = |bytes| HeaderValue::from_maybe_shared(bytes).expect("a digest is visible ASCII");
    headers.insert(header::ETAG, value(quoted));
    headers.insert(DOCKER_CONTENT_DIGEST.clone(), value(plain));
}

/// Names the content of an answer by its digest.
pub(crate) fn insert_digest(headers: &mut HeaderMap, digest: &Digest) {
    headers.insert(
        DOCKER_CONTENT_DIGEST.clone(),
        header_value(digest.to_string()),
    );
}

/// Answers 201 for a blob that is there now.
pub(crate) fn blob_created(name: &RepositoryName, digest: &Digest) -> Reply {
    let mut reply = empty(StatusCode::CREATED);
    let headers = reply.headers_mut();
    headers.insert(
        header::LOCATION,
        header_value(format!("/v2/{name}/blobs/{digest}")),
    );
    insert_digest(headers, digest);
    reply
}

/// Which form the range of an upload without bytes takes.
///
/// There is no agreed one: docker wants an end that is not below the start on 202, while regclient
/// goes on at the byte after the end and so must not read `0-0` as one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmptyRange {
    /// `0-0`, on 202.
    Zero,
    /// `0--1`, on 204 and 416.
    MinusOne,
}

/// Tells where an upload is, what it is called and how far it has come.
pub(crate) fn insert_upload_state(
    headers: &mut HeaderMap,
    name: &RepositoryName,
    id: UploadId,
    offset: u64,
    empty: EmptyRange,
) {
    headers.insert(
        header::LOCATION,
        header_value(format!("/v2/{name}/blobs/uploads/{id}")),
    );
    headers.insert(DOCKER_UPLOAD_UUID.clone(), header_value(id.to_string()));
    headers.insert(header::RANGE, upload_range(offset, empty));
}

/// Writes the range of an upload: the last byte inclusive.
pub(crate) fn upload_range(offset: u64, empty: EmptyRange) -> HeaderValue {
    match (offset.checked_sub(1), empty) {
        (Some(last), _) => header_value(format!("0-{last}")),
        (None, EmptyRange::Zero) => HeaderValue::from_static("0-0"),
        (None, EmptyRange::MinusOne) => HeaderValue::from_static("0--1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_oci::Algorithm;

    #[test]
    fn an_upload_range_names_the_last_byte() {
        assert_eq!(upload_range(1000, EmptyRange::Zero), "0-999");
        assert_eq!(upload_range(1, EmptyRange::MinusOne), "0-0");
    }

    #[test]
    fn an_empty_upload_has_two_forms() {
        assert_eq!(upload_range(0, EmptyRange::Zero), "0-0");
        assert_eq!(upload_range(0, EmptyRange::MinusOne), "0--1");
    }

    #[test]
    fn the_entity_tag_is_the_quoted_digest() {
        let mut headers = HeaderMap::new();
        let digest = Digest::of(Algorithm::Sha512, b"x");

        insert_digest_and_etag(&mut headers, &digest);

        assert_eq!(headers.get(header::ETAG).unwrap(), &format!("\"{digest}\""));
        assert_eq!(
            headers.get(&DOCKER_CONTENT_DIGEST).unwrap(),
            &digest.to_string()
        );
    }

    #[test]
    fn a_created_blob_is_found_under_a_relative_location() {
        let name = RepositoryName::parse("team/app").unwrap();
        let digest = Digest::of(Algorithm::Sha256, b"x");

        let reply = blob_created(&name, &digest);

        let location = reply.headers().get(header::LOCATION).unwrap();
        assert_eq!(location, &format!("/v2/team/app/blobs/{digest}"));
    }
}
