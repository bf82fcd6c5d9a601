//! One request and its answer, from the head of the one to the last byte of the other.

use super::HttpMetrics;
use super::labels::{MethodLabel, RouteLabel};
use crate::body::Unread;
use crate::connection::Busy;
use crate::origin::{Origin, TrustedProxies};
use crate::outgoing::Body;
use crate::state::AppState;
use actix_web::HttpRequest;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode};
use bytes::Bytes;
use roadstead_oci::{Reference, RepositoryName, Route, RouteError};
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tracing::{Level, enabled, field, info, warn};

/// Where the line of each request goes; a filter can turn it off alone.
const ACCESS: &str = "roadstead::access";
/// What stands for a status when the client left before there was one.
const CLIENT_LEFT: u16 = 499;
/// The most characters of a path that is none of ours in the log.
const LOGGED_PATH_CHARS: usize = 256;

/// Watches one request. Dropped, it counts and logs whatever has come of it.
pub(crate) struct Exchange {
    metrics: Arc<HttpMetrics>,
    started: Instant,
    route: RouteLabel,
    method: MethodLabel,
    request_id: HeaderValue,
    status: u16,
    received: u64,
    sent: u64,
    /// What the log line tells beside; absent when nobody reads it.
    details: Option<Box<Details>>,
    /// Keeps the connection's idle timers off.
    _busy: Option<Busy>,
}

struct Details {
    method: Method,
    repository: Option<RepositoryName>,
    reference: Option<Reference>,
    path: Option<String>,
    client: Origin,
}

impl Exchange {
    /// Begins to watch.
    pub(crate) fn begin(
        AppState {
            metrics, proxies, ..
        }: &AppState,
        request: &HttpRequest,
        route: &Result<Route, RouteError>,
        request_id: HeaderValue,
        busy: Option<Busy>,
    ) -> Self {
        metrics.request_began();
        let details = enabled!(target: ACCESS, Level::INFO)
            .then(|| Box::new(Details::of(request, route, proxies)));
        Self {
            metrics: Arc::clone(metrics),
            started: Instant::now(),
            route: RouteLabel::of(route),
            method: MethodLabel::of(request.method()),
            request_id,
            status: CLIENT_LEFT,
            received: 0,
            sent: 0,
            details,
            _busy: busy,
        }
    }

    /// Notes the bytes of the request's body.
    pub(crate) fn received(&mut self, bytes: u64) {
        self.received += bytes;
        self.metrics.received(bytes);
    }

    /// Notes the answer's status.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = status.as_u16();
    }

    /// Notes bytes of the answer's body.
    pub(crate) fn sent(&mut self, bytes: u64) {
        self.sent += bytes;
        self.metrics.sent(bytes);
    }

    /// Tells the operator why an answer is a failure of ours.
    pub(crate) fn failed(&self, error: &dyn Error) {
        let id = self.request_id();
        let cause = Chain(error);
        warn!(id, route = self.route.as_str(), error = %cause, "failed to answer request {id}");
    }

    fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }

    fn log(&self, details: &Details, duration_us: u64) {
        let digest = details.reference.as_ref().and_then(Reference::digest);
        let tag = details.reference.as_ref().and_then(Reference::tag);
        info!(
            target: ACCESS,
            id = self.request_id(),
            method = details.method.as_str(),
            route = self.route.as_str(),
            repository = details.repository.as_ref().map(RepositoryName::as_str),
            digest = digest.map(field::display),
            tag = tag.map(field::display),
            path = details.path.as_deref(),
            status = self.status,
            bytes_in = self.received,
            bytes_out = self.sent,
            duration_us,
            client = %details.client,
            "request"
        );
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        self.metrics
            .request_ended(self.route, self.method, self.status, duration);
        if let Some(details) = self.details.take() {
            let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
            self.log(&details, duration_us);
        }
    }
}

impl Details {
    fn of(
        request: &HttpRequest,
        route: &Result<Route, RouteError>,
        proxies: &TrustedProxies,
    ) -> Self {
        let reference = match route {
            Ok(Route::Manifest { reference, .. }) => reference.as_ref().ok().cloned(),
            Ok(Route::Blob { digest, .. } | Route::Referrers { digest, .. }) => {
                Some(digest.clone().into())
            }
            _ => None,
        };
        let path = route.is_err().then(|| {
            request
                .uri()
                .path()
                .chars()
                .take(LOGGED_PATH_CHARS)
                .collect()
        });
        Self {
            method: request.method().clone(),
            repository: route.as_ref().ok().and_then(Route::name).cloned(),
            reference,
            path,
            client: proxies.origin(request),
        }
    }
}

/// Writes an error and all its causes in one line.
struct Chain<'a>(&'a dyn Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// The body of an answer, watched to its end.
pub(crate) struct Observed {
    body: Body,
    exchange: Exchange,
    _unread: Option<Unread>,
}

impl Observed {
    /// Watches `body`. What was not read of the request stays alive as long as the answer.
    pub(crate) const fn new(body: Body, exchange: Exchange, unread: Option<Unread>) -> Self {
        Self {
            body,
            exchange,
            _unread: unread,
        }
    }
}

impl Observed {
    /// Counts what the connection sent past this body.
    fn count_file(&mut self) {
        if let Body::File(file) = &mut self.body {
            let sent = file.take_sent();
            self.exchange.sent(sent);
        }
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.count_file();
    }
}

impl MessageBody for Observed {
    type Error = <Body as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let item = Pin::new(&mut this.body).poll_next(cx);
        this.count_file();
        let item = ready!(item);
        match &item {
            Some(Ok(bytes)) => this.exchange.sent(bytes.len() as u64),
            Some(Err(error)) => this.exchange.failed(error.as_ref()),
            None => {}
        }
        Poll::Ready(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_log_tells_an_error_with_its_causes() {
        let error = Outer(std::io::Error::other("disk on fire"));
        assert_eq!(Chain(&error).to_string(), "outer: disk on fire");
    }
}
