//! What a request path asks for.
//!
//! Repository names hold slashes and may have components called `blobs` or `manifests`, so a path is read from the
//! right. It is read raw: percent escapes are decoded here, once, and nowhere else.

use std::borrow::Cow;

use crate::query::percent_decode;
use crate::{Digest, DigestError, NameError, Reference, ReferenceError, RepositoryName};

/// The most bytes of an upload id.
const MAX_UPLOAD_ID_BYTES: usize = 128;

/// A path of the protocol. Methods are the caller's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `/v2/` or `/v2`
    Ping,
    /// `/v2/_catalog`
    Catalog,
    /// `/token`
    Token,
    /// `/api/v1/…`, which is no matter of the protocol: what follows is read elsewhere.
    Administration,
    /// `/v2/<name>/tags/list`
    TagsList {
        /// The repository.
        name: RepositoryName,
    },
    /// `/v2/<name>/manifests/<reference>`
    Manifest {
        /// The repository.
        name: RepositoryName,
        /// The reference, or why it is none: the answer to a bad one depends on the method.
        reference: Result<Reference, ReferenceError>,
    },
    /// `/v2/<name>/blobs/<digest>`
    Blob {
        /// The repository.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
    },
    /// `/v2/<name>/blobs/uploads/`, the last slash being optional
    UploadStart {
        /// The repository.
        name: RepositoryName,
    },
    /// `/v2/<name>/blobs/uploads/<id>`
    Upload {
        /// The repository.
        name: RepositoryName,
        /// The session: letters, digits, `-` and `_`, at most 128 of them.
        id: String,
    },
    /// `/v2/<name>/referrers/<digest>`
    Referrers {
        /// The repository.
        name: RepositoryName,
        /// The subject.
        digest: Digest,
    },
}

/// Why a path has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// There is no such path: 404.
    #[error("no such path")]
    NotFound,
    /// The repository name breaks the grammar: 400 `NAME_INVALID`.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The digest of a blob or subject is none: 400 `DIGEST_INVALID`.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// No session can have this id: 404 `BLOB_UPLOAD_UNKNOWN`.
    #[error("no upload can have this id")]
    UploadId,
}

impl Route {
    /// Reads a raw request path, still percent-encoded and without the query.
    ///
    /// An escaped slash, a broken escape and a path that is not UTF-8 never match: they would let two layers see two
    /// different names.
    pub fn parse(path: &str) -> Result<Self, RouteError> {
        if path == "/token" {
            return Ok(Self::Token);
        }
        if path.starts_with("/api/v1/") {
            return Ok(Self::Administration);
        }
        let Some(rest) = path.strip_prefix("/v2") else {
            return Err(RouteError::NotFound);
        };
        if rest.is_empty() {
            return Ok(Self::Ping);
        }
        let Some(rest) = rest.strip_prefix('/') else {
            return Err(RouteError::NotFound);
        };
        match rest {
            "" => Ok(Self::Ping),
            "_catalog" => Ok(Self::Catalog),
            _ => Self::parse_repository_path(&decode_path(rest)?),
        }
    }

    /// Returns the repository that the path is about.
    #[must_use]
    pub const fn name(&self) -> Option<&RepositoryName> {
        match self {
            Self::Ping | Self::Catalog | Self::Token | Self::Administration => None,
            Self::TagsList { name }
            | Self::Manifest { name, .. }
            | Self::Blob { name, .. }
            | Self::UploadStart { name }
            | Self::Upload { name, .. }
            | Self::Referrers { name, .. } => Some(name),
        }
    }

    /// Reads `<name>/<kind>/<item>` from the right. The name is judged before the item.
    fn parse_repository_path(path: &str) -> Result<Self, RouteError> {
        let (before, item) = path.rsplit_once('/').ok_or(RouteError::NotFound)?;
        let (name, kind) = before.rsplit_once('/').ok_or(RouteError::NotFound)?;
        match (kind, item) {
            ("blobs", "uploads") => {
                return Ok(Self::UploadStart {
                    name: RepositoryName::parse(name)?,
                });
            }
            ("tags", "list") => {
                return Ok(Self::TagsList {
                    name: RepositoryName::parse(name)?,
                });
            }
            ("uploads", _) => {
                if let Some(name) = name.strip_suffix("/blobs") {
                    return Self::parse_upload(name, item);
                }
            }
            (_, "") => {}
            ("manifests", _) => {
                let name = RepositoryName::parse(name)?;
                return Ok(Self::Manifest {
                    name,
                    reference: Reference::parse(item),
                });
            }
            ("blobs", _) => {
                let name = RepositoryName::parse(name)?;
                return Ok(Self::Blob {
                    name,
                    digest: Digest::parse(item)?,
                });
            }
            ("referrers", _) => {
                let name = RepositoryName::parse(name)?;
                return Ok(Self::Referrers {
                    name,
                    digest: Digest::parse(item)?,
                });
            }
            _ => {}
        }
        Err(RouteError::NotFound)
    }

    fn parse_upload(name: &str, id: &str) -> Result<Self, RouteError> {
        let name = RepositoryName::parse(name)?;
        if id.is_empty() {
            return Ok(Self::UploadStart { name });
        }
        let is_id_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if id.len() > MAX_UPLOAD_ID_BYTES || !id.bytes().all(is_id_byte) {
            return Err(RouteError::UploadId);
        }
        Ok(Self::Upload {
            name,
            id: id.to_owned(),
        })
    }
}

/// Decodes the path as a whole, which equals decoding each component, once no escape makes a slash.
fn decode_path(raw: &str) -> Result<Cow<'_, str>, RouteError> {
    let decoded = percent_decode(raw).ok_or(NameError::Malformed)?;
    let slashes = |text: &str| text.bytes().filter(|&byte| byte == b'/').count();
    if matches!(decoded, Cow::Owned(_)) && slashes(&decoded) != slashes(raw) {
        return Err(NameError::Malformed.into());
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests;
