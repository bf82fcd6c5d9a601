//! Every failure that a client can be told, and its status. No other file knows which status means what.
//!
//! What the client may not see (keys, causes) stays out of the body and goes to the log.

mod administration;
mod token_request;

pub(crate) use administration::AdminError;
pub(crate) use token_request::TokenRequestError;

use crate::body::BodyError;
use crate::parameters::ParameterError;
use crate::respond::{self, EmptyRange, Reply};
use actix_http::ConnectionType;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use roadstead_auth::{AuthError, SlowDown};
use roadstead_oci::{
    ContentRangeError, DigestError, ErrorBody, ErrorCode, PageSizeError, ReferenceError,
    RepositoryName, RouteError, TagError,
};
use roadstead_registry::{RegistryError, UploadId};

/// When a client may try again, in seconds, after 429: sessions end when uploads end.
const RETRY_BUSY_CLIENT: HeaderValue = HeaderValue::from_static("30");
/// When a client may try again, in seconds, after anything that passes by itself.
pub(crate) const RETRY_SOON: HeaderValue = HeaderValue::from_static("5");

/// Why a request is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The registry did not do it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The path is none of the protocol's.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The path is served, but not by this method.
    #[error("method is not supported here")]
    Method {
        /// The value of `Allow`.
        allow: &'static str,
    },
    /// What the path names cannot exist, so nothing can be read or deleted under it.
    #[error(transparent)]
    UnknownReference(ReferenceError),
    /// No manifest can be put under what the path names.
    #[error(transparent)]
    InvalidReference(ReferenceError),
    /// A `tag` parameter is not a tag.
    #[error("parameter tag: {0}")]
    TagParameter(#[from] TagParameterError),
    /// More `tag` parameters than are taken at once.
    #[error("more than {limit} tags in one request")]
    TooManyTags {
        /// How many are taken.
        limit: usize,
    },
    /// A `digest`, `mount` or `digest-algorithm` parameter names nothing that content can have.
    #[error("parameter {name}: {problem}")]
    DigestParameter {
        /// Which parameter.
        name: &'static str,
        /// What is wrong with it.
        problem: DigestParameterError,
    },
    /// An `n` or `last` parameter is no page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The manifest is larger than the registry takes.
    #[error("manifest is larger than the limit of {limit} bytes")]
    ManifestTooLarge {
        /// The setting `limits.manifest`.
        limit: usize,
    },
    /// The body is encoded, and content is stored as it comes.
    #[error("content encoding is not supported; send the content itself")]
    ContentEncoding,
    /// No byte of the asked range is in the blob.
    #[error("range lies outside the {size} bytes of the blob")]
    Range {
        /// The blob's size in bytes.
        size: u64,
    },
    /// The chunk is not the next one of its upload, which goes on.
    #[error("{problem}; the upload stands at offset {offset}")]
    Chunk {
        /// What is wrong with the chunk.
        problem: ChunkError,
        /// The upload's repository.
        name: RepositoryName,
        /// The upload.
        id: UploadId,
        /// How many bytes it holds.
        offset: u64,
    },
    /// The body is not as long as its `Content-Range`.
    #[error("body has {actual} bytes where its range has {expected}")]
    ChunkSize {
        /// The length of the range.
        expected: u64,
        /// The length of the body, or what had come of it when it became too long.
        actual: u64,
    },
    /// The body did not come as it should.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The caller has to say who they are, or needs another token.
    #[error("authentication required")]
    Unauthorized {
        /// The value of `WWW-Authenticate`.
        challenge: HeaderValue,
    },
    /// There were too many wrong passwords.
    #[error("too many failed logins; try again later")]
    SlowDown(SlowDown),
    /// It could not be found out who calls.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The request for a token is none.
    #[error(transparent)]
    TokenRequest(#[from] TokenRequestError),
    /// The caller may not do this.
    #[error("access denied")]
    Denied,
    /// One connection has too many requests open.
    #[error("too many requests at once on one connection")]
    TooManyStreams,
}

/// Why a text cannot be a `tag` parameter.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TagParameterError {
    /// It cannot be read.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// It is not a tag.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The manifest is put under a tag already.
    #[error("goes only with a digest in the path")]
    UnderTag,
}

/// Why a text cannot be a digest parameter.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DigestParameterError {
    /// It cannot be read.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// It is not a digest or algorithm.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// It is needed and not there.
    #[error("is missing")]
    Missing,
    /// It is not the digest of the manifest.
    #[error("is not the digest of the content")]
    Mismatch,
}

/// Why a text cannot ask for a page of a list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// A parameter cannot be read.
    #[error("parameter {name}: {problem}")]
    Parameter {
        /// Which parameter.
        name: &'static str,
        /// What is wrong with it.
        problem: ParameterError,
    },
    /// `n` is not a number.
    #[error("parameter n: {0}")]
    Size(#[from] PageSizeError),
    /// `last` is longer than any name.
    #[error("parameter last is longer than {limit} bytes")]
    TooLong {
        /// The longest name, in bytes.
        limit: usize,
    },
    /// `last` holds a control character, which no name does.
    #[error("parameter last holds a control character")]
    Control,
}

/// Why a chunk is not the next one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChunkError {
    /// Its `Content-Range` cannot be read.
    #[error(transparent)]
    Malformed(#[from] ContentRangeError),
    /// It starts elsewhere.
    #[error("chunk does not start where the upload stands")]
    OutOfOrder,
}

impl ApiError {
    /// Returns the answer's status and the code of its first error entry.
    pub(crate) fn status(&self) -> (StatusCode, ErrorCode) {
        match self {
            Self::Registry(error) => registry_status(error),
            Self::Route(RouteError::NotFound) => (StatusCode::NOT_FOUND, ErrorCode::NameUnknown),
            Self::Route(RouteError::Name(_)) => (StatusCode::BAD_REQUEST, ErrorCode::NameInvalid),
            Self::Route(RouteError::Digest(_))
            | Self::UnknownReference(ReferenceError::Digest(_))
            | Self::InvalidReference(ReferenceError::Digest(_))
            | Self::DigestParameter { .. } => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
            Self::Route(RouteError::UploadId) => {
                (StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown)
            }
            Self::Method { .. } => (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported),
            Self::UnknownReference(ReferenceError::Tag(_)) => {
                (StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown)
            }
            Self::InvalidReference(ReferenceError::Tag(_)) | Self::TagParameter(_) => {
                (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid)
            }
            Self::TooManyTags { .. } => (StatusCode::URI_TOO_LONG, ErrorCode::ManifestInvalid),
            Self::Page(_) => (StatusCode::BAD_REQUEST, ErrorCode::PaginationNumberInvalid),
            Self::ManifestTooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::ManifestInvalid)
            }
            Self::ContentEncoding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::Unsupported),
            Self::Range { .. } | Self::Chunk { .. } => {
                (StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::RangeInvalid)
            }
            Self::ChunkSize { .. } => (StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid),
            Self::Body(BodyError::Silent | BodyError::Slow) => {
                (StatusCode::REQUEST_TIMEOUT, ErrorCode::BlobUploadInvalid)
            }
            Self::Body(BodyError::Broken(_)) => {
                (StatusCode::BAD_REQUEST, ErrorCode::BlobUploadInvalid)
            }
            Self::Unauthorized { .. } => (StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized),
            Self::Auth(error) => auth_status(error),
            Self::TokenRequest(_) => (StatusCode::BAD_REQUEST, ErrorCode::Unsupported),
            Self::Denied => (StatusCode::FORBIDDEN, ErrorCode::Denied),
            Self::SlowDown(_) | Self::TooManyStreams => {
                (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests)
            }
        }
    }

    /// Makes the answer, without the headers that every answer carries.
    pub(crate) fn into_reply(self) -> Reply {
        let (status, code) = self.status();
        let mut body = self.body(status, code).to_json();
        if let Self::TokenRequest(error) = &self {
            // OAuth 2 has a form of its own (RFC 6749, section 5.2), which goes beside ours.
            body.insert_str(1, &format!("\"error\":\"{}\",", error.code()));
        }
        let mut reply = respond::json(status, body);
        let headers = reply.headers_mut();
        if status == StatusCode::SERVICE_UNAVAILABLE || matches!(self, Self::TooManyStreams) {
            headers.insert(header::RETRY_AFTER, RETRY_SOON);
        }
        match self {
            Self::Method { allow } => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allow));
            }
            Self::Registry(RegistryError::Unsupported(_)) => {
                // Only deletes are refused so; what was to be deleted can still be read.
                headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            Self::Registry(RegistryError::TooManyUploads { .. }) => {
                headers.insert(header::RETRY_AFTER, RETRY_BUSY_CLIENT);
            }
            Self::Unauthorized { challenge } => {
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            Self::SlowDown(slow_down) => {
                // Rounded up: a client that comes back a little early would be slowed again.
                let secs = slow_down.retry_after.as_secs() + 1;
                headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
            }
            Self::Body(_) => reply.head_mut().set_connection_type(ConnectionType::Close),
            Self::Range { size } => {
                headers.insert(
                    header::CONTENT_RANGE,
                    respond::header_value(format!("bytes */{size}")),
                );
            }
            Self::Chunk {
                name, id, offset, ..
            } => {
                respond::insert_upload_state(headers, &name, id, offset, EmptyRange::MinusOne);
            }
            _ => {}
        }
        reply
    }

    fn body(&self, status: StatusCode, code: ErrorCode) -> ErrorBody {
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return ErrorBody::new(code, "the registry cannot do this for now; try again");
        }
        if status.is_server_error() {
            return ErrorBody::new(
                code,
                "the registry failed; its log tells why under this answer's x-request-id",
            );
        }
        match self {
            Self::Registry(RegistryError::ManifestBlobUnknown(digests)) => missing_content(digests),
            Self::Registry(RegistryError::BlobUnknown(digest)) => {
                ErrorBody::new(code, self.to_string()).detail(digest.to_string())
            }
            _ => ErrorBody::new(code, self.to_string()),
        }
    }
}

/// Tells what a failure to find out who calls is to a client.
fn auth_status(error: &AuthError) -> (StatusCode, ErrorCode) {
    match error {
        AuthError::Storage(_)
        | AuthError::Uncertain { .. }
        | AuthError::Contended { .. }
        | AuthError::Busy => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown),
    }
}

/// Tells what each failure of the registry is to a client.
fn registry_status(error: &RegistryError) -> (StatusCode, ErrorCode) {
    match error {
        RegistryError::NameUnknown(_) => (StatusCode::NOT_FOUND, ErrorCode::NameUnknown),
        RegistryError::BlobUnknown(_) => (StatusCode::NOT_FOUND, ErrorCode::BlobUnknown),
        RegistryError::Unsupported(_) => (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported),
        RegistryError::UploadUnknown => (StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown),
        RegistryError::UploadOutOfOrder { .. } => {
            (StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::RangeInvalid)
        }
        RegistryError::UploadSizeMismatch { .. } | RegistryError::SizeMismatch { .. } => {
            (StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid)
        }
        RegistryError::TooManyUploads { .. } => {
            (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests)
        }
        RegistryError::BlobTooLarge { .. } => {
            (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::SizeInvalid)
        }
        RegistryError::DigestMismatch { .. } => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
        RegistryError::ManifestUnknown(_) | RegistryError::NothingToRestore(_) => {
            (StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown)
        }
        RegistryError::ContentGone { .. } => {
            (StatusCode::NOT_FOUND, ErrorCode::ManifestBlobUnknown)
        }
        RegistryError::ManifestInvalid(_) => (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid),
        RegistryError::ManifestBlobUnknown(_) => {
            (StatusCode::BAD_REQUEST, ErrorCode::ManifestBlobUnknown)
        }
        RegistryError::TagKept(_) => (StatusCode::FORBIDDEN, ErrorCode::Denied),
        RegistryError::Contended(_) | RegistryError::CollectorBusy | RegistryError::Stopped => {
            (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable)
        }
        RegistryError::Storage(_) if error.is_temporary() => {
            (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable)
        }
        RegistryError::Storage(_)
        | RegistryError::BlobRotten(_)
        | RegistryError::ManifestRotten(_)
        | RegistryError::RecordUnreadable { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown)
        }
    }
}

/// Names each piece of content that a manifest refers to in vain.
fn missing_content(digests: &[roadstead_oci::Digest]) -> ErrorBody {
    let entry =
        |digest: &roadstead_oci::Digest| format!("content {digest} is not in this repository");
    let Some((first, rest)) = digests.split_first() else {
        return ErrorBody::new(
            ErrorCode::ManifestBlobUnknown,
            "content is not in this repository",
        );
    };
    let mut body =
        ErrorBody::new(ErrorCode::ManifestBlobUnknown, entry(first)).detail(first.to_string());
    for digest in rest {
        body = body
            .and(ErrorCode::ManifestBlobUnknown, entry(digest))
            .detail(digest.to_string());
    }
    body
}

#[cfg(test)]
mod tests;
