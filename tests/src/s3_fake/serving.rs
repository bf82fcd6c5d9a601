//! Connections of the fake: each request is counted, waits, and meets its fault.

use super::Shared;
use super::count::S3Operation;
use super::fault::Fault;
use super::service::Service;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{DATE, ETAG, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use md5::{Digest, Md5};
use s3s::auth::SimpleAuth;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpResponse, StdError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Accepts connections until its task is ended, which ends them too.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut builder = S3ServiceBuilder::new(Service {
        shared: Arc::clone(&shared),
    });
    let options = &shared.options;
    let (access, secret) = (options.access_key.clone(), options.secret_key.clone());
    builder.set_auth(SimpleAuth::from_single(access, secret));
    // The signer goes by the clock that tests move, the verifier by the machine's.
    let mut configuration = S3Config::default();
    configuration.presigned_url_max_skew_time_secs = u32::MAX;
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(configuration))));
    let service = builder.build();
    let mut connections = JoinSet::new();
    let late = Late::default();
    loop {
        // Out of handles, or a client that was gone at once: the next one may fare better.
        let Ok((socket, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let _ = socket.set_nodelay(true);
        shared.counts.add_connection();
        let (service, shared) = (service.clone(), Arc::clone(&shared));
        let late = Arc::clone(&late);
        connections.spawn(async move {
            let answer = service_fn(|request| answer(&service, &shared, &late, request));
            let http = hyper::server::conn::http1::Builder::new();
            // A connection that was closed on purpose ends with an error.
            let _ = http.serve_connection(TokioIo::new(socket), answer).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Requests that are executed long after their connection was closed.
type Late = Arc<Mutex<JoinSet<()>>>;

/// The connection is to be closed without a word.
#[derive(Debug, thiserror::Error)]
#[error("the fault says so")]
struct Closed;

async fn answer(
    service: &S3Service,
    shared: &Arc<Shared>,
    late: &Late,
    request: Request<Incoming>,
) -> Result<HttpResponse, StdError> {
    let path = request.uri().path().trim_start_matches('/');
    let key = path.split_once('/').map_or("", |(_, key)| key).to_owned();
    let query = request.uri().query().unwrap_or_default();
    let copies = request.headers().contains_key("x-amz-copy-source");
    let operation = S3Operation::of(request.method(), &key, query, copies);
    shared.counts.add(operation);
    let wait = shared.faults.wait();
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    let fault = shared.faults.draw(operation, &key);
    let mut response = match fault {
        Some(Fault::RequestLost) => return Err(Closed.into()),
        Some(Fault::LandsLate(duration)) => {
            let request = whole(request).await?;
            land_late(service, shared, late, request, duration);
            return Err(Closed.into());
        }
        Some(Fault::Forgotten) => forget(request).await?,
        Some(Fault::SlowDown) => refusal(StatusCode::SERVICE_UNAVAILABLE, "SlowDown"),
        Some(Fault::InternalError) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        Some(Fault::ConditionalConflict) => {
            refusal(StatusCode::CONFLICT, "ConditionalRequestConflict")
        }
        Some(Fault::DelayBefore(duration)) => {
            tokio::time::sleep(duration).await;
            execute(service, request).await?
        }
        _ => execute(service, request).await?,
    };
    match fault {
        Some(Fault::AnswerLost) => return Err(Closed.into()),
        Some(Fault::InternalErrorAfter) => {
            response = refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalError");
        }
        Some(Fault::DelayAfter(duration)) => tokio::time::sleep(duration).await,
        Some(Fault::TruncatedBody(length)) => response = truncated(response, length),
        _ => {}
    }
    let date = httpdate::fmt_http_date(shared.clock.now());
    let date = HeaderValue::from_str(&date)?;
    response.headers_mut().insert(DATE, date);
    Ok(response)
}

async fn execute(
    service: &S3Service,
    request: Request<Incoming>,
) -> Result<HttpResponse, StdError> {
    Ok(service.call(request.map(Body::from)).await?)
}

/// Waits for the whole body, so that the request can outlive its connection.
async fn whole(request: Request<Incoming>) -> Result<Request<Bytes>, StdError> {
    let (head, body) = request.into_parts();
    Ok(Request::from_parts(head, body.collect().await?.to_bytes()))
}

fn land_late(
    service: &S3Service,
    shared: &Arc<Shared>,
    late: &Late,
    request: Request<Bytes>,
    duration: Duration,
) {
    let (service, shared) = (service.clone(), Arc::clone(shared));
    shared.faults.hold_up(true);
    let mut late = late.lock().unwrap_or_else(PoisonError::into_inner);
    while late.try_join_next().is_some() {}
    late.spawn(async move {
        tokio::time::sleep(duration).await;
        // Nobody waits for the answer.
        let _ = service.call(request.map(Body::from)).await;
        shared.faults.hold_up(false);
    });
}

/// Answers as if a put had been done.
async fn forget(request: Request<Incoming>) -> Result<HttpResponse, StdError> {
    let body = whole(request).await?.into_body();
    let tag = format!("\"{}\"", hex::encode(Md5::digest(&body)));
    let mut response = HttpResponse::new(Body::empty());
    response.headers_mut().insert(ETAG, tag.parse()?);
    Ok(response)
}

fn refusal(status: StatusCode, code: &str) -> HttpResponse {
    let text = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
    let mut response = HttpResponse::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// Cuts the body, but not the length that was announced.
fn truncated(response: HttpResponse, length: u64) -> HttpResponse {
    let (head, body) = response.into_parts();
    let mut left = usize::try_from(length).unwrap_or(usize::MAX);
    let pieces = BodyStream::new(body).map(move |frame| {
        let bytes = frame?.into_data().unwrap_or_default();
        if left == 0 {
            return Err(StdError::from(Closed));
        }
        let bytes = bytes.slice(..bytes.len().min(left));
        left -= bytes.len();
        Ok(Frame::data(bytes))
    });
    // Even a body that is shorter than this ends with the connection.
    let closing = stream::once(async { Err(StdError::from(Closed)) });
    let body = StreamBody::new(pieces.chain(closing));
    HttpResponse::from_parts(head, Body::http_body_unsync(body))
}
