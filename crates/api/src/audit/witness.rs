//! One request, watched for what the audit log must have of it.

use super::{AuditEvent, AuditLog, Whence, notes};
use crate::access;
use crate::error::ApiError;
use crate::guard::Access;
use crate::respond::{DOCKER_CONTENT_DIGEST, OCI_TAG, Reply};
use crate::state::AppState;
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use roadstead_oci::{Reference, RepositoryName, Route, RouteError};

/// Watches one request. Dropped before its end, it tells of a change that may have happened.
pub(crate) struct Witness {
    log: AuditLog,
    whence: Whence,
    request: HttpRequest,
    route: Route,
    has_ended: bool,
}

impl Witness {
    /// Begins to watch, where there is a log and the path is one of ours.
    pub(crate) fn begin(
        state: &AppState,
        request: &HttpRequest,
        request_id: &HeaderValue,
        route: &Result<Route, RouteError>,
    ) -> Option<Self> {
        let Ok(route) = route else { return None };
        let log = &state.audit;
        if !log.is_on() {
            return None;
        }
        let whence = Whence {
            client: Some(state.proxies.origin(request).address()),
            request_id: request_id.to_str().ok().map(str::to_owned),
        };
        notes::begin(request, whence.clone());
        Some(Self {
            log: log.clone(),
            whence,
            request: request.clone(),
            route: route.clone(),
            has_ended: false,
        })
    }

    /// Tells what has come of the request.
    pub(crate) async fn end(mut self, outcome: &Result<Reply, ApiError>, access: &Access) {
        let events = match outcome {
            Ok(reply) => self.done(reply),
            Err(error) => self.refused(error, access).await.into_iter().collect(),
        };
        for event in events {
            self.log.record(event).await;
        }
        self.has_ended = true;
    }

    fn done(&self, reply: &Reply) -> Vec<AuditEvent> {
        let header = |name: &HeaderName| {
            let value = reply.headers().get(name)?;
            value.to_str().ok()
        };
        let digest = header(&DOCKER_CONTENT_DIGEST);
        let status = reply.status();
        let method = self.request.method();
        match &self.route {
            Route::Manifest { reference, .. } if *method == Method::PUT => {
                if status != StatusCode::CREATED {
                    return Vec::new();
                }
                let of_path = reference.as_ref().ok().and_then(Reference::tag);
                let of_query = header(&OCI_TAG).unwrap_or_default().split(", ");
                let tags = of_path.map(ToString::to_string).into_iter();
                let of_query = of_query.filter(|tag| !tag.is_empty()).map(str::to_owned);
                let pushed = self.event("manifest.push", "done", digest, None);
                let set = |tag: String| self.event("tag.set", "done", digest, Some(tag));
                std::iter::once(pushed)
                    .chain(tags.chain(of_query).map(set))
                    .collect()
            }
            // An upload that is begun or goes on is no blob yet.
            Route::UploadStart { .. } | Route::Upload { .. } if status == StatusCode::CREATED => {
                vec![self.event("blob.push", "done", digest, None)]
            }
            _ if status == StatusCode::ACCEPTED => self.deletion("done").into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Returns what a request tells that was not answered as it wished.
    async fn refused(&self, error: &ApiError, access: &Access) -> Option<AuditEvent> {
        let notes = notes::of(&self.request);
        if let Some((why, name)) = notes.failed {
            let mut event = self.event("login.failure", "refused", None, None);
            event.by = known(name, access).await;
            event.reason = Some(why.reason());
            return Some(event);
        }
        // Every client asks without credentials first, to learn where it gets a token.
        let has_credentials = self.request.headers().contains_key(header::AUTHORIZATION);
        if error.status().0 == StatusCode::FORBIDDEN
            || (matches!(error, ApiError::Unauthorized { .. }) && has_credentials)
        {
            let mut event = self.event("access.denied", "refused", None, None);
            event.needed = access::needed_text(&self.route, self.request.method());
            let reference = reference(&self.route);
            event.digest = reference
                .and_then(Reference::digest)
                .map(ToString::to_string);
            event.tag = reference.and_then(Reference::tag).map(ToString::to_string);
            return Some(event);
        }
        if error.status().0.is_server_error() {
            return self.perhaps();
        }
        None
    }

    /// Returns what a change tells of which it is not known whether it happened.
    fn perhaps(&self) -> Option<AuditEvent> {
        // Who was not let in has changed nothing.
        notes::of(&self.request).caller?;
        let tag = reference(&self.route).and_then(Reference::tag);
        match (&self.route, self.request.method()) {
            (Route::Manifest { .. }, &Method::PUT) => {
                let tag = tag.map(ToString::to_string);
                Some(self.event("manifest.push", "unknown", None, tag))
            }
            (Route::Upload { .. }, &Method::PUT) => {
                Some(self.event("blob.push", "unknown", None, None))
            }
            _ => self.deletion("unknown"),
        }
    }

    fn deletion(&self, outcome: &'static str) -> Option<AuditEvent> {
        if *self.request.method() != Method::DELETE {
            return None;
        }
        match &self.route {
            Route::Manifest { reference, .. } => match reference.as_ref().ok()? {
                Reference::Tag(tag) => {
                    Some(self.event("tag.delete", outcome, None, Some(tag.to_string())))
                }
                Reference::Digest(digest) => {
                    let digest = digest.to_string();
                    Some(self.event("manifest.delete", outcome, Some(&digest), None))
                }
            },
            Route::Blob { digest, .. } => {
                let digest = digest.to_string();
                Some(self.event("blob.delete", outcome, Some(&digest), None))
            }
            _ => None,
        }
    }

    fn event(
        &self,
        event: &'static str,
        outcome: &'static str,
        digest: Option<&str>,
        tag: Option<String>,
    ) -> AuditEvent {
        AuditEvent {
            event,
            outcome,
            by: notes::of(&self.request).caller,
            client: self.whence.client,
            request_id: self.whence.request_id.clone(),
            repository: self.route.name().map(RepositoryName::to_string),
            digest: digest.map(str::to_owned),
            tag,
            ..AuditEvent::default()
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        // The client left: what it asked for may have been done.
        if let Some(event) = self.perhaps() {
            self.log.record_now(event);
        }
    }
}

/// Returns a name that was tried if somebody bears it: people type passwords into the wrong field, and
/// nothing tells those from names but that no account has them.
async fn known(name: Option<String>, access: &Access) -> Option<String> {
    let (name, guard) = (name?, access.guard()?);
    guard.authenticator.knows(&name).await.then_some(name)
}

fn reference(route: &Route) -> Option<&Reference> {
    match route {
        Route::Manifest { reference, .. } => reference.as_ref().ok(),
        _ => None,
    }
}
