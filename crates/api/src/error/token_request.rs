//! What can be wrong with a request for a token, and how OAuth 2 calls it.

use roadstead_auth::ScopeError;

/// Why no token is made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenRequestError {
    /// Its scopes are too many or too long.
    #[error(transparent)]
    Scope(ScopeError),
    /// The grant is not the one that is offered.
    #[error("the only grant_type is password")]
    Grant,
    /// A field is missing, empty, or there twice.
    #[error("field {0} must be there once")]
    Field(&'static str),
    /// The body is of another type, or not UTF-8.
    #[error("the request must be a form: application/x-www-form-urlencoded")]
    NoForm,
    /// The body is larger than any form.
    #[error("the form is too large")]
    TooLarge,
}

impl TokenRequestError {
    /// Returns the error's name in OAuth 2.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Scope(_) => "invalid_scope",
            Self::Grant => "unsupported_grant_type",
            Self::Field(_) | Self::NoForm | Self::TooLarge => "invalid_request",
        }
    }
}
