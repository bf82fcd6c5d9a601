//! What the guard finds out about the sender of a request, kept with the request for the audit log.

use actix_web::HttpMessage as _;
use actix_web::HttpRequest;
use roadstead_auth::Identity;

/// Why it is not known who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailedLogin {
    /// Name and password do not belong together.
    Password,
    /// The token is none of ours, or its time is over; or the credentials cannot be read.
    Token,
    /// Not looked at, after too many failures.
    Slowed,
}

impl FailedLogin {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Password => "wrong name or password",
            Self::Token => "no valid token",
            Self::Slowed => "too many failures before",
        }
    }
}

/// What was found out about one request.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) caller: Option<String>,
    /// Why a login failed, and with which name it was tried, which may be anything.
    pub(super) failed: Option<(FailedLogin, Option<String>)>,
}

/// Begins to take notes on a request.
pub(super) fn begin(request: &HttpRequest) {
    request.extensions_mut().insert(Notes::default());
}

/// Returns the notes on a request.
pub(super) fn of(request: &HttpRequest) -> Notes {
    let extensions = request.extensions();
    extensions.get().cloned().unwrap_or_default()
}

/// Notes who a request's sender has proven to be.
pub(crate) fn note_caller(request: &HttpRequest, identity: &Identity) {
    if let Some(notes) = request.extensions_mut().get_mut::<Notes>() {
        notes.caller = Some(identity.to_string());
    }
}

/// Notes that a login failed, and with which name it was tried.
pub(crate) fn note_failed_login(request: &HttpRequest, why: FailedLogin, name: Option<&str>) {
    if let Some(notes) = request.extensions_mut().get_mut::<Notes>() {
        notes.failed = Some((why, name.map(str::to_owned)));
    }
}
