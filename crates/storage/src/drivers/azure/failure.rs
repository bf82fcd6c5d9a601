//! Turns what the service answers into storage errors, and tells what is certain of a failed request.

use crate::{Kind, Operation, StorageError};
use hyper::StatusCode;
use object_store::client::{HttpError, HttpErrorKind};
use serde::Deserialize;
use std::error::Error;
use std::fmt;

/// What is known of a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It was not executed, and never will be.
    NotExecuted,
    /// It may have been executed, or may be later.
    Unknown,
}

/// A failed request.
#[derive(Debug)]
pub(super) struct Failure {
    /// The HTTP status, when there was an answer.
    pub(super) status: Option<u16>,
    /// The code that the service gave, or nothing.
    pub(super) code: String,
    certainty: Certainty,
    is_denied: bool,
    cause: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(formatter)
    }
}

/// The body of an answer that tells of an error.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ErrorBody {
    code: String,
    message: String,
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        let certainty = if error.kind() == HttpErrorKind::Connect {
            Certainty::NotExecuted
        } else {
            Certainty::Unknown
        };
        Self {
            status: None,
            code: String::new(),
            certainty,
            is_denied: false,
            cause: error.into(),
        }
    }
}

impl Failure {
    /// An answer that did not come, or not whole.
    pub(super) fn late(reason: impl fmt::Display) -> Self {
        Self {
            status: None,
            code: String::new(),
            certainty: Certainty::Unknown,
            is_denied: false,
            cause: reason.to_string().into(),
        }
    }

    /// The request could not be signed, so that nothing was sent.
    pub(super) fn unsigned(error: object_store::Error) -> Self {
        let is_denied = matches!(
            error,
            object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. }
        );
        Self {
            status: None,
            code: String::new(),
            certainty: Certainty::NotExecuted,
            is_denied,
            cause: error.into(),
        }
    }

    /// Reads an answer that is no success.
    pub(super) fn answered(status: StatusCode, code: Option<&str>, body: &[u8]) -> Self {
        let status = status.as_u16();
        // What is no XML is left out: it may be a page of a proxy.
        let body: ErrorBody = std::str::from_utf8(body)
            .ok()
            .and_then(|text| quick_xml::de::from_str(text.trim_start_matches('\u{feff}')).ok())
            .unwrap_or_default();
        let code = code.map_or(body.code, str::to_owned);
        // The lines after the first are the id and the time of the request.
        let message = body.message.lines().next().unwrap_or_default();
        let cause = match (code.as_str(), message) {
            ("", _) => format!("the store answered {status}"),
            (code, "") => format!("the store answered {status} {code}"),
            (code, message) => format!("the store answered {status} {code}: {message}"),
        };
        let is_turned_away = (400..500).contains(&status) && status != 408;
        Self {
            status: Some(status),
            code,
            certainty: if is_turned_away {
                Certainty::NotExecuted
            } else {
                // Also a 503: nobody promises that it comes before the work and not after.
                Certainty::Unknown
            },
            is_denied: false,
            cause: cause.into(),
        }
    }

    /// Returns what is known of the request.
    pub(super) const fn certainty(&self) -> Certainty {
        self.certainty
    }

    /// Tells whether what was asked for is not there.
    pub(super) fn is_not_found(&self) -> bool {
        self.status == Some(404) && !self.is_without_container()
    }

    fn is_without_container(&self) -> bool {
        matches!(
            self.code.as_str(),
            "ContainerNotFound" | "ContainerBeingDeleted" | "ContainerDisabled"
        )
    }

    /// Tells whether the store looked at a condition and refused.
    pub(super) fn is_refused(&self) -> bool {
        match self.status {
            // Somebody's lease is no condition of ours.
            Some(412) => !self.code.starts_with("Lease"),
            Some(409) => matches!(self.code.as_str(), "" | "BlobAlreadyExists"),
            _ => false,
        }
    }

    /// Tells whether the same request may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        self.kind() == Kind::Unavailable && !self.is_without_container()
    }

    /// Returns what a caller can do about it.
    pub(super) fn kind(&self) -> Kind {
        if self.is_denied {
            return Kind::Denied;
        }
        if self.is_without_container() {
            return Kind::Unavailable;
        }
        match (self.status, self.code.as_str()) {
            (Some(400), "OutOfRangeInput" | "InvalidUri" | "InvalidResourceName") => Kind::Invalid,
            (Some(401 | 403), _) => Kind::Denied,
            (Some(404), _) => Kind::NotFound,
            (Some(507), _) => Kind::Full,
            // An answer of success that could not be read to its end is as good as none.
            (None | Some(..=399 | 408 | 425 | 429 | 500..), _) => Kind::Unavailable,
            (Some(_), _) => Kind::Io,
        }
    }

    /// Makes the storage error.
    pub(super) fn into_error(self, operation: Operation, key: &str) -> StorageError {
        StorageError::new(self.kind(), operation, key, self.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, code: &str) -> Failure {
        let status = StatusCode::from_u16(status).unwrap();
        Failure::answered(status, Some(code).filter(|code| !code.is_empty()), b"")
    }

    #[test]
    fn both_answers_to_an_unfulfilled_condition_are_a_refusal_and_no_other_conflict_is() {
        assert!(answered(409, "BlobAlreadyExists").is_refused());
        assert!(answered(412, "ConditionNotMet").is_refused());
        assert!(answered(412, "TargetConditionNotMet").is_refused());
        assert!(answered(412, "").is_refused());
        for failure in [
            answered(412, "LeaseIdMissing"),
            answered(409, "BlobImmutableDueToPolicy"),
            answered(409, "PendingCopyOperation"),
        ] {
            assert!(!failure.is_refused(), "{failure}");
            assert_eq!(failure.kind(), Kind::Io, "{failure}");
            assert!(!failure.may_pass(), "{failure}");
        }
    }

    #[test]
    fn only_an_answer_that_turns_a_request_away_is_certain() {
        for status in [400, 403, 404, 409, 412, 429] {
            let failure = answered(status, "");
            assert_eq!(failure.certainty(), Certainty::NotExecuted, "{status}");
        }
        for status in [408, 500, 502, 503, 504] {
            let failure = answered(status, "ServerBusy");
            assert_eq!(failure.certainty(), Certainty::Unknown, "{status}");
            assert!(failure.may_pass(), "{status}");
        }
        assert!(answered(429, "").may_pass());
        assert_eq!(Failure::late("x").certainty(), Certainty::Unknown);
        let refused = HttpError::new(HttpErrorKind::Connect, std::io::Error::other("refused"));
        let refused = Failure::from(refused);
        assert_eq!(refused.certainty(), Certainty::NotExecuted);
        assert!(refused.may_pass());
        let cut = HttpError::new(HttpErrorKind::Interrupted, std::io::Error::other("cut"));
        assert_eq!(Failure::from(cut).certainty(), Certainty::Unknown);
    }

    #[test]
    fn a_missing_container_is_not_a_missing_blob() {
        let missing = answered(404, "ContainerNotFound");
        assert!(!missing.is_not_found());
        assert_eq!(missing.kind(), Kind::Unavailable);
        assert!(!missing.may_pass());
        assert!(answered(404, "BlobNotFound").is_not_found());
        assert_eq!(answered(404, "BlobNotFound").kind(), Kind::NotFound);
    }

    #[test]
    fn the_code_is_read_from_the_body_where_no_header_has_it() {
        let body = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>AuthenticationFailed\
                    </Code><Message>Server failed to authenticate.\nRequestId:1\nTime:2</Message></Error>";
        let failure = Failure::answered(StatusCode::FORBIDDEN, None, body.as_bytes());
        assert_eq!(failure.kind(), Kind::Denied);
        assert_eq!(
            failure.to_string(),
            "the store answered 403 AuthenticationFailed: Server failed to authenticate."
        );
        let page = Failure::answered(StatusCode::BAD_GATEWAY, None, b"<html>oops");
        assert_eq!(page.to_string(), "the store answered 502");
    }
}
