//! What administration answers: a status and JSON, and one shape for every failure.

use crate::audit::{ContentChange, IDENTITY_CHANGE};
use crate::error::AdminError;
use actix_web::http::StatusCode;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An answer. `Debug` is left out: the body may hold a secret.
pub struct AdminAnswer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    /// The methods that the path has, when the request's is none of them.
    pub(crate) allow: Option<String>,
    /// Where to ask how far it is, when something was begun.
    pub(crate) location: Option<String>,
}

impl AdminAnswer {
    /// Returns the status of HTTP.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Makes the answer of a failure.
    pub(crate) fn of_error(error: AdminError) -> Self {
        let failure = Failure {
            errors: vec![FailureEntry {
                code: error.code().to_owned(),
                message: error.message(),
            }],
        };
        let status = error.status();
        Self {
            status,
            body: serde_json::to_vec(&failure).expect("texts are JSON").into(),
            allow: match error {
                AdminError::Method { allow } => Some(allow),
                _ => None,
            },
            location: None,
        }
    }

    /// Returns the body: JSON, or nothing.
    #[must_use]
    pub fn into_body(self) -> Bytes {
        self.body
    }
}

/// What every refusal and failure looks like, as over the registry's own protocol.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// At least one.
    pub errors: Vec<FailureEntry>,
}

/// One reason.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FailureEntry {
    /// `INVALID`, `NOT_FOUND`, `EXISTS`, `DENIED`, `UNAUTHORIZED`, `UNSUPPORTED`, `TOO_LARGE`,
    /// `TOOMANYREQUESTS`, `UNAVAILABLE` or `UNKNOWN`.
    #[schema(example = "NOT_FOUND")]
    pub code: String,
    /// What is wrong, in a sentence.
    #[schema(example = "there is no user ops")]
    pub message: String,
}

/// What an operation did.
pub(crate) struct Output {
    status: StatusCode,
    body: Bytes,
    location: Option<String>,
    event: &'static str,
    change: Option<String>,
    content: Option<ContentChange>,
}

impl Output {
    /// Shows something.
    pub(crate) fn shown(value: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// Shows what was made.
    pub(crate) fn created(value: &impl Serialize) -> Self {
        Self::json(StatusCode::CREATED, value)
    }

    /// Shows what was begun, and where it tells how far it is.
    pub(crate) fn accepted(value: &impl Serialize, location: String) -> Self {
        Self {
            location: Some(location),
            ..Self::json(StatusCode::ACCEPTED, value)
        }
    }

    /// Shows a text that is JSON.
    pub(crate) fn text(text: String) -> Self {
        Self::of(StatusCode::OK, text.into())
    }

    /// Has nothing to show.
    pub(crate) const fn done() -> Self {
        Self::of(StatusCode::NO_CONTENT, Bytes::new())
    }

    fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("a view has string keys and plain members");
        Self::of(status, body.into())
    }

    const fn of(status: StatusCode, body: Bytes) -> Self {
        Self {
            status,
            body,
            location: None,
            event: IDENTITY_CHANGE,
            change: None,
            content: None,
        }
    }

    /// Says for the log what was changed, without a secret.
    pub(crate) fn logged(mut self, change: String) -> Self {
        self.change = Some(change);
        self
    }

    /// Says for the audit log which content was changed.
    pub(crate) fn of_content(mut self, content: ContentChange) -> Self {
        self.content = Some(content);
        self
    }

    pub(crate) fn content(&self) -> Option<&ContentChange> {
        self.content.as_ref()
    }

    /// Says it under another name of the audit log.
    pub(crate) fn logged_as(self, event: &'static str, change: String) -> Self {
        Self {
            event,
            ..self.logged(change)
        }
    }

    pub(crate) const fn event(&self) -> &'static str {
        self.event
    }

    pub(crate) fn change(&self) -> Option<&str> {
        self.change.as_deref()
    }

    pub(crate) fn into_answer(self) -> AdminAnswer {
        AdminAnswer {
            status: self.status,
            body: self.body,
            allow: None,
            location: self.location,
        }
    }
}

/// What every operation returns.
pub(crate) type Outcome = Result<Output, AdminError>;
