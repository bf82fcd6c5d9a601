//! Error codes of the protocol and the JSON body that carries them. Statuses belong to the HTTP layer.

use serde::{Serialize, Serializer};

/// The most bytes of a message or a detail; both are cut to it.
const MAX_TEXT_BYTES: usize = 4 * 1024;
/// The body stays below this: go-containerregistry reads no more than 64 KiB of an error.
const MAX_BODY_BYTES: usize = 60 * 1024;

/// A code of the `errors` list (distribution-spec, Error codes; the last four are the reference registry's).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The repository has no such blob.
    BlobUnknown,
    /// The upload cannot go on.
    BlobUploadInvalid,
    /// There is no such upload session.
    BlobUploadUnknown,
    /// The digest is malformed, of an unsupported algorithm, missing, or not that of the content.
    DigestInvalid,
    /// A manifest names content that the repository does not hold.
    ManifestBlobUnknown,
    /// The manifest is not acceptable.
    ManifestInvalid,
    /// The repository has no such manifest or tag.
    ManifestUnknown,
    /// The repository name breaks the grammar.
    NameInvalid,
    /// There is no such repository.
    NameUnknown,
    /// Lengths do not agree.
    SizeInvalid,
    /// Who asks must be known.
    Unauthorized,
    /// Who asks is known and may not.
    Denied,
    /// The operation is not offered.
    Unsupported,
    /// Too many requests.
    TooManyRequests,
    /// A chunk or byte range is out of place.
    RangeInvalid,
    /// The page size is not a number.
    PaginationNumberInvalid,
    /// The registry failed.
    Unknown,
    /// The registry cannot answer for now.
    Unavailable,
}

impl ErrorCode {
    /// Returns the code as it goes over the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::RangeInvalid => "RANGE_INVALID",
            Self::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            Self::Unknown => "UNKNOWN",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ErrorEntry {
    code: ErrorCode,
    message: String,
    // The specification's Go type decodes the detail as a string, so it is never another kind of value.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl ErrorEntry {
    fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: cut(message.into()),
            detail: None,
        }
    }
}

/// The body of an error answer: at least one entry, always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody {
    earlier: Vec<ErrorEntry>,
    last: ErrorEntry,
}

impl ErrorBody {
    /// Begins a body with its first entry.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            earlier: Vec::new(),
            last: ErrorEntry::new(code, message),
        }
    }

    /// Gives the latest entry a detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.last.detail = Some(cut(detail.into()));
        self
    }

    /// Adds an entry, which later calls of [`Self::detail`] are about.
    #[must_use]
    pub fn and(mut self, code: ErrorCode, message: impl Into<String>) -> Self {
        let entry = ErrorEntry::new(code, message);
        self.earlier.push(std::mem::replace(&mut self.last, entry));
        self
    }

    /// Returns the code of the first entry.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.earlier.first().unwrap_or(&self.last).code
    }

    /// Renders `{"errors":[{"code":…,"message":…,"detail":…}]}`.
    ///
    /// Entries that would take the body beyond 60 KiB are left out, the first one never.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "strings always serialise")]
    pub fn to_json(&self) -> String {
        let mut body = String::from("{\"errors\":[");
        let empty_bytes = body.len();
        for entry in self.earlier.iter().chain([&self.last]) {
            let rendered = serde_json::to_string(entry).expect("an entry holds strings only");
            let is_first = body.len() == empty_bytes;
            if !is_first && body.len() + rendered.len() + 3 > MAX_BODY_BYTES {
                break;
            }
            if !is_first {
                body.push(',');
            }
            body.push_str(&rendered);
        }
        body.push_str("]}");
        body
    }
}

/// Cuts a text to [`MAX_TEXT_BYTES`] at a character's edge.
fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    }
    text
}

#[cfg(test)]
mod tests;
