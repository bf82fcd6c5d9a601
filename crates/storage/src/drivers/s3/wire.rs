//! What stands between the SDK and its connections: every answer's date is learned, and a request
//! of which nothing moves any more is given up, however long its body is.

use crate::Timestamp;
use crate::drivers::conditional::store_clock::StoreClock;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};
use tokio::time::Instant;

/// The steps in which a body is handed over: what is taken of it shows that the store still reads.
const STEP_BYTES: usize = 64 * 1024;

/// An HTTP client that watches another.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) inner: SharedHttpClient,
    pub(super) clock: Arc<StoreClock>,
    pub(super) stall: Duration,
}

impl HttpClient for Watched {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(WatchedConnector {
            inner: self.inner.http_connector(settings, components),
            clock: Arc::clone(&self.clock),
            stall: self.stall,
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        configuration: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.inner
            .validate_base_client_config(components, configuration)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        configuration: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.inner.validate_final_config(components, configuration)
    }
}

#[derive(Debug)]
struct WatchedConnector {
    inner: SharedHttpConnector,
    clock: Arc<StoreClock>,
    stall: Duration,
}

impl HttpConnector for WatchedConnector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let progress = Arc::new(Progress::new());
        let body = request.take_body();
        let is_plain = body.bytes().is_none_or(|bytes| bytes.len() <= STEP_BYTES);
        *request.body_mut() = if is_plain {
            body
        } else {
            watch(body, &progress)
        };
        let answer = self.inner.call(request);
        let (clock, stall) = (Arc::clone(&self.clock), self.stall);
        HttpConnectorFuture::new(async move {
            let response = unless_stalled(answer, &progress, stall).await?;
            if let Some(date) = date(&response) {
                clock.learn(date);
            }
            Ok(response)
        })
    }
}

/// Waits for the head of an answer as long as the request moves.
async fn unless_stalled(
    answer: HttpConnectorFuture,
    progress: &Progress,
    stall: Duration,
) -> Result<HttpResponse, ConnectorError> {
    let mut answer = std::pin::pin!(answer);
    loop {
        let give_up_at = progress.last() + stall;
        if let Ok(answered) = tokio::time::timeout_at(give_up_at, answer.as_mut()).await {
            return answered;
        }
        if progress.last() + stall <= Instant::now() {
            let reason = format!("nothing moved for {} s", stall.as_secs());
            return Err(ConnectorError::timeout(reason.into()));
        }
    }
}

fn date(response: &HttpResponse) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(response.headers().get("date")?).ok()?;
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

/// A body in memory that tells when it is read.
struct WatchedBody {
    rest: Bytes,
    progress: Arc<Progress>,
}

fn watch(body: SdkBody, progress: &Arc<Progress>) -> SdkBody {
    let progress = Arc::clone(progress);
    // The bytes are shared, not copied: the SDK's body is kept as their owner.
    let rest = Bytes::from_owner(Owned(body));
    SdkBody::from_body_1_x(WatchedBody { rest, progress })
}

struct Owned(SdkBody);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes().unwrap_or_default()
    }
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        self.progress.note();
        let length = self.rest.len().min(STEP_BYTES);
        let step = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(step))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
