//! Why administration did not do what was asked, and which status says so.

use super::{auth_status, registry_status};
use crate::body::BodyError;
use actix_web::http::StatusCode;
use roadstead_auth::AuthError;
use roadstead_registry::RegistryError;

/// A refusal or failure of administration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// There is no such path.
    #[error("there is nothing at this path")]
    NoPath,
    /// The path has other methods.
    #[error("this path has the methods {allow} alone")]
    Method {
        /// The value of `Allow`.
        allow: String,
    },
    /// A parameter or the body is wrong.
    #[error("{0}")]
    Invalid(String),
    /// There is nothing of this name.
    #[error("there is no {0}")]
    Absent(String),
    /// The body is no JSON.
    #[error("the body must be JSON: send Content-Type: application/json")]
    MediaType,
    /// The body is larger than any should be.
    #[error("body is too large")]
    TooLarge,
    /// The body did not come to its end.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A rule forbids it to everybody whom it names, administrators among them.
    #[error("{0}")]
    Forbidden(String),
    /// Identities, rules or keys could not be read or changed.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The registry did not do it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl AdminError {
    /// Makes the error of a wrong parameter or body.
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid(reason.into())
    }

    /// Returns the answer's status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoPath | Self::Absent(_) | Self::Auth(AuthError::Absent(_)) => {
                StatusCode::NOT_FOUND
            }
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_)
            | Self::Auth(AuthError::Invalid(_))
            | Self::Body(BodyError::Broken(_)) => StatusCode::BAD_REQUEST,
            Self::Auth(AuthError::Exists(_)) => StatusCode::CONFLICT,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::Silent | BodyError::Slow) => StatusCode::REQUEST_TIMEOUT,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Auth(error) => auth_status(error).0,
            Self::Registry(error) => registry_status(error).0,
        }
    }

    /// Returns the code in the answer's body. It follows from the status, so that a client may look
    /// at either.
    pub(crate) fn code(&self) -> &'static str {
        match self.status() {
            StatusCode::NOT_FOUND => "NOT_FOUND",
            StatusCode::CONFLICT => "EXISTS",
            StatusCode::FORBIDDEN => "DENIED",
            StatusCode::PAYLOAD_TOO_LARGE => "TOO_LARGE",
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::UNSUPPORTED_MEDIA_TYPE => "UNSUPPORTED",
            StatusCode::TOO_MANY_REQUESTS => "TOOMANYREQUESTS",
            StatusCode::SERVICE_UNAVAILABLE => "UNAVAILABLE",
            status if status.is_server_error() => "UNKNOWN",
            _ => "INVALID",
        }
    }

    /// Returns what the client is told.
    pub(crate) fn message(&self) -> String {
        let status = self.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return match self {
                // Whether it was done is to be looked at before it is done again.
                Self::Auth(AuthError::Uncertain { .. }) => self.to_string(),
                _ => "the registry cannot do this for now; try again".to_owned(),
            };
        }
        if status.is_server_error() {
            return "the registry failed; its log tells why".to_owned();
        }
        self.to_string()
    }
}
