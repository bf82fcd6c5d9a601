//! HTTP beneath the driver and beneath the credentials of `object_store`: hyper with rustls.
//!
//! Every answer's date is learned, and a request of which nothing moves any more is given up,
//! however long its body is; no time-out here includes a body.

use super::settings::AzureSettings;
use crate::drivers::conditional::store_clock::StoreClock;
use crate::{Kind, Operation, Result, StorageError, Timestamp};
use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::HeaderMap;
use hyper::body::Incoming;
use hyper::http::uri::Authority;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// How long a connection that nobody uses is kept; servers close theirs after a minute or later.
const IDLE: Duration = Duration::from_secs(45);

/// The steps in which a body is handed over: what is taken of it shows that the store still reads.
const STEP_BYTES: usize = 64 * 1024;

/// What sends requests; clones share its connections.
#[derive(Clone)]
pub(super) struct Wire {
    client: Client<HttpsConnector<HttpConnector>, WatchedBody>,
    clock: Arc<StoreClock>,
    /// Whose dates are believed: services that give credentials have clocks of their own.
    store: Option<Authority>,
    stall: Duration,
    permits: Arc<Semaphore>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl Wire {
    pub(super) fn new(
        settings: &AzureSettings,
        store: Option<Authority>,
        clock: Arc<StoreClock>,
    ) -> Result<Self> {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_nodelay(true);
        plain.set_connect_timeout(Some(settings.connect_timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(settings)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(plain);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self {
            client,
            clock,
            store,
            stall: settings.stall_timeout,
            permits: Arc::new(Semaphore::new(settings.connections)),
        })
    }
}

/// Trusts the machine's certificates and those of the settings.
fn tls(settings: &AzureSettings) -> Result<ClientConfig> {
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = &settings.ca_bundle {
        let shown = path.display().to_string();
        let refused = |error: Box<dyn Error + Send + Sync>| {
            StorageError::new(Kind::Invalid, Operation::Open, shown.as_str(), error)
        };
        let pem = std::fs::read(path).map_err(|error| refused(error.into()))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| refused(error.into()))?;
            trusted
                .add(certificate)
                .map_err(|error| refused(error.into()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the ciphers of TLS 1.2 and 1.3");
    Ok(builder
        .with_root_certificates(trusted)
        .with_no_client_auth())
}

#[derive(Debug, thiserror::Error)]
#[error("nothing moved for {} s", .0.as_secs())]
struct Stalled(Duration);

#[async_trait]
impl HttpService for Wire {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.expect("it is never closed");
        let is_store = self.store.as_ref() == request.uri().authority();
        let progress = Arc::new(Progress::new());
        let request = request.map(|body| WatchedBody {
            inner: body,
            step: Bytes::new(),
            progress: Arc::clone(&progress),
        });
        let mut answer = std::pin::pin!(self.client.request(request));
        let answer = loop {
            let give_up_at = progress.last() + self.stall;
            if let Ok(answered) = tokio::time::timeout_at(give_up_at, answer.as_mut()).await {
                break answered.map_err(client_error)?;
            }
            if progress.last() + self.stall <= Instant::now() {
                return Err(HttpError::new(HttpErrorKind::Timeout, Stalled(self.stall)));
            }
        };
        if is_store && let Some(date) = date(answer.headers(), "date") {
            self.clock.learn(date);
        }
        Ok(answer.map(|body| {
            HttpResponseBody::new(WatchedAnswer {
                inner: body,
                stall: self.stall,
                timer: None,
                _permit: permit,
            })
        }))
    }
}

impl From<Wire> for HttpClient {
    fn from(wire: Wire) -> Self {
        Self::new(wire)
    }
}

/// What `object_store` asks for connections, whatever its own options say.
impl object_store::client::HttpConnector for Wire {
    fn connect(&self, _: &object_store::ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.clone().into())
    }
}

fn client_error(error: hyper_util::client::legacy::Error) -> HttpError {
    let kind = if error.is_connect() {
        HttpErrorKind::Connect
    } else {
        HttpErrorKind::Interrupted
    };
    HttpError::new(kind, error)
}

/// Reads a date of an answer.
pub(super) fn date(headers: &HeaderMap, name: &str) -> Option<Timestamp> {
    timestamp(headers.get(name)?.to_str().ok()?)
}

/// Reads a date as HTTP and Azure's listings write it.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(text).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis())
        .ok()
        .map(Timestamp::from_millis)
}

/// When a body was last read from.
#[derive(Debug)]
struct Progress {
    start: Instant,
    millis: AtomicU64,
}

impl Progress {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            millis: AtomicU64::new(0),
        }
    }

    fn note(&self) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.millis.store(millis, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.millis.load(Ordering::Relaxed))
    }
}

/// A request's body that tells when it is read.
struct WatchedBody {
    inner: HttpRequestBody,
    /// What the inner body gave and was not handed over yet.
    step: Bytes,
    progress: Arc<Progress>,
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, HttpError>>> {
        self.progress.note();
        while self.step.is_empty() {
            match std::task::ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => self.step = frame.into_data().unwrap_or_default(),
            }
        }
        let length = self.step.len().min(STEP_BYTES);
        let step = self.step.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(step))))
    }

    fn is_end_stream(&self) -> bool {
        self.step.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let waiting = self.inner.size_hint().lower();
        SizeHint::with_exact(waiting + self.step.len() as u64)
    }
}

/// An answer's body that fails when the store stops sending while somebody waits for it.
struct WatchedAnswer {
    inner: Incoming,
    stall: Duration,
    /// Runs while somebody waits: a client that takes its download slowly is no fault of the store.
    timer: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
}

impl Body for WatchedAnswer {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            self.timer = None;
            let cut = |error| HttpError::new(HttpErrorKind::Interrupted, error);
            return Poll::Ready(frame.map(|frame| frame.map_err(cut)));
        }
        let stall = self.stall;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
        std::task::ready!(timer.as_mut().poll(context));
        let stalled = HttpError::new(HttpErrorKind::Timeout, Stalled(stall));
        Poll::Ready(Some(Err(stalled)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
