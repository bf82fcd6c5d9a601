//! What the guard finds out about the sender of a request, kept with the request for the audit log.

use actix_web::HttpMessage as _;
use actix_web::HttpRequest;
use roadstead_auth::Identity;
use std::net::IpAddr;

/// Why it is not known who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailedLogin {
    /// Name and password do not belong together.
    Password,
    /// The token is none of ours, or its time is over; or the credentials cannot be read.
    Token,
    /// The client's certificate is nobody's, and it has to be somebody's.
    Certificate,
    /// Not looked at, after too many failures.
    Slowed,
}

impl FailedLogin {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Password => "wrong name or password",
            Self::Token => "no valid token",
            Self::Certificate => "nobody's certificate",
            Self::Slowed => "too many failures before",
        }
    }
}

/// What was found out about one request.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) whence: Whence,
    pub(super) caller: Option<String>,
    /// Why a login failed, and with which name it was tried, which may be anything.
    pub(super) failed: Option<(FailedLogin, Option<String>)>,
}

/// Where a request comes from and what it is called; nothing for one that has no connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whence {
    pub(crate) client: Option<IpAddr>,
    pub(crate) request_id: Option<String>,
}

/// Begins to take notes on a request.
pub(super) fn begin(request: &HttpRequest, whence: Whence) {
    let notes = Notes {
        whence,
        ..Notes::default()
    };
    request.extensions_mut().insert(notes);
}

/// Returns where a request comes from, where notes are taken.
pub(crate) fn whence(request: &HttpRequest) -> Whence {
    of(request).whence
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
